/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Templates: entries of the connection table that lead a persistent client's new connections to the server of its first.
 * Their key is a flow whose family has FAMILY_TEMPLATE beside it; no packet's connection is ever taken for one. They count
 * as `persistent` on their server. connection.parent is their life in ticks, connection.partner how many they lead.
 *
 *   hash = flow_hash(&key, settings);
 *   if (template_find(&key, hash, &place))      there is one; place_connection(&place)->server
 *       parent = template_join(&place);         0: it ended meanwhile; make another
 *   template_invalidate(&place)                 it is found no more, and ends with its time and its connections
 *   template_add(&newcomer, &key, hash, &place) a new one, or the one that another CPU made first (connection_twin.h)
 *   newcomer.parent = parent; connection_add()  from template_join() on a connection is counted as led by it: it is entered,
 *                                               or connection_add() fails and counts it off
 *   template_part(parent, 0)                    who joined and calls no connection_add()
 *
 * Like a connection it is absent once past its time, but for one that leads connections still: whoever meets that, a
 * search or the sweep, gives it another minute. So it ends at most a minute after its last connection.
 */
#ifndef EVENKEEL_CONNECTION_TEMPLATE_H
#define EVENKEEL_CONNECTION_TEMPLATE_H

#include "connection_end.h"

enum {
	/* A look at a template's count takes another CPU about this many looks at its word. */
	TEMPLATE_LOOKS_MAX = 64,
};

/* The template of a key. 0: none. */
__noinline int template_find(const struct flow *key, __u64 hash, struct place *place)
{
	struct settings *settings = settings_get();
	struct connection *connection;
	__u32 now = now_ticks();

	if (!settings || !key || !place || !connection_search(key, hash, place, settings, SEARCH_TEMPLATE))
		return 0;
	if (likely(!life_is_past(place->life, now)))
		return 1;
	connection = place_connection(place);
	/* Its connections are gone since we looked: then it goes too. */
	return connection && !slot_end(connection, place->group, place->life, now, settings, 0);
}

/*
 * A connection is about to be made from it: counts it, and lets the template's time begin anew. The template's number for
 * newcomer.parent; 0 when it ended meanwhile.
 */
__noinline __u32 template_join(const struct place *place)
{
	struct connection *connection;
	__u32 now = now_ticks();

	if (!place)
		return 0;
	connection = place_connection(place);
	if (!connection)
		return 0;
	__sync_fetch_and_add(&connection->partner, 1);
	for (int i = 0; i < TEMPLATE_LOOKS_MAX; i++) {
		__u64 life = READ_ONCE(connection->life);
		__u64 next;

		/* Somebody looks whether it leads anybody. */
		if (life_phase(life) == LIFE_BUSY)
			continue;
		if (!life_is_same(life, place->life))
			break;
		next = life_until(life, now + connection->parent);
		if (next == life || __sync_val_compare_and_swap(&connection->life, life, next) == life)
			return slot_number(place->group, place->slot);
	}
	__sync_fetch_and_sub(&connection->partner, 1);
	return 0;
}

/*
 * It leads nobody any more, because its server is gone or wants no more clients: from now on nobody finds it. It is left
 * to time out (ip_vs_check_template()), with the same ports as there. 0: it was gone already.
 */
__noinline int template_invalidate(const struct place *place)
{
	const __u64 generation = 0xfULL << LIFE_GENERATION_SHIFT;
	struct connection *connection;
	__u64 life;

	if (!place)
		return 0;
	connection = place_connection(place);
	if (!connection)
		return 0;
	for (int i = 0; i < 4; i++) {
		life = READ_ONCE(connection->life);
		if (!life_is_same(life, place->life))
			return 0;
		if (__sync_val_compare_and_swap(&connection->life, life, life_busy(life)) != life)
			continue;
		connection->virtual_port = 0xffff;
		connection->real_port = 0xffff;
		/* Of another generation, so that nobody joins who has found it before. */
		life = (life & ~generation) | ((life + (1 << LIFE_GENERATION_SHIFT)) & generation);
		__sync_lock_test_and_set(&connection->life, life);
		return 1;
	}
	return 0;
}

/* One of its connections was established, or answered: defence leaves it alone. */
static __always_inline void template_assure(__u32 number)
{
	__u32 index = 0;
	struct connection *template = slot_numbered(number, &index);

	if (!template)
		return;
	for (int i = 0; i < 4; i++) {
		__u64 life = READ_ONCE(template->life);

		if (life_phase(life) != LIFE_LIVE || !(life & LIFE_TEMPLATE) || life_state(life) != TEMPLATE_STATE_NONE)
			return;
		if (__sync_val_compare_and_swap(&template->life, life, life | (__u64)TEMPLATE_STATE_ASSURED << LIFE_STATE_SHIFT) == life)
			return;
	}
}

#endif
