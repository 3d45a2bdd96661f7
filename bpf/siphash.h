/* SPDX-License-Identifier: GPL-2.0 */
/* SipHash with one compression and three finalization rounds: the kernel's hsiphash() on 64-bit machines is the low half of it. */
#ifndef EVENKEEL_SIPHASH_H
#define EVENKEEL_SIPHASH_H

#include <linux/types.h>

static __always_inline __u64 rotate_left(__u64 word, int bits)
{
	return word << bits | word >> (64 - bits);
}

struct siphash {
	__u64 v0;
	__u64 v1;
	__u64 v2;
	__u64 v3;
};

static __always_inline void siphash_round(struct siphash *hash)
{
	hash->v0 += hash->v1;
	hash->v1 = rotate_left(hash->v1, 13) ^ hash->v0;
	hash->v0 = rotate_left(hash->v0, 32);
	hash->v2 += hash->v3;
	hash->v3 = rotate_left(hash->v3, 16) ^ hash->v2;
	hash->v0 += hash->v3;
	hash->v3 = rotate_left(hash->v3, 21) ^ hash->v0;
	hash->v2 += hash->v1;
	hash->v1 = rotate_left(hash->v1, 17) ^ hash->v2;
	hash->v2 = rotate_left(hash->v2, 32);
}

/* Of one word of 32 bits, under a key of twice the same 64 bits. */
static __always_inline __u32 siphash_word(__u32 word, __u64 key)
{
	struct siphash hash = {
		.v0 = 0x736f6d6570736575ULL ^ key,
		.v1 = 0x646f72616e646f6dULL ^ key,
		.v2 = 0x6c7967656e657261ULL ^ key,
		.v3 = 0x7465646279746573ULL ^ key,
	};
	/* The last block: the length in its top byte, then what bytes remain, here all four. */
	__u64 block = 4ULL << 56 | word;

	hash.v3 ^= block;
	siphash_round(&hash);
	hash.v0 ^= block;
	hash.v2 ^= 0xff;
	siphash_round(&hash);
	siphash_round(&hash);
	siphash_round(&hash);
	return hash.v0 ^ hash.v1 ^ hash.v2 ^ hash.v3;
}

#endif
