/* SPDX-License-Identifier: GPL-2.0 */
/* How a service chooses among its servers. Part of abi.h. */
#ifndef EVENKEEL_ABI_SCHEDULE_H
#define EVENKEEL_ABI_SCHEDULE_H

#include <linux/types.h>

enum scheduler {
	SCHEDULER_RR = 0,
	SCHEDULER_WRR = 1,
	SCHEDULER_LC = 2,
	SCHEDULER_WLC = 3,
	SCHEDULER_SED = 4,
	SCHEDULER_NQ = 5,
	SCHEDULER_SH = 6,
	SCHEDULER_DH = 7,
	SCHEDULER_LBLC = 8,
	SCHEDULER_LBLCR = 9,
	SCHEDULER_MH = 10,
	SCHEDULER_FO = 11,
	SCHEDULER_OVF = 12,
	SCHEDULER_TWOS = 13,
};

/* Numbers of IP_VS_SVC_F_SCHED*. */
enum plan_flag {
	/* sh, mh: another server instead of none when the chosen one does not serve. */
	PLAN_FALLBACK = 0x8,
	/* sh, mh: the client's port counts too. */
	PLAN_PORT = 0x10,
	/* No scheduler has a use for it; it is kept, as in IPVS. */
	PLAN_THIRD = 0x20,
	/* Ours: nobody's plan but a copy, to be asked what it would choose. lblc and lblcr then remember in locality_tried. */
	PLAN_TRIAL = 0x100,
};

enum schedule_limits {
	/* sh and dh: CONFIG_IP_VS_SH_TAB_BITS and CONFIG_IP_VS_DH_TAB_BITS are 8. */
	HASH_BUCKETS = 256,
	/* mh: the prime of CONFIG_IP_VS_MH_TAB_INDEX 12. */
	MAGLEV_PLACES = 4093,
	/* Lists of more candidates are cut into groups (struct candidate_group) by schedulers that compare loads. */
	SCAN_MAX = 32,
	/* Servers that lblcr keeps for one destination; a power of two. A set that is full loses its oldest to a new one. */
	LOCALITY_SERVERS = 32,
};

/*
 * How a service chooses: made anew by the control plane at each change, never altered but for the cursor.
 * cursor: rr: low word = position of the last choice + 1, 0 before the list.
 *         wrr: low word the same, high word = current weight.
 * Where a scheduler has no cursor it stays 0.
 */
struct plan {
	__u64 cursor;
	__u32 scheduler;
	__u32 flags;
	/* The servers are candidates[first .. first + count), in the order in which schedulers walk: newest first. */
	__u32 first;
	__u32 count;
	/* wrr: the greatest weight less (divisor - 1), and the greatest common divisor. */
	__u32 weight_max;
	__u32 weight_divisor;
	__u32 service;
	/* sh, dh, mh: positions in buckets[], from this one on. 0 positions: no server ever had a weight. */
	__u32 first_bucket;
	__u32 bucket_count;
	/* Schedulers that compare loads: candidate_groups[first_group ...], each of 2^group_shift candidates. 0: no groups, a plain scan. */
	__u32 first_group;
	__u32 group_shift;
	/* twos: the sum of all weights; where that has more than 32 bits, of their upper bits. */
	__u32 weight_sum;
	/* lblc, lblcr: under which number their localities are kept (a new one when the scheduler begins anew), and ticks until they expire. */
	__u32 memory;
	__u32 memory_ticks;
};

struct candidate {
	__u32 server;
	__u32 weight;
	/* twos: the weights up to and with this one, likewise. */
	__u32 weight_sum;
	/* The latest weight that was not 0 (IPVS last_weight): mh's tables are made by it. */
	__u32 last_weight;
};

/* Positions among a plan's candidates; POSITION_NONE: none. */
struct bucket {
	__u16 position[4];
};

enum position_value {
	POSITION_NONE = 0xffff,
};

/* The best of some candidates, remembered until something of one of them changes. */
struct candidate_group {
	/* Counted up by whoever changes a server's load, after the change. */
	__u32 changes;
	__u32 reserved;
	/* High word: the count of changes at which it was looked for; low word: its position in the plan, or POSITION_NONE. */
	__u64 best;
};

/* lblc and lblcr: which servers a destination has. */
struct locality_key {
	__u8 address[16];
	__u32 memory;
	__u32 family;
};

struct locality {
	/* Ticks. */
	__u32 last_use;
	__u32 last_change;
	__u32 count;
	/* Numbers of servers, oldest first; lblc has only one. */
	__u32 server[32];
};

enum choice {
	CHOICE_NONE = 0xffffffff,
};

/* Argument and result of the choose program: what a new connection under this plan would get; moves the cursor. */
struct choose {
	__u32 plan;
	/* Result: the server's number, or CHOICE_NONE. */
	__u32 server;
	/* The flow, as its first packet shows it. */
	__u8 source[16];
	__u8 destination[16];
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 family;
	__u16 reserved;
};

#endif
