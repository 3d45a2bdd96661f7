/* SPDX-License-Identifier: GPL-2.0 */
/* Entering a connection: from its home group on to the first slot that is free, past its time, or has to give way. */
#ifndef EVENKEEL_CONNECTION_ADD_H
#define EVENKEEL_CONNECTION_ADD_H

#include "connection_room.h"
#include "connection_template.h"

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

/* A newcomer on its way from group to group. */
struct entry {
	struct newcomer newcomer;
	struct flow flow;
	__u32 index;
	__u32 home;
	__u32 tag;
	__u32 distance;
	__u32 mask;
	__u32 now;
	__u32 slot;
	/* It will be half-open; there was no room, so that others of the kind have to make some. */
	__u8 half_open;
	__u8 pushing;
	/* Among the full groups, the one with the half-open connection that would end first, by its distance; and that one's time. */
	__u16 aim;
	__u32 least;
	__u64 life;
	/* Whose slot it took: its life word, its template and its other entry, for entry_settle(). 0: nobody's. */
	__u64 ended;
	__u32 ended_parent;
	__u32 ended_partner;
};

/* In a map, not on the stack: Linux 6.1 allows 512 bytes for all functions that are under way, and many are here. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct entry);
} entering SEC(".maps");

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
	/* Not the partner: a slot without one has 0, and somebody who came too late to join a template may be counting to and fro. */
}

/* On to the next group: this one counts the newcomer. 1: that was the last. */
static __always_inline long entry_move_on(struct entry *entry)
{
	__u32 index = entry->index;
	__u64 *count = bpf_map_lookup_elem(&overflow, &index);

	if (!count)
		return 1;
	__sync_fetch_and_add(count, 1);
	entry->index = (entry->index + group_step(entry->tag)) & entry->mask;
	return ++entry->distance >= CONNECTION_GROUPS_TRIED;
}

/* A slot of a group where there is room for the newcomer, or will be made; CONNECTION_GROUP_SLOTS: on to the next group. */
static __always_inline __u32 entry_slot(struct entry *entry, const struct connection_group *group)
{
	__u32 slot, found;

	if (entry->pushing) {
		found = entry->distance < entry->aim ? HALF_OPEN_NONE : group_half_open(group, entry->home, entry->now);
		return found == HALF_OPEN_NONE ? CONNECTION_GROUP_SLOTS : found & (CONNECTION_GROUP_SLOTS - 1);
	}
	slot = group_room(group, entry->home, entry->now, entry->half_open);
	if (slot < CONNECTION_GROUP_SLOTS)
		return slot;
	found = group_half_open(group, entry->home, entry->now) >> HALF_OPEN_LEFT_SHIFT;
	if (found < entry->least) {
		entry->least = found;
		entry->aim = entry->distance;
	}
	return slot;
}

static long entry_step(__u32 i, void *nothing)
{
	struct settings *settings = settings_get();
	__u32 zero = 0;
	struct entry *entry = bpf_map_lookup_elem(&entering, &zero);
	struct connection_group *group;
	struct connection *connection;
	__u64 before, generation;
	__u32 index, slot;

	if (!entry || !settings)
		return 1;
	index = entry->index;
	group = bpf_map_lookup_elem(&connections, &index);
	if (!group)
		return 1;
	slot = entry_slot(entry, group);
	if (slot >= CONNECTION_GROUP_SLOTS)
		return entry_move_on(entry);
	connection = &group->slot[slot];
	before = READ_ONCE(connection->life);
	if (entry->pushing ? !slot_gives_way(connection, before) : !slot_gives_room(connection, before, entry->now))
		return 0;
	generation = (before + (1 << LIFE_GENERATION_SHIFT)) & (0xfULL << LIFE_GENERATION_SHIFT);
	if (life_phase(before) == LIFE_LIVE) {
		if (!slot_seize(connection, before, generation | LIFE_BUSY, entry->now, settings))
			return 0;
		load_leave(connection->server, before, connection->method);
		entry->ended = before;
		entry->ended_parent = slot_parent(connection, before);
		entry->ended_partner = slot_partner(connection, before);
	} else if (__sync_val_compare_and_swap(&connection->life, before, generation | LIFE_BUSY) != before) {
		return 0;
	}
	slot_write(connection, &entry->flow, &entry->newcomer);
	entry->life = entry->newcomer.life | generation | (__u64)entry->distance << LIFE_DISTANCE_SHIFT |
		      (__u64)entry->tag << LIFE_TAG_SHIFT | LIFE_LIVE;
	/* A full barrier: the slot is whole before it is seen. */
	__sync_lock_test_and_set(&connection->life, entry->life);
	entry->slot = slot;
	return 1;
}

/*
 * The rest of the accounting for the connection whose slot was taken, as slot_end() does it; after the loop, because the
 * stacks of these calls and of the loop's step together are too much for Linux (512 bytes from the program on).
 */
static __always_inline void entry_settle(const struct entry *entry)
{
	__u64 life = entry->ended;

	if (life_distance(life))
		overflow_release(entry->index, life_tag(life), life_distance(life), entry->mask);
	if (entry->ended_parent)
		template_part(entry->ended_parent, entry->pushing);
	if (entry->ended_partner)
		partner_end(entry->ended_partner, entry->index);
	if (entry->pushing)
		count_outcome(OUTCOME_HALF_OPEN_EVICTED, 0);
}

/*
 * Where no group has room, of all their half-open connections the one that would end first has to go: in a flood each has
 * then as long to be established as the table can give, also where a group holds few of them.
 */
static __always_inline void entry_push(struct entry *entry, __u64 hash)
{
	overflow_release(entry->index, entry->tag, entry->distance, entry->mask);
	entry->index = hash & entry->mask;
	entry->distance = 0;
	entry->pushing = 1;
	bpf_loop(ENTRY_STEPS_MAX, entry_step, NULL, 0);
}

/*
 * Enters a new connection and counts it on its server. 0 when each group that it may stand in is full. A newcomer with a
 * parent was counted there by template_join(): it is in the table then, or counted there no more.
 */
__noinline int connection_add(const struct newcomer *newcomer, const struct flow *flow, __u64 hash, struct place *place)
{
	struct settings *settings = settings_get();
	__u32 zero = 0;
	struct entry *entry = bpf_map_lookup_elem(&entering, &zero);

	if (!settings || !entry || !newcomer || !flow || !place || !load_enter(newcomer->server, newcomer->life, newcomer->method))
		return 0;
	entry->newcomer = *newcomer;
	entry->flow = *flow;
	entry->home = hash_home(hash);
	entry->tag = hash_tag(hash);
	entry->now = now_ticks();
	entry->slot = CONNECTION_GROUP_SLOTS;
	entry->mask = settings->group_mask;
	entry->index = hash & entry->mask;
	entry->distance = 0;
	entry->pushing = 0;
	entry->ended = 0;
	entry->aim = CONNECTION_GROUPS_TRIED;
	entry->least = HALF_OPEN_NONE >> HALF_OPEN_LEFT_SHIFT;
	entry->half_open = life_is_half_open(newcomer->life, flow->protocol);
	bpf_loop(ENTRY_STEPS_MAX, entry_step, NULL, 0);
	if (entry->slot >= CONNECTION_GROUP_SLOTS)
		entry_push(entry, hash);
	if (entry->slot >= CONNECTION_GROUP_SLOTS) {
		load_turn_back(newcomer->server, newcomer->life, newcomer->method);
		overflow_release(entry->index, entry->tag, entry->distance, entry->mask);
		if (newcomer->parent && !(newcomer->life & LIFE_TEMPLATE))
			template_part(newcomer->parent, 0);
		return 0;
	}
	if (unlikely(entry->ended))
		entry_settle(entry);
	place->group = entry->index;
	place->slot = entry->slot;
	place->life = entry->life;
	return 1;
}

#endif
