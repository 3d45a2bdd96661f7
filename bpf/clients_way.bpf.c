// SPDX-License-Identifier: GPL-2.0
/*
 * Checks on the clients' way. The checker's socket speaks to a real server's own address from a port that is known here. On the way
 * out the destination becomes the virtual address, and what forwarding would put around a client's packet is put around it; the frame's
 * next hop is the real server's already. On the way in the source becomes the real server's address again: as the virtual one it
 * would be an address of this host, and dropped. Ports stay, as with DR and TUN.
 *
 * Two programs, on the interfaces that lead to such servers only, and no longer than the director lives that checks them.
 */
#define HOOK_TC
/* None of the packet path's maps, and nothing is counted. */
#define EVENKEEL_COUNT_H
#define count_outcome(outcome, verdict) (verdict)
#define EVENKEEL_MAPS_H
#include "hook.h"

/* Written by the control plane; indexed by the port. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PROBE_PORT_COUNT);
	__type(key, __u32);
	__type(value, struct probe);
} probes SEC(".maps");

/* The same servers as forwarding knows them: method, tunnel. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PROBE_PORT_COUNT);
	__type(key, __u32);
	__type(value, struct server);
} servers SEC(".maps");

enum {
	ICMP_LENGTH = 8,
	ICMP_CHECKSUM_OFFSET = 2,
};

#include "forward_nat.h"
#include "forward_tunnel_header.h"

/* The probe of a port, if it is wanted and this packet's. */
static __always_inline struct probe *probe_find(const struct packet *packet, __be16 port, __u32 *index)
{
	struct probe *probe;

	*index = (__u32)bpf_ntohs(port) - PROBE_PORT_FIRST;
	/* Below the first it is a large number. */
	if (likely(*index >= PROBE_PORT_COUNT))
		return NULL;
	probe = bpf_map_lookup_elem(&probes, index);
	if (!probe || !(READ_ONCE(probe->flags) & PROBE_WANTED) || probe->protocol != packet->protocol || probe->family != packet->family)
		return NULL;
	return probe;
}

static __always_inline int address_same(const __u8 *one, const struct address *other)
{
	return ((const __u64 *)one)[0] == other->half[0] && ((const __u64 *)one)[1] == other->half[1];
}

static __always_inline void address_copy(struct address *to, const __u8 *from)
{
	to->half[0] = ((const __u64 *)from)[0];
	to->half[1] = ((const __u64 *)from)[1];
}

static __always_inline int probe_encapsulate(context *ctx, const struct packet *packet, __u32 index)
{
	struct server *server = bpf_map_lookup_elem(&servers, &index);

	if (!server)
		return 0;
	if (server->method != FORWARDING_METHOD_TUNNEL)
		return packet_decrease_ttl(ctx, packet);
	if (server->tunnel_type != TUNNEL_TYPE_IPIP)
		return packet_encapsulate_with_header(ctx, packet, index, index);
	return packet_encapsulate(ctx, packet, server, index);
}

SEC("tc")
int probe_out(context *ctx)
{
	struct packet packet = {};
	struct rewrite rewrite = {};
	struct probe *probe;
	__u32 index;

	/* It came in by an interface: a client's. */
	if (likely(ctx->ingress_ifindex) || packet_parse(ctx, &packet) != NEXT)
		return TC_ACT_UNSPEC;
	probe = probe_find(&packet, packet.source_port, &index);
	if (!probe || !address_same(probe->server, &packet.destination))
		return TC_ACT_UNSPEC;
	if (!address_same(probe->source, &packet.source)) {
		((__u64 *)probe->source)[0] = packet.source.half[0];
		((__u64 *)probe->source)[1] = packet.source.half[1];
	}
	if (!(probe->flags & PROBE_SEEN))
		__sync_fetch_and_or(&probe->flags, PROBE_SEEN);
	packet_measure(ctx, &packet);
	rewrite.before = packet.destination;
	address_copy(&rewrite.after, probe->virtual_address);
	if (!rewrite_address(ctx, &packet, &rewrite, 0, 0) || !rewrite_transport(ctx, &packet, &rewrite, 0))
		return TC_ACT_SHOT;
	packet.destination = rewrite.after;
	return probe_encapsulate(ctx, &packet, index) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

/* What a server offers in its SYN, ACK is lowered, since the socket knows of no tunnel. Linux has the option first (RFC 9293 3.2). */
static __always_inline int probe_lower_segment(context *ctx, const struct packet *packet, __u16 greatest)
{
	struct { __u8 kind; __u8 length; __be16 value; } option;
	__u32 at = packet_transport(packet) + sizeof(struct tcphdr);
	__be16 value = bpf_htons(greatest);

	if (bpf_skb_load_bytes(ctx, at, &option, sizeof(option)) || option.kind != 2 || option.length != 4 ||
	    bpf_ntohs(option.value) <= greatest)
		return 1;
	return !bpf_l4_csum_replace(ctx, packet_transport(packet) + offsetof(struct tcphdr, check), option.value, value, 2) &&
	       !bpf_skb_store_bytes(ctx, at + 2, &value, sizeof(value), 0);
}

/* The server's answer. */
static __always_inline int probe_answer(context *ctx, const struct packet *packet)
{
	struct rewrite rewrite = {};
	struct probe *probe;
	__u32 index;

	probe = probe_find(packet, packet->destination_port, &index);
	if (!probe || !address_same(probe->virtual_address, &packet->source) || !address_same(probe->source, &packet->destination))
		return TC_ACT_UNSPEC;
	rewrite.before = packet->source;
	address_copy(&rewrite.after, probe->server);
	if (packet->protocol == IPPROTO_TCP && (packet->tcp_flags & TCP_BIT_SYN) && probe->segment_max &&
	    !probe_lower_segment(ctx, packet, probe->segment_max))
		return TC_ACT_SHOT;
	if (!rewrite_address(ctx, packet, &rewrite, 1, 0) || !rewrite_transport(ctx, packet, &rewrite, 1))
		return TC_ACT_SHOT;
	return TC_ACT_UNSPEC;
}

/* The head of the packet that an ICMP error speaks of. */
struct quoted {
	struct packet packet;
	__u32 at;
};

static __always_inline int quoted_read(context *ctx, const struct packet *packet, struct quoted *quoted)
{
	struct iphdr ip;
	struct ipv6hdr ip6;
	__be16 port;

	quoted->at = packet_transport(packet) + ICMP_LENGTH;
	if (ctx->protocol == bpf_htons(ETH_P_IPV6)) {
		if (bpf_skb_load_bytes(ctx, quoted->at, &ip6, sizeof(ip6)))
			return 0;
		__builtin_memcpy(&quoted->packet.source, &ip6.saddr, 16);
		__builtin_memcpy(&quoted->packet.destination, &ip6.daddr, 16);
		quoted->packet.protocol = ip6.nexthdr;
		quoted->packet.family = FAMILY_IPV6;
		if (bpf_skb_load_bytes(ctx, quoted->at + sizeof(ip6), &port, sizeof(port)))
			return 0;
	} else {
		if (bpf_skb_load_bytes(ctx, quoted->at, &ip, sizeof(ip)) || ip.ihl != 5)
			return 0;
		quoted->packet.source.half[0] = ip.saddr;
		quoted->packet.destination.half[0] = ip.daddr;
		quoted->packet.protocol = ip.protocol;
		quoted->packet.family = FAMILY_IPV4;
		if (bpf_skb_load_bytes(ctx, quoted->at + sizeof(ip), &port, sizeof(port)))
			return 0;
	}
	quoted->packet.source_port = port;
	return 1;
}

/* A word of its IPv4 header: the header's own checksum makes up for it, and with that the error's. */
static __always_inline int quoted_rewrite_ipv4(context *ctx, const struct quoted *quoted, const struct rewrite *rewrite)
{
	__be32 address = rewrite->after.word[0];
	__sum16 check;

	if (bpf_skb_load_bytes(ctx, quoted->at + offsetof(struct iphdr, check), &check, sizeof(check)))
		return 0;
	check = checksum_replace(check, rewrite->before.word[0], address);
	return !bpf_skb_store_bytes(ctx, quoted->at + offsetof(struct iphdr, check), &check, sizeof(check), 0) &&
	       !bpf_skb_store_bytes(ctx, quoted->at + offsetof(struct iphdr, daddr), &address, sizeof(address), 0);
}

static __always_inline int quoted_rewrite_ipv6(context *ctx, const struct packet *packet, const struct quoted *quoted,
					       const struct rewrite *rewrite, int source)
{
	__u32 check = packet_transport(packet) + ICMP_CHECKSUM_OFFSET;
	__s64 difference = bpf_csum_diff((__be32 *)rewrite->before.word, 16, (__be32 *)rewrite->after.word, 16, 0);

	if (bpf_skb_store_bytes(ctx, quoted->at + offsetof(struct ipv6hdr, daddr), &rewrite->after, 16, 0) ||
	    bpf_l4_csum_replace(ctx, check, 0, difference, 0))
		return 0;
	return !source || !bpf_l4_csum_replace(ctx, check, 0, difference, BPF_F_PSEUDO_HDR);
}

/* An error about one of our packets, as the server's host or a router on the way sends it: the socket has to know its packet. */
static __always_inline int probe_error(context *ctx, struct packet *packet)
{
	struct quoted quoted = {};
	struct rewrite rewrite = {};
	struct probe *probe;
	__u32 index;
	int source;

	if (!quoted_read(ctx, packet, &quoted))
		return TC_ACT_UNSPEC;
	probe = probe_find(&quoted.packet, quoted.packet.source_port, &index);
	if (!probe || !address_same(probe->virtual_address, &quoted.packet.destination) ||
	    !address_same(probe->source, &quoted.packet.source) || !address_same(probe->source, &packet->destination))
		return TC_ACT_UNSPEC;
	rewrite.before = quoted.packet.destination;
	address_copy(&rewrite.after, probe->server);
	source = address_is(&packet->source, &rewrite.before);
	packet->family = quoted.packet.family;
	if (packet->family == FAMILY_IPV4 ? !quoted_rewrite_ipv4(ctx, &quoted, &rewrite)
					  : !quoted_rewrite_ipv6(ctx, packet, &quoted, &rewrite, source))
		return TC_ACT_SHOT;
	if (source && !rewrite_address(ctx, packet, &rewrite, 1, 0))
		return TC_ACT_SHOT;
	return TC_ACT_UNSPEC;
}

SEC("tc")
int probe_in(context *ctx)
{
	struct packet packet = {};
	int verdict = packet_parse(ctx, &packet);

	if (verdict == NEXT)
		return probe_answer(ctx, &packet);
	if (verdict == ASIDE - RARE_ICMP)
		return probe_error(ctx, &packet);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
