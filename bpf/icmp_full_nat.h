/* SPDX-License-Identifier: GPL-2.0 */
/* An ICMP error about a connection of full NAT: first the end that NAT leaves alone, then as NAT does it. */
#ifndef EVENKEEL_ICMP_FULL_NAT_H
#define EVENKEEL_ICMP_FULL_NAT_H

#include "forward.h"
#include "icmp_case.h"
#include "icmp_rewrite.h"

/* As a function of its own, so that its two ends are not on the stack together with the way. */
__noinline int icmp_full_nat_ends(context *ctx, const struct connection *main, const struct connection *other, __u32 to_client)
{
	__u32 zero = 0;
	struct icmp_case *it = bpf_map_lookup_elem(&icmp_cases, &zero);
	__u32 index;
	struct rewrite rewrite = {}, inner = {};
	struct server *server;

	if (!it || !main || !other)
		return 0;
	index = main->server;
	server = bpf_map_lookup_elem(&servers, &index);
	if (!server)
		return 0;
	if (to_client) {
		rewrite.before = it->outer.destination;
		inner.before = it->quoted.source;
		__builtin_memcpy(&rewrite.after, main->client, 16);
		inner.after = rewrite.after;
		inner.port_before = other->client_port;
		inner.port_after = main->client_port;
		if (!icmp_rewrite(ctx, &it->outer, &it->quoted, &rewrite, &inner, 0, 0))
			return 0;
		rewrite.before = it->outer.source;
		inner.before = it->quoted.destination;
		__builtin_memcpy(&rewrite.after, main->virtual_address, 16);
		inner.after = rewrite.after;
		inner.port_before = main->real_port;
		inner.port_after = main->virtual_port;
		return icmp_rewrite(ctx, &it->outer, &it->quoted, &rewrite, &inner, 1, 1);
	}
	rewrite.before = it->outer.source;
	inner.before = it->quoted.destination;
	__builtin_memcpy(&rewrite.after, other->client, 16);
	inner.after = rewrite.after;
	inner.port_before = main->client_port;
	inner.port_after = other->client_port;
	if (!icmp_rewrite(ctx, &it->outer, &it->quoted, &rewrite, &inner, 1, 0))
		return 0;
	rewrite.before = it->outer.destination;
	inner.before = it->quoted.source;
	__builtin_memcpy(&rewrite.after, server->address, 16);
	inner.after = rewrite.after;
	inner.port_before = main->virtual_port;
	inner.port_after = main->real_port;
	return icmp_rewrite(ctx, &it->outer, &it->quoted, &rewrite, &inner, 0, 1);
}

static __always_inline int icmp_full_nat(context *ctx)
{
	__u32 zero = 0;
	struct icmp_case *it = bpf_map_lookup_elem(&icmp_cases, &zero);
	struct connection *main, *other;
	struct server *server;
	struct address vip, client;
	struct way way = {};
	__u32 index;
	long answer;

	if (!it || (it->to_client && !full_nat_main(&it->place)) || it->outer.ttl <= 1)
		return NEXT;
	main = place_connection(&it->place);
	other = main ? full_nat_other(main) : NULL;
	if (!other)
		return NEXT;
	index = main->server;
	server = bpf_map_lookup_elem(&servers, &index);
	if (!server || !(server->flags & SERVER_AVAILABLE))
		return count_outcome(OUTCOME_DROP_SERVER_GONE, VERDICT_DROP);
	if (!it->to_client) {
		if (it->outer.length > server->mtu)
			return NEXT;
		if (!icmp_full_nat_ends(ctx, main, other, 0))
			return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
		count_in(main->service, index, 1, it->outer.length);
		return count_outcome(OUTCOME_ICMP_FORWARDED, transmit_to_server(server));
	}
	__builtin_memcpy(&vip, main->virtual_address, 16);
	__builtin_memcpy(&client, main->client, 16);
	answer = way_ask(ctx, it->outer.family, &vip, &client, 0, &way);
	if (answer != BPF_FIB_LKUP_RET_SUCCESS && answer != BPF_FIB_LKUP_RET_NO_NEIGH)
		return count_outcome(OUTCOME_DROP_NO_ROUTE, VERDICT_DROP);
	if (!icmp_full_nat_ends(ctx, main, other, 1))
		return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
	count_out(main->service, index, 1, it->outer.length);
	return count_outcome(OUTCOME_ICMP_FORWARDED, transmit(way.ifindex, way.family, &way.next_hop));
}

#endif
