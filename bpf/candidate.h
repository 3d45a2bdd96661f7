/* SPDX-License-Identifier: GPL-2.0 */
/* A plan's candidates, as every scheduler looks at them. */
#ifndef EVENKEEL_CANDIDATE_H
#define EVENKEEL_CANDIDATE_H

#include "maps.h"
#include "packet.h"

static __always_inline struct candidate *candidate_at(const struct plan *plan, __u32 position)
{
	__u32 index = plan->first + position;

	return bpf_map_lookup_elem(&candidates, &index);
}

static __always_inline struct server_load *server_load_get(__u32 server)
{
	return bpf_map_lookup_elem(&server_load, &server);
}

/* The weight that counts at this position: 0 when the server is overloaded. */
static __always_inline __s32 candidate_weight(const struct plan *plan, __u32 position)
{
	struct candidate *candidate = candidate_at(plan, position);
	struct server_load *load;

	if (!candidate)
		return 0;
	load = server_load_get(candidate->server);
	if (!load || (load->flags & LOAD_OVERLOADED))
		return 0;
	return candidate->weight;
}

/* The number of the server at a position, or CHOICE_NONE. */
static __always_inline __u32 candidate_server(const struct plan *plan, __u32 position)
{
	struct candidate *candidate = position < plan->count ? candidate_at(plan, position) : NULL;

	return candidate ? candidate->server : CHOICE_NONE;
}

/* The same, if it may serve. */
static __always_inline __u32 candidate_if_serving(const struct plan *plan, __u32 position)
{
	if (position >= plan->count || candidate_weight(plan, position) <= 0)
		return CHOICE_NONE;
	return candidate_server(plan, position);
}

#endif
