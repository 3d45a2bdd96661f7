// SPDX-License-Identifier: GPL-2.0
/*
 * The director's packet path. One source, two objects: -DHOOK_TC and -DHOOK_XDP.
 *
 *   packet_parse -> connection_find (-> service_find -> schedule -> connection_add) -> forward -> out
 *
 * Each step gives a verdict or NEXT.
 */
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
	connection_touch(&place, packet, 0, settings, now);
	count_in(connection->service, index, packet->segments, packet->length);
	return verdict;
}

/* From a NAT server to its client. NEXT: not of a connection. */
static __always_inline int reply(context *ctx, struct packet *packet, const struct settings *settings)
{
	struct flow flow = {
		.client = packet->destination,
		.other = packet->source,
		.ends = flow_ends(packet->destination_port, packet->protocol, packet->family, packet->source_port),
	};
	struct place place = {};
	struct connection *connection;
	int verdict;

	if (!connection_find_reply(&flow, flow_hash(&flow, settings), &place, settings))
		return NEXT;
	connection = place_connection(&place);
	if (!connection)
		return NEXT;
	packet_measure(ctx, packet);
	verdict = forward_reply(ctx, packet, connection);
	if (verdict == VERDICT_PASS || verdict == VERDICT_DROP)
		return verdict;
	connection_touch(&place, packet, 1, settings, now_ticks());
	count_out(connection->service, connection->server, packet->segments, packet->length);
	return verdict;
}

#ifdef HOOK_XDP
SEC("xdp")
#else
SEC("tc")
#endif
int director(context *ctx)
{
	struct packet packet = {};
	int verdict = packet_parse(ctx, &packet);
	struct settings *settings;

	if (verdict != NEXT)
		return verdict;
	settings = settings_get();
	if (!settings)
		return VERDICT_PASS;
	if (filter_may_hold(settings->virtual_filter, &packet.destination)) {
		verdict = request(ctx, &packet, settings);
		if (verdict != NEXT)
			return verdict;
	}
	if ((settings->flags & SETTINGS_NAT_IN_USE) && filter_may_hold(settings->server_filter, &packet.source)) {
		verdict = reply(ctx, &packet, settings);
		if (verdict != NEXT)
			return verdict;
	}
	return count_outcome(OUTCOME_PASS_NO_SERVICE, VERDICT_PASS);
}

#ifdef HOOK_TC
#include "control.h"
#endif

char _license[] SEC("license") = "GPL";
