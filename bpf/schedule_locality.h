/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lblc and lblcr, for caches: a destination stays with the server that had it, or with a set of servers, until those are gone,
 * quiesced or overloaded (net/netfilter/ipvs/ip_vs_lblc.c, ip_vs_lblcr.c); then weighted least-connection says who takes it.
 * Two CPUs may alter an entry at the same time, and a full table may give it to another destination meanwhile: a number in
 * it is a hint, believed only if it is of a server of this service.
 */
#ifndef EVENKEEL_SCHEDULE_LOCALITY_H
#define EVENKEEL_SCHEDULE_LOCALITY_H

#include "schedule_load.h"

/* On the stack of the longest call chain there is no room for it. */
static const struct locality LOCALITY_NONE = {};

/* A server of the plan's service, deleted or not; NULL: none. */
static __always_inline struct server *plan_server(const struct plan *plan, __u32 number)
{
	struct server *server = bpf_map_lookup_elem(&servers, &number);

	return server && server->service == plan->service ? server : NULL;
}

static long idle_step(__u32 i, struct best *search)
{
	struct candidate *candidate = candidate_at(search->plan, i);
	struct server_load *load;

	if (!candidate)
		return 1;
	load = server_load_get(candidate->server);
	if (!load || (__u64)READ_ONCE(load->active) * 2 >= candidate->weight)
		return 0;
	search->position = i;
	return 1;
}

/* More active connections than its weight, while another has less than half of its own. */
static __noinline int server_is_crowded(const struct plan *plan, __u32 number, __u32 weight)
{
	struct best search = { .plan = plan, .position = POSITION_NONE };
	struct server_load *load = server_load_get(number);

	if (!load || READ_ONCE(load->active) <= weight)
		return 0;
	bpf_loop(plan->count, idle_step, &search, 0);
	return search.position != POSITION_NONE;
}

/* lblc: the destination's server, if it may go on. The overload flag is not looked at, as in IPVS: it stays where it is. */
static __always_inline __u32 locality_server(const struct plan *plan, const struct locality *locality)
{
	__u32 number = locality->server[0];
	struct server *server = locality->count ? plan_server(plan, number) : NULL;

	if (!server || !(server->flags & SERVER_AVAILABLE) || !server->weight || server_is_crowded(plan, number, server->weight))
		return CHOICE_NONE;
	return number;
}

/* A walk over a set, newest first, for the server with the least overhead for its weight, or the most. */
struct set_walk {
	const struct plan *plan;
	struct locality *locality;
	__u64 load;
	__u64 weight;
	__u32 found;
	__u32 server;
	__u32 most;
	__u32 reserved;
};

static long set_step(__u32 i, struct set_walk *walk)
{
	__u32 at = walk->locality->count - 1 - i;
	struct server_load *load;
	struct server *server;
	__u32 number;
	__u64 overhead;

	if (at >= LOCALITY_SERVERS)
		return 1;
	asm volatile("%0 &= 31" : "+r"(at));
	number = walk->locality->server[at];
	server = plan_server(walk->plan, number);
	load = server_load_get(number);
	if (!server || !load || !server->weight)
		return 0;
	overhead = load_overhead(load);
	if (walk->most) {
		/* IPVS looks among deleted and overloaded ones too. */
		if (walk->found != CHOICE_NONE && walk->load * server->weight >= overhead * walk->weight)
			return 0;
	} else {
		if (!(server->flags & SERVER_AVAILABLE) || (load->flags & LOAD_OVERLOADED))
			return 0;
		if (walk->found != CHOICE_NONE && overhead * walk->weight >= walk->load * server->weight)
			return 0;
	}
	walk->load = overhead;
	walk->weight = server->weight;
	walk->found = at;
	walk->server = number;
	return 0;
}

_Static_assert(LOCALITY_SERVERS == 32, "the mask in set_step()");

/* Takes one out of a set; those behind it move up. */
struct set_removal {
	struct locality *locality;
	__u32 from;
	__u32 reserved;
};

static long set_removal_step(__u32 i, struct set_removal *removal)
{
	__u32 at = removal->from + i;
	__u32 next;

	if (at + 1 >= LOCALITY_SERVERS)
		return 1;
	asm volatile("%0 &= 31" : "+r"(at));
	next = at + 1;
	asm volatile("%0 &= 31" : "+r"(next));
	removal->locality->server[at] = removal->locality->server[next];
	return 0;
}

static __noinline void set_remove(struct locality *locality, __u32 from)
{
	struct set_removal removal = { .locality = locality, .from = from };

	bpf_loop(LOCALITY_SERVERS, set_removal_step, &removal, 0);
	locality->count--;
}

/* lblcr: the least loaded of the destination's servers. A set to which nothing was added for long loses its most loaded one. */
static __noinline __u32 locality_least(const struct plan *plan, struct locality *locality, __u32 now)
{
	struct set_walk walk = { .plan = plan, .locality = locality, .found = CHOICE_NONE };
	__u32 number, weight;
	__u32 found;

	bpf_loop(LOCALITY_SERVERS, set_step, &walk, 0);
	found = walk.found;
	number = walk.server;
	weight = walk.weight;
	if (locality->count > 1 && (__s32)(now - locality->last_change - plan->memory_ticks) > 0) {
		walk.found = CHOICE_NONE;
		walk.most = 1;
		bpf_loop(LOCALITY_SERVERS, set_step, &walk, 0);
		if (walk.found != CHOICE_NONE) {
			set_remove(locality, walk.found);
			locality->last_change = now;
		}
	}
	if (found == CHOICE_NONE || server_is_crowded(plan, number, weight))
		return CHOICE_NONE;
	return number;
}

struct set_search {
	struct locality *locality;
	__u32 server;
	__u32 found;
};

static long set_search_step(__u32 i, struct set_search *search)
{
	if (i >= LOCALITY_SERVERS || i >= search->locality->count)
		return 1;
	asm volatile("%0 &= 31" : "+r"(i));
	search->found = search->locality->server[i] == search->server;
	return search->found;
}

static __noinline void set_insert(struct locality *locality, __u32 server, __u32 now)
{
	struct set_search search = { .locality = locality, .server = server };
	__u32 at;

	bpf_loop(LOCALITY_SERVERS, set_search_step, &search, 0);
	if (search.found)
		return;
	if (locality->count >= LOCALITY_SERVERS)
		set_remove(locality, 0);
	at = locality->count;
	asm volatile("%0 &= 31" : "+r"(at));
	locality->server[at] = server;
	locality->count = at + 1;
	locality->last_change = now;
}

/* The entry of the flow's destination, now used; made when there is none. NULL: there is no room. */
static __noinline struct locality *locality_get(const struct plan *plan, const struct packet *packet, __u32 now)
{
	struct locality_key key = { .memory = plan->memory, .family = packet->family };
	struct locality *locality;
	__u32 zero = 0;

	__builtin_memcpy(key.address, &packet->destination, sizeof(key.address));
	locality = plan->flags & PLAN_TRIAL ? bpf_map_lookup_elem(&locality_tried, &zero) : bpf_map_lookup_elem(&localities, &key);
	if (!locality) {
		bpf_map_update_elem(&localities, &key, &LOCALITY_NONE, BPF_NOEXIST);
		locality = bpf_map_lookup_elem(&localities, &key);
		if (!locality)
			return NULL;
	} else if ((__s32)(now - locality->last_use - plan->memory_ticks) >= 0) {
		locality->count = 0;
	}
	locality->last_use = now;
	return locality;
}

/* The server that a flow's destination has, or CHOICE_NONE. */
__noinline __u32 locality_find(__u32 plan_index, const struct packet *packet)
{
	struct plan *plan = bpf_map_lookup_elem(&plans, &plan_index);
	struct locality *locality;
	__u32 now = now_ticks();

	if (!plan || !packet)
		return CHOICE_NONE;
	locality = locality_get(plan, packet, now);
	if (!locality)
		return CHOICE_NONE;
	return plan->scheduler == SCHEDULER_LBLC ? locality_server(plan, locality) : locality_least(plan, locality, now);
}

/* From now on the destination has this server: instead of the one it had (lblc), or beside those (lblcr). */
__noinline __u32 locality_give(__u32 plan_index, const struct packet *packet, __u32 server)
{
	struct plan *plan = bpf_map_lookup_elem(&plans, &plan_index);
	struct locality *locality;
	__u32 now = now_ticks();

	if (!plan || !packet)
		return server;
	locality = locality_get(plan, packet, now);
	if (!locality)
		return server;
	if (plan->scheduler == SCHEDULER_LBLCR) {
		set_insert(locality, server, now);
	} else {
		locality->server[0] = server;
		locality->count = 1;
	}
	return server;
}

#endif
