/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TUN: one more IP header in front (RFC 2003, 2473, 4213): IPv4 or IPv6 in IPv4 or IPv6. With GRE or GUE something stands
 * between the two: forward_tunnel_header.h, in a function of its own, so that a plain tunnel's packets do not pay for it.
 */
#ifndef EVENKEEL_FORWARD_TUNNEL_H
#define EVENKEEL_FORWARD_TUNNEL_H

#include "forward_direct.h"

enum {
	GRE_LENGTH = 4,
	GRE_CHECKSUM_LENGTH = 4,
	GUE_LENGTH = 4,
};

static __always_inline __u32 tunnel_outer_length(const struct server *server)
{
	return server->family == FAMILY_IPV4 ? IPV4_LENGTH : IPV6_LENGTH;
}

/* Bytes between the outer and the inner IP header. */
static __always_inline __u32 tunnel_header_length(__u8 type, __u8 flags)
{
	if (likely(type == TUNNEL_TYPE_IPIP))
		return 0;
	if (type == TUNNEL_TYPE_GUE)
		return sizeof(struct udphdr) + GUE_LENGTH;
	return flags & TUNNEL_CHECKSUM ? GRE_LENGTH + GRE_CHECKSUM_LENGTH : GRE_LENGTH;
}

static __always_inline __u32 tunnel_overhead(const struct server *server)
{
	return tunnel_outer_length(server) + tunnel_header_length(server->tunnel_type, server->tunnel_flags);
}

/* The longest packet that the way takes: what a router said of it counts for a while. */
static __always_inline __u32 tunnel_mtu(const struct server *server, __u32 now)
{
	__u32 until = server->path_mtu_until;

	if (likely(!until) || (__s32)(until - now) <= 0 || server->path_mtu > server->mtu)
		return server->mtu;
	return server->path_mtu;
}

/* The outer traffic class: as the inner one, but congestion experienced inside is not said outside (RFC 3168 9.1.1). */
static __always_inline __u8 tunnel_tos(__u8 tos)
{
	return (tos & 3) == 3 ? (tos & ~3) | 2 : tos;
}

/* As a half: struct ethhdr is packed, and clang would write byte by byte. */
static __always_inline void ethernet_type(struct ethhdr *ethernet, __be16 type)
{
	((__be16 *)ethernet)[ETH_ALEN] = type;
}

/* Makes room for the outer header behind the Ethernet header. */
static __always_inline int tunnel_grow(context *ctx, const struct server *server)
{
#ifdef HOOK_XDP
	return !bpf_xdp_adjust_head(ctx, -(int)tunnel_outer_length(server));
#else
	/* GSO stays as it is: what does not fit was refused by its segments' size. */
	if (server->family == FAMILY_IPV4)
		return !bpf_skb_adjust_room(ctx, IPV4_LENGTH, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4);
	return !bpf_skb_adjust_room(ctx, IPV6_LENGTH, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV6);
#endif
}

/*
 * `header`: bytes between this header and the inner one. Written as the words (little endian) that are summed too: field by field the
 * header would be read again for its checksum.
 */
static __always_inline int tunnel_write_ipv4(context *ctx, const struct packet *packet, const struct server *server, __u8 protocol,
					     __u32 header)
{
	__u32 first = bpf_htonl(0x45000000 | (__u32)tunnel_tos(packet->tos) << 16 | ((packet->length + header + IPV4_LENGTH) & 0xffff));
	__u32 third = (__u8)(packet->ttl - 1) | (__u32)protocol << 8;
	__u32 source = *(const __u32 *)server->tunnel_source;
	__u32 destination = *(const __u32 *)server->address;
	struct ethhdr *ethernet = hook_data(ctx);
	__u32 *outer = (void *)(ethernet + 1);
	__u32 second = (__u32)bpf_htons(0x4000) << 16;

	if ((void *)outer + IPV4_LENGTH + header + IPV4_LENGTH > hook_data_end(ctx))
		return 0;
	/* Fragments may come to be only of what is inside an IPv4 packet that may be cut: its identification will do (RFC 6864). */
	if (!packet->dont_fragment)
		second = *(const __u16 *)((void *)outer + IPV4_LENGTH + header + offsetof(struct iphdr, id));
	ethernet_type(ethernet, bpf_htons(ETH_P_IP));
	outer[0] = first;
	outer[1] = second;
	outer[2] = third | (__u32)checksum_fold((__u64)first + second + third + source + destination) << 16;
	outer[3] = source;
	outer[4] = destination;
	return 1;
}

static __always_inline int tunnel_write_ipv6(context *ctx, const struct packet *packet, const struct server *server, __u8 protocol,
					     __u32 header, __u32 flow_label)
{
	struct ethhdr *ethernet = hook_data(ctx);
	struct ipv6hdr *outer = (void *)(ethernet + 1);

	if ((void *)(outer + 1) > hook_data_end(ctx))
		return 0;
	ethernet_type(ethernet, bpf_htons(ETH_P_IPV6));
	/* A label per flow lets routers spread tunnels over equal ways (RFC 6438). */
	*(__be32 *)outer = bpf_htonl(6u << 28 | (__u32)tunnel_tos(packet->tos) << 20 | (flow_label & 0xfffff));
	outer->payload_len = bpf_htons(packet->length + header);
	outer->nexthdr = protocol;
	outer->hop_limit = packet->ttl - 1;
	__builtin_memcpy(&outer->saddr, server->tunnel_source, 16);
	__builtin_memcpy(&outer->daddr, server->address, 16);
	return 1;
}

static __always_inline __u8 tunnel_inner_protocol(const struct packet *packet)
{
	return packet->family == FAMILY_IPV4 ? IPPROTO_IPIP : IPPROTO_IPV6;
}

/* Encapsulates; the inner packet has made its hop. 0 when the frame cannot grow. XDP's new frame has no MACs yet. */
static __always_inline int packet_encapsulate(context *ctx, const struct packet *packet, const struct server *server, __u32 flow_label)
{
	if (!packet_decrease_ttl(ctx, packet) || !tunnel_grow(ctx, server))
		return 0;
	if (server->family == FAMILY_IPV4)
		return tunnel_write_ipv4(ctx, packet, server, tunnel_inner_protocol(packet), 0);
	return tunnel_write_ipv6(ctx, packet, server, tunnel_inner_protocol(packet), 0, flow_label);
}

#endif
