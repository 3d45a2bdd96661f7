/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rr and wrr: a walk on from the last choice (net/netfilter/ipvs/ip_vs_rr.c, ip_vs_wrr.c), without IPVS's lock: a choice is
 * made from a cursor that was read and is valid if the cursor is still the same, else made again.
 */
#ifndef EVENKEEL_SCHEDULE_WALK_H
#define EVENKEEL_SCHEDULE_WALK_H

#include "candidate.h"

enum {
	/* Steps of a walk: five sweeps over the longest list are enough, since empty sweeps are stepped over. */
	SCHEDULE_STEPS_MAX = 1 << 18,
	/* Other CPUs may be faster this often; then the choice stands without moving the cursor. */
	SCHEDULE_RACES_MAX = 8,
};

/* A walk over a plan's list. `at` is a position + 1, and 0 is the head, as in the cursor. */
struct walk {
	const struct plan *plan;
	__u32 at;
	__u32 start;
	__s32 weight;
	__u32 chosen;
	__u8 last_pass;
	__u8 restarted;
	__u8 stop_at_start;
	__u8 whole_sweep;
	__s32 heaviest;
};

/* The first after the last choice that may serve; the last choice itself comes last. */
static long rr_step(__u32 i, struct walk *walk)
{
	__u32 position = walk->start + i;

	if (position >= walk->plan->count)
		position -= walk->plan->count;
	if (candidate_weight(walk->plan, position) <= 0)
		return 0;
	walk->chosen = position;
	walk->at = position + 1;
	return 1;
}

static __always_inline void rr_walk(struct walk *walk)
{
	walk->start = walk->at < walk->plan->count ? walk->at : 0;
	bpf_loop(walk->plan->count, rr_step, walk, 0);
}

/*
 * One element, or the end of the list, where the current weight falls by the divisor. A sweep over the whole list tells
 * how heavy the heaviest is that may serve; IPVS makes each of the empty sweeps above that, we step over them.
 */
static long wrr_step(__u32 i, struct walk *walk)
{
	const struct plan *plan = walk->plan;
	__s32 divisor = plan->weight_divisor;

	if (walk->at < plan->count) {
		__u32 position = walk->at++;
		__s32 weight = candidate_weight(plan, position);

		if (weight >= walk->weight) {
			walk->chosen = position;
			return 1;
		}
		if (weight > walk->heaviest)
			walk->heaviest = weight;
		return walk->stop_at_start && walk->at == walk->start;
	}
	walk->at = 0;
	walk->weight -= divisor;
	if (walk->weight <= 0) {
		walk->weight = plan->weight_max;
		if (walk->last_pass || walk->start == 0)
			return 1;
		walk->restarted = 1;
	}
	if (walk->whole_sweep && divisor > 0) {
		__s32 reach = walk->heaviest > divisor ? walk->heaviest : divisor;

		if (walk->weight > reach)
			walk->weight -= (__u32)(walk->weight - reach + divisor - 1) / (__u32)divisor * divisor;
	}
	walk->whole_sweep = 1;
	walk->heaviest = 0;
	walk->last_pass = walk->weight <= divisor;
	if (walk->last_pass && walk->restarted && walk->start != 0)
		walk->stop_at_start = 1;
	return 0;
}

static __always_inline void wrr_walk(struct walk *walk)
{
	walk->start = walk->at;
	if (walk->plan->weight_max)
		bpf_loop(SCHEDULE_STEPS_MAX, wrr_step, walk, 0);
}

__noinline __u32 schedule_walk(__u32 plan_index)
{
	struct plan *plan = bpf_map_lookup_elem(&plans, &plan_index);
	struct walk walk = {};

	if (!plan)
		return CHOICE_NONE;
	walk.plan = plan;
	for (int i = 0; i < SCHEDULE_RACES_MAX; i++) {
		__u64 cursor = *(volatile __u64 *)&plan->cursor;
		__u64 next;

		walk.at = (__u32)cursor;
		walk.weight = cursor >> 32;
		walk.chosen = CHOICE_NONE;
		walk.last_pass = walk.restarted = walk.stop_at_start = walk.whole_sweep = 0;
		walk.heaviest = 0;
		if (plan->scheduler == SCHEDULER_WRR)
			wrr_walk(&walk);
		else
			rr_walk(&walk);
		next = (__u64)(__u32)walk.weight << 32 | walk.at;
		if (next == cursor || __sync_val_compare_and_swap(&plan->cursor, cursor, next) == cursor)
			break;
	}
	return candidate_server(plan, walk.chosen);
}

#endif
