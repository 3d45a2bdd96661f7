/* SPDX-License-Identifier: GPL-2.0 */
/* From a NAT server back to its client. */
#ifndef EVENKEEL_REPLY_H
#define EVENKEEL_REPLY_H

#include "forward.h"

/* From a NAT server to its client. NEXT: not of a connection. */
static __always_inline int reply(context *ctx, struct packet *packet, const struct settings *settings)
{
	struct flow flow = flow_turned(&packet->flow);
	struct place place = {};
	struct connection *connection;
	int verdict;

	if (!connection_find_reply(&flow, flow_hash(&flow, settings), &place, settings))
		return NEXT;
	connection = place_connection(&place);
	if (!connection)
		return NEXT;
	if (unlikely(connection->method == FORWARDING_METHOD_FULL_NAT_REPLY)) {
#ifdef HOOK_XDP
		return count_outcome(OUTCOME_PASS_TO_TC, VERDICT_PASS);
#else
		if (!full_nat_main(&place))
			return NEXT;
		connection = place_connection(&place);
		if (!connection)
			return NEXT;
		if (!full_nat_reply(ctx, packet, connection))
			return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
#endif
	}
	packet_measure(ctx, packet);
	verdict = forward_reply(ctx, packet, connection);
	if (!verdict_is_sent(verdict))
		return verdict;
	connection_touch(connection, &place, packet, 1, settings, now_ticks());
	count_out(connection->service, connection->server, packet->segments, packet->length);
	return verdict;
}

#endif
