/* SPDX-License-Identifier: GPL-2.0 */
/* NAT: the destination of a request, the source of a reply, and the checksums over them (RFC 3022). */
#ifndef EVENKEEL_FORWARD_NAT_H
#define EVENKEEL_FORWARD_NAT_H

#include "checksum.h"
#include "packet.h"
#include "sctp_checksum.h"

/* One end of a packet as it is and as it shall be. */
struct rewrite {
	struct address before;
	struct address after;
	__be16 port_before;
	__be16 port_after;
};

/* The network header: address and, with `hop`, hop count. `source` and `hop` are known at compile time, here and below. */
static __always_inline int rewrite_address(context *ctx, const struct packet *packet, const struct rewrite *rewrite, int source, int hop)
{
	if (packet->family == FAMILY_IPV4) {
		struct iphdr *ip = hook_data(ctx) + ETHERNET_LENGTH;

		if ((void *)(ip + 1) > hook_data_end(ctx))
			return 0;
		ip->check = checksum_replace(ip->check, rewrite->before.word[0], rewrite->after.word[0]);
		if (source)
			ip->saddr = rewrite->after.word[0];
		else
			ip->daddr = rewrite->after.word[0];
		if (hop)
			ipv4_decrease_ttl(ip);
	} else {
		struct ipv6hdr *ip = hook_data(ctx) + ETHERNET_LENGTH;

		if ((void *)(ip + 1) > hook_data_end(ctx))
			return 0;
		__builtin_memcpy(source ? &ip->saddr : &ip->daddr, &rewrite->after, 16);
		if (hop)
			ip->hop_limit--;
	}
	return 1;
}

static __always_inline int rewrite_network(context *ctx, const struct packet *packet, const struct rewrite *rewrite, int source)
{
	return rewrite_address(ctx, packet, rewrite, source, 1);
}

#ifdef HOOK_XDP

/* A UDP checksum of zero says that there is none (RFC 768); one that becomes zero is written as its twin. */
static __always_inline int rewrite_transport(context *ctx, const struct packet *packet, const struct rewrite *rewrite, int source)
{
	struct tcphdr *tcp = hook_data(ctx) + packet_transport(packet);
	struct udphdr *udp = (void *)tcp;
	__u64 difference = checksum_difference(rewrite->before.word, rewrite->after.word, packet->family == FAMILY_IPV4 ? 1 : 4);

	difference += (__u16)~rewrite->port_before + (__u64)rewrite->port_after;
	if (packet->protocol == IPPROTO_TCP) {
		if ((void *)(tcp + 1) > hook_data_end(ctx))
			return 0;
		tcp->check = checksum_add(tcp->check, difference);
	} else {
		if ((void *)(udp + 1) > hook_data_end(ctx))
			return 0;
		if (udp->check) {
			udp->check = checksum_add(udp->check, difference);
			if (!udp->check)
				udp->check = 0xffff;
		}
	}
	if (source)
		udp->source = rewrite->port_after;
	else
		udp->dest = rewrite->port_after;
	return 1;
}

#else

/* The helpers know checksums that are partial (left to the device) and such as are complete. */
static __always_inline int rewrite_transport(context *ctx, const struct packet *packet, const struct rewrite *rewrite, int source)
{
	int tcp = packet->protocol == IPPROTO_TCP;
	__u32 check = packet_transport(packet) + (tcp ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check));
	__u32 port = packet_transport(packet) + (source ? offsetof(struct udphdr, source) : offsetof(struct udphdr, dest));
	__u64 mangled = tcp ? 0 : BPF_F_MARK_MANGLED_0;
	long failed;

	if (unlikely(packet->protocol == IPPROTO_SCTP))
		return sctp_rewrite(ctx, packet_transport(packet), packet->length - (packet->transport - packet->network), port,
				    rewrite->port_before, rewrite->port_after);
	if (packet->family == FAMILY_IPV4) {
		failed = bpf_l4_csum_replace(ctx, check, rewrite->before.word[0], rewrite->after.word[0], BPF_F_PSEUDO_HDR | mangled | 4);
	} else {
		__s64 difference = bpf_csum_diff((__be32 *)rewrite->before.word, 16, (__be32 *)rewrite->after.word, 16, 0);

		failed = bpf_l4_csum_replace(ctx, check, 0, difference, BPF_F_PSEUDO_HDR | mangled);
	}
	if (!failed && rewrite->port_before != rewrite->port_after) {
		failed = bpf_l4_csum_replace(ctx, check, rewrite->port_before, rewrite->port_after, mangled | 2);
		if (!failed)
			failed = bpf_skb_store_bytes(ctx, port, &rewrite->port_after, sizeof(rewrite->port_after), 0);
	}
	return !failed;
}

#endif

static __always_inline int packet_rewrite(context *ctx, const struct packet *packet, const struct rewrite *rewrite, int source)
{
	return rewrite_network(ctx, packet, rewrite, source) && rewrite_transport(ctx, packet, rewrite, source);
}

#endif
