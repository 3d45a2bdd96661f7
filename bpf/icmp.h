/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ICMP errors that the director itself sends to a client (RFC 792, RFC 4443): made of the offending packet, which is
 * cut, given new headers and turned round. tc only; XDP passes such packets on. An answer is up to twice as long as the
 * shortest packet that asks for one, so there is a limit to how many are sent.
 */
#ifndef EVENKEEL_ICMP_H
#define EVENKEEL_ICMP_H

#include "checksum.h"
#include "packet.h"

#ifdef HOOK_TC

/* <linux/icmp.h> wants a C library; both families have the same eight bytes. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	/* The MTU of "fragmentation needed" in the lower half, of "packet too big" in the whole. */
	__be32 rest;
};

enum {
	ICMP_DEST_UNREACH = 3,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PORT_UNREACH = 3,
	ICMP_FRAG_NEEDED = 4,
	ICMPV6_DEST_UNREACH = 1,
	ICMPV6_PKT_TOOBIG = 2,
	ICMPV6_TIME_EXCEED = 3,
	ICMPV6_PORT_UNREACH = 4,
	/* What is quoted of the transport header: TCP whole, else the eight bytes that name the flow. */
	ICMP_QUOTE_TCP = 20,
	ICMP_QUOTE_OTHER = 8,
	ICMP_QUOTE_MAX = 60 + ICMP_QUOTE_TCP,
	ICMP_TTL = 64,
};

/* Type and code in both families. */
struct icmp_error {
	__u8 type;
	__u8 code;
	__u8 type6;
	__u8 code6;
	/* The next-hop MTU, or 0. */
	__u32 rest;
};

static __always_inline void ethernet_turn(struct ethhdr *ethernet)
{
	__u8 mac[6];

	__builtin_memcpy(mac, ethernet->h_source, 6);
	__builtin_memcpy(ethernet->h_source, ethernet->h_dest, 6);
	__builtin_memcpy(ethernet->h_dest, mac, 6);
}

/* The bytes that the error quotes, in zeroes: what is beyond them adds nothing to a sum. */
struct quote {
	__u8 bytes[ICMP_QUOTE_MAX];
};

static __always_inline __u32 packet_quote(context *ctx, const struct packet *packet, struct quote *quote)
{
	__u32 length = packet->transport - packet->network + (packet->protocol == IPPROTO_TCP ? ICMP_QUOTE_TCP : ICMP_QUOTE_OTHER);

	/* Extension headers may be longer than there is room for; and what is quoted may itself have been. */
	if (length > ICMP_QUOTE_MAX)
		length = ICMP_QUOTE_MAX;
	if (length > ctx->len - ETHERNET_LENGTH)
		length = ctx->len - ETHERNET_LENGTH;
	/* The compiler knows that it is not more now; Linux 6.1 wants to see the comparison. */
	asm volatile("" : "+r"(length));
	if (length < IPV4_LENGTH + ICMP_QUOTE_OTHER || length > ICMP_QUOTE_MAX)
		return 0;
	if (bpf_skb_load_bytes(ctx, ETHERNET_LENGTH, quote->bytes, length))
		return 0;
	return length;
}

static __always_inline int icmp_write_ipv4(context *ctx, const struct packet *packet, const struct icmp_error *error, struct quote *quote,
					   __u32 length)
{
	struct ethhdr *ethernet = hook_data(ctx);
	struct iphdr *ip = (void *)(ethernet + 1);
	struct icmp_header *icmp = (void *)(ip + 1);
	__s64 sum;

	if ((void *)(icmp + 1) > hook_data_end(ctx))
		return 0;
	ethernet_turn(ethernet);
	__builtin_memset(ip, 0, sizeof(*ip) + sizeof(*icmp));
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = 0xc0;
	ip->tot_len = bpf_htons(IPV4_LENGTH + sizeof(*icmp) + length);
	ip->ttl = ICMP_TTL;
	ip->protocol = IPPROTO_ICMP;
	ip->saddr = packet->destination.word[0];
	ip->daddr = packet->source.word[0];
	ip->check = ipv4_checksum(ip);
	icmp->type = error->type;
	icmp->code = error->code;
	icmp->rest = bpf_htonl(error->rest);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)quote->bytes, sizeof(quote->bytes), 0);
	icmp->checksum = checksum_fold((__u64)(__u32)sum + *(__u16 *)icmp + (__u64)icmp->rest);
	return 1;
}

static __always_inline int icmp_write_ipv6(context *ctx, const struct packet *packet, const struct icmp_error *error, struct quote *quote,
					   __u32 length)
{
	struct ethhdr *ethernet = hook_data(ctx);
	struct ipv6hdr *ip = (void *)(ethernet + 1);
	struct icmp_header *icmp = (void *)(ip + 1);
	__s64 sum;

	if ((void *)(icmp + 1) > hook_data_end(ctx))
		return 0;
	ethernet_turn(ethernet);
	__builtin_memset(ip, 0, sizeof(*ip) + sizeof(*icmp));
	ip->version = 6;
	ip->payload_len = bpf_htons(sizeof(*icmp) + length);
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = ICMP_TTL;
	__builtin_memcpy(&ip->saddr, &packet->destination, 16);
	__builtin_memcpy(&ip->daddr, &packet->source, 16);
	icmp->type = error->type6;
	icmp->code = error->code6;
	icmp->rest = bpf_htonl(error->rest);
	/* The pseudo-header first (RFC 8200 8.1): both addresses, length, next header. */
	sum = bpf_csum_diff(NULL, 0, (__be32 *)packet->source.word, 16, 0);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)packet->destination.word, 16, sum);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)quote->bytes, sizeof(quote->bytes), sum);
	icmp->checksum = checksum_fold((__u64)(__u32)sum + bpf_htons(sizeof(*icmp) + length) + bpf_htons(IPPROTO_ICMPV6) +
					  *(__u16 *)icmp + (__u64)icmp->rest);
	return 1;
}

/* May errors that cost so much be sent in this tick, if no more than `most` are? What is refused costs nothing. */
static __always_inline int icmp_is_within_budget(__u32 cost, __u32 most)
{
	__u32 zero = 0;
	struct icmp_budget *budget = bpf_map_lookup_elem(&icmp_budget, &zero);
	__u32 now = now_ticks();

	if (!budget)
		return 0;
	if (budget->tick != now) {
		budget->tick = now;
		budget->sent = 0;
	}
	if (budget->sent + cost > most)
		return 0;
	budget->sent += cost;
	return 1;
}

/* Answers the packet's sender in the VIP's name; the outcome is counted. */
__noinline int icmp_answer(context *ctx, const struct packet *packet, const struct icmp_error *error, __u32 outcome)
{
	struct quote quote = {};
	__u32 length, room;
	int written;

	if (!packet || !error)
		return VERDICT_DROP;
	ctx->cb[CONTEXT_ANSWERED] = 1;
	if (!icmp_is_within_budget(1, ICMP_PER_TICK))
		return count_outcome(OUTCOME_DROP_ICMP_LIMIT, VERDICT_DROP);
	length = packet_quote(ctx, packet, &quote);
	room = (packet->family == FAMILY_IPV4 ? IPV4_LENGTH : IPV6_LENGTH) + sizeof(struct icmp_header);

	/* Cutting first also ends GSO, which could not grow otherwise. */
	if (!length || bpf_skb_change_tail(ctx, ETHERNET_LENGTH + length, 0) || bpf_skb_adjust_room(ctx, room, BPF_ADJ_ROOM_MAC, 0))
		return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
	if (packet->family == FAMILY_IPV4)
		written = icmp_write_ipv4(ctx, packet, error, &quote, length);
	else
		written = icmp_write_ipv6(ctx, packet, error, &quote, length);
	if (!written)
		return count_outcome(OUTCOME_DROP_REWRITE, VERDICT_DROP);
	return count_outcome(outcome, bpf_redirect(ctx->ifindex, 0));
}

static __always_inline int icmp_too_big(context *ctx, const struct packet *packet, __u32 mtu)
{
	struct icmp_error error = {
		.type = ICMP_DEST_UNREACH, .code = ICMP_FRAG_NEEDED, .type6 = ICMPV6_PKT_TOOBIG, .rest = mtu
	};

	return icmp_answer(ctx, packet, &error, OUTCOME_ICMP_TOO_BIG);
}

static __always_inline int icmp_time_exceeded(context *ctx, const struct packet *packet)
{
	struct icmp_error error = { .type = ICMP_TIME_EXCEEDED, .type6 = ICMPV6_TIME_EXCEED };

	return icmp_answer(ctx, packet, &error, OUTCOME_ICMP_TIME_EXCEEDED);
}

static __always_inline int icmp_port_unreachable(context *ctx, const struct packet *packet)
{
	struct icmp_error error = {
		.type = ICMP_DEST_UNREACH, .code = ICMP_PORT_UNREACH, .type6 = ICMPV6_DEST_UNREACH, .code6 = ICMPV6_PORT_UNREACH
	};

	return icmp_answer(ctx, packet, &error, OUTCOME_ICMP_UNREACHABLE);
}

#endif
#endif
