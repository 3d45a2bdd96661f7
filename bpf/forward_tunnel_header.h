/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TUN with a header between the outer and the inner IP header: GRE (RFC 2784), and GUE (draft-ietf-intarea-gue, version 0, as
 * Linux's fou speaks it) in UDP, whose source port lets routers spread flows over equal ways.
 *
 * Without a checksum GUE's UDP has none, over IPv6 too (RFC 6935), as IPVS does it; Linux's fou takes that. A checksum is made of
 * the headers alone where the inner transport has one: its bytes then sum up to the complement of its pseudo-header, also when a
 * card is still to fill it in (Documentation/networking/checksum-offloads.rst, LCO). A packet that the kernel carries for several
 * (GSO) has no checksum here: no helper tells the kernel to make one for each segment.
 */
#ifndef EVENKEEL_FORWARD_TUNNEL_HEADER_H
#define EVENKEEL_FORWARD_TUNNEL_HEADER_H

#include "checksum.h"
#include "forward_tunnel.h"

struct gre_header {
	__be16 flags;
	__be16 protocol;
};

struct gre_checksum {
	__sum16 checksum;
	__be16 reserved;
};

struct gue_header {
	/* Version 0, no options, data. */
	__u8 length;
	__u8 protocol;
	__be16 flags;
};

enum {
	GRE_HAS_CHECKSUM = 0x8000,
	/* Source ports: the dynamic ones (RFC 6335). */
	GUE_PORT_FIRST = 0xc000,
	GUE_PORT_MASK = 0x3fff,
	SUM_CHUNK = 64,
	SUM_CHUNKS_MAX = 1024,
};

/* Summing a packet as it is. */
struct summing {
	context *ctx;
	__u32 at;
	__u32 left;
	__u32 failed;
	__s64 sum;
};

struct chunk {
	__u8 bytes[SUM_CHUNK];
};

static long sum_step(__u32 i, struct summing *summing)
{
	struct chunk chunk = {};
	__u32 length = summing->left < SUM_CHUNK ? summing->left : SUM_CHUNK;

	if (!length)
		return 1;
	/* Neither zero nor too much, so that Linux 6.1 sees it: it learns nothing from a comparison with zero. */
	length--;
	asm volatile("%0 &= 63" : "+r"(length));
	length++;
#ifdef HOOK_XDP
	summing->failed = bpf_xdp_load_bytes(summing->ctx, summing->at, chunk.bytes, length) != 0;
#else
	summing->failed = bpf_skb_load_bytes(summing->ctx, summing->at, chunk.bytes, length) != 0;
#endif
	if (summing->failed)
		return 1;
	summing->sum = bpf_csum_diff(NULL, 0, (__be32 *)chunk.bytes, SUM_CHUNK, summing->sum);
	summing->at += SUM_CHUNK;
	summing->left -= length;
	return !summing->left;
}

/* The sum over so many bytes of a packet as it stands in its frame; 0: it cannot be read. */
__noinline int packet_sum(context *ctx, __u32 at, __u32 length, __u32 *sum)
{
	struct summing summing = { .at = at, .left = length };

	if (!sum)
		return 0;
	summing.ctx = ctx;
	bpf_loop(SUM_CHUNKS_MAX, sum_step, &summing, 0);
	*sum = summing.sum;
	return !summing.failed && !summing.left;
}

/* Has the packet a checksum of its own over all that is behind its IP header, which alone stands before it? */
static __always_inline int packet_has_own_sum(context *ctx, const struct packet *packet)
{
	struct iphdr *ip = hook_data(ctx) + ETHERNET_LENGTH;
	struct udphdr *udp;

	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP)
		return 0;
	if (packet->family == FAMILY_IPV6) {
		if (packet->transport - packet->network != IPV6_LENGTH)
			return 0;
	} else if ((void *)(ip + 1) > hook_data_end(ctx) || (ip->frag_off & bpf_htons(0x3fff))) {
		return 0;
	}
	if (packet->protocol == IPPROTO_TCP)
		return 1;
	/* The compiler would put the frame's end aside as a number: packet pointers are only fresh from the context. */
	barrier();
	udp = hook_data(ctx) + packet_transport(packet);
	return (void *)(udp + 1) <= hook_data_end(ctx) && udp->check;
}

/* The sum over the whole packet, from its headers. An IPv4 header sums up to nothing, IPv6's addresses are in both. */
static __always_inline int packet_sum_of_headers(context *ctx, const struct packet *packet, __u32 *sum)
{
	__u32 length = packet->length - (packet->transport - packet->network);
	__u64 pseudo = bpf_htons(packet->protocol);

	if (packet->family == FAMILY_IPV4) {
		pseudo += (__u64)packet->source.word[0] + packet->destination.word[0] + bpf_htons(length);
		*sum = checksum_fold(pseudo);
	} else {
		const __be16 *half;

		barrier();
		half = hook_data(ctx) + ETHERNET_LENGTH;
		if ((void *)(half + IPV6_LENGTH / 2) > hook_data_end(ctx))
			return 0;
		/* Version, class and label; next header and hop limit. */
		*sum = (__u32)half[0] + half[1] + half[3] + checksum_fold(pseudo);
	}
	return 1;
}

/* Over the inner packet, as a checksum before it wants it. */
__noinline int tunnel_payload_sum(context *ctx, const struct packet *packet, __u32 *sum)
{
	if (!packet || !sum)
		return 0;
	if (likely(packet_has_own_sum(ctx, packet)))
		return packet_sum_of_headers(ctx, packet, sum);
	return packet_sum(ctx, packet->network, packet->length, sum);
}

static __always_inline int tunnel_grow_by(context *ctx, const struct server *server, __u32 header)
{
	__u32 length = tunnel_outer_length(server) + header;
#ifdef HOOK_XDP
	return !bpf_xdp_adjust_head(ctx, -(int)length);
#else
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;

	flags |= server->family == FAMILY_IPV4 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV6;
	flags |= server->tunnel_type == TUNNEL_TYPE_GRE ? BPF_F_ADJ_ROOM_ENCAP_L4_GRE : BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
	return !bpf_skb_adjust_room(ctx, length, BPF_ADJ_ROOM_MAC, flags);
#endif
}

/* `at`: the offset of the header, known at compile time. */
static __always_inline int gre_write(context *ctx, const struct packet *packet, __u32 at, int checksum, __u32 sum)
{
	struct gre_header *gre = hook_data(ctx) + at;
	struct gre_checksum *check = (void *)(gre + 1);

	if ((void *)(check + 1) > hook_data_end(ctx))
		return 0;
	gre->flags = checksum ? bpf_htons(GRE_HAS_CHECKSUM) : 0;
	gre->protocol = packet->family == FAMILY_IPV4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	if (checksum) {
		check->checksum = checksum_fold((__u64)gre->flags + gre->protocol + sum);
		check->reserved = 0;
	}
	return 1;
}

static __always_inline int gue_write(context *ctx, const struct packet *packet, const struct server *server, __u32 at, int checksum,
				     __u32 sum, __u32 flow)
{
	struct udphdr *udp = hook_data(ctx) + at;
	struct gue_header *gue = (void *)(udp + 1);
	__u64 all;

	if ((void *)(gue + 1) > hook_data_end(ctx))
		return 0;
	udp->source = bpf_htons(GUE_PORT_FIRST | (flow & GUE_PORT_MASK));
	udp->dest = server->tunnel_port;
	udp->len = bpf_htons(packet->length + sizeof(*udp) + sizeof(*gue));
	udp->check = 0;
	gue->length = 0;
	gue->protocol = tunnel_inner_protocol(packet);
	gue->flags = 0;
	if (!checksum)
		return 1;
	/* The pseudo-header, in which the length comes a second time, the header, and GUE's first half. */
	all = (__u64)sum + bpf_htons(IPPROTO_UDP) + 2ULL * udp->len + udp->source + udp->dest + bpf_htons(gue->protocol);
#pragma unroll
	for (int i = 0; i < 4; i++)
		all += (__u64)((const __u32 *)server->tunnel_source)[i] + ((const __u32 *)server->address)[i];
	udp->check = checksum_fold(all);
	if (!udp->check)
		udp->check = 0xffff;
	return 1;
}

static __always_inline int tunnel_write_header(context *ctx, const struct packet *packet, const struct server *server, __u32 at,
					       int checksum, __u32 sum, __u32 flow)
{
	if (server->tunnel_type == TUNNEL_TYPE_GRE)
		return gre_write(ctx, packet, at, checksum, sum);
	return gue_write(ctx, packet, server, at, checksum, sum, flow);
}

/* As packet_encapsulate(), for a server whose tunnel is not plain. `flow`: bits of the flow's hash. */
__noinline int packet_encapsulate_with_header(context *ctx, const struct packet *packet, __u32 index, __u32 flow)
{
	struct server *server = bpf_map_lookup_elem(&servers, &index);
	int checksum;
	__u32 header;
	__u32 sum = 0;
	__u8 protocol;

	if (!server || !packet || !packet_decrease_ttl(ctx, packet))
		return 0;
	checksum = !!(server->tunnel_flags & TUNNEL_CHECKSUM);
#ifdef HOOK_TC
	if (ctx->gso_size)
		checksum = 0;
#endif
	if (checksum && !tunnel_payload_sum(ctx, packet, &sum))
		return 0;
	header = tunnel_header_length(server->tunnel_type, checksum ? TUNNEL_CHECKSUM : 0);
	if (!tunnel_grow_by(ctx, server, header))
		return 0;
	protocol = server->tunnel_type == TUNNEL_TYPE_GRE ? IPPROTO_GRE : IPPROTO_UDP;
	if (server->family == FAMILY_IPV4)
		return tunnel_write_ipv4(ctx, packet, server, protocol, header) &&
		       tunnel_write_header(ctx, packet, server, ETHERNET_LENGTH + IPV4_LENGTH, checksum, sum, flow);
	return tunnel_write_ipv6(ctx, packet, server, protocol, header, flow) &&
	       tunnel_write_header(ctx, packet, server, ETHERNET_LENGTH + IPV6_LENGTH, checksum, sum, flow);
}

#endif
