/* SPDX-License-Identifier: GPL-2.0 */
/* A packet's last steps: checked for size and hops, rewritten as the server's forwarding method says, sent. */
#ifndef EVENKEEL_FORWARD_H
#define EVENKEEL_FORWARD_H

#include "connection.h"
#include "forward_direct.h"
#include "forward_full_nat.h"
#include "forward_nat.h"
#include "forward_tunnel_header.h"
#include "icmp.h"
#include "transmit.h"

/* The longest packet that may go this way. */
static __always_inline __u32 forward_mtu(const struct server *server, const struct connection *connection, __u32 now)
{
	return connection->method == FORWARDING_METHOD_TUNNEL ? tunnel_mtu(server, now) - tunnel_overhead(server) : server->mtu;
}

#ifdef HOOK_TC
/* Without DF a router cuts what is too long (RFC 791 2.3). GSO is none of that: its sender can be told. */
static __always_inline int packet_may_be_cut(context *ctx, const struct packet *packet, __u32 mtu)
{
	if (packet->family != FAMILY_IPV4 || packet->dont_fragment || ctx->gso_size)
		return 0;
	ctx->cb[CONTEXT_MTU] = mtu;
	return 1;
}
#endif

/* Does it fit, and may it still make a hop? If not, the client hears of it. */
static __always_inline int forward_check(context *ctx, const struct packet *packet, const struct server *server,
					const struct connection *connection, __u32 now)
{
	__s32 mtu = forward_mtu(server, connection, now);

	if (likely(packet->ttl > 1 && (__s32)packet->wire_length <= mtu))
		return NEXT;
#ifdef HOOK_XDP
	return count_outcome(OUTCOME_PASS_TO_TC, VERDICT_PASS);
#else
	/* Its MTU is 0, so that only here it has to be thought of. */
	if (server->method == FORWARDING_METHOD_LOCAL)
		return packet_rare(RARE_LOCAL);
	if (!server->ifindex)
		return count_outcome(OUTCOME_DROP_NO_ROUTE, VERDICT_DROP);
	if (packet->ttl <= 1)
		return icmp_time_exceeded(ctx, packet);
	if (packet_may_be_cut(ctx, packet, mtu))
		return ASIDE - RARE_CUT;
	return icmp_too_big(ctx, packet, mtu);
#endif
}

/* The rewriting itself; 0 or, when it failed, the outcome: then the packet may be half rewritten. */
static __always_inline int forward_rewrite(context *ctx, const struct packet *packet, const struct server *server, __u32 index,
					   const struct connection *connection, __u64 hash)
{
	struct rewrite rewrite;
	int done;

	if (connection->method == FORWARDING_METHOD_DIRECT)
		return packet_decrease_ttl(ctx, packet) ? OUTCOME_NONE : OUTCOME_DROP_REWRITE;
	if (connection->method == FORWARDING_METHOD_TUNNEL) {
		if (unlikely(server->tunnel_type != TUNNEL_TYPE_IPIP))
			done = packet_encapsulate_with_header(ctx, packet, index, hash >> 40);
		else
			done = packet_encapsulate(ctx, packet, server, hash >> 40);
		return done ? OUTCOME_NONE : OUTCOME_DROP_REWRITE;
	}
	if (unlikely(connection->method != FORWARDING_METHOD_NAT)) {
		int outcome = full_nat_request(ctx, packet, connection);

		if (outcome)
			return outcome;
	}
	rewrite.before = packet->destination;
	/* Two words: clang does not know that it may. */
	rewrite.after.half[0] = ((const __u64 *)server->address)[0];
	rewrite.after.half[1] = ((const __u64 *)server->address)[1];
	rewrite.port_before = packet->destination_port;
	rewrite.port_after = connection->real_port;
	return packet_rewrite(ctx, packet, &rewrite, 0) ? OUTCOME_NONE : OUTCOME_DROP_REWRITE;
}

/* Client to server. A packet that was sent is counted by the caller, with its bytes; what became of any other, here. */
static __always_inline int forward_request(context *ctx, const struct packet *packet, const struct server *server, __u32 index,
					   const struct connection *connection, __u64 hash, const struct settings *settings, __u32 now)
{
	int verdict = forward_check(ctx, packet, server, connection, now);
	int outcome;
#ifdef HOOK_XDP
	struct neighbour *neighbour;
#endif

	if (verdict != NEXT)
		return verdict;
#ifdef HOOK_XDP
	neighbour = way_to_server(ctx, index, now, settings);
	if (!neighbour)
		return count_outcome(OUTCOME_PASS_TO_TC, VERDICT_PASS);
#endif
	outcome = forward_rewrite(ctx, packet, server, index, connection, hash);
	if (outcome)
		return count_outcome(outcome, VERDICT_DROP);
#ifdef HOOK_XDP
	struct ethhdr *ethernet = hook_data(ctx);

	if ((void *)(ethernet + 1) > hook_data_end(ctx))
		return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
	ethernet_addresses(ethernet, neighbour->destination_mac);
	return transmit(ctx, neighbour->ifindex);
#else
	return transmit_to_server(server);
#endif
}

/*
 * Server to client (NAT): the source becomes the VIP again. A function of its own for its stack: Linux 6.1 allows 512 bytes
 * for all functions that are under way, and requests need theirs for the search.
 */
__noinline int forward_reply(context *ctx, const struct packet *packet, const struct connection *connection)
{
	struct rewrite rewrite;
	struct way way = {};

	if (!packet || !connection)
		return VERDICT_DROP;
	rewrite.before = packet->source;
	__builtin_memcpy(&rewrite.after, connection->virtual_address, 16);
	rewrite.port_before = packet->source_port;
	rewrite.port_after = connection->virtual_port;
#ifdef HOOK_XDP
	if (packet->ttl <= 1 || way_ask(ctx, packet->family, &rewrite.after, &packet->destination, packet->length, &way) ||
	    !way_is_open(ctx, way.ifindex))
		return count_outcome(OUTCOME_PASS_TO_TC, VERDICT_PASS);
	if (!packet_rewrite(ctx, packet, &rewrite, 1))
		return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);

	struct ethhdr *ethernet = hook_data(ctx);

	if ((void *)(ethernet + 1) > hook_data_end(ctx))
		return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
	ethernet_addresses(ethernet, way.destination_mac);
	return transmit(ctx, way.ifindex);
#else
	long answer;

	/* The last hop, or too long for the client's side: the stack, whose packet it is to route, tells the server so. */
	if (packet->ttl <= 1)
		return count_outcome(OUTCOME_ICMP_TIME_EXCEEDED, VERDICT_PASS);
	answer = way_ask(ctx, packet->family, &rewrite.after, &packet->destination, packet->wire_length, &way);
	if (answer == BPF_FIB_LKUP_RET_FRAG_NEEDED && packet_may_be_cut(ctx, packet, way.mtu))
		return ASIDE - RARE_CUT;
	if (answer == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return count_outcome(OUTCOME_ICMP_TOO_BIG, VERDICT_PASS);
	if (answer != BPF_FIB_LKUP_RET_SUCCESS && answer != BPF_FIB_LKUP_RET_NO_NEIGH)
		return count_outcome(OUTCOME_DROP_NO_ROUTE, VERDICT_DROP);
	if (!packet_rewrite(ctx, packet, &rewrite, 1))
		return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
	return transmit(way.ifindex, way.family, &way.next_hop);
#endif
}

#endif
