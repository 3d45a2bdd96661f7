/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Long lists are cut into groups, each with its best candidate. Whoever changes a server's load (active, total, overloaded)
 * says so here afterwards; a new connection then looks again at the groups that changed, not at all of the list.
 */
#ifndef EVENKEEL_CANDIDATE_GROUP_H
#define EVENKEEL_CANDIDATE_GROUP_H

#include "maps.h"

static __noinline void candidate_group_change(__u32 group)
{
	struct candidate_group *changed = bpf_map_lookup_elem(&candidate_groups, &group);

	if (changed) {
		__u32 before = __sync_fetch_and_add(&changed->changes, 1);

		/* Used, so that it is the atomic that is also a barrier: the load was changed before the count. */
		asm volatile("" : : "r"(before));
	}
}

/* To be called after each change of a server's load. */
static __always_inline void server_load_changed(const struct server_load *load)
{
	if (load->group)
		candidate_group_change(load->group - 1);
}

#endif
