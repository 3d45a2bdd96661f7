/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SCTP's checksum when a port changes (RFC 9260 6.8): a CRC-32C, which says nothing of addresses, so most NAT leaves it alone. It is
 * linear: the change of a port, followed by as many zeroes as bytes come behind it, has a CRC that is to be added to the old one;
 * and the zeroes are a multiplication, by powers of x that are known.
 */
#ifndef EVENKEEL_SCTP_CHECKSUM_H
#define EVENKEEL_SCTP_CHECKSUM_H

#include "hook.h"

#ifdef HOOK_TC

enum {
	SCTP_CHECKSUM_OFFSET = 8,
	/* Castagnoli's polynomial, reversed. */
	CRC32C_POLYNOMIAL = 0x82f63b78,
};

/* x to the 8th, 16th, 32nd ... : so many bytes further. */
static const __u32 crc32c_powers[16] = {
	0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c, 0x18b8ea18, 0x510ac59a, 0xb82be955, 0xb8fdb1e7,
	0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a, 0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc,
};

struct crc32c_product {
	__u32 one;
	__u32 other;
	__u32 product;
};

/* The value if the bit is set, else 0. Multiplied: the verifier would follow each way of a branch, and even of a mask (6.18). */
static __always_inline __u32 if_bit(__u32 word, __u32 bit, __u32 value)
{
	__u32 set = word >> bit & 1;

	asm volatile("" : "+r"(set));
	return set * value;
}

static long crc32c_multiply_step(__u32 i, struct crc32c_product *it)
{
	it->product ^= if_bit(it->one, 31, it->other);
	it->one <<= 1;
	it->other = it->other >> 1 ^ if_bit(it->other, 0, CRC32C_POLYNOMIAL);
	return 0;
}

static __always_inline __u32 crc32c_multiply(__u32 one, __u32 other)
{
	struct crc32c_product it = { .one = one, .other = other };

	bpf_loop(32, crc32c_multiply_step, &it, 0);
	return it.product;
}

/* What two changed bytes add to the CRC when so many follow. `difference` as it lies in memory. */
__noinline __u32 crc32c_change(__u16 difference, __u32 behind)
{
	__u32 crc = difference;

#pragma unroll
	for (int i = 0; i < 16; i++)
		crc = crc >> 1 ^ if_bit(crc, 0, CRC32C_POLYNOMIAL);
#pragma unroll
	for (int i = 0; i < 16; i++)
		/* The highest bit is x to the 0th: it changes nothing. */
		crc = crc32c_multiply(crc, 0x80000000 + if_bit(behind, i, crc32c_powers[i] - 0x80000000));
	return crc;
}

/* The port at that offset of the frame gets another value; the header of SCTP begins at `transport`, and has `length` bytes with all behind. */
static __always_inline int sctp_rewrite(context *ctx, __u32 transport, __u32 length, __u32 port, __be16 before, __be16 after)
{
	__u32 at = transport + SCTP_CHECKSUM_OFFSET;
	__u32 checksum;

	if (before == after)
		return 1;
	if (bpf_skb_load_bytes(ctx, at, &checksum, sizeof(checksum)))
		return 0;
	/* Zero: a sender on this machine has left it to the card. */
	if (checksum) {
		checksum ^= crc32c_change(before ^ after, length - (port - transport) - sizeof(after));
		if (bpf_skb_store_bytes(ctx, at, &checksum, sizeof(checksum), 0))
			return 0;
	}
	return !bpf_skb_store_bytes(ctx, port, &after, sizeof(after), 0);
}

#endif
#endif
