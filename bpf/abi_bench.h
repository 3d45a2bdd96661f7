/* SPDX-License-Identifier: GPL-2.0 */
/* What the measurements and TypeScript say to each other. Part of abi.h. */
#ifndef EVENKEEL_ABI_BENCH_H
#define EVENKEEL_ABI_BENCH_H

#include <linux/types.h>

/* Which client the next packet of a measurement comes from. */
enum bench_order {
	BENCH_ORDER_FIXED = 0,
	BENCH_ORDER_RANDOM = 1,
	BENCH_ORDER_NEXT = 2,
};

enum bench_limits {
	BENCH_HEADER_WORDS = 15,
};

/* What bench.bpf.c makes of each packet before the measured program sees it. */
struct bench {
	/* The frame's beginning: MACs, type, and the headers of IPv6 and TCP. */
	__u8 frame[74];
	__u16 order;
	/* The whole frame's length. */
	__u32 length;
	/* How many clients take turns; a power of two. */
	__u32 flows;
	__u32 next;
};

/* Argument and result of bench_schedule.bpf.c: so many connections are opened by a plan's scheduler, and as many closed. */
struct bench_choices {
	__u32 plan;
	__u32 repeat;
	/* 0: they go to each server in turn, which is what the rest of the work costs. */
	__u32 schedule;
	/* Results. */
	__u32 refused;
	__u64 elapsed_ns;
};

#endif
