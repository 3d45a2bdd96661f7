/* SPDX-License-Identifier: GPL-2.0 */
/* A connection's life word (enum life in abi.h): read by its parts, and as it is after a packet. */
#ifndef EVENKEEL_LIFE_H
#define EVENKEEL_LIFE_H

#include "packet.h"
#include "states.h"
#include "states_sctp.h"

static __always_inline __u32 life_phase(__u64 life)
{
	return life & LIFE_PHASE_MASK;
}

static __always_inline __u32 life_state(__u64 life)
{
	return (life >> LIFE_STATE_SHIFT) & 15;
}

static __always_inline __u32 life_tag(__u64 life)
{
	return (life >> LIFE_TAG_SHIFT) & 0xffff;
}

static __always_inline __u32 life_distance(__u64 life)
{
	return (life >> LIFE_DISTANCE_SHIFT) & LIFE_DISTANCE_MASK;
}

static __always_inline int life_is_past(__u64 life, __u32 now)
{
	return (__s32)((__u32)(life >> LIFE_EXPIRES_SHIFT) - now) <= 0;
}

static __always_inline int life_is_usable(__u64 life, __u32 now)
{
	return life_phase(life) == LIFE_LIVE && !life_is_past(life, now);
}

/* What of a life word stays as long as the connection lives: the tag, the generation, and that it is LIVE. */
#define LIFE_LASTING 0xfffff003U

/* Two words of one slot: of the same connection? */
static __always_inline int life_is_same(__u64 one, __u64 other)
{
	return !((__u32)(one ^ other) & LIFE_LASTING);
}

_Static_assert(LIFE_LASTING == (0xffffU << LIFE_TAG_SHIFT | 0xfU << LIFE_GENERATION_SHIFT | LIFE_PHASE_MASK), "as enum life has them");

/* How long, in ticks, by this index of a set of timeouts (enum timeout). */
static __always_inline __u32 settings_timeout(const struct settings *settings, __u8 set, __u32 index)
{
	__u32 at = (__u32)set * TIMEOUT_COUNT + index;

	/* Here, where the verifier needs to see it. */
	asm volatile("%0 &= 1023" : "+r"(at));
	return settings->timeout[at];
}

_Static_assert(TIMEOUT_COUNT * TIMEOUT_SETS == 1024, "the mask above");

/* The same life, to end at this tick. */
static __always_inline __u64 life_until(__u64 life, __u32 expires)
{
	return (life & ((1ULL << LIFE_EXPIRES_SHIFT) - 1)) | (__u64)expires << LIFE_EXPIRES_SHIFT;
}

/* Not established yet, and costing whoever began it nothing: such a one may be pushed out. Never a template. */
static __always_inline int life_is_half_open(__u64 life, __u8 protocol)
{
	__u32 state = 1u << life_state(life);

	if (life & LIFE_TEMPLATE)
		return 0;
	if (protocol == IPPROTO_TCP)
		return !!(state & (1u << TCP_STATE_NONE | 1u << TCP_STATE_SYN_RECV | 1u << TCP_STATE_SYNACK));
	return protocol == IPPROTO_SCTP && state < 1u << SCTP_STATE_ESTABLISHED;
}

/* The life word after a packet; timeouts is the connection's set. */
static __always_inline __u64 life_step(__u64 life, const struct packet *packet, int reply, const struct settings *settings, __u8 timeouts,
				       __u32 now)
{
	__u64 next = reply ? life & ~(__u64)LIFE_NO_OUTPUT : life;
	__u32 timeout = TIMEOUT_UDP;

	if (packet->protocol != IPPROTO_UDP) {
		__u32 view = reply ? TCP_VIEW_OUTPUT : life & LIFE_NO_OUTPUT ? TCP_VIEW_INPUT_ONLY : TCP_VIEW_INPUT;
		__u32 state;
		int active;

		if (packet->protocol == IPPROTO_TCP) {
			timeout = state = tcp_step(life_state(life), view, packet->tcp_flags);
			active = tcp_state_is_active(state);
		} else {
			state = sctp_step(life_state(life), view, packet->sctp_event);
			timeout = TIMEOUT_SCTP + state;
			active = state == SCTP_STATE_ESTABLISHED;
		}
		next &= ~((0xfULL << LIFE_STATE_SHIFT) | LIFE_ACTIVE);
		next |= (__u64)state << LIFE_STATE_SHIFT;
		if (active)
			next |= LIFE_ACTIVE;
	}
	return life_until(next, now + settings_timeout(settings, timeouts, timeout));
}

/*
 * Would this packet change nothing at all, not even the time, because it came in the same tick as the last? So does nearly
 * every packet of a fast flow: a connection stays ESTABLISHED whoever sent the ACK. Then the word is left alone, and a cache
 * line that every CPU reads is not written for every packet. SCTP's packets are few enough to ask for each.
 */
static __always_inline int life_may_stay(__u64 life, const struct packet *packet, int reply, const struct settings *settings, __u8 timeouts,
					 __u32 now)
{
	__u32 timeout = TIMEOUT_UDP;

	if (packet->protocol == IPPROTO_TCP) {
		timeout = TCP_STATE_ESTABLISHED;
		if ((packet->tcp_flags & (TCP_BIT_SYN | TCP_BIT_FIN | TCP_BIT_RST | TCP_BIT_ACK)) != TCP_BIT_ACK || life_state(life) != timeout)
			return 0;
	} else if (unlikely(packet->protocol != IPPROTO_UDP)) {
		return 0;
	}
	if (reply && (life & LIFE_NO_OUTPUT))
		return 0;
	return now + settings_timeout(settings, timeouts, timeout) == (__u32)(life >> LIFE_EXPIRES_SHIFT);
}

#endif
