/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The whole parse, for what packet_parse leaves aside, and for the packet that an ICMP error quotes: at any offset of the frame,
 * with fragments and with IPv6 extension headers. Copies what it reads, because the bytes may lie anywhere in a paged packet.
 */
#ifndef EVENKEEL_HEADERS_H
#define EVENKEEL_HEADERS_H

#include "packet.h"
#include "states_sctp.h"

/* What they say beside a struct packet. */
struct headers {
	__u32 identification;
	/* Of the fragment in its datagram, in bytes. */
	__u16 fragment_offset;
	/* More fragments follow. */
	__u8 more;
	__u8 is_fragment;
};

enum {
	/* RFC 8200 4.1 names seven. */
	EXTENSION_HEADERS_MAX = 7,
	/* RFC 9260 3: the common header. */
	SCTP_LENGTH = 12,
	HEADERS_GOOD = 0,
	HEADERS_MALFORMED = 1,
	/* Sound, but nothing that is sent on from here. */
	HEADERS_FOREIGN = 2,
};

static __always_inline int headers_parse_ipv4(context *ctx, __u32 offset, struct packet *packet, struct headers *headers)
{
	struct iphdr ip;
	__u32 header;

	if (bpf_skb_load_bytes(ctx, offset, &ip, sizeof(ip)))
		return HEADERS_MALFORMED;
	header = ip.ihl * 4;
	if (ip.version != 4 || header < IPV4_LENGTH)
		return HEADERS_MALFORMED;
	packet->source.half[0] = ip.saddr;
	packet->destination.half[0] = ip.daddr;
	packet->ttl = ip.ttl;
	packet->tos = ip.tos;
	packet->protocol = ip.protocol;
	packet->dont_fragment = !!(ip.frag_off & bpf_htons(0x4000));
	packet->length = bpf_ntohs(ip.tot_len);
	packet->transport = offset + header;
	headers->identification = ip.id;
	headers->fragment_offset = (bpf_ntohs(ip.frag_off) & 0x1fff) << 3;
	headers->more = !!(ip.frag_off & bpf_htons(0x2000));
	headers->is_fragment = headers->more || headers->fragment_offset;
	return HEADERS_GOOD;
}

/* The beginning of each extension header; a fragment's has eight bytes, the others say their length behind the first eight. */
struct extension {
	__u8 next;
	__u8 length;
	__be16 rest;
	__be32 identification;
};

static __always_inline int headers_parse_ipv6(context *ctx, __u32 offset, struct packet *packet, struct headers *headers)
{
	struct ipv6hdr ip;
	struct extension extension;
	__u32 beyond = IPV6_LENGTH;
	__u8 next;

	if (bpf_skb_load_bytes(ctx, offset, &ip, sizeof(ip)) || ip.version != 6)
		return HEADERS_MALFORMED;
	__builtin_memcpy(&packet->source, &ip.saddr, sizeof(packet->source));
	__builtin_memcpy(&packet->destination, &ip.daddr, sizeof(packet->destination));
	packet->ttl = ip.hop_limit;
	packet->tos = (ip.priority << 4) | (ip.flow_lbl[0] >> 4);
	packet->dont_fragment = 1;
	packet->length = IPV6_LENGTH + bpf_ntohs(ip.payload_len);
	next = ip.nexthdr;
#pragma unroll
	for (int i = 0; i < EXTENSION_HEADERS_MAX; i++) {
		if (!header_is_extension(next) || headers->fragment_offset)
			break;
		if (bpf_skb_load_bytes(ctx, offset + beyond, &extension, sizeof(extension)))
			return HEADERS_MALFORMED;
		if (next == IPPROTO_FRAGMENT) {
			headers->identification = extension.identification;
			headers->fragment_offset = bpf_ntohs(extension.rest) & 0xfff8;
			headers->more = bpf_ntohs(extension.rest) & 1;
			/* One that is the only one is a whole packet (RFC 6946). */
			headers->is_fragment = headers->more || headers->fragment_offset;
			beyond += sizeof(extension);
		} else {
			/* Addressed to the next one of a route: not to who stands at its end. */
			if (next == IPPROTO_ROUTING && (bpf_ntohs(extension.rest) & 0xff))
				return HEADERS_FOREIGN;
			beyond += 8 + extension.length * 8;
		}
		if (beyond > IPV6_LENGTH + EXTENSIONS_MAX)
			return HEADERS_FOREIGN;
		next = extension.next;
	}
	if (header_is_extension(next) && !headers->fragment_offset)
		return HEADERS_FOREIGN;
	packet->protocol = next;
	packet->transport = offset + beyond;
	return HEADERS_GOOD;
}

/*
 * Reads the headers of the IP packet that begins at `offset`, up to the ports, which a later fragment does not have: then
 * they stay zero. Whether the packet is whole, the caller has to ask.
 */
__noinline int headers_parse(context *ctx, __u32 offset, struct packet *packet, struct headers *headers)
{
	__u8 version, family;
	__u32 ports = 0;
	int answer;

	if (!packet || !headers || bpf_skb_load_bytes(ctx, offset, &version, sizeof(version)))
		return HEADERS_MALFORMED;
	packet->network = offset;
	if (version >> 4 == 6) {
		family = FAMILY_IPV6;
		answer = headers_parse_ipv6(ctx, offset, packet, headers);
	} else {
		family = FAMILY_IPV4;
		answer = headers_parse_ipv4(ctx, offset, packet, headers);
	}
	if (answer != HEADERS_GOOD)
		return answer;
	if (!headers->fragment_offset && bpf_skb_load_bytes(ctx, packet->transport, &ports, sizeof(ports)))
		return HEADERS_MALFORMED;
	packet->flow.ends = flow_ends((__u16)ports, packet->protocol, family, ports >> 16);
	return HEADERS_GOOD;
}

/* The first two chunks of an association's packet say what it does. One that ends behind the header does nothing. */
static __always_inline void packet_parse_chunks(context *ctx, struct packet *packet)
{
	struct {
		__u8 type;
		__u8 flags;
		__be16 length;
	} chunk;
	__u32 at = packet_transport(packet) + SCTP_LENGTH;
	__u8 next = 0;

	if (bpf_skb_load_bytes(ctx, at, &chunk, sizeof(chunk)))
		chunk.type = 0;
	else if (bpf_skb_load_bytes(ctx, at + ((bpf_ntohs(chunk.length) + 3) & ~3), &next, sizeof(next)))
		next = 0;
	packet->sctp_event = sctp_event_of(chunk.type, next);
}

/* Behind the headers: is the transport header there, and is it one that we know? NEXT, or what becomes of the packet. */
static __always_inline int packet_parse_transport(context *ctx, struct packet *packet)
{
	__u32 header = packet->protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : packet->protocol == IPPROTO_UDP ? sizeof(struct udphdr) : SCTP_LENGTH;
	__u32 linear = packet_transport(packet) + header;

	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP && packet->protocol != IPPROTO_SCTP)
		return packet_aside(packet->family, packet->protocol);
	if (!packet_is_whole(ctx, packet, header))
		return count_outcome(OUTCOME_PASS_MALFORMED, VERDICT_PASS);
	if (packet->protocol == IPPROTO_TCP &&
	    bpf_skb_load_bytes(ctx, packet->transport + 13, &packet->tcp_flags, sizeof(packet->tcp_flags)))
		return count_outcome(OUTCOME_PASS_MALFORMED, VERDICT_PASS);
	if (packet->protocol == IPPROTO_SCTP)
		packet_parse_chunks(ctx, packet);
	/* The rest of the path looks at the headers in place. */
	bpf_skb_pull_data(ctx, linear);
	return NEXT;
}

#endif
