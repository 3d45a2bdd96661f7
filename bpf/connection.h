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

/* May a newcomer have this slot? */
static __always_inline int slot_gives_room(const struct connection *connection, __u64 life, __u32 now)
{
	return life_phase(life) == LIFE_FREE ||
	       (life_phase(life) == LIFE_LIVE && life_is_past(life, now) && !template_lingers(connection, life));
}

/*
 * The first slot from home that is free or past its time, or CONNECTION_GROUP_SLOTS. None either for one that will be
 * half-open where HALF_OPEN_PER_GROUP of that kind stand: a group is looked at until that is out of the question.
 */
__noinline __u32 group_room(const struct connection_group *group, __u32 home, __u32 now, int half_open)
{
	__u32 room = CONNECTION_GROUP_SLOTS;
	__u32 others = 0;

	if (!group)
		return room;
	for (__u32 i = 0; i < CONNECTION_GROUP_SLOTS; i++) {
		__u32 slot = (home ^ i) & (CONNECTION_GROUP_SLOTS - 1);
		const struct connection *connection = &group->slot[slot];
		__u64 life = READ_ONCE(connection->life);

		if (slot_gives_room(connection, life, now)) {
			if (room == CONNECTION_GROUP_SLOTS)
				room = slot;
			others++;
		} else if (!life_is_half_open(life, connection->protocol)) {
			others++;
		}
		if (room < CONNECTION_GROUP_SLOTS && (!half_open || others > CONNECTION_GROUP_SLOTS - HALF_OPEN_PER_GROUP))
			return room;
	}
	return CONNECTION_GROUP_SLOTS;
}

/*
 * May it be pushed out where there is no room? A half-open connection; and what a flood of them leaves behind at a persistent
 * service, a template that leads nobody and none of whose connections was ever established (IPVS's drop_entry).
 */
static __always_inline int slot_gives_way(const struct connection *connection, __u64 life)
{
	if (life_phase(life) != LIFE_LIVE)
		return 0;
	if (life & LIFE_TEMPLATE)
		return life_state(life) == TEMPLATE_STATE_NONE && !READ_ONCE(connection->partner);
	return life_is_half_open(life, connection->protocol);
}

enum {
	/* As group_half_open() tells a slot: the ticks that it has left, and its number below. Templates come after all others. */
	HALF_OPEN_LEFT_SHIFT = 8,
	HALF_OPEN_LEFT_MAX = 0x7ffffe,
	HALF_OPEN_TEMPLATE = 0x800000,
	HALF_OPEN_NONE = 0xffffffff,
};

/* What gives way and would end first, or HALF_OPEN_NONE; of several in one tick the one that is met first from home. */
__noinline __u32 group_half_open(const struct connection_group *group, __u32 home, __u32 now)
{
	__u32 first = HALF_OPEN_NONE;

	if (!group)
		return first;
	for (__u32 i = 0; i < CONNECTION_GROUP_SLOTS; i++) {
		__u32 slot = (home ^ i) & (CONNECTION_GROUP_SLOTS - 1);
		const struct connection *connection = &group->slot[slot];
		__u64 life = READ_ONCE(connection->life);
		__u32 left = (__u32)(life >> LIFE_EXPIRES_SHIFT) - now;

		if (!slot_gives_way(connection, life))
			continue;
		/* One that is past its time goes before all. */
		if (life_is_past(life, now))
			left = 0;
		if (left > HALF_OPEN_LEFT_MAX)
			left = HALF_OPEN_LEFT_MAX;
		if (life & LIFE_TEMPLATE)
			left |= HALF_OPEN_TEMPLATE;
		if (left < first >> HALF_OPEN_LEFT_SHIFT)
			first = left << HALF_OPEN_LEFT_SHIFT | slot;
	}
	return first;
}

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
	/* Whose slot it took: the life word and the template of it, for entry_settle(). 0: nobody's. */
	__u64 ended;
	__u32 ended_parent;
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

/* Ends the other of two entries of one flow; a template that leads connections by now is only found no more. */
static __always_inline int twin_end(const struct place *twin)
{
	return connection_end(twin) || (twin->life & LIFE_TEMPLATE && template_invalidate(twin));
}

/*
 * Ends what stands of a flow behind this place, in its group and in those that it sent others on to; how many were ended by
 * us. Only behind: one before us, who was published since we searched, is about to end us, and would we end it, the flow had
 * none.
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
		if (i > own && slot_holds(&group->slot[twin.slot], flow, flow->ends, now, SEARCH_REQUEST, &twin.life))
			ended += twin_end(&twin);
	}
	/* Our slot may have been the last one there, and the twin been sent on. */
	if (unlikely(group_overflowed(twin.group)) && connection_search_on(flow, hash, &twin, SEARCH_REQUEST))
		ended += twin_end(&twin);
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
	ended = twin_end(place);
	*place = first;
	return ended;
}

/*
 * Enters a template for this key, whose family has FAMILY_TEMPLATE beside it; newcomer.parent is its life in ticks. When
 * another CPU made one first, place is that one's. 0 when the table is full.
 */
static __always_inline int template_add(struct newcomer *newcomer, const struct flow *key, __u64 hash, struct place *place)
{
	struct settings *settings = settings_get();

	if (!settings || !newcomer || !key || !place)
		return 0;
	newcomer->life = (__u64)(now_ticks() + newcomer->parent) << LIFE_EXPIRES_SHIFT | LIFE_TEMPLATE;
	if (!connection_add(newcomer, key, hash, place))
		return 0;
	connection_yield_to_twin(key, hash, place, settings);
	return 1;
}

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

		if (next == life)
			return 1;
		seen = __sync_val_compare_and_swap(&connection->life, life, next);
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
	if (unlikely(!life_may_stay(place->life, packet, reply, settings, connection->timeouts, now)))
		connection_step(place, packet, reply);
}

#endif
