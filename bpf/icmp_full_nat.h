/* SPDX-License-Identifier: GPL-2.0 */
/* An ICMP error about a connection of full NAT: first the end that NAT leaves alone, then as NAT does it. */
#ifndef EVENKEEL_ICMP_FULL_NAT_H
#define EVENKEEL_ICMP_FULL_NAT_H

#include "forward.h"
#include "icmp_case.h"
#include "icmp_rewrite.h"

/* What an end becomes, in the error's own header and in what it quotes. */
struct icmp_end {
	struct rewrite rewrite;
	struct rewrite inner;
};

/* `source`: of the outer header; inside it is the other end. `hop`: the error makes its hop by that. */
static __always_inline int icmp_full_nat_end(context *ctx, struct icmp_case *it, struct icmp_end *end, const __u8 address[16],
					     __be16 port_before, __be16 port_after, int source, int hop)
{
	end->rewrite.before = source ? it->outer.source : it->outer.destination;
	end->inner.before = source ? it->quoted.destination : it->quoted.source;
	__builtin_memcpy(&end->rewrite.after, address, 16);
	end->inner.after = end->rewrite.after;
	end->inner.port_before = port_before;
	end->inner.port_after = port_after;
	return icmp_rewrite(ctx, &it->outer, &it->quoted, &end->rewrite, &end->inner, source, hop);
}

/* As a function of its own, so that its two ends are not on the stack together with the way. */
__noinline int icmp_full_nat_ends(context *ctx, const struct connection *main, const struct connection *other, __u32 to_client)
{
	__u32 zero = 0;
	struct icmp_case *it = bpf_map_lookup_elem(&icmp_cases, &zero);
	struct icmp_end end = {};
	struct server *server;
	__u32 index;

	if (!it || !main || !other)
		return 0;
	index = main->server;
	server = bpf_map_lookup_elem(&servers, &index);
	if (!server)
		return 0;
	if (to_client)
		return icmp_full_nat_end(ctx, it, &end, main->client, other->client_port, main->client_port, 0, 0) &&
		       icmp_full_nat_end(ctx, it, &end, main->virtual_address, main->real_port, main->virtual_port, 1, 1);
	return icmp_full_nat_end(ctx, it, &end, other->client, main->client_port, other->client_port, 1, 0) &&
	       icmp_full_nat_end(ctx, it, &end, server->address, main->virtual_port, main->real_port, 0, 1);
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
