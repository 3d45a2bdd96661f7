/* SPDX-License-Identifier: GPL-2.0 */
/* Where in a group there is room for a newcomer, and who gives way where there is none. */
#ifndef EVENKEEL_CONNECTION_ROOM_H
#define EVENKEEL_CONNECTION_ROOM_H

#include "connection_end.h"

/* May a newcomer have this slot? */
static __always_inline int slot_gives_room(const struct connection *connection, __u64 life, __u32 now)
{
	return life_phase(life) == LIFE_FREE ||
	       (life_phase(life) == LIFE_LIVE && life_is_past(life, now) && !template_lingers(connection, life));
}

/*
 * The first slot from home that is free or past its time, or CONNECTION_GROUP_SLOTS. None either for one that will be
 * half-open where HALF_OPEN_PER_GROUP of that kind stand: a group is looked at until that is out of the question.
 */
__noinline __u32 group_room(const struct connection_group *group, __u32 home, __u32 now, int half_open)
{
	__u32 room = CONNECTION_GROUP_SLOTS;
	__u32 others = 0;

	if (!group)
		return room;
	for (__u32 i = 0; i < CONNECTION_GROUP_SLOTS; i++) {
		__u32 slot = (home ^ i) & (CONNECTION_GROUP_SLOTS - 1);
		const struct connection *connection = &group->slot[slot];
		__u64 life = READ_ONCE(connection->life);

		if (slot_gives_room(connection, life, now)) {
			if (room == CONNECTION_GROUP_SLOTS)
				room = slot;
			others++;
		} else if (!life_is_half_open(life, connection->protocol)) {
			others++;
		}
		if (room < CONNECTION_GROUP_SLOTS && (!half_open || others > CONNECTION_GROUP_SLOTS - HALF_OPEN_PER_GROUP))
			return room;
	}
	return CONNECTION_GROUP_SLOTS;
}

/*
 * May it be pushed out where there is no room? A half-open connection; and what a flood of them leaves behind at a persistent
 * service, a template that leads nobody and none of whose connections was ever established (IPVS's drop_entry).
 */
static __always_inline int slot_gives_way(const struct connection *connection, __u64 life)
{
	if (life_phase(life) != LIFE_LIVE)
		return 0;
	if (life & LIFE_TEMPLATE)
		return life_state(life) == TEMPLATE_STATE_NONE && !READ_ONCE(connection->partner);
	return life_is_half_open(life, connection->protocol);
}

enum {
	/* As group_half_open() tells a slot: the ticks that it has left, and its number below. Templates come after all others. */
	HALF_OPEN_LEFT_SHIFT = 8,
	HALF_OPEN_LEFT_MAX = 0x7ffffe,
	HALF_OPEN_TEMPLATE = 0x800000,
	HALF_OPEN_NONE = 0xffffffff,
};

/* What gives way and would end first, or HALF_OPEN_NONE; of several in one tick the one that is met first from home. */
__noinline __u32 group_half_open(const struct connection_group *group, __u32 home, __u32 now)
{
	__u32 first = HALF_OPEN_NONE;

	if (!group)
		return first;
	for (__u32 i = 0; i < CONNECTION_GROUP_SLOTS; i++) {
		__u32 slot = (home ^ i) & (CONNECTION_GROUP_SLOTS - 1);
		const struct connection *connection = &group->slot[slot];
		__u64 life = READ_ONCE(connection->life);
		__u32 left = (__u32)(life >> LIFE_EXPIRES_SHIFT) - now;

		if (!slot_gives_way(connection, life))
			continue;
		/* One that is past its time goes before all. */
		if (life_is_past(life, now))
			left = 0;
		if (left > HALF_OPEN_LEFT_MAX)
			left = HALF_OPEN_LEFT_MAX;
		if (life & LIFE_TEMPLATE)
			left |= HALF_OPEN_TEMPLATE;
		if (left < first >> HALF_OPEN_LEFT_SHIFT)
			first = left << HALF_OPEN_LEFT_SHIFT | slot;
	}
	return first;
}

#endif
