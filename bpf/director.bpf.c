// SPDX-License-Identifier: GPL-2.0
/*
 * The director's packet path. One source, two objects: -DHOOK_TC and -DHOOK_XDP.
 *
 *   packet_parse -> connection_find (-> service_find -> schedule -> connection_add) -> forward -> out
 *
 * Each step gives a verdict or NEXT. What packet_parse leaves aside goes on in bpf/rare_programs.h.
 */
#include "dispatch.h"
#include "rare.h"

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

	if (likely(verdict == NEXT)) {
		settings = settings_get();
		if (!settings)
			return VERDICT_PASS;
		verdict = packet_dispatch(ctx, &packet, settings);
	}
#ifdef HOOK_TC
	if (unlikely(verdict <= ASIDE))
		return rare_call(ctx, ASIDE - verdict);
#endif
	return verdict;
}

#ifdef HOOK_TC
#include "control.h"
#include "rare_programs.h"
#endif

char _license[] SEC("license") = "GPL";
