/* SPDX-License-Identifier: GPL-2.0 */
/* A connection's life word (enum life in abi.h): read by its parts, and as it is after a packet. */
#ifndef EVENKEEL_LIFE_H
#define EVENKEEL_LIFE_H

#include "packet.h"
#include "states.h"

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

/* The life word after a packet. */
static __always_inline __u64 life_step(__u64 life, const struct packet *packet, int reply, const struct settings *settings, __u32 now)
{
	__u64 next = reply ? life & ~(__u64)LIFE_NO_OUTPUT : life;
	__u32 timeout = TIMEOUT_UDP;

	if (packet->protocol == IPPROTO_TCP) {
		__u32 view = reply ? TCP_VIEW_OUTPUT : life & LIFE_NO_OUTPUT ? TCP_VIEW_INPUT_ONLY : TCP_VIEW_INPUT;

		timeout = tcp_step(life_state(life), view, packet->tcp_flags);
		next &= ~((0xfULL << LIFE_STATE_SHIFT) | LIFE_ACTIVE);
		next |= (__u64)timeout << LIFE_STATE_SHIFT;
		if (tcp_state_is_active(timeout))
			next |= LIFE_ACTIVE;
	}
	next &= (1ULL << LIFE_EXPIRES_SHIFT) - 1;
	return next | (__u64)(now + settings->timeout[timeout & 15]) << LIFE_EXPIRES_SHIFT;
}

/*
 * Would this packet change nothing at all, not even the time, because it came in the same tick as the last? So does nearly
 * every packet of a fast flow: a connection stays ESTABLISHED whoever sent the ACK. Then the word is left alone, and a cache
 * line that every CPU reads is not written for every packet.
 */
static __always_inline int life_may_stay(__u64 life, const struct packet *packet, int reply, const struct settings *settings, __u32 now)
{
	__u32 timeout = TIMEOUT_UDP;

	if (packet->protocol == IPPROTO_TCP) {
		timeout = TCP_STATE_ESTABLISHED;
		if ((packet->tcp_flags & (TCP_BIT_SYN | TCP_BIT_FIN | TCP_BIT_RST | TCP_BIT_ACK)) != TCP_BIT_ACK || life_state(life) != timeout)
			return 0;
	}
	if (reply && (life & LIFE_NO_OUTPUT))
		return 0;
	return now + settings->timeout[timeout] == (__u32)(life >> LIFE_EXPIRES_SHIFT);
}

#endif
