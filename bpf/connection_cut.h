/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cutting: ends what leads to one server before its time, group by group. A connection's next packet then finds none. A template
 * that leads connections stays as long as they do, as always, but nobody finds it any more.
 */
#ifndef EVENKEEL_CONNECTION_CUT_H
#define EVENKEEL_CONNECTION_CUT_H

#include "connection.h"

/* As that of a template that was one too many (connection_twin.h): no client is found under it. */
#define CUT_CLIENT_PORT 0xffff

/* It leads connections; `before`: its life word as we found it. 1: nobody finds it from now on; 0: nobody did, or it is gone. Its time is over: it ends with them. */
static __always_inline int template_hide(struct connection *template, __u64 before, __u64 life, __u32 now)
{
	const __u64 generation = 0xfULL << LIFE_GENERATION_SHIFT;

	if (!life_is_same(life, before) || template->client_port == CUT_CLIENT_PORT)
		return 0;
	if (__sync_val_compare_and_swap(&template->life, life, life_busy(life)) != life)
		return 0;
	template->client_port = CUT_CLIENT_PORT;
	/* Of another generation, so that nobody joins who has found it before. */
	life = (life & ~generation) | ((life + (1 << LIFE_GENERATION_SHIFT)) & generation);
	__sync_lock_test_and_set(&template->life, life_until(life, now));
	return 1;
}

/* In a function that Linux 6.1 checks once, not for each slot of a group. Whether what was there counts as cut. */
__noinline int cut_slot(__u32 group, __u32 slot, __u64 life)
{
	struct place place = { .group = group, .slot = slot, .life = life };
	struct connection *connection = place_connection(&place);
	int hidden;

	if (!connection)
		return 0;
	hidden = (life & LIFE_TEMPLATE) && connection->client_port == CUT_CLIENT_PORT;
	/* Past its time it was as good as ended. */
	if (connection_finish(&place, 1))
		return !hidden && !life_is_past(life, now_ticks());
	if (!(life & LIFE_TEMPLATE))
		return 0;
	/* It may have been given more time by that. */
	return template_hide(connection, life, READ_ONCE(connection->life), now_ticks());
}

/* One group. The program's `groups` counts those that are done. */
static long cut_group(__u32 i, struct cut *cut)
{
	__u32 index = cut->first_group + i;
	struct connection_group *group = bpf_map_lookup_elem(&connections, &index);

	if (!group)
		return 1;
	for (int slot = 0; slot < CONNECTION_GROUP_SLOTS; slot++) {
		struct connection *connection = &group->slot[slot];
		__u64 life = READ_ONCE(connection->life);

		if (life_phase(life) != LIFE_LIVE || READ_ONCE(connection->server) != cut->server)
			continue;
		/* It ends with its other entry. */
		if (connection->method == FORWARDING_METHOD_FULL_NAT_REPLY)
			continue;
		if (!(cut->kinds & (life & LIFE_TEMPLATE ? CUT_KIND_TEMPLATES : CUT_KIND_CONNECTIONS)))
			continue;
		/* The word is swapped only if it is still the one that was read before the server's number. */
		cut->ended += cut_slot(index, slot, life);
	}
	cut->groups++;
	return cut->ended >= cut->ended_max;
}

#endif
