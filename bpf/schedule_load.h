/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lc, wlc, sed, nq, fo, ovf: the candidate with the least load for its weight; the first in the walk wins a tie. What counts
 * as load and as weight is the whole difference between them, so that one comparison serves all. Short lists are scanned;
 * of long ones only the groups that have changed (load_note()), with the same result.
 */
#ifndef EVENKEEL_SCHEDULE_LOAD_H
#define EVENKEEL_SCHEDULE_LOAD_H

#include "candidate.h"

/* Small, because two of them stand on the stack of the longest call chain. */
struct best {
	const struct plan *plan;
	/* Compared by cross products, as IPVS does: load / weight would round. */
	__u64 load;
	__u32 weight;
	/* POSITION_NONE: none yet. */
	__u16 position;
	/* Where the search begins. */
	__u16 first;
};

/* An active connection counts as 256 inactive ones. */
static __always_inline __u64 load_overhead(const struct server_load *load)
{
	__u32 active = READ_ONCE(load->active);
	__u32 total = READ_ONCE(load->total);

	return ((__u64)active << 8) + (total > active ? total - active : 0);
}

/* Looks at one candidate: is it better than the best so far? */
static __always_inline void best_compare(struct best *best, __u32 position)
{
	struct candidate *candidate = candidate_at(best->plan, position);
	struct server_load *server;
	__u64 load;
	__u32 weight;

	if (!candidate)
		return;
	weight = candidate->weight;
	server = server_load_get(candidate->server);
	if (!weight || !server || (server->flags & LOAD_OVERLOADED))
		return;
	switch (best->plan->scheduler) {
	case SCHEDULER_LC:
		load = load_overhead(server);
		weight = 1;
		break;
	case SCHEDULER_SED:
		load = (__u64)server->active + 1;
		break;
	case SCHEDULER_NQ:
		/* An idle one has no load at all, so that none is better. */
		load = server->active ? (__u64)server->active + 1 : 0;
		break;
	case SCHEDULER_OVF:
		/* IPVS compares before it counts the new connection: a server takes weight + 1 of them. */
		if (server->active > weight)
			return;
		load = 1;
		break;
	case SCHEDULER_FO:
		load = 1;
		break;
	default:
		load = load_overhead(server);
		break;
	}
	if (best->position != POSITION_NONE && load * best->weight >= best->load * weight)
		return;
	best->load = load;
	best->weight = weight;
	best->position = position;
}

static long best_step(__u32 i, struct best *best)
{
	best_compare(best, best->first + i);
	return 0;
}

/* The best of one group's candidates, looked for and remembered. */
static __noinline __u32 best_of_group(const struct plan *plan, __u32 number)
{
	__u32 index = plan->first_group + number;
	__u32 size = 1U << (plan->group_shift & 15);
	__u32 first = number << (plan->group_shift & 15);
	struct best best = { .plan = plan, .position = POSITION_NONE, .first = first };
	struct candidate_group *group = bpf_map_lookup_elem(&candidate_groups, &index);
	__u32 count = plan->count - first;
	__u32 changes;

	if (!group || first >= plan->count)
		return POSITION_NONE;
	/* Read by an atomic, which is a barrier: a change that is not counted yet is seen next time. */
	changes = __sync_fetch_and_add(&group->changes, 0);
	bpf_loop(count < size ? count : size, best_step, &best, 0);
	*(volatile __u64 *)&group->best = (__u64)changes << 32 | best.position;
	return best.position;
}

static long best_group_step(__u32 i, struct best *best)
{
	__u32 index = best->plan->first_group + i;
	struct candidate_group *group = bpf_map_lookup_elem(&candidate_groups, &index);
	__u32 position;
	__u64 known;

	if (!group)
		return 1;
	known = READ_ONCE(group->best);
	position = known;
	if (known >> 32 != READ_ONCE(group->changes))
		position = best_of_group(best->plan, i);
	if (position != POSITION_NONE)
		best_compare(best, position);
	return 0;
}

/* lblc and lblcr compare as wlc does. */
__noinline __u32 schedule_load(__u32 plan_index)
{
	struct plan *plan = bpf_map_lookup_elem(&plans, &plan_index);
	struct best best = { .position = POSITION_NONE };

	if (!plan)
		return CHOICE_NONE;
	best.plan = plan;
	if (plan->group_shift)
		bpf_loop(((plan->count - 1) >> (plan->group_shift & 15)) + 1, best_group_step, &best, 0);
	else
		bpf_loop(plan->count, best_step, &best, 0);
	return candidate_server(plan, best.position);
}

#endif
