/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What stands on each server (struct server_load): every change of it is here. A template counts as `persistent` and
 * nowhere else; the other entry of a rewritten client (FULL_NAT_REPLY) counts nowhere.
 *
 * Overload (the rework of 2026 of ip_vs_bind_dest() and ip_vs_unbind_dest()): set by the connection that makes total reach
 * upper, cleared by the one that takes it below lower.
 */
#ifndef EVENKEEL_LOAD_H
#define EVENKEEL_LOAD_H

#include "hook.h"
#include "maps.h"

/* Below this an overloaded server is taken again; an operator who says nothing means three quarters. */
static __always_inline __u32 load_lower(const struct server_load *load, __u32 upper)
{
	__u32 lower = READ_ONCE(load->lower);

	return lower ? lower : upper - upper / 4;
}

/*
 * After the flag was set or cleared: two CPUs that cross both limits at once may do it in the wrong order, and a server
 * whose flag stayed set would get no connection that could ever clear it. Whoever writes last looks again.
 */
static __always_inline void load_settle(struct server_load *load, __u32 upper)
{
	for (int i = 0; i < 4; i++) {
		__u32 total = READ_ONCE(load->total);

		if ((READ_ONCE(load->flags) & LOAD_OVERLOADED) && total < load_lower(load, upper))
			__sync_fetch_and_and(&load->flags, ~LOAD_OVERLOADED);
		else if (!(READ_ONCE(load->flags) & LOAD_OVERLOADED) && total >= upper)
			__sync_fetch_and_or(&load->flags, LOAD_OVERLOADED);
		else
			break;
	}
}

/*
 * Something of it has changed, so what is remembered of its group holds no longer (struct candidate_group). The count goes up
 * after the change, by the kind of atomic that is a full barrier, which it is if its result is used.
 */
static __always_inline void load_note(const struct server_load *load)
{
	__u32 index = READ_ONCE(load->group);
	struct candidate_group *group;
	__u32 before;

	if (!index--)
		return;
	group = bpf_map_lookup_elem(&candidate_groups, &index);
	if (!group)
		return;
	before = __sync_fetch_and_add(&group->changes, 1);
	asm volatile("" : : "r"(before));
}

/* A new entry with this life word. 0: there is no such server. */
__noinline int load_enter(__u32 server, __u64 life, __u32 method)
{
	struct server_load *load = bpf_map_lookup_elem(&server_load, &server);
	__u32 upper;

	if (!load)
		return 0;
	if (unlikely(life & LIFE_TEMPLATE)) {
		__sync_fetch_and_add(&load->persistent, 1);
		return 1;
	}
	if (unlikely(method == FORWARDING_METHOD_FULL_NAT_REPLY))
		return 1;
	upper = READ_ONCE(load->upper);
	if (life & LIFE_ACTIVE)
		__sync_fetch_and_add(&load->active, 1);
	if (__sync_fetch_and_add(&load->total, 1) + 1 == upper && upper) {
		__sync_fetch_and_or(&load->flags, LOAD_OVERLOADED);
		load_settle(load, upper);
	}
	load_note(load);
	return 1;
}

/* An entry has left; life is its last word. */
__noinline int load_leave(__u32 server, __u64 life, __u32 method)
{
	struct server_load *load = bpf_map_lookup_elem(&server_load, &server);
	__u32 upper;

	if (!load)
		return 0;
	if (unlikely(life & LIFE_TEMPLATE)) {
		__sync_fetch_and_sub(&load->persistent, 1);
		return 0;
	}
	if (unlikely(method == FORWARDING_METHOD_FULL_NAT_REPLY))
		return 0;
	upper = READ_ONCE(load->upper);
	if (life & LIFE_ACTIVE)
		__sync_fetch_and_sub(&load->active, 1);
	if (__sync_fetch_and_sub(&load->total, 1) == load_lower(load, upper) && upper) {
		__sync_fetch_and_and(&load->flags, ~LOAD_OVERLOADED);
		load_settle(load, upper);
	}
	load_note(load);
	return 1;
}

/* A newcomer that was counted found no room: had it made the server overloaded, it has not. */
__noinline int load_turn_back(__u32 server, __u64 life, __u32 method)
{
	struct server_load *load = bpf_map_lookup_elem(&server_load, &server);
	__u32 upper = load ? READ_ONCE(load->upper) : 0;
	int overloaded = upper && !(life & LIFE_TEMPLATE) && READ_ONCE(load->total) == upper;

	load_leave(server, life, method);
	if (overloaded) {
		__sync_fetch_and_and(&load->flags, ~LOAD_OVERLOADED);
		load_settle(load, upper);
		load_note(load);
	}
	return 1;
}

/* A connection became active or inactive: its flag in the life word was swapped by the caller. */
__noinline int load_step(__u32 server, __u64 life)
{
	struct server_load *load = bpf_map_lookup_elem(&server_load, &server);

	if (!load)
		return 0;
	__sync_fetch_and_add(&load->active, life & LIFE_ACTIVE ? 1 : -1);
	load_note(load);
	return 1;
}

/* New limits, as an operator edits them: between lower and upper the flag stays what it was. */
static __always_inline void load_limit(__u32 server, __u32 upper, __u32 lower)
{
	struct server_load *load = bpf_map_lookup_elem(&server_load, &server);

	if (!load)
		return;
	*(volatile __u32 *)&load->lower = lower;
	/* The exchange is the barrier between the limits and the look at the total. */
	__sync_lock_test_and_set(&load->upper, upper);
	if (upper)
		load_settle(load, upper);
	else
		__sync_fetch_and_and(&load->flags, ~LOAD_OVERLOADED);
	load_note(load);
}

#endif
