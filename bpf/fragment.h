/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fragments (RFC 791 3.2, RFC 8200 4.5). The first one has the ports and goes the way of any packet; where it went is noted for those
 * that follow. What comes before it is put aside (bpf/fragment_waiting.h). Nothing is put together: IPVS does so first, but a server can do that as well.
 */
#ifndef EVENKEEL_FRAGMENT_H
#define EVENKEEL_FRAGMENT_H

#include "connecting.h"
#include "forward.h"
#include "fragment_waiting.h"

/* Where the first fragment went: the connection it belongs to, and the addresses that it has by now. */
static __always_inline int fragment_way(context *ctx, const struct packet *packet, const struct settings *settings,
					struct fragment_case *it)
{
	struct fragment *note = &it->note;
	struct flow *flow = &it->flow;
	struct connection *connection;
	int known;

	note->action = FRAGMENT_ACTION_REQUEST;
	known = connection_find(flow, flow_hash(flow, settings), &it->place, settings);
	connection = known ? NULL : one_packet();
	if (connection && !connection_is_request(connection, flow, flow->ends))
		connection = NULL;
	if (!known && !connection) {
		*flow = flow_turned(flow);
		note->action = FRAGMENT_ACTION_REPLY;
		known = connection_find_reply(flow, flow_hash(flow, settings), &it->place, settings);
	}
	if (known)
		connection = place_connection(&it->place);
	if (!connection)
		return 0;
	note->server = connection->server;
	note->service = connection->service;
	note->method = connection->method;
	if (packet->family == FAMILY_IPV6)
		return !bpf_skb_load_bytes(ctx, ETHERNET_LENGTH + offsetof(struct ipv6hdr, saddr), note->source, 16) &&
		       !bpf_skb_load_bytes(ctx, ETHERNET_LENGTH + offsetof(struct ipv6hdr, daddr), note->destination, 16);
	return !bpf_skb_load_bytes(ctx, ETHERNET_LENGTH + offsetof(struct iphdr, saddr), note->source, 4) &&
	       !bpf_skb_load_bytes(ctx, ETHERNET_LENGTH + offsetof(struct iphdr, daddr), note->destination, 4);
}

/* What became of the first fragment, becomes of the others. Behind fragment_release(). */
__noinline int fragment_note(context *ctx, const struct packet *packet, int verdict)
{
	struct settings *settings = settings_get();
	__u32 zero = 0;
	struct fragment_case *it = bpf_map_lookup_elem(&fragment_cases, &zero);
	struct fragment *note;

	if (!settings || !packet || !it)
		return 0;
	note = &it->note;
	__builtin_memset(note, 0, sizeof(*note));
	if (verdict_is_sent(verdict)) {
		if (ctx->cb[CONTEXT_ANSWERED] || !fragment_way(ctx, packet, settings, it))
			note->action = FRAGMENT_ACTION_DROP;
	} else {
		note->action = verdict == VERDICT_PASS ? FRAGMENT_ACTION_PASS : FRAGMENT_ACTION_DROP;
	}
	note->expires = now_ticks() + fragment_timeout(packet, settings);
	bpf_map_update_elem(&fragments, &it->key.datagram, note, BPF_ANY);
	return 1;
}

/* NAT: the addresses as the first fragment got them. What is behind the network header stays: its sum is in the first one. */
static __always_inline int fragment_rewrite(context *ctx, const struct packet *packet, const struct fragment *note)
{
	if (packet->family == FAMILY_IPV4) {
		struct iphdr *ip = hook_data(ctx) + ETHERNET_LENGTH;
		__be32 source, destination;

		if ((void *)(ip + 1) > hook_data_end(ctx))
			return 0;
		__builtin_memcpy(&source, note->source, 4);
		__builtin_memcpy(&destination, note->destination, 4);
		ip->check = checksum_replace(ip->check, ip->saddr, source);
		ip->check = checksum_replace(ip->check, ip->daddr, destination);
		ip->saddr = source;
		ip->daddr = destination;
		ipv4_decrease_ttl(ip);
	} else {
		struct ipv6hdr *ip = hook_data(ctx) + ETHERNET_LENGTH;

		if ((void *)(ip + 1) > hook_data_end(ctx))
			return 0;
		__builtin_memcpy(&ip->saddr, note->source, 16);
		__builtin_memcpy(&ip->daddr, note->destination, 16);
		ip->hop_limit--;
	}
	return 1;
}

static __always_inline int fragment_to_client(context *ctx, const struct packet *packet, const struct fragment *note)
{
	struct address source, destination;
	struct way way = {};
	long answer;

	__builtin_memcpy(&source, note->source, 16);
	__builtin_memcpy(&destination, note->destination, 16);
	answer = way_ask(ctx, packet->family, &source, &destination, packet->length, &way);
	if (answer == BPF_FIB_LKUP_RET_FRAG_NEEDED && packet_may_be_cut(ctx, packet, way.mtu))
		return ASIDE - RARE_CUT;
	if (answer != BPF_FIB_LKUP_RET_SUCCESS && answer != BPF_FIB_LKUP_RET_NO_NEIGH)
		return count_outcome(OUTCOME_DROP_NO_ROUTE, VERDICT_DROP);
	if (!fragment_rewrite(ctx, packet, note))
		return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
	count_out(note->service, note->server, 1, packet->length);
	return transmit(way.ifindex, way.family, &way.next_hop);
}

static __always_inline int fragment_to_server(context *ctx, const struct packet *packet, const struct fragment *note, __u32 now)
{
	__u32 index = note->server;
	struct server *server = bpf_map_lookup_elem(&servers, &index);
	struct connection connection = { .method = note->method };
	__u32 mtu;
	int done;

	if (!server || !(server->flags & SERVER_AVAILABLE))
		return count_outcome(OUTCOME_DROP_SERVER_GONE, VERDICT_DROP);
	mtu = forward_mtu(server, &connection, now);
	if (packet->length > mtu) {
		if (packet_may_be_cut(ctx, packet, mtu))
			return ASIDE - RARE_CUT;
		/* Its sender heard of it by the first one (RFC 1122 3.2.2). */
		return count_outcome(OUTCOME_DROP_FRAGMENT, VERDICT_DROP);
	}
	if (note->method == FORWARDING_METHOD_DIRECT)
		done = packet_decrease_ttl(ctx, packet);
	else if (note->method != FORWARDING_METHOD_TUNNEL)
		done = fragment_rewrite(ctx, packet, note);
	else if (server->tunnel_type == TUNNEL_TYPE_IPIP)
		done = packet_encapsulate(ctx, packet, server, 0);
	else
		done = packet_encapsulate_with_header(ctx, packet, index, 0);
	if (!done)
		return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
	count_in(note->service, index, 1, packet->length);
	return transmit_to_server(server);
}

/* A fragment that is not the first of its datagram. */
__noinline int fragment_follow(context *ctx, struct packet *packet, const struct headers *headers)
{
	struct settings *settings = settings_get();
	__u32 zero = 0;
	struct fragment_case *it = bpf_map_lookup_elem(&fragment_cases, &zero);
	__u32 now = now_ticks();
	struct fragment *note;

	if (!settings || !packet || !headers || !it)
		return VERDICT_DROP;
	/* What says that it is longer than it came is not sent on, as no other packet is that does. */
	if (!packet_is_whole(ctx, packet, 1))
		return count_outcome(OUTCOME_PASS_MALFORMED, VERDICT_PASS);
	note = fragment_find(packet, headers, it, now);
	if (!note || note->action == FRAGMENT_ACTION_WAIT)
		return fragment_put_aside(ctx, it, note, now + fragment_timeout(packet, settings));
	if (note->action == FRAGMENT_ACTION_PASS)
		return count_outcome(OUTCOME_PASS_FRAGMENT, VERDICT_PASS);
	if (note->action == FRAGMENT_ACTION_DROP || packet->ttl <= 1)
		return count_outcome(OUTCOME_DROP_FRAGMENT, VERDICT_DROP);
	return note->action == FRAGMENT_ACTION_REPLY ? fragment_to_client(ctx, packet, note) : fragment_to_server(ctx, packet, note, now);
}

#endif
