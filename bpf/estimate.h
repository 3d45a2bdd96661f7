/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How much goes through servers and services each second, as IPVS reckons it (net/netfilter/ipvs/ip_vs_est.c): every two
 * seconds an average moves a quarter of the way to what the two seconds were. Scaled by 2^10, bytes by 2^5.
 */
#ifndef EVENKEEL_ESTIMATE_H
#define EVENKEEL_ESTIMATE_H

#include "maps.h"

enum {
	ESTIMATE_SERVERS = 32768,
	ESTIMATE_SERVICES = 8192,
	ESTIMATE_ALL = ESTIMATE_SERVERS + ESTIMATE_SERVICES,
	ESTIMATE_CPUS_MAX = 4096,
};

/* The counters of one number, added up over the CPUs. */
struct tally {
	struct traffic sum;
	__u32 number;
	__u32 service;
};

static long tally_step(__u32 cpu, struct tally *tally)
{
	__u32 number = tally->number;
	struct traffic *traffic = tally->service ? bpf_map_lookup_percpu_elem(&service_traffic, &number, cpu) :
						   bpf_map_lookup_percpu_elem(&server_traffic, &number, cpu);

	if (!traffic)
		return 1;
	tally->sum.connections += traffic->connections;
	tally->sum.packets_in += traffic->packets_in;
	tally->sum.bytes_in += traffic->bytes_in;
	tally->sum.packets_out += traffic->packets_out;
	tally->sum.bytes_out += traffic->bytes_out;
	return 0;
}

/* Half of what was added, scaled, is the rate of these two seconds; a counter that was reset has none. */
static __always_inline __u64 rate_step(__u64 rate, __u64 now, __u64 last, __u32 shift)
{
	__s64 sample = now < last ? 0 : (now - last) << (shift - 1);

	return rate + ((sample - (__s64)rate) >> 2);
}

static __always_inline void rates_step(struct rates *rates, const struct traffic *now)
{
	rates->connections = rate_step(rates->connections, now->connections, rates->last.connections, 10);
	rates->packets_in = rate_step(rates->packets_in, now->packets_in, rates->last.packets_in, 10);
	rates->packets_out = rate_step(rates->packets_out, now->packets_out, rates->last.packets_out, 10);
	rates->bytes_in = rate_step(rates->bytes_in, now->bytes_in, rates->last.bytes_in, 5);
	rates->bytes_out = rate_step(rates->bytes_out, now->bytes_out, rates->last.bytes_out, 5);
	rates->last = *now;
}

/* Nobody's number is stepped over, so that a machine of many CPUs does not add up nothing. */
static __always_inline int number_is_used(__u32 number, __u32 service)
{
	if (service) {
		struct service_key *name = bpf_map_lookup_elem(&service_names, &number);

		return name && name->family;
	} else {
		struct server *server = bpf_map_lookup_elem(&servers, &number);

		return server && server->family;
	}
}

/* One server or service: the numbers of all servers, then of all services. */
static long estimate_step(__u32 i, __u32 *first)
{
	__u32 number = *first + i;
	struct tally tally = { .number = number };
	struct rates *rates;

	if (number >= ESTIMATE_SERVERS) {
		number -= ESTIMATE_SERVERS;
		tally.number = number;
		tally.service = 1;
	}
	if (!number_is_used(number, tally.service))
		return 0;
	rates = tally.service ? bpf_map_lookup_elem(&service_rates, &number) : bpf_map_lookup_elem(&server_rates, &number);
	if (!rates)
		return 0;
	bpf_loop(ESTIMATE_CPUS_MAX, tally_step, &tally, 0);
	rates_step(rates, &tally.sum);
	return 0;
}

#endif
