/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The connection table: groups of eight slots, each one cache line with its life word (docs/decisions/0001).
 *
 * Everything of a connection that changes is in its life word, so each change is one compare-and-swap and whoever wins
 * it does the accounting; the rest is written once, while the word says BUSY. The hash takes only the client's side, so
 * that a NAT server's reply finds the same slot: it gives the group, and the slot of it where every search begins. A group
 * that is full sends a newcomer to the next of its sequence and counts it in `overflow`; a search ends at the first group
 * without overflow. An entry past its time is as good as absent: whoever needs its slot takes it, else the sweep frees it.
 */
#ifndef EVENKEEL_CONNECTION_H
#define EVENKEEL_CONNECTION_H

#include "connection_find.h"

static __always_inline struct connection_group *place_group(const struct place *place)
{
	/* Linux 6.1 takes no map key from a global function's argument: a copy on the stack. */
	__u32 index = place->group;

	return bpf_map_lookup_elem(&connections, &index);
}

/*
 * What stands at a place; NULL only for a place that never was. The pointer is made at once, where the slot's bound is
 * known: Linux 6.1 forgets it when the number is put aside.
 */
static __always_inline struct connection *place_connection(const struct place *place)
{
	struct connection_group *group = place_group(place);
	struct connection *connection;
	__u32 slot = READ_ONCE(place->slot);

	if (!group || slot >= CONNECTION_GROUP_SLOTS)
		return NULL;
	connection = &group->slot[slot];
	asm volatile("" : "+r"(connection));
	return connection;
}

/* The groups that a connection passed over on its way count it no more. */
__noinline int overflow_release(__u32 index, __u32 tag, __u32 distance, __u32 mask)
{
	/* Unrolled: a loop laid out so that it is entered from behind is a "back-edge" to Linux 6.1. */
#pragma unroll
	for (__u32 i = 0; i < CONNECTION_GROUPS_TRIED; i++) {
		__u64 *count;

		if (i >= distance)
			break;
		index = (index - group_step(tag)) & mask;
		count = bpf_map_lookup_elem(&overflow, &index);
		if (count)
			__sync_fetch_and_sub(count, 1);
	}
	return 0;
}

/*
 * The accounting at the end of a life; called by whoever swapped the word away from LIVE. The server was read before that:
 * a slot that is FREE may be another connection's by now.
 */
static __always_inline void connection_release(__u32 group, __u32 server, __u64 life, const struct settings *settings)
{
	struct server_load *load = bpf_map_lookup_elem(&server_load, &server);

	if (load) {
		__sync_fetch_and_sub(&load->total, 1);
		if (life & LIFE_ACTIVE)
			__sync_fetch_and_sub(&load->active, 1);
	}
	if (life_distance(life))
		overflow_release(group, life_tag(life), life_distance(life), settings->group_mask);
}

/* What a new connection is beside its flow. */
struct newcomer {
	/* Flags, state and expiry of its life word; phase, tag, distance and generation are the table's. */
	__u64 life;
	__u32 server;
	__u32 service;
	__be16 real_port;
	__u8 method;
	__u8 timeouts;
	__u32 parent;
};

/* May a newcomer have a slot with this life word? */
static __always_inline int life_gives_room(__u64 life, __u32 now)
{
	return life_phase(life) == LIFE_FREE || (life_phase(life) == LIFE_LIVE && life_is_past(life, now));
}

/* The first slot from home that is free or past its time, or CONNECTION_GROUP_SLOTS. */
static __always_inline __u32 group_room(const struct connection_group *group, __u32 home, __u32 now)
{
	for (__u32 i = 0; i < CONNECTION_GROUP_SLOTS; i++) {
		__u32 slot = (home ^ i) & (CONNECTION_GROUP_SLOTS - 1);

		if (life_gives_room(READ_ONCE(group->slot[slot].life), now))
			return slot;
	}
	return CONNECTION_GROUP_SLOTS;
}

/* A newcomer on its way from group to group. */
struct entry {
	const struct newcomer *newcomer;
	const struct flow *flow;
	__u32 index;
	__u32 home;
	__u32 tag;
	__u32 distance;
	__u32 mask;
	__u32 now;
	__u32 slot;
	__u64 life;
};

enum {
	/* Another CPU may take the slot first; then the group is looked at again. */
	ENTRY_STEPS_MAX = CONNECTION_GROUPS_TRIED + 8,
};

static __always_inline void slot_write(struct connection *slot, const struct flow *flow, const struct newcomer *newcomer)
{
	__builtin_memcpy(slot->client, &flow->client, 16);
	__builtin_memcpy(slot->virtual_address, &flow->other, 16);
	slot->client_port = flow->client_port;
	slot->virtual_port = flow->other_port;
	slot->protocol = flow->protocol;
	slot->family = flow->family;
	slot->real_port = newcomer->real_port;
	slot->server = newcomer->server;
	slot->service = newcomer->service;
	slot->method = newcomer->method;
	slot->timeouts = newcomer->timeouts;
	slot->parent = newcomer->parent;
	slot->partner = 0;
}

static long entry_step(__u32 i, struct entry *entry)
{
	struct connection_group *group = bpf_map_lookup_elem(&connections, &entry->index);
	struct settings *settings = settings_get();
	struct connection *connection;
	__u64 before, generation;
	__u64 *count;
	__u32 slot;

	if (!group || !settings)
		return 1;
	slot = group_room(group, entry->home, entry->now);
	if (slot >= CONNECTION_GROUP_SLOTS) {
		count = bpf_map_lookup_elem(&overflow, &entry->index);
		if (!count)
			return 1;
		__sync_fetch_and_add(count, 1);
		entry->index = (entry->index + group_step(entry->tag)) & entry->mask;
		return ++entry->distance >= CONNECTION_GROUPS_TRIED;
	}
	connection = &group->slot[slot];
	before = READ_ONCE(connection->life);
	if (!life_gives_room(before, entry->now))
		return 0;
	generation = (before + (1 << LIFE_GENERATION_SHIFT)) & (0xfULL << LIFE_GENERATION_SHIFT);
	if (__sync_val_compare_and_swap(&connection->life, before, generation | LIFE_BUSY) != before)
		return 0;
	if (life_phase(before) == LIFE_LIVE)
		connection_release(entry->index, connection->server, before, settings);
	slot_write(connection, entry->flow, entry->newcomer);
	entry->life = entry->newcomer->life | generation | (__u64)entry->distance << LIFE_DISTANCE_SHIFT |
		      (__u64)entry->tag << LIFE_TAG_SHIFT | LIFE_LIVE;
	/* A full barrier: the slot is whole before it is seen. */
	__sync_lock_test_and_set(&connection->life, entry->life);
	entry->slot = slot;
	return 1;
}

/* Ends a connection whose life word is still the one of the place; 0 when another was first. */
__noinline int connection_end(const struct place *place)
{
	struct settings *settings = settings_get();
	struct connection *connection;
	__u64 free;
	__u32 server;

	if (!place || !settings)
		return 0;
	connection = place_connection(place);
	if (!connection)
		return 0;
	server = READ_ONCE(connection->server);
	free = place->life & ~(__u64)LIFE_PHASE_MASK;
	if (__sync_val_compare_and_swap(&connection->life, place->life, free) != place->life)
		return 0;
	connection_release(place->group, server, place->life, settings);
	return 1;
}

/* Enters a new connection and counts it on its server. 0 when each group that it may stand in is full. */
__noinline int connection_add(const struct newcomer *newcomer, const struct flow *flow, __u64 hash, struct place *place)
{
	struct settings *settings = settings_get();
	struct entry entry = { .home = hash_home(hash), .tag = hash_tag(hash), .now = now_ticks(), .slot = CONNECTION_GROUP_SLOTS };
	struct server_load *load;
	__u32 server;

	if (!settings || !newcomer || !flow || !place)
		return 0;
	server = newcomer->server;
	load = bpf_map_lookup_elem(&server_load, &server);
	if (!load)
		return 0;
	entry.newcomer = newcomer;
	entry.flow = flow;
	entry.mask = settings->group_mask;
	entry.index = hash & entry.mask;
	__sync_fetch_and_add(&load->total, 1);
	if (newcomer->life & LIFE_ACTIVE)
		__sync_fetch_and_add(&load->active, 1);
	bpf_loop(ENTRY_STEPS_MAX, entry_step, &entry, 0);
	if (entry.slot >= CONNECTION_GROUP_SLOTS) {
		__sync_fetch_and_sub(&load->total, 1);
		if (newcomer->life & LIFE_ACTIVE)
			__sync_fetch_and_sub(&load->active, 1);
		overflow_release(entry.index, entry.tag, entry.distance, entry.mask);
		return 0;
	}
	place->group = entry.index;
	place->slot = entry.slot;
	place->life = entry.life;
	return 1;
}

/*
 * Ends what stands of a flow behind this place in its group; how many were ended by us. Only behind: one before us, who was
 * published since we searched, is about to end us, and would we end it, the flow had none.
 */
__noinline int connection_end_twins(const struct flow *flow, __u64 hash, const struct place *place)
{
	struct connection_group *group;
	struct place twin = {};
	__u32 now = now_ticks();
	int ended = 0;
	__u32 own;

	if (!flow || !place)
		return 0;
	group = place_group(place);
	if (!group)
		return 0;
	twin.group = place->group;
	own = place->slot ^ hash_home(hash);
	for (__u32 i = 1; i < CONNECTION_GROUP_SLOTS; i++) {
		twin.slot = (i ^ hash_home(hash)) & (CONNECTION_GROUP_SLOTS - 1);
		if (i > own && slot_holds(&group->slot[twin.slot], flow, flow->ends, now, 0, &twin.life))
			ended += connection_end(&twin);
	}
	return ended;
}

/*
 * Two CPUs may enter one flow at the same time. What a search finds first stays, the other leaves: it ends itself, or is
 * ended by the first, which may have been published later. Whoever ends an entry answers for its being counted once, so
 * the answer is 1 when this connection is counted by the other CPU.
 */
static __always_inline int connection_yield_to_twin(const struct flow *flow, __u64 hash, struct place *place, const struct settings *settings)
{
	struct place first = {};
	int ended;

	if (!connection_find(flow, hash, &first, settings))
		return 0;
	if (first.group == place->group && first.slot == place->slot)
		return connection_end_twins(flow, hash, place) > 0;
	ended = connection_end(place);
	*place = first;
	return ended;
}

/* A packet of the connection was sent on: its state steps, its time begins anew. 0 when the connection was gone by then. */
__noinline int connection_step(const struct place *place, const struct packet *packet, int reply)
{
	struct settings *settings = settings_get();
	struct connection *connection;
	__u32 now = now_ticks();
	__u32 server;
	__u64 life;

	if (!settings || !place || !packet)
		return 0;
	connection = place_connection(place);
	if (!connection)
		return 0;
	server = READ_ONCE(connection->server);
	life = place->life;
	for (int i = 0; i < 4; i++) {
		__u64 next = life_step(life, packet, reply, settings, now);
		__u64 seen;

		if (next == life)
			return 1;
		seen = __sync_val_compare_and_swap(&connection->life, life, next);
		if (seen == life) {
			if (unlikely((next ^ life) & LIFE_ACTIVE)) {
				struct server_load *load = bpf_map_lookup_elem(&server_load, &server);

				if (load)
					__sync_fetch_and_add(&load->active, next & LIFE_ACTIVE ? 1 : -1);
			}
			return 1;
		}
		/* Another CPU was first. Still the same connection? Then step from what it made of it. */
		if (!life_is_same(seen, life))
			return 0;
		life = seen;
	}
	return 1;
}

static __always_inline void connection_touch(const struct place *place, const struct packet *packet, int reply,
					     const struct settings *settings, __u32 now)
{
	if (unlikely(!life_may_stay(place->life, packet, reply, settings, now)))
		connection_step(place, packet, reply);
}

#endif
