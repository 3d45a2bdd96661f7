/* SPDX-License-Identifier: GPL-2.0 */
/* The sweep: frees what is past its time, group by group, and ends what has lost its server if that is wanted. */
#ifndef EVENKEEL_CONNECTION_SWEEP_H
#define EVENKEEL_CONNECTION_SWEEP_H

#include "connection.h"

/* expire_nodest_conn (ip_vs_expire_nodest_conn_flush()): the server is not configured any more. */
static __always_inline int connection_is_orphan(const struct connection *connection)
{
	__u32 index = READ_ONCE(connection->server);
	struct server *server = bpf_map_lookup_elem(&servers, &index);

	/* It ends with its other entry. */
	if (connection->method == FORWARDING_METHOD_FULL_NAT_REPLY)
		return 0;
	return !server || !(server->flags & SERVER_AVAILABLE);
}

/* In a function that Linux 6.1 checks once, not for each slot of a group. */
static __always_inline int sweep_end(__u32 group, __u32 slot, __u64 life, int forced)
{
	struct place place = { .group = group, .slot = slot, .life = life };

	return connection_finish(&place, forced);
}

/* Frees what is past its time in one group, and counts what lives. The program's `groups` counts those that are done. */
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
		int forced = 0;

		if (life_phase(life) != LIFE_LIVE)
			continue;
		if (!life_is_past(life, sweep->now)) {
			forced = (settings->flags & SETTINGS_EXPIRE_NODEST) && connection_is_orphan(connection);
			if (!forced) {
				sweep->live++;
				continue;
			}
		}
		if (sweep_end(index, slot, life, forced))
			sweep->expired++;
		else
			sweep->live++;
	}
	sweep->groups++;
	return sweep->expired_max && sweep->expired >= sweep->expired_max;
}

#endif
