/* SPDX-License-Identifier: GPL-2.0 */
/* From a client to a virtual service: its connection, or a new one, and on to the server. */
#ifndef EVENKEEL_REQUEST_H
#define EVENKEEL_REQUEST_H

#include "connect.h"
#include "forward.h"

/* The mark that a packet brought along; none has been set where XDP sees it. */
static __always_inline __u32 hook_mark(const context *ctx)
{
#ifdef HOOK_XDP
	return 0;
#else
	return ctx->mark;
#endif
}

/* What becomes of a packet that got no connection. */
static __always_inline int request_ends(context *ctx, const struct packet *packet, int outcome)
{
	if (outcome == OUTCOME_DROP_NO_SERVER) {
#ifdef HOOK_XDP
		return count_outcome(OUTCOME_PASS_TO_TC, VERDICT_PASS);
#else
		return icmp_port_unreachable(ctx, packet);
#endif
	}
	if (outcome == OUTCOME_DROP_TABLE_FULL || outcome == OUTCOME_DROP_NO_PORT)
		return count_outcome(outcome, VERDICT_DROP);
	return count_outcome(outcome, VERDICT_PASS);
}

/* NEXT: no service, so it may yet be a reply. */
static __always_inline int request(context *ctx, struct packet *packet, const struct settings *settings)
{
	const struct flow *flow = &packet->flow;
	__u32 now = now_ticks();
	__u64 hash = flow_hash(flow, settings);
	struct place place = {};
	struct server *server = NULL;
	struct connection *connection;
	__u32 index;
	int verdict;

	connection = connection_at_home(flow, hash, &place, settings, now);
	if (likely(connection)) {
		index = connection->server;
		server = bpf_map_lookup_elem(&servers, &index);
	}
	if (unlikely(!server || !(server->flags & SERVER_AVAILABLE) || packet_is_first(packet))) {
		int found = connect(packet, hash, &place, settings, hook_ifindex(ctx), hook_mark(ctx));

		if (found == CONNECT_NO_SERVICE)
			return NEXT;
		if (found != NEXT && found != CONNECT_ONE_PACKET)
			return request_ends(ctx, packet, found);
		connection = found == NEXT ? place_connection(&place) : one_packet();
		if (!connection)
			return count_outcome(OUTCOME_DROP_SERVER_GONE, VERDICT_DROP);
		index = connection->server;
		server = bpf_map_lookup_elem(&servers, &index);
		if (!server || !(server->flags & SERVER_AVAILABLE))
			return count_outcome(OUTCOME_DROP_SERVER_GONE, VERDICT_DROP);
	}
	packet_measure(ctx, packet);
	verdict = forward_request(ctx, packet, server, index, connection, hash, settings, now);
	if (!verdict_is_sent(verdict))
		return verdict;
	connection_touch(connection, &place, packet, 0, settings, now);
	count_in(connection->service, index, packet->segments, packet->length);
	return verdict;
}

#endif
