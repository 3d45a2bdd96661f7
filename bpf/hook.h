/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the two hooks: the context, the verdicts, and how bytes are reached.
 * XDP is an accelerator in front of tc: whatever it cannot do by itself it passes on unchanged, and the tc program
 * on the same interface does it.
 */
#ifndef EVENKEEL_HOOK_H
#define EVENKEEL_HOOK_H

#include <stddef.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "abi.h"

#define AF_INET 2
#define AF_INET6 10

#ifdef HOOK_XDP
typedef struct xdp_md context;
#else
typedef struct __sk_buff context;
#endif

/* A step's answer: a verdict of the hook, or NEXT: go on. */
enum {
	NEXT = -100,
	/* tc: ASIDE less the number of a program of bpf/rare.h, which does the rest. */
	ASIDE = -101,
#ifdef HOOK_XDP
	VERDICT_PASS = XDP_PASS,
	VERDICT_DROP = XDP_DROP,
#else
	/* Not TC_ACT_OK: programs behind ours (a real server's decapsulation, a filter of the operator's) have their say too. */
	VERDICT_PASS = TC_ACT_UNSPEC,
	VERDICT_DROP = TC_ACT_SHOT,
#endif
};

#define barrier() asm volatile("" ::: "memory")
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

static __always_inline void *hook_data(const context *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *hook_data_end(const context *ctx)
{
	return (void *)(long)ctx->data_end;
}

/* Bytes of the whole frame, also of those that are not in reach. */
static __always_inline __u32 hook_length(const context *ctx)
{
#ifdef HOOK_XDP
	return ctx->data_end - ctx->data;
#else
	return ctx->len;
#endif
}

static __always_inline __u32 hook_ifindex(const context *ctx)
{
#ifdef HOOK_XDP
	return ctx->ingress_ifindex;
#else
	return ctx->ifindex;
#endif
}

/* Now, in ticks: compared by difference. */
static __always_inline __u32 now_ticks(void)
{
	return bpf_jiffies64() >> TICK_SHIFT;
}

#endif
