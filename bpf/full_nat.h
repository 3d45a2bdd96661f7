/* SPDX-License-Identifier: GPL-2.0 */
/*
 * NAT that rewrites the client's end too, to an address of the director's and a port that is free there: clients in the
 * servers' own network, and servers whose way out is another, answer us all the same (docs/decisions/0007).
 *
 * A connection has two entries. The main one is its client's, as with NAT, and has all of its life: states, time, accounting.
 * The other is what a reply shows, (director's address, port, server, its port), has no time of its own and ends with the main
 * one (connection_end.h). Each names the other's slot. That a port is free for a server's port is the table's to say: the
 * other entry is entered, and yields if one stands there.
 */
#ifndef EVENKEEL_FULL_NAT_H
#define EVENKEEL_FULL_NAT_H

#include "connecting.h"

enum {
	/* Ports in two ranges, between which lie those that Linux gives to the director's own connections. */
	FULL_NAT_LOW_FIRST = 1024,
	FULL_NAT_LOW_COUNT = 32768 - FULL_NAT_LOW_FIRST,
	FULL_NAT_HIGH_FIRST = 61000,
	FULL_NAT_HIGH_COUNT = 65536 - FULL_NAT_HIGH_FIRST,
	FULL_NAT_PORTS = FULL_NAT_LOW_COUNT + FULL_NAT_HIGH_COUNT,
	FULL_NAT_TRIES = 16,
	/* Ticks; some months at least. Its end comes with the main entry's. */
	FULL_NAT_REPLY_LIFE = 0x3fffffff,
};

/* A pair in the making. In a map for its size: Linux 6.1 allows 512 bytes of stack for all functions that are under way. */
struct full_nat {
	struct flow key;
	struct newcomer newcomer;
	struct place place;
	/* The port that was tried last, and the way to the next: another for each flow, or those that are taken would gather. */
	__u32 port;
	__u32 stride;
	__u32 made;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct full_nat);
} full_nats SEC(".maps");

static __always_inline struct full_nat *full_nat_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&full_nats, &zero);
}

/* The n-th of all ports that may be chosen. */
static __always_inline __be16 full_nat_port(__u32 n)
{
	return bpf_htons(n < FULL_NAT_LOW_COUNT ? FULL_NAT_LOW_FIRST + n : FULL_NAT_HIGH_FIRST - FULL_NAT_LOW_COUNT + n);
}

#ifdef HOOK_TC

/* What a reply to a main entry shows, but for the port. 0: nothing is to be done, or can be. */
__noinline int full_nat_prepare(const struct place *place, __u64 hash)
{
	struct connecting *connecting = connecting_get();
	struct full_nat *it = full_nat_get();
	struct connection *main;
	struct server *server;
	__u64 state;
	__u32 index;

	if (!place || !connecting || !it)
		return 0;
	it->made = 0;
	main = place_connection(place);
	/* It may be another CPU's by now, with another packet of the same flow. */
	if (!main || READ_ONCE(main->partner))
		return 0;
	index = main->server;
	server = bpf_map_lookup_elem(&servers, &index);
	state = main->protocol == IPPROTO_SCTP ? (__u64)SCTP_STATE_ESTABLISHED : (__u64)TCP_STATE_ESTABLISHED;

	if (!server)
		return 0;
	__builtin_memset(it, 0, sizeof(*it));
	it->port = (__u32)hash % FULL_NAT_PORTS;
	it->stride = (__u32)(hash >> 32) % FULL_NAT_PORTS | 1;
	__builtin_memcpy(&it->key.client, connecting->service.source, 16);
	__builtin_memcpy(&it->key.other, server->address, 16);
	it->key.ends = flow_ends(0, main->protocol, main->family, main->real_port);
	it->newcomer.server = index;
	it->newcomer.service = main->service;
	it->newcomer.real_port = main->real_port;
	it->newcomer.method = FORWARDING_METHOD_FULL_NAT_REPLY;
	it->newcomer.timeouts = main->timeouts;
	/* A state that is not half-open, so that nothing pushes it out; it never changes. */
	it->newcomer.life = (__u64)(now_ticks() + FULL_NAT_REPLY_LIFE) << LIFE_EXPIRES_SHIFT | state << LIFE_STATE_SHIFT;
	return 1;
}

/* One port is tried: 1 ends the search, with or without an entry. */
__noinline int full_nat_try(void)
{
	struct settings *settings = settings_get();
	struct full_nat *it = full_nat_get();
	struct place own = {};
	__u64 hash;

	if (!it || !settings)
		return 1;
	it->port = (it->port + it->stride) % FULL_NAT_PORTS;
	it->key.client_port = full_nat_port(it->port);
	hash = flow_hash(&it->key, settings);
	if (connection_find(&it->key, hash, &it->place, settings))
		return 0;
	if (!connection_add(&it->newcomer, &it->key, hash, &it->place))
		return 1;
	own.group = it->place.group;
	own.slot = it->place.slot;
	connection_yield_to_twin(&it->key, hash, &it->place, settings);
	if (own.group != it->place.group || own.slot != it->place.slot)
		return 0;
	it->made = 1;
	return 1;
}

/* The two entries are told of each other. NEXT, or what becomes of a packet that gets no port. */
__noinline int full_nat_link(const struct place *place)
{
	struct full_nat *it = full_nat_get();
	struct connection *main, *other;
	__u32 index = 0, number;

	if (!place || !it)
		return OUTCOME_DROP_NO_PORT;
	main = place_connection(place);
	if (!main)
		return OUTCOME_DROP_NO_PORT;
	if (!it->made) {
		if (READ_ONCE(main->partner))
			return NEXT;
		connection_end(place);
		return OUTCOME_DROP_NO_PORT;
	}
	number = slot_number(it->place.group, it->place.slot);
	other = slot_numbered(number, &index);
	if (!other)
		return OUTCOME_DROP_NO_PORT;
	other->partner = slot_number(place->group, place->slot);
	/* Another CPU has given it one. */
	if (__sync_val_compare_and_swap(&main->partner, 0, number)) {
		connection_end(&it->place);
		return NEXT;
	}
	if (life_is_same(READ_ONCE(main->life), place->life))
		return NEXT;
	/* It ended meanwhile, and who ended it had seen no partner. */
	__sync_fetch_and_sub(&main->partner, number);
	connection_end(&it->place);
	return OUTCOME_DROP_NO_PORT;
}

/* The other entry for a main one. Steps one after the other for the stack's sake. */
static __always_inline int full_nat_open(const struct place *place, __u64 hash)
{
	if (full_nat_prepare(place, hash)) {
#pragma unroll
		for (int i = 0; i < FULL_NAT_TRIES; i++)
			if (full_nat_try())
				break;
	}
	return full_nat_link(place);
}

/* From the place of what a reply showed to that of its main entry. 0: it is no such entry, or the main one is over. */
__noinline int full_nat_main(struct place *place)
{
	struct connection *other, *main;
	__u32 number, index = 0;
	__u64 life;

	if (!place)
		return 0;
	other = place_connection(place);
	if (!other || other->method != FORWARDING_METHOD_FULL_NAT_REPLY)
		return 0;
	number = READ_ONCE(other->partner);
	main = slot_numbered(number, &index);
	if (!main)
		return 0;
	life = READ_ONCE(main->life);
	if (!life_is_usable(life, now_ticks()) || main->method != FORWARDING_METHOD_FULL_NAT ||
	    READ_ONCE(main->partner) != slot_number(place->group, place->slot))
		return 0;
	place->group = index;
	place->slot = (number - 1) & (CONNECTION_GROUP_SLOTS - 1);
	place->life = life;
	return 1;
}

#endif

/* The other entry of a main one; NULL: it has none. */
static __always_inline struct connection *full_nat_other(const struct connection *main)
{
	__u32 index = 0;
	struct connection *other = slot_numbered(main->partner, &index);

	if (!other || life_phase(READ_ONCE(other->life)) != LIFE_LIVE || other->method != FORWARDING_METHOD_FULL_NAT_REPLY ||
	    other->server != main->server || other->real_port != main->real_port)
		return NULL;
	return other;
}

#endif
