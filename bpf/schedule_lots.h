/* SPDX-License-Identifier: GPL-2.0 */
/* twos: two servers are drawn by weight, and the one with less overhead for its weight is taken (ip_vs_twos.c). */
#ifndef EVENKEEL_SCHEDULE_LOTS_H
#define EVENKEEL_SCHEDULE_LOTS_H

#include "schedule_load.h"

enum {
	/* Lists have no more candidates than 2 to this. */
	LOT_STEPS = 17,
	/* So often a lot is drawn anew when it fell on a server that is overloaded. */
	LOT_DRAWS = 4,
};

/* IPVS draws from 0 to the sum, both included; 0 is one lot more for the first. */
static __always_inline __u64 lot_draw(__u64 weight_sum)
{
	__u64 chance = bpf_get_prandom_u32();
	__u64 lots = weight_sum + 1;
	/* chance * lots >> 32, of which the product may have more than 64 bits. */
	__u64 lot = chance * (lots >> 32) + (chance * (__u32)lots >> 32);

	return lot ? lot : 1;
}

struct lot {
	const struct plan *plan;
	__u32 lot;
	/* Positions: the server is in from .. to. */
	__u32 from;
	__u32 to;
};

static long lot_step(__u32 i, struct lot *lot)
{
	__u32 middle = (lot->from + lot->to) / 2;
	struct candidate *candidate = candidate_at(lot->plan, middle);

	if (!candidate || lot->from >= lot->to)
		return 1;
	if (candidate->weight_sum >= lot->lot)
		lot->to = middle;
	else
		lot->from = middle + 1;
	return 0;
}

/* The sums of the weights count overloaded servers too: a lot that fell on one of those is drawn again. */
static __noinline __u32 lot_position(const struct plan *plan)
{
	for (int i = 0; i < LOT_DRAWS; i++) {
		struct lot lot = { .plan = plan, .lot = lot_draw(plan->weight_sum), .to = plan->count - 1 };

		bpf_loop(LOT_STEPS, lot_step, &lot, 0);
		if (candidate_weight(plan, lot.from) > 0)
			return lot.from;
	}
	return CHOICE_NONE;
}

/* When most servers are overloaded: a draw among the others, by a walk as IPVS makes it each time. */
struct lot_walk {
	const struct plan *plan;
	__u64 sum;
	__s64 left;
	__u32 position;
};

static long lot_sum_step(__u32 i, struct lot_walk *walk)
{
	walk->sum += candidate_weight(walk->plan, i);
	return 0;
}

static long lot_walk_step(__u32 i, struct lot_walk *walk)
{
	__s32 weight = candidate_weight(walk->plan, i);

	if (weight <= 0)
		return 0;
	walk->left -= weight;
	if (walk->left > 0)
		return 0;
	walk->position = i;
	return 1;
}

static __noinline __u32 lot_walk_position(const struct plan *plan)
{
	struct lot_walk walk = { .plan = plan, .position = CHOICE_NONE };

	bpf_loop(plan->count, lot_sum_step, &walk, 0);
	if (!walk.sum)
		return CHOICE_NONE;
	walk.left = lot_draw(walk.sum);
	bpf_loop(plan->count, lot_walk_step, &walk, 0);
	return walk.position;
}

__noinline __u32 schedule_lots(__u32 plan_index)
{
	struct plan *plan = bpf_map_lookup_elem(&plans, &plan_index);
	struct best best = { .position = POSITION_NONE };

	if (!plan || !plan->weight_sum)
		return CHOICE_NONE;
	best.plan = plan;
	for (int i = 0; i < 2; i++) {
		__u32 position = lot_position(plan);

		if (position == CHOICE_NONE)
			position = lot_walk_position(plan);
		if (position != CHOICE_NONE)
			best_compare(&best, position);
	}
	return candidate_server(plan, best.position);
}

#endif
