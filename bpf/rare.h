/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is seldom and long has programs of its own at tc (bpf/rare_programs.h), each with its own stack and its own count of
 * instructions: the program that every packet runs ends in a tail call to them. libbpf fills the array when it loads the object,
 * also when that shares an array which stands, so a reload replaces them all.
 */
#ifndef EVENKEEL_RARE_H
#define EVENKEEL_RARE_H

#include "packet.h"

#ifdef HOOK_TC

int rare_packet(context *ctx);
int rare_icmp(context *ctx);
int rare_cut(context *ctx);
int rare_path_mtu(context *ctx);
int rare_icmp_full_nat(context *ctx);
int rare_local(context *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, RARE_COUNT);
	__uint(key_size, sizeof(__u32));
	__array(values, int(context *));
} rare_programs SEC(".maps") = {
	.values = {
		[RARE_PACKET] = (void *)&rare_packet,
		[RARE_ICMP] = (void *)&rare_icmp,
		[RARE_CUT] = (void *)&rare_cut,
		[RARE_PATH_MTU] = (void *)&rare_path_mtu,
		[RARE_ICMP_FULL_NAT] = (void *)&rare_icmp_full_nat,
		[RARE_LOCAL] = (void *)&rare_local,
	},
};

/* Does not come back, unless the program is not there. */
static __always_inline int rare_call(context *ctx, __u32 program)
{
	bpf_tail_call(ctx, &rare_programs, program);
	return count_outcome(OUTCOME_PASS_PROTOCOL, VERDICT_PASS);
}

#endif
#endif
