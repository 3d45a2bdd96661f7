/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The connection table: groups of eight slots, each one cache line with its life word (docs/decisions/0001).
 *
 * Everything of a connection that changes is in its life word, so each change is one compare-and-swap and whoever wins
 * it does the accounting; the rest is written once, while the word says BUSY. The hash takes only the client's side, so
 * that a NAT server's reply finds the same slot: it gives the group, and the slot of it where every search begins. A group
 * that is full sends a newcomer to the next of its sequence and counts it in `overflow`; a search ends at the first group
 * without overflow. An entry past its time is as good as absent: whoever needs its slot takes it, else the sweep frees it.
 * Half-open connections may not fill a group, and where there is no room at all they push out each other.
 */
#ifndef EVENKEEL_CONNECTION_H
#define EVENKEEL_CONNECTION_H

#include "connection_twin.h"

/* Was it established by this step, or (UDP) answered? Then its template is no flood's. */
static __always_inline int step_assures(__u64 before, __u64 after, const struct packet *packet, int reply)
{
	if (packet->protocol == IPPROTO_UDP)
		return reply;
	return life_state(after) != life_state(before) &&
	       life_state(after) == (packet->protocol == IPPROTO_TCP ? TCP_STATE_ESTABLISHED : SCTP_STATE_ESTABLISHED);
}

/* A packet of the connection was sent on: its state steps, its time begins anew. 0 when the connection was gone by then. */
__noinline int connection_step(const struct place *place, const struct packet *packet, int reply)
{
	struct settings *settings = settings_get();
	struct connection *connection;
	__u32 now = now_ticks();
	__u32 server, parent;
	__u64 life;

	if (!settings || !place || !packet)
		return 0;
	connection = place_connection(place);
	if (!connection)
		return 0;
	/* Before the word is swapped: afterwards the slot may be another's. */
	server = READ_ONCE(connection->server);
	parent = READ_ONCE(connection->parent);
	life = place->life;
	for (int i = 0; i < 4; i++) {
		__u64 next = life_step(life, packet, reply, settings, connection->timeouts, now);
		__u64 seen;

		seen = next == life ? life : __sync_val_compare_and_swap(&connection->life, life, next);
		if (seen == life) {
			if (unlikely((next ^ life) & LIFE_ACTIVE))
				load_step(server, next);
			if (unlikely(parent) && step_assures(life, next, packet, reply))
				template_assure(parent);
			return 1;
		}
		/* Another CPU was first. Still the same connection? Then step from what it made of it. */
		if (!life_is_same(seen, life))
			return 0;
		life = seen;
	}
	return 1;
}

static __always_inline void connection_touch(const struct connection *connection, const struct place *place, const struct packet *packet,
					     int reply, const struct settings *settings, __u32 now)
{
	if (unlikely(!life_may_stay(place->life, packet, reply, settings, connection->timeouts, now)) ||
	    /* The answer to a datagram assures its template, also in the datagram's own tick. */
	    (reply && unlikely(connection->parent)))
		connection_step(place, packet, reply);
}

#endif
