/* SPDX-License-Identifier: GPL-2.0 */
/* Two CPUs that enter one flow, or one template, at the same time: one of the two entries stays. */
#ifndef EVENKEEL_CONNECTION_TWIN_H
#define EVENKEEL_CONNECTION_TWIN_H

#include "connection_add.h"

/* Ends the other of two entries of one flow; a template that leads connections by now is only found no more. */
static __always_inline int twin_end(const struct place *twin)
{
	return connection_end(twin) || (twin->life & LIFE_TEMPLATE && template_invalidate(twin));
}

/*
 * Ends what stands of a flow behind this place, in its group and in those that it sent others on to; how many were ended by
 * us. Only behind: one before us, who was published since we searched, is about to end us, and would we end it, the flow had
 * none.
 */
__noinline int connection_end_twins(const struct flow *flow, __u64 hash, const struct place *place)
{
	struct connection_group *group;
	struct place twin = {};
	__u32 now = now_ticks();
	int ended = 0;
	__u32 own;

	if (!flow || !place)
		return 0;
	group = place_group(place);
	if (!group)
		return 0;
	twin.group = place->group;
	own = place->slot ^ hash_home(hash);
	for (__u32 i = 1; i < CONNECTION_GROUP_SLOTS; i++) {
		twin.slot = (i ^ hash_home(hash)) & (CONNECTION_GROUP_SLOTS - 1);
		if (i > own && slot_holds(&group->slot[twin.slot], flow, flow->ends, now, SEARCH_REQUEST, &twin.life))
			ended += twin_end(&twin);
	}
	/* Our slot may have been the last one there, and the twin been sent on. */
	if (unlikely(group_overflowed(twin.group)) && connection_search_on(flow, hash, &twin, SEARCH_REQUEST))
		ended += twin_end(&twin);
	return ended;
}

/*
 * Two CPUs may enter one flow at the same time. What a search finds first stays, the other leaves: it ends itself, or is
 * ended by the first, which may have been published later. Whoever ends an entry answers for its being counted once, so
 * the answer is 1 when this connection is counted by the other CPU.
 */
static __always_inline int connection_yield_to_twin(const struct flow *flow, __u64 hash, struct place *place, const struct settings *settings)
{
	struct place first = {};
	int ended;

	if (!connection_find(flow, hash, &first, settings))
		return 0;
	if (first.group == place->group && first.slot == place->slot)
		return connection_end_twins(flow, hash, place) > 0;
	ended = twin_end(place);
	*place = first;
	return ended;
}

/*
 * Enters a template for this key, whose family has FAMILY_TEMPLATE beside it; newcomer.parent is its life in ticks. When
 * another CPU made one first, place is that one's. 0 when the table is full.
 */
static __always_inline int template_add(struct newcomer *newcomer, const struct flow *key, __u64 hash, struct place *place)
{
	struct settings *settings = settings_get();

	if (!settings || !newcomer || !key || !place)
		return 0;
	newcomer->life = (__u64)(now_ticks() + newcomer->parent) << LIFE_EXPIRES_SHIFT | LIFE_TEMPLATE;
	if (!connection_add(newcomer, key, hash, place))
		return 0;
	connection_yield_to_twin(key, hash, place, settings);
	return 1;
}

#endif
