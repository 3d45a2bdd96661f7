/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ICMP errors of others about connections of ours (RFC 792, RFC 4443; what NAT does to them: RFC 5508). The packet that they
 * quote names the connection: one that went to the client, then the server hears of it; or one that went to a NAT server,
 * then the client does, as from the virtual address. What is about no connection is the host's own.
 */
#ifndef EVENKEEL_ICMP_FORWARD_H
#define EVENKEEL_ICMP_FORWARD_H

#include "dispatch.h"
#include "forward.h"
#include "icmp_case.h"
#include "icmp_rewrite.h"
#include "service.h"

enum {
	ICMP_SOURCE_QUENCH = 4,
	ICMP_PARAMETER_PROBLEM = 12,
	ICMPV6_INFORMATIONAL = 0x80,
};

static __always_inline int icmp_is_error(__u8 family, __u8 type)
{
	if (family == FAMILY_IPV6)
		return !(type & ICMPV6_INFORMATIONAL);
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER_PROBLEM;
}

static __always_inline int icmp_is_too_big(__u8 family, const struct icmp_header *icmp)
{
	if (family == FAMILY_IPV6)
		return icmp->type == ICMPV6_PKT_TOOBIG;
	return icmp->type == ICMP_DEST_UNREACH && icmp->code == ICMP_FRAG_NEEDED;
}

/* Both ends of the error and of its quote: a program of its own does that. */
static __always_inline int icmp_full_nat_place(const struct place *place, __u32 to_client)
{
	__u32 zero = 0;
	struct icmp_case *it = bpf_map_lookup_elem(&icmp_cases, &zero);

	if (!it)
		return NEXT;
	it->place = *place;
	it->to_client = to_client;
	return ASIDE - RARE_ICMP_FULL_NAT;
}

/* About a packet that went to the client (also of DR and TUN servers, past us): its server hears of it. */
static __always_inline int icmp_to_server(context *ctx, struct packet *outer, const struct packet *quoted, const struct settings *settings)
{
	struct flow flow = flow_turned(&quoted->flow);
	__u64 hash = flow_hash(&flow, settings);
	__u32 now = now_ticks();
	struct place place = {};
	struct connection *connection;
	struct server *server;
	__u32 index;
	int verdict;

	if (!connection_find(&flow, hash, &place, settings))
		return NEXT;
	connection = place_connection(&place);
	if (!connection)
		return NEXT;
	index = connection->server;
	server = bpf_map_lookup_elem(&servers, &index);
	if (!server || !(server->flags & SERVER_AVAILABLE))
		return count_outcome(OUTCOME_DROP_SERVER_GONE, VERDICT_DROP);
	if (connection->method == FORWARDING_METHOD_FULL_NAT)
		return icmp_full_nat_place(&place, 0);
	/* About an error no error is sent (RFC 1122 3.2.2). */
	if (outer->ttl <= 1 || (__s32)outer->length > (__s32)forward_mtu(server, connection, now))
		return NEXT;
	outer->segments = 1;
	outer->wire_length = outer->length;
	if (connection->method == FORWARDING_METHOD_NAT) {
		struct rewrite rewrite = { .before = outer->destination, .port_before = connection->virtual_port };

		__builtin_memcpy(&rewrite.after, server->address, 16);
		rewrite.port_after = connection->real_port;
		if (!icmp_rewrite(ctx, outer, quoted, &rewrite, &rewrite, 0, 1))
			return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
		verdict = transmit_to_server(server);
	} else {
		verdict = forward_request(ctx, outer, server, index, connection, hash, settings, now);
		if (!verdict_is_sent(verdict))
			return verdict;
	}
	count_in(connection->service, index, 1, outer->length);
	return count_outcome(OUTCOME_ICMP_FORWARDED, verdict);
}

/* About a packet that went to a NAT server, from it or from anybody on the way: the client hears of it from the virtual address. */
static __always_inline int icmp_to_client(context *ctx, const struct packet *outer, const struct packet *quoted, const struct settings *settings)
{
	/* It shows the connection as a client's packet does, but behind NAT: with the server as the other end. */
	const struct flow *flow = &quoted->flow;
	struct place place = {};
	struct connection *connection;
	struct rewrite rewrite = { .before = outer->source }, inner = { .before = quoted->destination };
	struct way way = {};
	long answer;

	if (!connection_find_reply(flow, flow_hash(flow, settings), &place, settings))
		return NEXT;
	connection = place_connection(&place);
	if (connection && connection->method == FORWARDING_METHOD_FULL_NAT_REPLY)
		return icmp_full_nat_place(&place, 1);
	if (!connection || connection->method != FORWARDING_METHOD_NAT)
		return NEXT;
	__builtin_memcpy(&rewrite.after, connection->virtual_address, 16);
	inner.after = rewrite.after;
	inner.port_before = connection->real_port;
	inner.port_after = connection->virtual_port;
	if (outer->ttl <= 1)
		return NEXT;
	answer = way_ask(ctx, outer->family, &rewrite.after, &outer->destination, 0, &way);
	if (answer != BPF_FIB_LKUP_RET_SUCCESS && answer != BPF_FIB_LKUP_RET_NO_NEIGH)
		return count_outcome(OUTCOME_DROP_NO_ROUTE, VERDICT_DROP);
	if (!icmp_rewrite(ctx, outer, quoted, &rewrite, &inner, 1, 1))
		return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
	count_out(connection->service, connection->server, 1, outer->length);
	return count_outcome(OUTCOME_ICMP_FORWARDED, transmit(way.ifindex, way.family, &way.next_hop));
}

static __always_inline int icmp_forward(context *ctx, const struct settings *settings)
{
	__u32 zero = 0;
	struct icmp_case *it = bpf_map_lookup_elem(&icmp_cases, &zero);
	struct packet *outer, *quoted;
	struct icmp_header icmp;
	int verdict = NEXT;

	if (!it)
		return NEXT;
	__builtin_memset(it, 0, sizeof(*it));
	outer = &it->outer;
	quoted = &it->quoted;
	if (headers_parse(ctx, ETHERNET_LENGTH, outer, &it->headers) != HEADERS_GOOD || it->headers.is_fragment ||
	    bpf_skb_load_bytes(ctx, outer->transport, &icmp, sizeof(icmp)) || !packet_is_whole(ctx, outer, sizeof(icmp)))
		return NEXT;
	if (!icmp_is_error(outer->family, icmp.type))
		return NEXT;
	/* Eight bytes of the transport header are in every quote (RFC 792); what follows them is padding, perhaps. */
	if (headers_parse(ctx, outer->transport + sizeof(icmp), quoted, &it->within) != HEADERS_GOOD || it->within.fragment_offset ||
	    quoted->family != outer->family || quoted->transport + ICMP_QUOTE_OTHER > outer->network + outer->length)
		return NEXT;
	/* An error goes to who sent the packet that it is about; what says otherwise is nobody's, and has two ends to be rewritten. */
	if (!address_is(&outer->destination, &quoted->source))
		return NEXT;
	if (packet_may_be_request(ctx, outer, settings))
		verdict = icmp_to_server(ctx, outer, quoted, settings);
	if (verdict == NEXT && (settings->flags & SETTINGS_NAT_IN_USE) && filter_may_hold(settings->server_filter, &quoted->destination))
		verdict = icmp_to_client(ctx, outer, quoted, settings);
	if (verdict == NEXT && (settings->flags & SETTINGS_TUNNEL_IN_USE) && icmp_is_too_big(outer->family, &icmp)) {
		ctx->cb[CONTEXT_MTU] = bpf_ntohl(icmp.rest) & (outer->family == FAMILY_IPV6 ? 0xffffffff : 0xffff);
		return ASIDE - RARE_PATH_MTU;
	}
	return verdict;
}

#endif
