/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fragments that came before the first one of their datagram: copies of them wait in a map until that comes. Then it is made each of them in
 * turn and a clone sent back to where all came from; the clones stand behind it in the queue of this CPU and find its note.
 * Who sends fragments without a first one wins nothing: the oldest copies give way.
 */
#ifndef EVENKEEL_FRAGMENT_WAITING_H
#define EVENKEEL_FRAGMENT_WAITING_H

#include "connection.h"
#include "cut.h"
#include "headers.h"

enum {
	/* How long parts of a datagram may follow, in seconds: ipfrag_time, and RFC 8200 4.5. */
	FRAGMENT_SECONDS_IPV4 = 30,
	FRAGMENT_SECONDS_IPV6 = 60,
	/* The longest frame that may wait; a power of two. */
	FRAGMENT_BYTES_MAX = 2048,
};

struct waiting_key {
	struct fragment_key datagram;
	__u32 number;
	__u32 reserved;
};

struct waiting {
	__u32 length;
	__u8 bytes[FRAGMENT_BYTES_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct waiting_key);
	__type(value, struct waiting);
} fragments_waiting SEC(".maps");

/* What the functions here and in bpf/fragment.h work with. Not on the stack, which searches need. */
struct fragment_case {
	struct waiting_key key;
	struct fragment note;
	struct flow flow;
	struct place place;
	struct waiting frame;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fragment_case);
} fragment_cases SEC(".maps");

static __always_inline __u32 fragment_timeout(const struct packet *packet, const struct settings *settings)
{
	return settings->second * (packet->family == FAMILY_IPV6 ? FRAGMENT_SECONDS_IPV6 : FRAGMENT_SECONDS_IPV4);
}

static __always_inline void fragment_key_of(const struct packet *packet, const struct headers *headers, struct fragment_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->source, &packet->source, 16);
	__builtin_memcpy(key->destination, &packet->destination, 16);
	key->identification = headers->identification;
	/* IPv6 says the protocol only in the first one, perhaps behind further headers. */
	key->protocol = packet->family == FAMILY_IPV6 ? 0 : packet->protocol;
	key->family = packet->family;
}

/* What is known of a datagram, with its key in `it`. */
static __always_inline struct fragment *fragment_find(const struct packet *packet, const struct headers *headers, struct fragment_case *it,
						      __u32 now)
{
	struct fragment *note;

	fragment_key_of(packet, headers, &it->key.datagram);
	note = bpf_map_lookup_elem(&fragments, &it->key.datagram);
	if (note && (__s32)(note->expires - now) <= 0) {
		bpf_map_delete_elem(&fragments, &it->key.datagram);
		return NULL;
	}
	return note;
}

/* The first fragment has not come yet. */
static __always_inline int fragment_put_aside(context *ctx, struct fragment_case *it, struct fragment *note, __u32 expires)
{
	struct waiting *frame = &it->frame;
	__u32 less = ctx->len - 1;

	if (!note) {
		__builtin_memset(&it->note, 0, sizeof(it->note));
		it->note.expires = expires;
		bpf_map_update_elem(&fragments, &it->key.datagram, &it->note, BPF_NOEXIST);
		note = bpf_map_lookup_elem(&fragments, &it->key.datagram);
	}
	if (!note || less >= FRAGMENT_BYTES_MAX)
		return count_outcome(OUTCOME_DROP_FRAGMENT, VERDICT_DROP);
	it->key.number = __sync_fetch_and_add(&note->waiting, 1);
	it->key.reserved = 0;
	if (it->key.number >= FRAGMENTS_WAITING)
		return count_outcome(OUTCOME_DROP_FRAGMENT, VERDICT_DROP);
	frame->length = ctx->len;
	/* So that the verifier (6.1) sees: at least one byte, and no more than there is room for. */
	asm volatile("%0 &= 2047" : "+r"(less));
	if (bpf_skb_load_bytes(ctx, 0, frame->bytes, less + 1) || bpf_map_update_elem(&fragments_waiting, &it->key, frame, BPF_ANY))
		return count_outcome(OUTCOME_DROP_FRAGMENT, VERDICT_DROP);
	/* It came meanwhile on another CPU, and may not have seen this one. */
	if (READ_ONCE(note->action) != FRAGMENT_ACTION_WAIT)
		return bpf_redirect(ctx->ifindex, BPF_F_INGRESS);
	return count_outcome(OUTCOME_FRAGMENT_WAITS, VERDICT_DROP);
}

struct release {
	context *ctx;
};

static long fragment_release_one(__u32 i, struct release *release)
{
	context *ctx = release->ctx;
	struct waiting *frame;
	__u32 zero = 0;
	struct fragment_case *it = bpf_map_lookup_elem(&fragment_cases, &zero);
	__u32 less;

	if (!it)
		return 1;
	it->key.number = i;
	it->key.reserved = 0;
	frame = bpf_map_lookup_elem(&fragments_waiting, &it->key);
	if (!frame)
		return 0;
	less = frame->length - 1;
	asm volatile("%0 &= 2047" : "+r"(less));
	if (bpf_skb_change_tail(ctx, less + 1, 0) || bpf_skb_store_bytes(ctx, 0, frame->bytes, less + 1, BPF_F_RECOMPUTE_CSUM) ||
	    bpf_clone_redirect(ctx, ctx->ifindex, BPF_F_INGRESS))
		return 1;
	bpf_map_delete_elem(&fragments_waiting, &it->key);
	return 0;
}

/*
 * The first fragment is here, and nothing has been done to it: those that wait for it may come. 0: it is lost. What it is then, is
 * put down for fragment_note(): full NAT alters even what was parsed.
 */
__noinline int fragment_release(context *ctx, const struct packet *packet, const struct headers *headers)
{
	__u32 zero = 0;
	struct fragment_case *it = bpf_map_lookup_elem(&fragment_cases, &zero);
	struct cut_rest *own = bpf_map_lookup_elem(&cut_rests, &zero);
	struct release release = { .ctx = ctx };
	__u32 less = ctx->len - 1, waiting;
	struct fragment *note;

	if (!it || !own || !packet || !headers)
		return 0;
	note = fragment_find(packet, headers, it, now_ticks());
	__builtin_memcpy(&it->flow, &packet->flow, sizeof(it->flow));
	if (!note || note->action != FRAGMENT_ACTION_WAIT || !note->waiting || less >= CUT_MAX)
		return 1;
	waiting = note->waiting;
	asm volatile("%0 &= 16383" : "+r"(less));
	if (bpf_skb_load_bytes(ctx, 0, own->bytes, less + 1))
		return 0;
	bpf_loop(waiting < FRAGMENTS_WAITING ? waiting : FRAGMENTS_WAITING, fragment_release_one, &release, 0);
	asm volatile("%0 &= 16383" : "+r"(less));
	return !bpf_skb_change_tail(ctx, less + 1, 0) && !bpf_skb_store_bytes(ctx, 0, own->bytes, less + 1, BPF_F_RECOMPUTE_CSUM);
}

#endif
