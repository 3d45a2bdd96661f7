/* SPDX-License-Identifier: GPL-2.0 */
/* Programs that the control plane runs by hand (BPF_PROG_TEST_RUN): what must use the packet path's own code. */
#ifndef EVENKEEL_CONTROL_H
#define EVENKEEL_CONTROL_H

#include "connection_cut.h"
#include "connection_sweep.h"
#include "look.h"
#include "schedule.h"
#include "timer.h"

SEC("syscall")
int sweep(struct sweep *argument)
{
	struct sweep sweep = { .first_group = argument->first_group, .expired_max = argument->expired_max, .now = now_ticks() };

	bpf_loop(argument->groups, sweep_group, &sweep, 0);
	argument->groups = sweep.groups;
	argument->live = sweep.live;
	argument->expired = sweep.expired;
	argument->now = sweep.now;
	return 0;
}

SEC("syscall")
int cut(struct cut *argument)
{
	struct cut cut = { .first_group = argument->first_group,
			   .server = argument->server,
			   .kinds = argument->kinds,
			   .ended_max = argument->ended_max };

	bpf_loop(argument->groups, cut_group, &cut, 0);
	argument->groups = cut.groups;
	argument->ended = cut.ended;
	return 0;
}

SEC("syscall")
int set_limits(struct limits_change *argument)
{
	load_limit(argument->server, argument->upper, argument->lower);
	return 0;
}

SEC("syscall")
int choose(struct choose *argument)
{
	struct packet packet = {};

	__builtin_memcpy(&packet.source, argument->source, 16);
	__builtin_memcpy(&packet.destination, argument->destination, 16);
	packet.flow.ends = flow_ends(argument->source_port, argument->protocol, argument->family, argument->destination_port);
	argument->server = schedule(argument->plan, &packet);
	return 0;
}

#endif
