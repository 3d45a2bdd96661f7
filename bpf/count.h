/* SPDX-License-Identifier: GPL-2.0 */
/* Counters: what became of each packet, and what each service and server carried. All per CPU. */
#ifndef EVENKEEL_COUNT_H
#define EVENKEEL_COUNT_H

#include "hook.h"
#include "maps.h"

/* Counts the outcome and returns the verdict, so that a step can end in one line. */
static __always_inline int count_outcome(__u32 outcome, int verdict)
{
	__u64 *counter = bpf_map_lookup_elem(&outcomes, &outcome);

	if (counter)
		(*counter)++;
	return verdict;
}

static __always_inline void count_connection(__u32 service, __u32 server)
{
	struct traffic *traffic = bpf_map_lookup_elem(&service_traffic, &service);

	if (traffic)
		traffic->connections++;
	traffic = bpf_map_lookup_elem(&server_traffic, &server);
	if (traffic)
		traffic->connections++;
}

static __always_inline void count_in(__u32 service, __u32 server, __u32 packets, __u32 bytes)
{
	struct traffic *traffic = bpf_map_lookup_elem(&service_traffic, &service);

	if (traffic) {
		traffic->packets_in += packets;
		traffic->bytes_in += bytes;
	}
	traffic = bpf_map_lookup_elem(&server_traffic, &server);
	if (traffic) {
		traffic->packets_in += packets;
		traffic->bytes_in += bytes;
	}
}

static __always_inline void count_out(__u32 service, __u32 server, __u32 packets, __u32 bytes)
{
	struct traffic *traffic = bpf_map_lookup_elem(&service_traffic, &service);

	if (traffic) {
		traffic->packets_out += packets;
		traffic->bytes_out += bytes;
	}
	traffic = bpf_map_lookup_elem(&server_traffic, &server);
	if (traffic) {
		traffic->packets_out += packets;
		traffic->bytes_out += bytes;
	}
}

#endif
