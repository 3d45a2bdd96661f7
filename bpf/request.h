/* SPDX-License-Identifier: GPL-2.0 */
/* From a client to a virtual service: its connection, or a new one, and on to the server. */
#ifndef EVENKEEL_REQUEST_H
#define EVENKEEL_REQUEST_H

#include "forward.h"
#include "service.h"

/* An entry that the next SYN replaces: conn_reuse_mode 1. */
static __always_inline int place_is_over(const struct place *place, const struct packet *packet)
{
	__u32 state = life_state(place->life);

	return packet->protocol == IPPROTO_TCP && (packet->tcp_flags & TCP_BIT_SYN) &&
	       (state == TCP_STATE_TIME_WAIT || state == TCP_STATE_CLOSE);
}

/* From a client to a virtual service. NEXT: no service, so it may yet be a reply. */
static __always_inline int request(context *ctx, struct packet *packet, const struct settings *settings)
{
	const struct flow *flow = &packet->flow;
	__u32 now = now_ticks();
	__u64 hash = flow_hash(flow, settings);
	struct place place = {};
	struct connection *connection;
	struct server *server;
	__u32 index;
	int verdict;

	connection = connection_at_home(flow, hash, &place, settings, now);
	if (unlikely(!connection || place_is_over(&place, packet))) {
		int known = connection_find(flow, hash, &place, settings);

		if (known && place_is_over(&place, packet))
			known = !connection_end(&place) && connection_find(flow, hash, &place, settings);
		if (!known) {
			struct service *service = service_find(packet);

			if (!service)
				return NEXT;
			if (!packet_is_new(packet))
				return count_outcome(OUTCOME_PASS_NOT_NEW, VERDICT_PASS);
			if (!source_is_a_host(packet, settings))
				return count_outcome(OUTCOME_PASS_MALFORMED, VERDICT_PASS);
			verdict = service_connect(packet, service, flow, hash, settings, &place);
			if (verdict != NEXT)
				return verdict;
		}
		connection = place_connection(&place);
		if (!connection)
			return count_outcome(OUTCOME_DROP_SERVER_GONE, VERDICT_DROP);
	}
	index = connection->server;
	server = bpf_map_lookup_elem(&servers, &index);
	if (!server || !(server->flags & SERVER_AVAILABLE))
		return count_outcome(OUTCOME_DROP_SERVER_GONE, VERDICT_DROP);
	packet_measure(ctx, packet);
	verdict = forward_request(ctx, packet, server, index, connection, hash, settings, now);
	if (verdict == VERDICT_PASS || verdict == VERDICT_DROP)
		return verdict;
	connection_touch(connection, &place, packet, 0, settings, now);
	count_in(connection->service, index, packet->segments, packet->length);
	return verdict;
}

#endif
