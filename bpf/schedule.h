/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which server a new connection gets: exactly as IPVS's schedulers choose. The reference is src/scheduler/; both replay the
 * same recordings. Schedulers of one kind share a header and a global function, which the verifier checks by itself.
 */
#ifndef EVENKEEL_SCHEDULE_H
#define EVENKEEL_SCHEDULE_H

#include "schedule_hash.h"
#include "schedule_load.h"
#include "schedule_locality.h"
#include "schedule_lots.h"
#include "schedule_walk.h"

/* The number of the server for a new connection, or CHOICE_NONE. */
__noinline __u32 schedule(__u32 plan_index, const struct packet *packet)
{
	struct plan *plan = bpf_map_lookup_elem(&plans, &plan_index);
	__u32 server;

	if (!plan || !packet)
		return CHOICE_NONE;
	switch (plan->scheduler) {
	case SCHEDULER_RR:
	case SCHEDULER_WRR:
		return schedule_walk(plan_index);
	case SCHEDULER_SH:
	case SCHEDULER_DH:
	case SCHEDULER_MH:
		return schedule_hash(plan_index, packet);
	case SCHEDULER_LBLC:
	case SCHEDULER_LBLCR:
		server = locality_find(plan_index, packet);
		if (server != CHOICE_NONE)
			return server;
		server = schedule_load(plan_index);
		return server == CHOICE_NONE ? server : locality_give(plan_index, packet, server);
	case SCHEDULER_TWOS:
		return schedule_lots(plan_index);
	default:
		return schedule_load(plan_index);
	}
}

#endif
