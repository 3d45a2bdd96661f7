/* SPDX-License-Identifier: GPL-2.0 */
/* What NAT does to an ICMP error (RFC 5508): its own header, the headers that it quotes, and all checksums over them. */
#ifndef EVENKEEL_ICMP_REWRITE_H
#define EVENKEEL_ICMP_REWRITE_H

#include "forward_nat.h"
#include "icmp.h"

/* Where the quoted packet's transport checksum is, if the quote reaches so far and there is one; else 0. */
static __always_inline __u32 quote_checksum(context *ctx, const struct packet *quoted, __u32 end)
{
	__u32 at = quoted->transport;
	__sum16 check;

	if (quoted->protocol == IPPROTO_TCP)
		at += offsetof(struct tcphdr, check);
	else if (quoted->protocol == IPPROTO_UDP)
		at += offsetof(struct udphdr, check);
	else
		return 0;
	if (at + sizeof(check) > end || bpf_skb_load_bytes(ctx, at, &check, sizeof(check)))
		return 0;
	return quoted->protocol == IPPROTO_UDP && !check ? 0 : at;
}

/* Half a word somewhere in the frame gets another value; the difference for a sum over it is added. */
static __always_inline int half_replace(context *ctx, __u32 at, __be16 before, __be16 after, __u64 *difference)
{
	*difference += (__u64)(__u16)~before + after;
	return !bpf_skb_store_bytes(ctx, at, &after, sizeof(after), BPF_F_RECOMPUTE_CSUM);
}

/* Which end of the quoted packet is rewritten, and how far the frame's packet goes. */
struct quote_place {
	__u32 source;
	__u32 end;
};

/*
 * One end of the quoted packet as the hearer knows it: address, port, and both checksums of the quote. What that does to a sum over the
 * quote, folded; or negative when it failed.
 */
__noinline int quote_rewrite(context *ctx, const struct packet *quoted, const struct rewrite *rewrite, const struct quote_place *place)
{
	__u64 difference = 0, transport;
	__be32 before[4], after[4];
	__u32 port, check;
	__sum16 sum;

	if (!quoted || !rewrite || !place)
		return -1;
	__builtin_memcpy(before, &rewrite->before, 16);
	__builtin_memcpy(after, &rewrite->after, 16);
	transport = checksum_difference(before, after, 4);
	if (quoted->family == FAMILY_IPV4) {
		__u32 at = quoted->network + (place->source ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr));
		__u32 header = quoted->network + offsetof(struct iphdr, check);

		/* The header's own checksum makes up for the address. */
		if (bpf_skb_store_bytes(ctx, at, after, 4, BPF_F_RECOMPUTE_CSUM) || bpf_skb_load_bytes(ctx, header, &sum, sizeof(sum)) ||
		    !half_replace(ctx, header, sum, checksum_add(sum, transport), &difference))
			return -1;
		difference += transport;
	} else {
		__u32 at = quoted->network + (place->source ? offsetof(struct ipv6hdr, saddr) : offsetof(struct ipv6hdr, daddr));

		if (bpf_skb_store_bytes(ctx, at, after, 16, BPF_F_RECOMPUTE_CSUM))
			return -1;
		difference += transport;
	}
	check = quote_checksum(ctx, quoted, place->end);
	port = quoted->transport + (place->source ? offsetof(struct udphdr, source) : offsetof(struct udphdr, dest));
	transport += (__u64)(__u16)~rewrite->port_before + rewrite->port_after;
	if (!half_replace(ctx, port, rewrite->port_before, rewrite->port_after, &difference))
		return -1;
	if (check) {
		__sum16 changed;

		if (bpf_skb_load_bytes(ctx, check, &sum, sizeof(sum)))
			return -1;
		changed = checksum_add(sum, transport);
		if (quoted->protocol == IPPROTO_UDP && !changed)
			changed = 0xffff;
		if (!half_replace(ctx, check, sum, changed, &difference))
			return -1;
	}
	return (__u16)~checksum_fold(difference);
}

/*
 * One end of the whole error: its own header, what it quotes, and its checksum. `source` = of the outer header; inside it is the other
 * end. `hop`: it makes its hop by that.
 */
static __always_inline int icmp_rewrite(context *ctx, const struct packet *outer, const struct packet *quoted, const struct rewrite *rewrite,
					const struct rewrite *inner, int source, int hop)
{
	struct quote_place place = { .source = !source, .end = outer->network + outer->length };
	__u32 check = outer->transport + offsetof(struct icmp_header, checksum);
	__u64 difference;
	__sum16 sum;
	int quote = quote_rewrite(ctx, quoted, inner, &place);

	if (quote < 0 || !rewrite_address(ctx, outer, rewrite, source, hop) || bpf_skb_load_bytes(ctx, check, &sum, sizeof(sum)))
		return 0;
	difference = quote;
	if (outer->family == FAMILY_IPV6)
		difference += checksum_difference(rewrite->before.word, rewrite->after.word, 4);
	sum = checksum_add(sum, difference);
	return !bpf_skb_store_bytes(ctx, check, &sum, sizeof(sum), BPF_F_RECOMPUTE_CSUM);
}

#endif
