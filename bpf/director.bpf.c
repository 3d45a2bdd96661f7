// SPDX-License-Identifier: GPL-2.0
/*
 * The director's packet path. One source, two objects: -DHOOK_TC and -DHOOK_XDP.
 *
 *   packet_parse -> connection_find (-> service_find -> schedule -> connection_add) -> forward -> out
 *
 * Each step gives a verdict or NEXT.
 */
#include "reply.h"
#include "request.h"

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
