/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a router does with a packet that is too long for its way and may be cut (RFC 791 3.2): two fragments, both put back to where the packet
 * came from, so that they come by again and go on as any fragments do. Most often it is what no longer fits beside a tunnel's header.
 */
#ifndef EVENKEEL_CUT_H
#define EVENKEEL_CUT_H

#include "forward.h"
#include "headers.h"

enum {
	/* Bytes of the second part; a power of two. */
	CUT_MAX = 16384,
	IPV4_MORE_FRAGMENTS = 0x2000,
};

/* The second part, while the first is sent. */
struct cut_rest {
	__u8 bytes[CUT_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cut_rest);
} cut_rests SEC(".maps");

/*
 * A sender on this machine may have left the checksum to a card: what is there then is the sum over the pseudo-header. That is
 * of use to no fragment, and cannot be told from here; one in 65,536 others looks the same.
 */
static __always_inline int checksum_is_partial(context *ctx, const struct packet *packet)
{
	__u32 at = packet->transport + (packet->protocol == IPPROTO_TCP ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check));
	__u64 sum = (__u64)packet->source.word[0] + packet->destination.word[0] + bpf_htons(packet->protocol) +
		    bpf_htons(packet->length - (packet->transport - packet->network));
	__sum16 check;

	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP)
		return 0;
	return !bpf_skb_load_bytes(ctx, at, &check, sizeof(check)) && check == (__u16)~checksum_fold(sum);
}

/* The header of a part: its length, and where it belongs (network order). */
static __always_inline int cut_header(context *ctx, __u32 length, __be16 place)
{
	struct iphdr *ip = hook_data(ctx) + ETHERNET_LENGTH;
	__be16 total = bpf_htons(length);

	if ((void *)(ip + 1) > hook_data_end(ctx))
		return 0;
	ip->check = checksum_add(ip->check, (__u64)(__u16)~ip->tot_len + total + (__u16)~ip->frag_off + place);
	ip->tot_len = total;
	ip->frag_off = place;
	return 1;
}

/* The verdict, for the second part; the first one is sent already. */
static __always_inline int packet_cut(context *ctx, const struct packet *packet, const struct headers *headers, __u32 mtu)
{
	__u32 zero = 0;
	struct cut_rest *rest = bpf_map_lookup_elem(&cut_rests, &zero);
	__u32 header = packet->transport - packet->network;
	__u32 data = packet->length - header;
	__u32 first = (mtu - header) & ~7u;
	__u16 place = headers->fragment_offset >> 3;
	__u32 last;

	if (!rest || mtu < header + 8 || packet->length < header || data <= first || data - first > CUT_MAX)
		return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
	/* Less one, so that the verifier (6.1) sees: at least one, and no more than there is room for. */
	last = data - first - 1;
	asm volatile("%0 &= 16383" : "+r"(last));
	last++;
	if (bpf_skb_load_bytes(ctx, ETHERNET_LENGTH + header + first, rest->bytes, last) ||
	    bpf_skb_change_tail(ctx, ETHERNET_LENGTH + header + first, 0) ||
	    !cut_header(ctx, header + first, bpf_htons(place | IPV4_MORE_FRAGMENTS)) || bpf_clone_redirect(ctx, ctx->ifindex, BPF_F_INGRESS))
		return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
	asm volatile("%0 -= 1\n%0 &= 16383\n%0 += 1" : "+r"(last));
	if (bpf_skb_change_tail(ctx, ETHERNET_LENGTH + header + last, 0) ||
	    bpf_skb_store_bytes(ctx, ETHERNET_LENGTH + header, rest->bytes, last, BPF_F_RECOMPUTE_CSUM) ||
	    !cut_header(ctx, header + last, bpf_htons((place + (first >> 3)) | (headers->more ? IPV4_MORE_FRAGMENTS : 0))))
		return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
	return count_outcome(OUTCOME_FRAGMENTED, bpf_redirect(ctx->ifindex, BPF_F_INGRESS));
}

#endif
