/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The end of a connection. Whoever swaps its life word away from LIVE has it for himself while the word says BUSY, does
 * the accounting, and then gives the slot away; so nothing is counted twice, and nobody else can be counted instead.
 *
 * A template leaves only when it leads nobody. Who joins it counts himself first and looks at its life word then
 * (connection_template.h); who ends it makes the word BUSY first and looks at the count then: one of them sees the other.
 */
#ifndef EVENKEEL_CONNECTION_END_H
#define EVENKEEL_CONNECTION_END_H

#include "connection_find.h"
#include "load.h"

/* The groups that a connection passed over on its way count it no more. */
__noinline int overflow_release(__u32 index, __u32 tag, __u32 distance, __u32 mask)
{
	/* Unrolled: a loop laid out so that it is entered from behind is a "back-edge" to Linux 6.1. */
#pragma unroll
	for (__u32 i = 0; i < CONNECTION_GROUPS_TRIED; i++) {
		__u64 *count;

		if (i >= distance)
			break;
		index = (index - group_step(tag)) & mask;
		count = bpf_map_lookup_elem(&overflow, &index);
		if (count)
			__sync_fetch_and_sub(count, 1);
	}
	return 0;
}

/* A slot's number in the table + 1, and the slot of such a number: 0 is none. */
static __always_inline __u32 slot_number(__u32 group, __u32 slot)
{
	return group * CONNECTION_GROUP_SLOTS + slot + 1;
}

static __always_inline struct connection *slot_numbered(__u32 number, __u32 *index)
{
	__u32 slot = number - 1;
	struct connection_group *group;
	struct connection *connection;

	if (!number)
		return NULL;
	*index = slot / CONNECTION_GROUP_SLOTS;
	group = bpf_map_lookup_elem(&connections, index);
	if (!group)
		return NULL;
	asm volatile("%0 &= 7" : "+r"(slot));
	connection = &group->slot[slot];
	asm volatile("" : "+r"(connection));
	return connection;
}

/*
 * Makes a LIVE slot BUSY, and ours. 0: another was first, or it is a template that leads connections: one past its time is
 * then given another minute, which is its time from now on (ip_vs_conn_expire()).
 */
static __always_inline int slot_seize(struct connection *connection, __u64 life, __u64 busy, __u32 now, const struct settings *settings)
{
	__u32 linger;

	if (__sync_val_compare_and_swap(&connection->life, life, busy) != life)
		return 0;
	if (likely(!(life & LIFE_TEMPLATE)) || !READ_ONCE(connection->partner))
		return 1;
	if (life_is_past(life, now)) {
		linger = settings_timeout(settings, 0, TIMEOUT_LINGER);
		connection->parent = linger;
		life = life_until(life, now + linger);
	}
	__sync_lock_test_and_set(&connection->life, life);
	return 0;
}

/* Off the books: its server's, and the groups' that it passed over. The slot is BUSY, and the caller's. */
static __always_inline void slot_discount(const struct connection *connection, __u32 group, __u64 life, const struct settings *settings)
{
	load_leave(connection->server, life, connection->method);
	if (unlikely(life_distance(life)))
		overflow_release(group, life_tag(life), life_distance(life), settings->group_mask);
}

static __always_inline __u64 life_busy(__u64 life)
{
	return (life & ~(__u64)LIFE_PHASE_MASK) | LIFE_BUSY;
}

static __always_inline void slot_free(struct connection *connection, __u64 life)
{
	__sync_lock_test_and_set(&connection->life, life & ~(__u64)LIFE_PHASE_MASK);
}

/*
 * A connection that a template led has ended. `forced`: not by its time. Then the template goes too when it leads nobody
 * else and none of its connections was ever established (ip_vs_conn_expire(): it is what a flood leaves behind).
 */
__noinline int template_part(__u32 number, int forced)
{
	struct settings *settings = settings_get();
	struct connection *template;
	__u32 index = 0;
	__u64 life;

	template = slot_numbered(number, &index);
	if (!template || !settings)
		return 0;
	/* Read while we are still counted: until then it cannot be another's slot. */
	life = READ_ONCE(template->life);
	if (__sync_fetch_and_sub(&template->partner, 1) != 1 || !forced)
		return 0;
	if (life_phase(life) != LIFE_LIVE || life_state(life) != TEMPLATE_STATE_NONE)
		return 0;
	if (!slot_seize(template, life, life_busy(life), now_ticks(), settings))
		return 0;
	slot_discount(template, index, life, settings);
	slot_free(template, life);
	return 1;
}

/* The template that led what stood in a slot; 0: none. */
static __always_inline __u32 slot_parent(const struct connection *connection, __u64 life)
{
	return life & LIFE_TEMPLATE ? 0 : connection->parent;
}

/* The other entry of a connection whose client's end is rewritten (bpf/full_nat.h), which ends with it. The slot is BUSY, and the caller's. */
static __always_inline __u32 slot_partner(struct connection *connection, __u64 life)
{
	__u32 partner;

	if (likely(connection->method < FORWARDING_METHOD_FULL_NAT) || (life & LIFE_TEMPLATE))
		return 0;
	partner = READ_ONCE(connection->partner);
	/* Whoever gets the slot next begins with none. */
	connection->partner = 0;
	return connection->method == FORWARDING_METHOD_FULL_NAT ? partner : 0;
}

/* A connection of this group has ended: so does its other entry. */
__noinline int partner_end(__u32 number, __u32 group)
{
	struct settings *settings = settings_get();
	struct connection *partner;
	__u32 index = 0;
	__u64 life;

	partner = slot_numbered(number, &index);
	if (!partner || !settings)
		return 0;
	life = READ_ONCE(partner->life);
	if (life_phase(life) != LIFE_LIVE || partner->method != FORWARDING_METHOD_FULL_NAT_REPLY ||
	    (READ_ONCE(partner->partner) - 1) / CONNECTION_GROUP_SLOTS != group)
		return 0;
	if (__sync_val_compare_and_swap(&partner->life, life, life_busy(life)) != life)
		return 0;
	partner->partner = 0;
	slot_discount(partner, index, life, settings);
	slot_free(partner, life);
	return 1;
}

/* Ends what stands in a slot with this life word; 0 when another was first, or it is a template that leads connections. */
static __always_inline int slot_end(struct connection *connection, __u32 group, __u64 life, __u32 now, const struct settings *settings,
				    int forced)
{
	__u32 parent, partner;

	if (!slot_seize(connection, life, life_busy(life), now, settings))
		return 0;
	parent = slot_parent(connection, life);
	partner = slot_partner(connection, life);
	slot_discount(connection, group, life, settings);
	slot_free(connection, life);
	if (unlikely(parent))
		template_part(parent, forced);
	if (unlikely(partner))
		partner_end(partner, group);
	return 1;
}

/* The same for a place: its life word must still be the one that was read there. */
__noinline int connection_finish(const struct place *place, int forced)
{
	struct settings *settings = settings_get();
	struct connection *connection;

	if (!place || !settings)
		return 0;
	connection = place_connection(place);
	return connection && slot_end(connection, place->group, place->life, now_ticks(), settings, forced);
}

static __always_inline int connection_end(const struct place *place)
{
	return connection_finish(place, 0);
}

#endif
