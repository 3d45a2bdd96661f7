/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The connection table: groups of seven slots behind one line of life words (docs/decisions/0001).
 *
 * Everything of a connection that changes is in its life word, so each change is one compare-and-swap and whoever wins
 * it does the accounting; the rest is written once, while the word says BUSY. The hash takes only the client's side, so
 * that a NAT server's reply finds the same slot. A group that is full sends a newcomer to the next of its sequence and
 * counts it in `overflow`; a search ends at the first group without overflow. An entry past its time is as good as
 * absent: whoever needs its slot takes it, else the sweep frees it.
 */
#ifndef EVENKEEL_CONNECTION_H
#define EVENKEEL_CONNECTION_H

#include "packet.h"
#include "states.h"

/*
 * Where a connection stands, and its life word as it was read. Numbers, not pointers: the functions below are global,
 * so that the verifier checks each once instead of along every path (all kernels; inlined, the program is too large).
 */
struct place {
	__u32 group;
	__u32 slot;
	__u64 life;
};

/* What identifies a flow in either direction: the client's end, and the other end as this packet shows it. */
struct flow {
	struct address client;
	struct address other;
	__be16 client_port;
	__be16 other_port;
	__u8 family;
	__u8 protocol;
};

/* Client's port, virtual port, protocol, family and real port of a slot as one word (little endian). */
enum {
	PORTS_OFFSET = offsetof(struct connection, client_port),
};
#define PORTS_REQUEST 0x0000ffffffffffffULL
#define PORTS_REPLY 0xffffffff0000ffffULL

_Static_assert(sizeof(struct connection) == 64, "a connection is one cache line");
_Static_assert(sizeof(struct connection_group) == 512, "a group is eight cache lines");
_Static_assert(PORTS_OFFSET % 8 == 0 && offsetof(struct connection, real_port) == PORTS_OFFSET + 6, "ports are one word");
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "PORTS_REQUEST and PORTS_REPLY are written for little endian"
#endif

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

static __always_inline int life_is_usable(__u64 life, __u32 tag, __u32 now)
{
	return life_phase(life) == LIFE_LIVE && life_tag(life) == tag && !life_is_past(life, now);
}

/* Keyed by the seeds: who does not know them cannot fill a group on purpose. */
static __always_inline __u64 flow_hash(const struct flow *flow, const struct settings *settings)
{
	__u64 multiplier = settings->hash_seed[1] | 1;
	__u64 hash = settings->hash_seed[0] ^ ((__u64)flow->client_port << 16 | flow->protocol);

	if (flow->family == FAMILY_IPV6) {
		hash = (hash ^ flow->client.half[0]) * multiplier;
		hash ^= hash >> 32;
		hash = (hash ^ flow->client.half[1]) * multiplier;
	} else {
		hash = (hash ^ ((__u64)flow->client.word[0] << 32)) * multiplier;
	}
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15ULL;
	hash ^= hash >> 29;
	return hash;
}

static __always_inline __u32 hash_tag(__u64 hash)
{
	return hash >> 48;
}

/* The next group of a connection's sequence. */
static __always_inline __u32 group_step(__u32 tag)
{
	return 2 * tag + 1;
}

static __always_inline int connection_is_request(const struct connection *connection, const struct flow *flow, __u64 ports)
{
	const __u64 *word = (const __u64 *)connection;

	if (((word[PORTS_OFFSET / 8] ^ ports) & PORTS_REQUEST) || word[0] != flow->client.half[0] || word[2] != flow->other.half[0])
		return 0;
	return flow->family != FAMILY_IPV6 || (word[1] == flow->client.half[1] && word[3] == flow->other.half[1]);
}

static __always_inline int connection_is_reply(const struct connection *connection, const struct flow *flow, __u64 ports)
{
	const __u64 *word = (const __u64 *)connection;
	const __u64 *address;
	__u32 index = connection->server;

	if (((word[PORTS_OFFSET / 8] ^ ports) & PORTS_REPLY) || word[0] != flow->client.half[0])
		return 0;
	if (flow->family == FAMILY_IPV6 && word[1] != flow->client.half[1])
		return 0;
	address = bpf_map_lookup_elem(&servers, &index);
	return address && address[0] == flow->other.half[0] && address[1] == flow->other.half[1];
}

/* The slot of a flow in this group, or CONNECTION_GROUP_SLOTS. */
static __always_inline __u32 group_search(struct connection_group *group, const struct flow *flow, __u64 ports, __u32 tag, __u32 now,
					  int reply, __u64 *life)
{
	for (__u32 i = 0; i < CONNECTION_GROUP_SLOTS; i++) {
		struct connection *connection = &group->slot[i];

		*life = READ_ONCE(group->life[i]);
		if (!life_is_usable(*life, tag, now))
			continue;
		if (reply ? !connection_is_reply(connection, flow, ports) : !connection_is_request(connection, flow, ports))
			continue;
		barrier();
		/* The slot may have changed hands while it was read. */
		if (life_is_usable(READ_ONCE(group->life[i]), tag, now))
			return i;
	}
	return CONNECTION_GROUP_SLOTS;
}

/* A search beyond the first group: its arguments, and where it ended. */
struct search {
	const struct flow *flow;
	__u64 ports;
	__u32 tag;
	__u32 now;
	__u32 reply;
	__u32 mask;
	struct place place;
};

static long search_step(__u32 i, struct search *search)
{
	struct connection_group *group;

	search->place.group = (search->place.group + group_step(search->tag)) & search->mask;
	group = bpf_map_lookup_elem(&connections, &search->place.group);
	if (!group)
		return 1;
	search->place.slot = group_search(group, search->flow, search->ports, search->tag, search->now, search->reply, &search->place.life);
	return search->place.slot < CONNECTION_GROUP_SLOTS || !READ_ONCE(group->overflow);
}

static __always_inline int connection_search(const struct flow *flow, __u64 hash, struct place *place, int reply)
{
	struct settings *settings = settings_get();
	struct connection_group *group;
	__u32 now = now_jiffies();
	__u64 ports;
	__u32 index;

	if (!settings || !flow || !place)
		return 0;
	ports = (__u64)flow->client_port | (__u64)flow->protocol << 32 | (__u64)flow->family << 40 |
		(__u64)flow->other_port << (reply ? 48 : 16);
	index = hash & settings->group_mask;
	place->group = index;
	group = bpf_map_lookup_elem(&connections, &index);
	if (!group)
		return 0;
	place->slot = group_search(group, flow, ports, hash_tag(hash), now, reply, &place->life);
	if (unlikely(place->slot >= CONNECTION_GROUP_SLOTS && READ_ONCE(group->overflow))) {
		struct search search = {
			.flow = flow,
			.ports = ports,
			.tag = hash_tag(hash),
			.now = now,
			.reply = reply,
			.mask = settings->group_mask,
			.place = *place,
		};

		bpf_loop(CONNECTION_GROUPS_TRIED - 1, search_step, &search, 0);
		*place = search.place;
	}
	return place->slot < CONNECTION_GROUP_SLOTS;
}

/* The connection of a flow, as the client's packet shows it. 0: none. */
__noinline int connection_find(const struct flow *flow, __u64 hash, struct place *place)
{
	return connection_search(flow, hash, place, 0);
}

/* The same, as its NAT server's packet shows it. */
__noinline int connection_find_reply(const struct flow *flow, __u64 hash, struct place *place)
{
	return connection_search(flow, hash, place, 1);
}

static __always_inline struct connection_group *place_group(const struct place *place)
{
	/* Linux 6.1 takes no map key from a global function's argument: a copy on the stack. */
	__u32 index = place->group;

	return bpf_map_lookup_elem(&connections, &index);
}

/*
 * What stands at a place, and its life word; NULL only for a place that never was. Both pointers are made at once, where
 * the slot's bound is known: Linux 6.1 forgets it when the number is put aside.
 */
static __always_inline struct connection *place_open(const struct place *place, __u64 **word)
{
	struct connection_group *group = place_group(place);
	struct connection *connection;
	__u32 slot = READ_ONCE(place->slot);

	if (!group || slot >= CONNECTION_GROUP_SLOTS)
		return NULL;
	connection = &group->slot[slot];
	*word = &group->life[slot];
	asm volatile("" : "+r"(connection), "+r"(*word));
	return connection;
}

static __always_inline struct connection *place_connection(const struct place *place)
{
	__u64 *word;

	return place_open(place, &word);
}

/* The groups that a connection passed over on its way count it no more. */
__noinline int overflow_release(__u32 index, __u32 tag, __u32 distance, __u32 mask)
{
	/* Unrolled: a loop laid out so that it is entered from behind is a "back-edge" to Linux 6.1. */
#pragma unroll
	for (__u32 i = 0; i < CONNECTION_GROUPS_TRIED; i++) {
		struct connection_group *group;

		if (i >= distance)
			break;
		index = (index - group_step(tag)) & mask;
		group = bpf_map_lookup_elem(&connections, &index);
		if (group)
			__sync_fetch_and_sub(&group->overflow, 1);
	}
	return 0;
}

/* The accounting at the end of a life; called by whoever swapped the word away from LIVE. */
static __always_inline void connection_release(__u32 group, const struct connection *connection, __u64 life, const struct settings *settings)
{
	__u32 server = connection->server;
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
	__u8 reserved[5];
};

/* A slot that is free or past its time, or CONNECTION_GROUP_SLOTS. */
static __always_inline __u32 group_room(const struct connection_group *group, __u32 now)
{
	__u32 i;

	for (i = 0; i < CONNECTION_GROUP_SLOTS; i++) {
		__u64 life = READ_ONCE(group->life[i]);

		if (life_phase(life) == LIFE_FREE || (life_phase(life) == LIFE_LIVE && life_is_past(life, now)))
			break;
	}
	return i;
}

/* A newcomer on its way from group to group. */
struct entry {
	const struct newcomer *newcomer;
	const struct flow *flow;
	__u32 index;
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
	slot->parent = 0;
	slot->mark = 0;
	slot->packets_in = 0;
	slot->method = newcomer->method;
}

static long entry_step(__u32 i, struct entry *entry)
{
	struct connection_group *group = bpf_map_lookup_elem(&connections, &entry->index);
	struct settings *settings = settings_get();
	__u64 before, generation;
	__u32 slot;

	if (!group || !settings)
		return 1;
	slot = group_room(group, entry->now);
	if (slot >= CONNECTION_GROUP_SLOTS) {
		__sync_fetch_and_add(&group->overflow, 1);
		entry->index = (entry->index + group_step(entry->tag)) & entry->mask;
		return ++entry->distance >= CONNECTION_GROUPS_TRIED;
	}
	before = READ_ONCE(group->life[slot]);
	if (life_phase(before) == LIFE_BUSY || (life_phase(before) == LIFE_LIVE && !life_is_past(before, entry->now)))
		return 0;
	generation = (before + (1 << LIFE_GENERATION_SHIFT)) & (0xfULL << LIFE_GENERATION_SHIFT);
	if (__sync_val_compare_and_swap(&group->life[slot], before, generation | LIFE_BUSY) != before)
		return 0;
	if (life_phase(before) == LIFE_LIVE)
		connection_release(entry->index, &group->slot[slot], before, settings);
	slot_write(&group->slot[slot], entry->flow, entry->newcomer);
	entry->life = entry->newcomer->life | generation | (__u64)entry->distance << LIFE_DISTANCE_SHIFT |
		      (__u64)entry->tag << LIFE_TAG_SHIFT | LIFE_LIVE;
	/* A full barrier: the slot is whole before it is seen. */
	__sync_lock_test_and_set(&group->life[slot], entry->life);
	entry->slot = slot;
	return 1;
}

/* Ends a connection whose life word is still the one of the place; 0 when another was first. */
__noinline int connection_end(const struct place *place)
{
	struct settings *settings = settings_get();
	struct connection *connection;
	__u64 *word;
	__u64 free;

	if (!place || !settings)
		return 0;
	connection = place_open(place, &word);
	if (!connection)
		return 0;
	free = place->life & ~(__u64)LIFE_PHASE_MASK;
	if (__sync_val_compare_and_swap(word, place->life, free) != place->life)
		return 0;
	connection_release(place->group, connection, place->life, settings);
	return 1;
}

/* Enters a new connection and counts it on its server. 0 when each group that it may stand in is full. */
__noinline int connection_add(const struct newcomer *newcomer, const struct flow *flow, __u64 hash, struct place *place)
{
	struct settings *settings = settings_get();
	struct entry entry = { .tag = hash_tag(hash), .now = now_jiffies(), .slot = CONNECTION_GROUP_SLOTS };
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

/* Two CPUs may enter one flow at the same time: what a search finds first stays, the other leaves. */
static __always_inline void connection_yield_to_twin(const struct flow *flow, __u64 hash, struct place *place)
{
	struct place twin = {};

	if (connection_find(flow, hash, &twin) && (twin.group != place->group || twin.slot != place->slot)) {
		connection_end(place);
		*place = twin;
	}
}

/* The life word after a packet, and the server's count of active ones if it changes. */
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
 * A packet of the connection was sent on: its state steps, its time begins anew. The word is written only when it
 * changes, which for a fast flow is once a jiffy. 0 when the connection was gone by then.
 */
__noinline int connection_touch(const struct place *place, const struct packet *packet, int reply)
{
	struct settings *settings = settings_get();
	struct connection *connection;
	__u32 now = now_jiffies();
	__u64 *word;
	__u64 life;

	if (!settings || !place || !packet)
		return 0;
	connection = place_open(place, &word);
	if (!connection)
		return 0;
	life = place->life;
	for (int i = 0; i < 4; i++) {
		__u64 next = life_step(life, packet, reply, settings, now);
		__u64 seen;

		if (next == life)
			return 1;
		seen = __sync_val_compare_and_swap(word, life, next);
		if (seen == life) {
			if (unlikely((next ^ life) & LIFE_ACTIVE)) {
				__u32 server = connection->server;
				struct server_load *load = bpf_map_lookup_elem(&server_load, &server);

				if (load)
					__sync_fetch_and_add(&load->active, next & LIFE_ACTIVE ? 1 : -1);
			}
			return 1;
		}
		/* Another CPU was first. Still the same connection? Then step from what it made of it. */
		if (life_phase(seen) != LIFE_LIVE || ((seen ^ life) & (0xffff0000ULL | 0xfULL << LIFE_GENERATION_SHIFT)))
			return 0;
		life = seen;
	}
	return 1;
}

#endif
