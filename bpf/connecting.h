/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A packet that gets a new connection, while it does. It stands in a map, not on the stack: Linux 6.1 allows 512 bytes for
 * all functions that are under way. One for each CPU is enough, since nothing interrupts a packet but another's hardware.
 */
#ifndef EVENKEEL_CONNECTING_H
#define EVENKEEL_CONNECTING_H

#include "connection.h"

struct connecting {
	/* A datagram's connection under one-packet scheduling. The first, so that no pointer is moved before it is known. */
	struct connection one_packet;
	/* The service, as it was when it was found. */
	struct service service;
	/* The key of its client's template, where there is persistence. */
	struct flow key;
	__u64 key_hash;
	struct newcomer newcomer;
	struct place template;
	/* The connection that it takes the place of; life 0: none. */
	struct place replaced;
	/* The port by which the service was found. */
	__be16 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct connecting);
} connecting SEC(".maps");

static __always_inline struct connecting *connecting_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&connecting, &zero);
}

static __always_inline struct connection *one_packet(void)
{
	struct connecting *connecting = connecting_get();

	return connecting ? &connecting->one_packet : NULL;
}

/* What becomes of a packet without a connection. NEXT: its connection is at the place. A positive number: that outcome. */
enum {
	/* Not for a service; it may yet be a reply. */
	CONNECT_NO_SERVICE = 0,
	/* For the service in struct connecting, which has to give it a server. */
	CONNECT_NEW = -101,
	/* The same, and it has persistence. */
	CONNECT_PERSISTENT = -103,
	/* Its connection is not in the table but in struct connecting. */
	CONNECT_ONE_PACKET = -102,
	/* It is at the place, and has no other entry yet. */
	CONNECT_FULL_NAT = -104,
};

#endif
