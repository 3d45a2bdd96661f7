/* SPDX-License-Identifier: GPL-2.0 */
/* Every map of the packet path. The sizes are defaults; the loader may set others. */
#ifndef EVENKEEL_MAPS_H
#define EVENKEEL_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

/* Written by the control plane, read by every packet. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

static __always_inline struct settings *settings_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

/* Written by the control plane, read at a new connection. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct service_key);
	__type(value, struct service);
} services SEC(".maps");

/* Written by the control plane, but for the cursor, which the packet path moves. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct plan);
} plans SEC(".maps");

/* Written by the control plane: the lists that plans point into. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct candidate);
} candidates SEC(".maps");

/* Written by the control plane: the tables of sh, dh and mh. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct bucket);
} buckets SEC(".maps");

/* Written by both sides: see struct candidate_group. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct candidate_group);
} candidate_groups SEC(".maps");

/* Written by the packet path: lblc, lblcr. The least used goes when it is full. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct locality_key);
	__type(value, struct locality);
} localities SEC(".maps");

/* What a plan with PLAN_TRIAL remembers: written by the control plane before it asks. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct locality);
} locality_tried SEC(".maps");

/* Written by the control plane, in two banks of MARK_RULES_MAX. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 512);
	__type(key, __u32);
	__type(value, struct mark_rule);
} mark_rules SEC(".maps");

/* How many connections a rule has marked; indexed as mark_rules. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 512);
	__type(key, __u32);
	__type(value, __u64);
} mark_hits SEC(".maps");

/* Written by the control plane. The index is a server's number in each map below. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct server);
} servers SEC(".maps");

/* Written by XDP: the way to each server, asked of the kernel again each second. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct neighbour);
} neighbours SEC(".maps");

/* Written by the packet path and the sweep: connections of each server. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct server_load);
} server_load SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct traffic);
} server_traffic SEC(".maps");

/* Indexed by struct service.index. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct traffic);
} service_traffic SEC(".maps");

/* Written by the timer (bpf/timer.h); indexed as the traffic. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct rates);
} server_rates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct rates);
} service_rates SEC(".maps");

/* Written by the control plane: what had been counted when the counters were last reset. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct traffic);
} server_zero SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct traffic);
} service_zero SEC(".maps");

/* Written by the control plane: whose number an index is, also after a service was deleted; family 0: nobody's. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct service_key);
} service_names SEC(".maps");

/* Written by the packet path at tc. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct fragment_key);
	__type(value, struct fragment);
} fragments SEC(".maps");

/* Indexed by enum outcome. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, OUTCOME_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} outcomes SEC(".maps");

/* Written by the packet path and the sweep; the control plane reads it in place. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct connection_group);
} connections SEC(".maps");

/*
 * For each group, how many connections would stand in it had there been room. Apart from the groups: only a search that has
 * found nothing reads it. As many entries as groups.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} overflow SEC(".maps");

/* Written by the packet path: how many errors it may still send. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct icmp_budget);
} icmp_budget SEC(".maps");

/* Written by the control plane, indexed by enum sync_role. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SYNC_ROLE_COUNT);
	__type(key, __u32);
	__type(value, struct sync_daemon);
} sync_daemons SEC(".maps");

/* Written by the control plane, indexed by ifindex. XDP is not attached to interfaces beyond the end. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct port);
} ports SEC(".maps");

#endif
