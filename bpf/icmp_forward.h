/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ICMP errors of others about connections of ours (RFC 792, RFC 4443; what NAT does to them: RFC 5508). The packet that they
 * quote names the connection: one that went to the client, then the server hears of it; or one that went to a NAT server,
 * then the client does, as from the virtual address. What is about no connection is the host's own.
 */
#ifndef EVENKEEL_ICMP_FORWARD_H
#define EVENKEEL_ICMP_FORWARD_H

#include "forward.h"
#include "icmp_case.h"
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

/* Where the quoted packet's transport checksum is, if the quote reaches so far and there is one; else 0. */
static __always_inline __u32 quote_checksum(context *ctx, const struct packet *quoted, __u32 end)
{
	__u32 at = quoted->transport;
	__sum16 check;

	if (quoted->protocol == IPPROTO_TCP)
		at += offsetof(struct tcphdr, check);
	else if (quoted->protocol == IPPROTO_UDP)
		at += offsetof(struct udphdr, check);
	else
		return 0;
	if (at + sizeof(check) > end || bpf_skb_load_bytes(ctx, at, &check, sizeof(check)))
		return 0;
	return quoted->protocol == IPPROTO_UDP && !check ? 0 : at;
}

/* Half a word somewhere in the frame gets another value; the difference for a sum over it is added. */
static __always_inline int half_replace(context *ctx, __u32 at, __be16 before, __be16 after, __u64 *difference)
{
	*difference += (__u64)(__u16)~before + after;
	return !bpf_skb_store_bytes(ctx, at, &after, sizeof(after), BPF_F_RECOMPUTE_CSUM);
}

/* Which end of the quoted packet is rewritten, and how far the frame's packet goes. */
struct quote_place {
	__u32 source;
	__u32 end;
};

/*
 * One end of the quoted packet as the hearer knows it: address, port, and both checksums of the quote. What that does to a sum over the
 * quote, folded; or negative when it failed.
 */
__noinline int quote_rewrite(context *ctx, const struct packet *quoted, const struct rewrite *rewrite, const struct quote_place *place)
{
	__u64 difference = 0, transport;
	__be32 before[4], after[4];
	__u32 port, check;
	__sum16 sum;

	if (!quoted || !rewrite || !place)
		return -1;
	__builtin_memcpy(before, &rewrite->before, 16);
	__builtin_memcpy(after, &rewrite->after, 16);
	transport = checksum_difference(before, after, 4);
	if (quoted->family == FAMILY_IPV4) {
		__u32 at = quoted->network + (place->source ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr));
		__u32 header = quoted->network + offsetof(struct iphdr, check);

		/* The header's own checksum makes up for the address. */
		if (bpf_skb_store_bytes(ctx, at, after, 4, BPF_F_RECOMPUTE_CSUM) || bpf_skb_load_bytes(ctx, header, &sum, sizeof(sum)) ||
		    !half_replace(ctx, header, sum, checksum_add(sum, transport), &difference))
			return -1;
		difference += transport;
	} else {
		__u32 at = quoted->network + (place->source ? offsetof(struct ipv6hdr, saddr) : offsetof(struct ipv6hdr, daddr));

		if (bpf_skb_store_bytes(ctx, at, after, 16, BPF_F_RECOMPUTE_CSUM))
			return -1;
		difference += transport;
	}
	check = quote_checksum(ctx, quoted, place->end);
	port = quoted->transport + (place->source ? offsetof(struct udphdr, source) : offsetof(struct udphdr, dest));
	transport += (__u64)(__u16)~rewrite->port_before + rewrite->port_after;
	if (!half_replace(ctx, port, rewrite->port_before, rewrite->port_after, &difference))
		return -1;
	if (check) {
		__sum16 changed;

		if (bpf_skb_load_bytes(ctx, check, &sum, sizeof(sum)))
			return -1;
		changed = checksum_add(sum, transport);
		if (quoted->protocol == IPPROTO_UDP && !changed)
			changed = 0xffff;
		if (!half_replace(ctx, check, sum, changed, &difference))
			return -1;
	}
	return (__u16)~checksum_fold(difference);
}

/* The whole error: its own header, what it quotes, and its checksum. `source` = of the outer header; inside it is the other end. */
static __always_inline int icmp_rewrite(context *ctx, const struct packet *outer, const struct packet *quoted, const struct rewrite *rewrite,
					const struct rewrite *inner, int source)
{
	struct quote_place place = { .source = !source, .end = outer->network + outer->length };
	__u32 check = outer->transport + offsetof(struct icmp_header, checksum);
	__u64 difference;
	__sum16 sum;
	int quote = quote_rewrite(ctx, quoted, inner, &place);

	if (quote < 0 || !rewrite_network(ctx, outer, rewrite, source) || bpf_skb_load_bytes(ctx, check, &sum, sizeof(sum)))
		return 0;
	difference = quote;
	if (outer->family == FAMILY_IPV6)
		difference += checksum_difference(rewrite->before.word, rewrite->after.word, 4);
	sum = checksum_add(sum, difference);
	return !bpf_skb_store_bytes(ctx, check, &sum, sizeof(sum), BPF_F_RECOMPUTE_CSUM);
}

/* About a packet that went to the client (also of DR and TUN servers, past us): its server hears of it. */
static __always_inline int icmp_to_server(context *ctx, struct packet *outer, const struct packet *quoted, const struct settings *settings)
{
	struct flow flow = {
		.client = quoted->destination,
		.other = quoted->source,
		.ends = flow_ends(quoted->destination_port, quoted->protocol, quoted->family, quoted->source_port),
	};
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
	/* Both of its ends would have to be rewritten, in the quote as well: not done. */
	if (connection->method == FORWARDING_METHOD_FULL_NAT)
		return NEXT;
	/* About an error no error is sent (RFC 1122 3.2.2). */
	if (outer->ttl <= 1 || (__s32)outer->length > (__s32)forward_mtu(server, connection, now))
		return NEXT;
	outer->segments = 1;
	outer->wire_length = outer->length;
	if (connection->method == FORWARDING_METHOD_NAT) {
		struct rewrite rewrite = { .before = outer->destination, .port_before = connection->virtual_port };

		__builtin_memcpy(&rewrite.after, server->address, 16);
		rewrite.port_after = connection->real_port;
		if (!icmp_rewrite(ctx, outer, quoted, &rewrite, &rewrite, 0))
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
	struct flow flow = {
		.client = quoted->source,
		.other = quoted->destination,
		.ends = flow_ends(quoted->source_port, quoted->protocol, quoted->family, quoted->destination_port),
	};
	struct place place = {};
	struct connection *connection;
	struct rewrite rewrite = { .before = outer->source }, inner = { .before = quoted->destination };
	struct way way = {};
	long answer;

	if (!connection_find_reply(&flow, flow_hash(&flow, settings), &place, settings))
		return NEXT;
	connection = place_connection(&place);
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
	if (!icmp_rewrite(ctx, outer, quoted, &rewrite, &inner, 1))
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
	if (filter_may_hold(settings->virtual_filter, &outer->destination))
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
