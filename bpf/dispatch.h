/* SPDX-License-Identifier: GPL-2.0 */
/* A packet whose flow is known: a client's, a NAT server's, or none of ours. */
#ifndef EVENKEEL_DISPATCH_H
#define EVENKEEL_DISPATCH_H

#include "reply.h"
#include "request.h"

/*
 * May there be a service for it? Most packets end here. Where a mark rule takes any destination every bit of the filter is set;
 * a mark that the packet brings along may do so too.
 */
static __always_inline int packet_may_be_request(const context *ctx, const struct packet *packet, const struct settings *settings)
{
	return filter_may_hold(settings->virtual_filter, &packet->destination) ||
	       (unlikely(settings->flags & SETTINGS_MARKED) && hook_mark(ctx));
}

/* Does it come from, or go to, somebody we know? Else it is not even looked up. */
static __always_inline int packet_may_be_ours(const context *ctx, const struct packet *packet, const struct settings *settings)
{
	return packet_may_be_request(ctx, packet, settings) ||
	       ((settings->flags & SETTINGS_NAT_IN_USE) && filter_may_hold(settings->server_filter, &packet->source));
}

static __always_inline int packet_dispatch(context *ctx, struct packet *packet, const struct settings *settings)
{
	int verdict;

	if (packet_may_be_request(ctx, packet, settings)) {
		verdict = request(ctx, packet, settings);
		if (verdict != NEXT)
			return verdict;
	}
	if ((settings->flags & SETTINGS_NAT_IN_USE) && filter_may_hold(settings->server_filter, &packet->source)) {
		verdict = reply(ctx, packet, settings);
		if (verdict != NEXT)
			return verdict;
	}
	return count_outcome(OUTCOME_PASS_NO_SERVICE, VERDICT_PASS);
}

#endif
