/* SPDX-License-Identifier: GPL-2.0 */
/* The programs that the director calls for what is seldom (bpf/rare.h). tc only. */
#ifndef EVENKEEL_RARE_PROGRAMS_H
#define EVENKEEL_RARE_PROGRAMS_H

#include "cut.h"
#include "dispatch.h"
#include "fragment.h"
#include "icmp_forward.h"
#include "icmp_full_nat.h"
#include "icmp_path_mtu.h"
#include "rare.h"

/* A packet and the headers between. Not on the stack, which the searches need. */
struct rare_case {
	struct packet packet;
	struct headers headers;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rare_case);
} rare_cases SEC(".maps");

SEC("tc")
int rare_packet(context *ctx)
{
	struct settings *settings = settings_get();
	__u32 zero = 0;
	struct rare_case *it = bpf_map_lookup_elem(&rare_cases, &zero);
	struct packet *packet;
	struct headers *headers;
	int verdict;

	if (!settings || !it)
		return VERDICT_PASS;
	if (ctx->vlan_present) {
		/* Of VLAN 0: sent on, the frame would keep its priority's tag. */
		if (ctx->protocol != bpf_htons(ETH_P_IP) && ctx->protocol != bpf_htons(ETH_P_IPV6))
			return count_outcome(OUTCOME_PASS_NOT_IP, VERDICT_PASS);
		bpf_skb_vlan_pop(ctx);
	}
	__builtin_memset(it, 0, sizeof(*it));
	packet = &it->packet;
	headers = &it->headers;
	verdict = headers_parse(ctx, ETHERNET_LENGTH, packet, headers);
	if (verdict != HEADERS_GOOD)
		return count_outcome(verdict == HEADERS_FOREIGN ? OUTCOME_PASS_PROTOCOL : OUTCOME_PASS_MALFORMED, VERDICT_PASS);
	if (headers->is_fragment && !packet_may_be_ours(ctx, packet, settings))
		return count_outcome(OUTCOME_PASS_FRAGMENT, VERDICT_PASS);
	if (headers->fragment_offset) {
		verdict = fragment_follow(ctx, packet, headers);
	} else {
		if (headers->more && !fragment_release(ctx, packet, headers))
			return count_outcome(OUTCOME_DROP_FRAGMENT, VERDICT_DROP);
		verdict = packet_parse_transport(ctx, packet);
		ctx->cb[CONTEXT_ANSWERED] = 0;
		if (verdict == NEXT)
			verdict = packet_dispatch(ctx, packet, settings);
		if (headers->more && verdict != ASIDE - RARE_CUT)
			fragment_note(ctx, packet, verdict <= ASIDE ? VERDICT_PASS : verdict);
	}
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
	if (verdict <= ASIDE)
		return rare_call(ctx, ASIDE - verdict);
	return verdict == NEXT ? count_outcome(OUTCOME_PASS_ICMP, VERDICT_PASS) : verdict;
}

SEC("tc")
int rare_path_mtu(context *ctx)
{
	int verdict = icmp_path_mtu(ctx, ctx->cb[CONTEXT_MTU]);

	return verdict == NEXT ? count_outcome(OUTCOME_PASS_ICMP, VERDICT_PASS) : verdict;
}

SEC("tc")
int rare_icmp_full_nat(context *ctx)
{
	int verdict = icmp_full_nat(ctx);

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
	struct packet packet = {};
	struct headers headers = {};
	__u32 mtu = ctx->cb[CONTEXT_MTU];

	if (headers_parse(ctx, ETHERNET_LENGTH, &packet, &headers) != HEADERS_GOOD || packet.family != FAMILY_IPV4)
		return count_outcome(OUTCOME_PASS_MALFORMED, VERDICT_PASS);
	if (!headers.is_fragment && checksum_is_partial(ctx, &packet))
		return icmp_too_big(ctx, &packet, mtu);
	return packet_cut(ctx, &packet, &headers, mtu);
}

#endif
