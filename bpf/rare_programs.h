/* SPDX-License-Identifier: GPL-2.0 */
/* The programs that the director calls for what is seldom (bpf/rare.h). tc only. */
#ifndef EVENKEEL_RARE_PROGRAMS_H
#define EVENKEEL_RARE_PROGRAMS_H

#include "dispatch.h"
#include "icmp_forward.h"
#include "rare.h"

SEC("tc")
int rare_packet(context *ctx)
{
	struct settings *settings = settings_get();
	struct packet packet = {};
	struct headers headers = {};
	int verdict;

	if (!settings)
		return VERDICT_PASS;
	verdict = headers_parse(ctx, ETHERNET_LENGTH, &packet, &headers);
	if (verdict != HEADERS_GOOD)
		return count_outcome(verdict == HEADERS_FOREIGN ? OUTCOME_PASS_PROTOCOL : OUTCOME_PASS_MALFORMED, VERDICT_PASS);
	if (headers.is_fragment)
		return count_outcome(OUTCOME_PASS_FRAGMENT, VERDICT_PASS);
	verdict = packet_parse_transport(ctx, &packet);
	if (verdict == NEXT)
		verdict = packet_dispatch(ctx, &packet, settings);
	if (verdict <= ASIDE)
		return rare_call(ctx, ASIDE - verdict);
	return verdict;
}

SEC("tc")
int rare_icmp(context *ctx)
{
	struct settings *settings = settings_get();
	int verdict = NEXT;

	if (settings)
		verdict = icmp_forward(ctx, settings);
	return verdict == NEXT ? count_outcome(OUTCOME_PASS_ICMP, VERDICT_PASS) : verdict;
}

/* Counted and stepped already, as if it had been sent. */
SEC("tc")
int rare_local(context *ctx)
{
	return VERDICT_PASS;
}

SEC("tc")
int rare_cut(context *ctx)
{
	return count_outcome(OUTCOME_PASS_FRAGMENT, VERDICT_PASS);
}

#endif
