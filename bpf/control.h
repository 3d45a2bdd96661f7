/* SPDX-License-Identifier: GPL-2.0 */
/* Programs that the control plane runs by hand (BPF_PROG_TEST_RUN): what must use the packet path's own code. */
#ifndef EVENKEEL_CONTROL_H
#define EVENKEEL_CONTROL_H

#include "connection.h"
#include "schedule.h"

/* Frees what is past its time in one group, and counts what lives. */
static long sweep_group(__u32 i, struct sweep *sweep)
{
	struct settings *settings = settings_get();
	__u32 index = sweep->first_group + i;
	struct connection_group *group = bpf_map_lookup_elem(&connections, &index);

	if (!settings || !group)
		return 1;
	for (int slot = 0; slot < CONNECTION_GROUP_SLOTS; slot++) {
		struct connection *connection = &group->slot[slot];
		__u64 life = READ_ONCE(connection->life);
		__u32 server = READ_ONCE(connection->server);

		if (life_phase(life) != LIFE_LIVE)
			continue;
		if (!life_is_past(life, sweep->now)) {
			sweep->live++;
			continue;
		}
		if (__sync_val_compare_and_swap(&connection->life, life, life & ~(__u64)LIFE_PHASE_MASK) != life)
			continue;
		connection_release(index, server, life, settings);
		sweep->expired++;
	}
	return 0;
}

SEC("syscall")
int sweep(struct sweep *argument)
{
	struct sweep sweep = { .first_group = argument->first_group, .now = now_ticks() };

	bpf_loop(argument->groups, sweep_group, &sweep, 0);
	argument->live = sweep.live;
	argument->expired = sweep.expired;
	argument->now = sweep.now;
	return 0;
}

SEC("syscall")
int choose(struct choose *argument)
{
	struct packet packet = {};

	__builtin_memcpy(&packet.source, argument->source, 16);
	__builtin_memcpy(&packet.destination, argument->destination, 16);
	packet.flow.ends = flow_ends(argument->source_port, argument->protocol, argument->family, argument->destination_port);
	argument->position = schedule(argument->plan, &packet);
	return 0;
}

#endif
