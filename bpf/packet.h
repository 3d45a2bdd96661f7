/* SPDX-License-Identifier: GPL-2.0 */
/* A packet as the rest of the path sees it: copied out once, because the verifier forgets what bytes were checked. */
#ifndef EVENKEEL_PACKET_H
#define EVENKEEL_PACKET_H

#include "count.h"
#include "hook.h"

/* Words of an address; IPv4 uses the first. Two of them as one: keys are compared by eight bytes. */
struct address {
	union {
		__be32 word[4];
		__u64 half[2];
	};
};

enum tcp_bit {
	TCP_BIT_FIN = 0x01,
	TCP_BIT_SYN = 0x02,
	TCP_BIT_RST = 0x04,
	TCP_BIT_ACK = 0x10,
};

/* What identifies a flow in either direction: the client's end, and the other end as this packet shows it. */
struct flow {
	struct address client;
	struct address other;
	union {
		struct {
			__be16 client_port;
			__u8 protocol;
			__u8 family;
			__be16 other_port;
			__u16 zero;
		};
		/* The same as one word (little endian), as it is written and compared: its low half is the client's part. */
		__u64 ends;
	};
};

/* Also of a template's key, whose family has a bit beside it. */
static __always_inline int family_is_ipv6(__u8 family)
{
	return family & (FAMILY_IPV6 & ~FAMILY_IPV4);
}

static __always_inline __u64 flow_ends(__be16 client_port, __u8 protocol, __u8 family, __be16 other_port)
{
	return (__u32)client_port | (__u32)protocol << 16 | (__u32)family << 24 | (__u64)other_port << 32;
}

/* As the other side's packet shows it. */
static __always_inline struct flow flow_turned(const struct flow *flow)
{
	struct flow turned = {
		.client = flow->other,
		.other = flow->client,
		.ends = flow_ends(flow->other_port, flow->protocol, flow->family, flow->client_port),
	};

	return turned;
}

static __always_inline int address_is(const struct address *one, const struct address *other)
{
	return one->half[0] == other->half[0] && one->half[1] == other->half[1];
}

struct packet {
	union {
		/* A client's packet has its flow's order: no copy is made of it. */
		struct flow flow;
		struct {
			struct address source;
			struct address destination;
			__be16 source_port;
			__u8 protocol;
			__u8 family;
			__be16 destination_port;
		};
	};
	__u8 tcp_flags;
	__u8 ttl;
	/* SCTP: sctp_event_of() its first chunks. */
	__u8 sctp_event;
	/* Bytes of the IP packet; a GSO packet counts as the one that it still is. */
	__u32 length;
	/* Packets on the wire. */
	__u32 segments;
	/* The longest of them, in bytes of IP. */
	__u32 wire_length;
	/* Offsets from the start of the frame. */
	__u16 network;
	__u16 transport;
	__u8 tos;
	__u8 dont_fragment;
};

enum {
	ETHERNET_LENGTH = sizeof(struct ethhdr),
	IPV4_LENGTH = sizeof(struct iphdr),
	IPV6_LENGTH = sizeof(struct ipv6hdr),
	/* What the kernel says of packets that it carries together without their having one length. */
	GSO_BY_FRAGS = 0xffff,
	/* Bytes of extension headers that are followed. */
	EXTENSIONS_MAX = 256,
};

/* The verifier (all kernels) wants to see that the offset is small; IPv6 extension headers go up to EXTENSIONS_MAX. */
static __always_inline __u32 packet_transport(const struct packet *packet)
{
	return packet->transport & 511;
}

/* The programs of bpf/rare.h. */
enum rare_program {
	/* Fragments, IPv6 extension headers, SCTP, frames with a priority. */
	RARE_PACKET = 0,
	RARE_ICMP = 1,
	/* A packet that is too long for its way and may be cut. */
	RARE_CUT = 2,
	/* For a server on this host: up as it is. */
	RARE_LOCAL = 3,
	/* An error about what may be a packet of a tunnel of ours, parsed already (bpf/icmp_case.h). */
	RARE_PATH_MTU = 4,
	/* An error about a connection of full NAT, parsed and found already. */
	RARE_ICMP_FULL_NAT = 5,
	RARE_COUNT = 6,
};

/* Has the packet reached whom it is for, so that it counts? */
static __always_inline int verdict_is_sent(int verdict)
{
#ifdef HOOK_XDP
	return verdict == XDP_TX || verdict == XDP_REDIRECT;
#else
	return verdict == TC_ACT_REDIRECT || verdict == ASIDE - RARE_LOCAL;
#endif
}

/* Words of a tc context's cb. */
enum context_word {
	/* For RARE_CUT and RARE_PATH_MTU: the length that goes. */
	CONTEXT_MTU = 0,
	/* The packet was made the answer to its sender. */
	CONTEXT_ANSWERED = 1,
};

/* Extension headers of IPv6 that may come before the transport header (RFC 8200 4.1). */
static __always_inline int header_is_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_DSTOPTS;
}

/*
 * Is it no longer than its frame, and long enough for its headers? What follows it in the frame is padding. A GSO packet
 * above 64 KB says nothing of its length.
 */
static __always_inline int packet_is_whole(const context *ctx, const struct packet *packet, __u32 transport_header)
{
	__u32 headers = packet->transport - packet->network + transport_header;

	if (likely(packet->length >= headers && packet->network + packet->length <= hook_length(ctx)))
		return 1;
#ifdef HOOK_TC
	return ctx->gso_size != 0;
#else
	return 0;
#endif
}

/* Left to a program of its own; XDP leaves it to tc. */
static __always_inline int packet_rare(__u32 program)
{
#ifdef HOOK_XDP
	return count_outcome(OUTCOME_PASS_TO_TC, VERDICT_PASS);
#else
	return ASIDE - (int)program;
#endif
}

/* Neither TCP nor UDP. */
static __always_inline int packet_aside(__u8 family, __u8 protocol)
{
	if (protocol == (family == FAMILY_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return packet_rare(RARE_ICMP);
	if (protocol == IPPROTO_SCTP || (family == FAMILY_IPV6 && header_is_extension(protocol)))
		return packet_rare(RARE_PACKET);
	return count_outcome(OUTCOME_PASS_PROTOCOL, VERDICT_PASS);
}

static __always_inline int packet_parse_ports(context *ctx, struct packet *packet, __u8 family, __u8 protocol)
{
	void *end = hook_data_end(ctx);
	struct udphdr *ports = hook_data(ctx) + packet_transport(packet);
	__u32 both;

	if (protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = (void *)ports;

		if ((void *)(tcp + 1) > end || !packet_is_whole(ctx, packet, sizeof(*tcp)))
			return count_outcome(OUTCOME_PASS_MALFORMED, VERDICT_PASS);
		packet->tcp_flags = ((__u8 *)tcp)[13];
	} else if (protocol == IPPROTO_UDP) {
		if ((void *)(ports + 1) > end || !packet_is_whole(ctx, packet, sizeof(*ports)))
			return count_outcome(OUTCOME_PASS_MALFORMED, VERDICT_PASS);
	} else {
		return packet_aside(family, protocol);
	}
	both = *(const __u32 *)ports;
	packet->flow.ends = flow_ends((__u16)both, protocol, family, both >> 16);
	return NEXT;
}

static __always_inline int packet_parse_ipv4(context *ctx, struct packet *packet)
{
	struct iphdr *ip = hook_data(ctx) + ETHERNET_LENGTH;
	__u32 header;

	if ((void *)(ip + 1) > hook_data_end(ctx))
		return count_outcome(OUTCOME_PASS_MALFORMED, VERDICT_PASS);
	header = ip->ihl * 4;
	if (ip->version != 4 || header < IPV4_LENGTH)
		return count_outcome(OUTCOME_PASS_MALFORMED, VERDICT_PASS);
	/* More fragments, or not the first. */
	if (ip->frag_off & bpf_htons(0x3fff))
		return packet_rare(RARE_PACKET);
	/* As they will be read, eight bytes at once: a load that spans two stores waits for both to leave the store buffer. */
	packet->source.half[0] = ip->saddr;
	packet->destination.half[0] = ip->daddr;
	packet->ttl = ip->ttl;
	packet->tos = ip->tos;
	packet->dont_fragment = !!(ip->frag_off & bpf_htons(0x4000));
	packet->length = bpf_ntohs(ip->tot_len);
	packet->network = ETHERNET_LENGTH;
	packet->transport = ETHERNET_LENGTH + header;
	return packet_parse_ports(ctx, packet, FAMILY_IPV4, ip->protocol);
}

static __always_inline int packet_parse_ipv6(context *ctx, struct packet *packet)
{
	struct ipv6hdr *ip = hook_data(ctx) + ETHERNET_LENGTH;

	if ((void *)(ip + 1) > hook_data_end(ctx) || ip->version != 6)
		return count_outcome(OUTCOME_PASS_MALFORMED, VERDICT_PASS);
	__builtin_memcpy(&packet->source, &ip->saddr, sizeof(packet->source));
	__builtin_memcpy(&packet->destination, &ip->daddr, sizeof(packet->destination));
	packet->ttl = ip->hop_limit;
	packet->tos = (ip->priority << 4) | (ip->flow_lbl[0] >> 4);
	packet->dont_fragment = 1;
	packet->length = IPV6_LENGTH + bpf_ntohs(ip->payload_len);
	packet->network = ETHERNET_LENGTH;
	packet->transport = ETHERNET_LENGTH + IPV6_LENGTH;
	return packet_parse_ports(ctx, packet, FAMILY_IPV6, ip->nexthdr);
}

/* How long the packets are that this one becomes on the wire. */
static __always_inline void packet_measure(context *ctx, struct packet *packet)
{
	packet->segments = 1;
	packet->wire_length = packet->length;
#ifdef HOOK_TC
	if (ctx->gso_size) {
		__u32 headers = packet->transport - packet->network + sizeof(struct udphdr);

		if (packet->protocol == IPPROTO_TCP) {
			struct tcphdr *tcp = hook_data(ctx) + packet_transport(packet);

			if ((void *)(tcp + 1) <= hook_data_end(ctx))
				headers += tcp->doff * 4 - sizeof(struct udphdr);
		}
		/* A GSO packet above 64 KB carries no length of its own. */
		packet->length = ctx->len - packet->network;
		packet->segments = ctx->gso_segs ? ctx->gso_segs : 1;
		/* SCTP's have lengths of their own, which are not to be seen here; their sender made them for its way. */
		packet->wire_length = ctx->gso_size == GSO_BY_FRAGS ? headers : headers + ctx->gso_size;
	}
#endif
}

/* Is the frame addressed to this host? A switch floods frames for stations it does not know yet. */
static __always_inline int packet_is_for_host(context *ctx, const struct ethhdr *ethernet)
{
#ifdef HOOK_XDP
	__u32 ifindex = ctx->ingress_ifindex;
	struct port *port = bpf_map_lookup_elem(&ports, &ifindex);

	if (!port || !(port->flags & PORT_MAC_KNOWN))
		return 1;
	/* The first six bytes of each (little endian). */
	return !((*(const __u64 *)ethernet ^ *(const __u64 *)port) << 16);
#else
	return ctx->pkt_type == 0; /* PACKET_HOST */
#endif
}

/* Reads what is needed of the headers. A verdict, or NEXT with the packet filled in. */
static __always_inline int packet_parse(context *ctx, struct packet *packet)
{
	struct ethhdr *ethernet = hook_data(ctx);
	__be16 type;

#ifdef HOOK_TC
	/* Headers of a paged packet may lie beyond the linear part. 74 = the largest fixed headers read here. */
	if (unlikely(hook_data(ctx) + 74 > hook_data_end(ctx)) && ctx->len > (__u32)(ctx->data_end - ctx->data)) {
		bpf_skb_pull_data(ctx, ctx->len < 114 ? ctx->len : 114);
		ethernet = hook_data(ctx);
	}
	/* Linux 6.1 knows a packet's pointer only fresh from the context: the difference above must lend it none. */
	barrier();
#endif
	if ((void *)(ethernet + 1) > hook_data_end(ctx))
		return count_outcome(OUTCOME_PASS_NOT_IP, VERDICT_PASS);
	if (!packet_is_for_host(ctx, ethernet))
		return count_outcome(OUTCOME_PASS_OTHER_HOST, VERDICT_PASS);
#ifdef HOOK_TC
	/* A VLAN's frame comes by again on the VLAN's own interface; sent on from here it would keep its tag. 0 is a mere priority. */
	if (unlikely(ctx->vlan_present))
		return ctx->vlan_tci & 0xfff ? count_outcome(OUTCOME_PASS_NOT_IP, VERDICT_PASS) : packet_rare(RARE_PACKET);
#endif
	type = ((const __be16 *)ethernet)[ETH_ALEN];
	if (type == bpf_htons(ETH_P_IP))
		return packet_parse_ipv4(ctx, packet);
	if (type == bpf_htons(ETH_P_IPV6))
		return packet_parse_ipv6(ctx, packet);
	return count_outcome(OUTCOME_PASS_NOT_IP, VERDICT_PASS);
}

#endif
