/* SPDX-License-Identifier: GPL-2.0 */
/* The Internet checksum, altered rather than summed anew (RFC 1624, equation 3). */
#ifndef EVENKEEL_CHECKSUM_H
#define EVENKEEL_CHECKSUM_H

#include "hook.h"

static __always_inline __u16 checksum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* The checksum after a 32-bit word (or two 16-bit ones) went from before to after. */
static __always_inline __sum16 checksum_replace(__sum16 check, __be32 before, __be32 after)
{
	return checksum_fold((__u64)(__u16)~check + (__u32)~before + after);
}

/* The difference that sixteen bytes make, to be added with checksum_add(). */
static __always_inline __u64 checksum_difference(const __be32 before[4], const __be32 after[4], int words)
{
	__u64 sum = 0;

#pragma unroll
	for (int i = 0; i < 4; i++)
		if (i < words)
			sum += (__u64)(__u32)~before[i] + after[i];
	return sum;
}

static __always_inline __sum16 checksum_add(__sum16 check, __u64 difference)
{
	return checksum_fold((__u64)(__u16)~check + difference);
}

/* One hop less, in the header and in its checksum (RFC 1141 as ip_decrease_ttl()). */
static __always_inline void ipv4_decrease_ttl(struct iphdr *ip)
{
	__u32 check = (__u32)ip->check + bpf_htons(0x0100);

	ip->check = (__sum16)(check + (check >= 0xffff));
	ip->ttl--;
}

/* A fresh header of twenty bytes; check must be zero. */
static __always_inline __sum16 ipv4_checksum(const struct iphdr *ip)
{
	const __u16 *half = (const __u16 *)ip;
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < 10; i++)
		sum += half[i];
	return checksum_fold(sum);
}

#endif
