// SPDX-License-Identifier: GPL-2.0
/*
 * What a choice costs (bench/schedulers.ts): connections of many clients to many destinations are opened and closed on the
 * servers' loads alone, so that the schedulers meet loads that change as under traffic.
 */
#define HOOK_TC
#include "load.h"
#include "schedule.h"

enum {
	/* How many destinations there are, for lblc and lblcr; a power of two. */
	DESTINATIONS = 1024,
};

static __always_inline __u32 random_server(const struct plan *plan)
{
	return candidate_server(plan, (__u64)bpf_get_prandom_u32() * plan->count >> 32);
}

static long choice_step(__u32 i, struct bench_choices *choices)
{
	struct plan *plan = bpf_map_lookup_elem(&plans, &choices->plan);
	struct packet packet = {};
	struct server_load *load;
	__u32 server, other;

	if (!plan)
		return 1;
	packet.source.word[0] = bpf_get_prandom_u32();
	packet.destination.word[0] = bpf_get_prandom_u32() & (DESTINATIONS - 1);
	packet.flow.ends = flow_ends(bpf_htons(1024 + (i & 0x3fff)), IPPROTO_TCP, FAMILY_IPV4, bpf_htons(80));
	server = choices->schedule ? schedule(choices->plan, &packet) : candidate_server(plan, i % plan->count);
	if (server == CHOICE_NONE)
		choices->refused++;
	else
		load_enter(server, LIFE_ACTIVE, FORWARDING_METHOD_NAT);
	/* One of another server ends, if that one has any. */
	other = random_server(plan);
	load = server_load_get(other);
	if (load && READ_ONCE(load->active))
		load_leave(other, LIFE_ACTIVE, FORWARDING_METHOD_NAT);
	return 0;
}

SEC("syscall")
int choices(struct bench_choices *argument)
{
	struct bench_choices choices = { .plan = argument->plan, .schedule = argument->schedule };
	__u64 begun = bpf_ktime_get_ns();

	bpf_loop(argument->repeat, choice_step, &choices, 0);
	argument->elapsed_ns = bpf_ktime_get_ns() - begun;
	argument->refused = choices.refused;
	return 0;
}

char _license[] SEC("license") = "GPL";
