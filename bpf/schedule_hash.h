/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sh, dh, mh: the flow says the bucket, and the bucket the server (net/netfilter/ipvs/ip_vs_sh.c, ip_vs_dh.c, ip_vs_mh.c).
 * The tables are built by the control plane. A flow whose server cannot serve is refused, unless the plan has PLAN_FALLBACK.
 */
#ifndef EVENKEEL_SCHEDULE_HASH_H
#define EVENKEEL_SCHEDULE_HASH_H

#include "candidate.h"
#include "siphash.h"

enum {
	/* GOLDEN_RATIO_32 of include/linux/hash.h. */
	HASH_GOLDEN_RATIO = 0x61c88647,
	/* The upper bits of the product are the better ones. */
	HASH_SHIFT = 24,
};

/* The key of mh's first permutation number; the look-up uses no other (ip_vs_mh.c, generate_hash_secret()). */
#define MAGLEV_KEY 2654435761ULL

_Static_assert(HASH_BUCKETS == 1 << (32 - HASH_SHIFT), "as many buckets as the hash has values");

struct bucket_search {
	const struct plan *plan;
	/* sh: the flow's bucket. mh: the number that is hashed. */
	__u32 hash;
	__u32 start;
	__u32 server;
};

/* An address as one word in host order: the four words of an IPv6 one together. IPv4 leaves the other three 0. */
static __always_inline __u32 address_fold(const struct address *address)
{
	return bpf_ntohl(address->word[0] ^ address->word[1] ^ address->word[2] ^ address->word[3]);
}

/* The server of a bucket, if it may serve. */
static __always_inline __u32 bucket_server(const struct plan *plan, __u32 number)
{
	__u32 at = plan->first_bucket + number;
	__u32 index = at / 4;
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, &index);

	if (!bucket || number >= plan->bucket_count)
		return CHOICE_NONE;
	at &= 3;
	asm volatile("" : "+r"(at));
	return candidate_if_serving(plan, bucket->position[at & 3]);
}

static long hash_fallback_step(__u32 i, struct bucket_search *search)
{
	/* IPVS adds the flow's bucket to the offset, and that to the bucket again: the first it tries is twice the bucket. */
	search->server = bucket_server(search->plan, (i + search->start + search->hash) & (HASH_BUCKETS - 1));
	return search->server != CHOICE_NONE;
}

static long maglev_fallback_step(__u32 i, struct bucket_search *search)
{
	__u32 offset = (i + search->start) % MAGLEV_PLACES;

	search->server = bucket_server(search->plan, siphash_word(search->hash + offset, MAGLEV_KEY) % MAGLEV_PLACES);
	return search->server != CHOICE_NONE;
}

__noinline __u32 schedule_hash(__u32 plan_index, const struct packet *packet)
{
	struct plan *plan = bpf_map_lookup_elem(&plans, &plan_index);
	struct bucket_search search = {};
	__u32 number;

	if (!plan || !packet)
		return CHOICE_NONE;
	search.plan = plan;
	if (plan->scheduler == SCHEDULER_DH)
		return bucket_server(plan, (address_fold(&packet->destination) * HASH_GOLDEN_RATIO) >> HASH_SHIFT);
	number = address_fold(&packet->source);
	if (plan->flags & PLAN_PORT)
		number += bpf_ntohs(packet->source_port);
	if (plan->scheduler == SCHEDULER_MH) {
		search.hash = number;
		search.start = siphash_word(number, MAGLEV_KEY) % MAGLEV_PLACES;
	} else {
		search.hash = number * HASH_GOLDEN_RATIO >> HASH_SHIFT;
		search.start = search.hash;
	}
	search.server = bucket_server(plan, search.start);
	if (search.server != CHOICE_NONE || !(plan->flags & PLAN_FALLBACK) || !plan->bucket_count)
		return search.server;
	if (plan->scheduler == SCHEDULER_MH)
		bpf_loop(MAGLEV_PLACES, maglev_fallback_step, &search, 0);
	else
		bpf_loop(HASH_BUCKETS, hash_fallback_step, &search, 0);
	return search.server;
}

#endif
