// SPDX-License-Identifier: GPL-2.0
/*
 * The real server's end of TUN where the kernel has no tunnel device: takes the outer header off, at tc ingress, and GRE's or
 * GUE's with it. Their checksums are not looked at: what they cover has its own inside, and the stack asks for that.
 * Only of packets to one of our own addresses that carry one to a VIP: an open decapsulator would let anybody on
 * the network put packets into this host that no firewall has seen. Everything else goes on to the stack untouched.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

#define always_inline static __attribute__((always_inline)) inline

enum {
	/* Neither tcx nor clsact stops here: whoever stands behind us sees the packet too. */
	GO_ON = TC_ACT_UNSPEC,
	ETHERNET_LENGTH = sizeof(struct ethhdr),
	IPV4_LENGTH = sizeof(struct iphdr),
	IPV6_LENGTH = sizeof(struct ipv6hdr),
	GRE_LENGTH = 4,
	GRE_CHECKSUM_LENGTH = 4,
	GRE_HAS_CHECKSUM = 0x8000,
	GUE_LENGTH = 4,
	/* frag_off: more fragments, or an offset. */
	IPV4_FRAGMENT_MASK = 0x3fff,
	/* The two low bits of TOS and traffic class (RFC 3168). */
	ECN_MASK = 3,
	ECN_NOT_CAPABLE = 0,
	ECN_CAPABLE_1 = 1,
	ECN_CAPABLE_0 = 2,
	ECN_CONGESTION = 3,
};

/* The outer header, as far as the rest needs it. */
struct tunnel {
	struct decap_address endpoint;
	/* Bytes to take off. */
	__u32 length;
	/* What stands behind the outer IP header, until that is read; then IPPROTO_IPIP or IPPROTO_IPV6: what is inside. */
	__u8 inner_protocol;
	__u8 tos;
	/* The outer header has a checksum over the payload. */
	__u8 has_checksum;
};

/* Written by user space: where tunnels to us end, and what each takes (enum decap_takes). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct decap_address);
	__type(value, __u32);
} decap_endpoints SEC(".maps");

/* Written by user space: what may be inside. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct decap_address);
	__type(value, __u32);
} decap_vips SEC(".maps");

/* Indexed by enum decap_outcome. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DECAP_OUTCOME_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} decap_outcomes SEC(".maps");

/* Counts the outcome and returns the verdict, so that a step can end in one line. */
always_inline int count(__u32 outcome, int verdict)
{
	__u64 *counter = bpf_map_lookup_elem(&decap_outcomes, &outcome);

	if (counter)
		(*counter)++;
	return verdict;
}

always_inline int is_tunnel_protocol(__u8 protocol)
{
	return protocol == IPPROTO_IPIP || protocol == IPPROTO_IPV6 || protocol == IPPROTO_GRE;
}

/* GUE's UDP, of an end that takes it. Any other datagram is none of our business and not counted. */
always_inline int is_gue(struct __sk_buff *skb, const struct tunnel *tunnel)
{
	__u32 *takes = bpf_map_lookup_elem(&decap_endpoints, &tunnel->endpoint);
	struct udphdr udp;

	if (!takes || !(*takes & DECAP_TAKES_GUE) || bpf_skb_load_bytes(skb, ETHERNET_LENGTH + tunnel->length, &udp, sizeof(udp)))
		return 0;
	return bpf_ntohs(udp.dest) == (*takes & DECAP_TAKES_PORT_MASK);
}

/* The sum over a header with its checksum is all ones. Once the header is gone, ip_rcv() cannot look any more. */
always_inline int ipv4_header_is_damaged(const struct iphdr *ip)
{
	const __u16 *half = (const __u16 *)ip;
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < 10; i++)
		sum += half[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return (sum & 0xffff) != 0xffff;
}

/* GO_ON: not for us. 0: a tunnel packet, described in tunnel. */
always_inline int tunnel_parse_ipv4(struct __sk_buff *skb, struct tunnel *tunnel)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, ETHERNET_LENGTH, &ip, sizeof(ip)))
		return GO_ON;
	__builtin_memcpy(tunnel->endpoint.address, &ip.daddr, sizeof(ip.daddr));
	tunnel->endpoint.family = FAMILY_IPV4;
	tunnel->length = IPV4_LENGTH;
	tunnel->inner_protocol = ip.protocol;
	tunnel->tos = ip.tos;
	if (ip.protocol == IPPROTO_UDP) {
		if ((ip.frag_off & bpf_htons(IPV4_FRAGMENT_MASK)) || ip.ihl != 5 || !is_gue(skb, tunnel))
			return GO_ON;
	} else if (!is_tunnel_protocol(ip.protocol)) {
		return GO_ON;
	}
	/* The stack may put them together; a director that is configured well sends none. */
	if (ip.frag_off & bpf_htons(IPV4_FRAGMENT_MASK))
		return count(DECAP_OUTCOME_PASS_FRAGMENT, GO_ON);
	/* No director writes options. */
	if (ip.version != 4 || ip.ihl != 5 || ipv4_header_is_damaged(&ip))
		return count(DECAP_OUTCOME_PASS_MALFORMED, GO_ON);
	return 0;
}

always_inline int tunnel_parse_ipv6(struct __sk_buff *skb, struct tunnel *tunnel)
{
	struct ipv6hdr ip;
	__u8 protocol;

	if (bpf_skb_load_bytes(skb, ETHERNET_LENGTH, &ip, sizeof(ip)))
		return GO_ON;
	protocol = ip.nexthdr;
	tunnel->length = IPV6_LENGTH;
	/* The encapsulation limit (RFC 2473 5.1) that Linux's ip6tnl puts into every packet unless told otherwise. */
	if (protocol == IPPROTO_DSTOPTS) {
		struct { __u8 next; __u8 length; } options;

		if (bpf_skb_load_bytes(skb, ETHERNET_LENGTH + IPV6_LENGTH, &options, sizeof(options)))
			return GO_ON;
		protocol = options.next;
		tunnel->length += 8 * (options.length + 1);
	}
	if (protocol == IPPROTO_FRAGMENT)
		return count(DECAP_OUTCOME_PASS_FRAGMENT, GO_ON);
	__builtin_memcpy(tunnel->endpoint.address, &ip.daddr, sizeof(ip.daddr));
	tunnel->endpoint.family = FAMILY_IPV6;
	tunnel->inner_protocol = protocol;
	tunnel->tos = ip.priority << 4 | ip.flow_lbl[0] >> 4;
	if (protocol == IPPROTO_UDP ? !is_gue(skb, tunnel) : !is_tunnel_protocol(protocol))
		return GO_ON;
	if (ip.version != 6)
		return count(DECAP_OUTCOME_PASS_MALFORMED, GO_ON);
	return 0;
}

/* RFC 2784; a key or sequence numbers (RFC 2890) are no director's. */
always_inline int gre_parse(struct __sk_buff *skb, struct tunnel *tunnel)
{
	struct { __be16 flags; __be16 protocol; } gre;

	if (bpf_skb_load_bytes(skb, ETHERNET_LENGTH + tunnel->length, &gre, sizeof(gre)) || (gre.flags & ~bpf_htons(GRE_HAS_CHECKSUM)))
		return count(DECAP_OUTCOME_PASS_MALFORMED, GO_ON);
	if (gre.protocol == bpf_htons(ETH_P_IP))
		tunnel->inner_protocol = IPPROTO_IPIP;
	else if (gre.protocol == bpf_htons(ETH_P_IPV6))
		tunnel->inner_protocol = IPPROTO_IPV6;
	else
		return count(DECAP_OUTCOME_PASS_MALFORMED, GO_ON);
	tunnel->has_checksum = !!gre.flags;
	tunnel->length += gre.flags ? GRE_LENGTH + GRE_CHECKSUM_LENGTH : GRE_LENGTH;
	return 0;
}

/* draft-ietf-intarea-gue: version 0, data, no options. */
always_inline int gue_parse(struct __sk_buff *skb, struct tunnel *tunnel)
{
	struct { struct udphdr udp; __u8 length; __u8 protocol; __be16 flags; } gue;

	if (bpf_skb_load_bytes(skb, ETHERNET_LENGTH + tunnel->length, &gue, sizeof(gue)) || gue.length || gue.flags)
		return count(DECAP_OUTCOME_PASS_MALFORMED, GO_ON);
	if (gue.protocol != IPPROTO_IPIP && gue.protocol != IPPROTO_IPV6)
		return count(DECAP_OUTCOME_PASS_MALFORMED, GO_ON);
	tunnel->inner_protocol = gue.protocol;
	tunnel->has_checksum = !!gue.udp.check;
	tunnel->length += sizeof(gue);
	return 0;
}

/* What stands behind the outer IP header, if this end takes it. */
always_inline int tunnel_parse_header(struct __sk_buff *skb, struct tunnel *tunnel)
{
	__u32 *takes = bpf_map_lookup_elem(&decap_endpoints, &tunnel->endpoint);
	__u32 kind = tunnel->inner_protocol == IPPROTO_GRE   ? DECAP_TAKES_GRE
		     : tunnel->inner_protocol == IPPROTO_UDP ? DECAP_TAKES_GUE
							     : DECAP_TAKES_IPIP;

	if (!takes || !(*takes & kind))
		return count(DECAP_OUTCOME_PASS_NOT_OURS, GO_ON);
	if (kind == DECAP_TAKES_GRE)
		return gre_parse(skb, tunnel);
	return kind == DECAP_TAKES_GUE ? gue_parse(skb, tunnel) : 0;
}

/* RFC 6040 4.2: what the inner header's ECN bits become, or -1 when the packet has to go. */
always_inline int ecn_after(__u8 outer, __u8 inner)
{
	outer &= ECN_MASK;
	inner &= ECN_MASK;
	if (outer == ECN_CONGESTION)
		return inner == ECN_NOT_CAPABLE ? -1 : ECN_CONGESTION;
	if (outer == ECN_CAPABLE_1 && inner == ECN_CAPABLE_0)
		return ECN_CAPABLE_1;
	return inner;
}

/* Neither a change of the header's bytes nor that of its checksum shows in a checksum over both: no flag is needed. */
always_inline int ecn_write_ipv4(struct __sk_buff *skb, __u32 offset, const struct iphdr *ip, __u8 ecn)
{
	__be16 before, after;
	__u8 tos = (ip->tos & ~ECN_MASK) | ecn;
	__u32 sum;
	__sum16 check;

	before = bpf_htons(0x4500 | ip->tos);
	after = bpf_htons(0x4500 | tos);
	/* RFC 1624, equation 3; the header's first byte cancels out. */
	sum = (__u16)~ip->check + (__u16)~before + after;
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	check = (__u16)~sum;
	return bpf_skb_store_bytes(skb, offset + offsetof(struct iphdr, tos), &tos, sizeof(tos), 0) ||
	       bpf_skb_store_bytes(skb, offset + offsetof(struct iphdr, check), &check, sizeof(check), 0);
}

always_inline int ecn_write_ipv6(struct __sk_buff *skb, __u32 offset, const struct ipv6hdr *ip, __u8 ecn)
{
	/* Version, traffic class, flow label: 4 + 8 + 20 bits. */
	__be16 word;

	__builtin_memcpy(&word, ip, sizeof(word));
	word = (word & ~bpf_htons(ECN_MASK << 4)) | bpf_htons(ecn << 4);
	return bpf_skb_store_bytes(skb, offset, &word, sizeof(word), BPF_F_RECOMPUTE_CSUM);
}

/* What is inside, looked at and made ready. GO_ON or TC_ACT_SHOT: the end of it. 0: the outer header may go. */
always_inline int inner_prepare_ipv4(struct __sk_buff *skb, const struct tunnel *tunnel)
{
	__u32 offset = ETHERNET_LENGTH + tunnel->length;
	struct decap_address vip = { .family = FAMILY_IPV4 };
	struct iphdr ip;
	int ecn;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 4)
		return count(DECAP_OUTCOME_PASS_MALFORMED, GO_ON);
	__builtin_memcpy(vip.address, &ip.daddr, sizeof(ip.daddr));
	if (!bpf_map_lookup_elem(&decap_vips, &vip))
		return count(DECAP_OUTCOME_PASS_NOT_A_VIP, GO_ON);
	ecn = ecn_after(tunnel->tos, ip.tos);
	if (ecn < 0)
		return count(DECAP_OUTCOME_DROP_CONGESTION, TC_ACT_SHOT);
	if (ecn != (ip.tos & ECN_MASK) && ecn_write_ipv4(skb, offset, &ip, ecn))
		return count(DECAP_OUTCOME_DROP_REWRITE, TC_ACT_SHOT);
	return 0;
}

always_inline int inner_prepare_ipv6(struct __sk_buff *skb, const struct tunnel *tunnel)
{
	__u32 offset = ETHERNET_LENGTH + tunnel->length;
	struct decap_address vip = { .family = FAMILY_IPV6 };
	struct ipv6hdr ip;
	__u8 tos;
	int ecn;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 6)
		return count(DECAP_OUTCOME_PASS_MALFORMED, GO_ON);
	__builtin_memcpy(vip.address, &ip.daddr, sizeof(ip.daddr));
	if (!bpf_map_lookup_elem(&decap_vips, &vip))
		return count(DECAP_OUTCOME_PASS_NOT_A_VIP, GO_ON);
	tos = ip.priority << 4 | ip.flow_lbl[0] >> 4;
	ecn = ecn_after(tunnel->tos, tos);
	if (ecn < 0)
		return count(DECAP_OUTCOME_DROP_CONGESTION, TC_ACT_SHOT);
	if (ecn != (tos & ECN_MASK) && ecn_write_ipv6(skb, offset, &ip, ecn))
		return count(DECAP_OUTCOME_DROP_REWRITE, TC_ACT_SHOT);
	return 0;
}

/*
 * Takes the outer header off. Where the families differ, bpf_skb_change_proto() first makes the frame one of the inner
 * family (the header it leaves has that family's length and is never read): adjust_room judges by the frame's family
 * how short it may become, and the stack by it who receives the packet. BPF_F_ADJ_ROOM_DECAP_L3_* would do the same,
 * from 6.3 on.
 */
always_inline int tunnel_strip(struct __sk_buff *skb, const struct tunnel *tunnel, __be16 inner_type)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;
	__s32 length = tunnel->length;

	if (inner_type != skb->protocol) {
		if (bpf_skb_change_proto(skb, inner_type, 0))
			return -1;
		length += inner_type == bpf_htons(ETH_P_IPV6) ? IPV6_LENGTH - IPV4_LENGTH : IPV4_LENGTH - IPV6_LENGTH;
		if (bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &inner_type, sizeof(inner_type), 0))
			return -1;
	}
	/*
	 * FIXED_GSO: the segments that were received keep their size. NO_CSUM_RESET: where the outer header has no checksum that
	 * covers the payload, what the network card vouched for is the inner one, as in the kernel's own tunnels.
	 */
	if (!tunnel->has_checksum)
		flags |= BPF_F_ADJ_ROOM_NO_CSUM_RESET;
	if (bpf_skb_adjust_room(skb, -length, BPF_ADJ_ROOM_MAC, flags))
		return -1;
	/* The hash was the tunnel's, the same for every client. */
	bpf_set_hash_invalid(skb);
	return 0;
}

always_inline __u32 outcome_of(int outer_is_ipv6, int inner_is_ipv6)
{
	return outer_is_ipv6 ? (inner_is_ipv6 ? DECAP_OUTCOME_IPV6_IN_IPV6 : DECAP_OUTCOME_IPV4_IN_IPV6)
			     : (inner_is_ipv6 ? DECAP_OUTCOME_IPV6_IN_IPV4 : DECAP_OUTCOME_IPV4_IN_IPV4);
}

SEC("tc")
int decap(struct __sk_buff *skb)
{
	struct tunnel tunnel = {};
	int outer_is_ipv6 = skb->protocol == bpf_htons(ETH_P_IPV6);
	int inner_is_ipv6;
	int step;

	/* Frames for other stations (0 is PACKET_HOST); and those of a VLAN, which come by again on its own interface. */
	if (skb->pkt_type != 0 || skb->vlan_present)
		return GO_ON;
	if (outer_is_ipv6)
		step = tunnel_parse_ipv6(skb, &tunnel);
	else if (skb->protocol == bpf_htons(ETH_P_IP))
		step = tunnel_parse_ipv4(skb, &tunnel);
	else
		return GO_ON;
	if (step)
		return step;
	step = tunnel_parse_header(skb, &tunnel);
	if (step)
		return step;

	inner_is_ipv6 = tunnel.inner_protocol == IPPROTO_IPV6;
	step = inner_is_ipv6 ? inner_prepare_ipv6(skb, &tunnel) : inner_prepare_ipv4(skb, &tunnel);
	if (step)
		return step;
	if (tunnel_strip(skb, &tunnel, inner_is_ipv6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP)))
		return count(DECAP_OUTCOME_DROP_REWRITE, TC_ACT_SHOT);
	return count(outcome_of(outer_is_ipv6, inner_is_ipv6), GO_ON);
}

char LICENSE[] SEC("license") = "GPL";
