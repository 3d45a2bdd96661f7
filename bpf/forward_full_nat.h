/* SPDX-License-Identifier: GPL-2.0 */
/* Full NAT: both ends of a packet are rewritten (bpf/full_nat.h). */
#ifndef EVENKEEL_FORWARD_FULL_NAT_H
#define EVENKEEL_FORWARD_FULL_NAT_H

#include "forward_nat.h"
#include "full_nat.h"

/* The end that packet_rewrite() leaves alone; the hop is counted there. */
static __always_inline int packet_rewrite_other_end(context *ctx, const struct packet *packet, const struct rewrite *rewrite, int source)
{
	return rewrite_address(ctx, packet, rewrite, source, 0) && rewrite_transport(ctx, packet, rewrite, source);
}

/* A request's source, which becomes ours. 0 or the outcome of a packet that cannot be sent. */
__noinline int full_nat_request(context *ctx, const struct packet *packet, const struct connection *connection)
{
	struct connection *other;
	struct rewrite rewrite;

	if (!packet || !connection || connection->method != FORWARDING_METHOD_FULL_NAT)
		return OUTCOME_DROP_REWRITE;
	other = full_nat_other(connection);
	if (!other)
		return OUTCOME_DROP_NO_PORT;
	rewrite.before = packet->source;
	__builtin_memcpy(&rewrite.after, other->client, 16);
	rewrite.port_before = packet->source_port;
	rewrite.port_after = other->client_port;
	return packet_rewrite_other_end(ctx, packet, &rewrite, 1) ? OUTCOME_NONE : OUTCOME_DROP_REWRITE;
}

#ifdef HOOK_TC

/* A reply's destination, which is the client again; from then on it is as any NAT server's. */
__noinline int full_nat_reply(context *ctx, struct packet *packet, const struct connection *connection)
{
	struct rewrite rewrite;

	if (!packet || !connection)
		return 0;
	rewrite.before = packet->destination;
	__builtin_memcpy(&rewrite.after, connection->client, 16);
	rewrite.port_before = packet->destination_port;
	rewrite.port_after = connection->client_port;
	packet->destination = rewrite.after;
	packet->destination_port = rewrite.port_after;
	return packet_rewrite_other_end(ctx, packet, &rewrite, 0);
}

#endif
#endif
