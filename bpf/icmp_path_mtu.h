/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a router says of the way to a tunnel's server: a packet that we sent was too long for it (RFC 1191, RFC 8201, RFC 2003 4).
 * Noted at the server for a while, and told to the client whose packet was inside. Anybody can claim such a thing, so the quoted packet has
 * to be from our end of the tunnel to the other, and what is inside of a connection of ours with that server, where the quote goes so far.
 */
#ifndef EVENKEEL_ICMP_PATH_MTU_H
#define EVENKEEL_ICMP_PATH_MTU_H

#include "forward.h"
#include "icmp_case.h"

enum {
	/* The least that each family has to carry: RFC 791, RFC 8200. */
	PATH_MTU_MIN_IPV4 = 68,
	PATH_MTU_MIN_IPV6 = 1280,
	/*
	 * What is said to be less is taken for this much (net.ipv4.route.min_pmtu): who forges an error could else leave a server's
	 * clients a few bytes, which they would not believe, so that nothing came through any more.
	 */
	PATH_MTU_TRUSTED_IPV4 = 552,
	/* RFC 1191 6.3: after ten minutes one may try again. */
	PATH_MTU_SECONDS = 600,
	SERVERS_MAX = 32768,
	/* Looking through all servers costs as much as that many errors, of which half are kept for others. */
	PATH_MTU_SEARCH_COST = 16,
};

/* Where the packet inside of a tunnel's packet begins; 0: it is none. */
static __always_inline __u32 tunnel_inside(context *ctx, const struct packet *outer)
{
	__u32 at = outer->transport;
	__u8 first;

	if (outer->protocol == IPPROTO_IPIP || outer->protocol == IPPROTO_IPV6)
		return at;
	if (outer->protocol == IPPROTO_GRE) {
		if (bpf_skb_load_bytes(ctx, at, &first, sizeof(first)))
			return 0;
		return at + sizeof(struct gre_header) + (first & (GRE_HAS_CHECKSUM >> 8) ? sizeof(struct gre_checksum) : 0);
	}
	if (outer->protocol != IPPROTO_UDP)
		return 0;
	at += sizeof(struct udphdr);
	if (bpf_skb_load_bytes(ctx, at, &first, sizeof(first)) || first & 0xe0)
		return 0;
	return at + sizeof(struct gue_header) + (first & 0x1f) * 4;
}

static __always_inline int bytes_are(const __u8 bytes[16], const struct address *address)
{
	const __u64 *half = (const __u64 *)bytes;

	return half[0] == address->half[0] && half[1] == address->half[1];
}

/* Is it shorter than what is known, and long enough to be true? */
static __always_inline int path_mtu_note(struct server *server, __u32 mtu, __u32 now, __u32 second)
{
	if (mtu < (server->family == FAMILY_IPV6 ? PATH_MTU_MIN_IPV6 : PATH_MTU_MIN_IPV4) || mtu > tunnel_mtu(server, now))
		return 0;
	server->path_mtu = mtu;
	barrier();
	server->path_mtu_until = now + second * PATH_MTU_SECONDS;
	return 1;
}

struct path_mtu_search {
	__u32 mtu;
	__u32 now;
	__u32 second;
	__u32 noted;
};

static long path_mtu_note_one(__u32 index, struct path_mtu_search *search)
{
	struct server *server = bpf_map_lookup_elem(&servers, &index);
	__u32 zero = 0;
	struct icmp_case *it = bpf_map_lookup_elem(&icmp_cases, &zero);

	if (!server || !it)
		return 1;
	if (server->method != FORWARDING_METHOD_TUNNEL || !(server->flags & SERVER_AVAILABLE))
		return 0;
	if (!bytes_are(server->address, &it->quoted.destination) || !bytes_are(server->tunnel_source, &it->quoted.source))
		return 0;
	search->noted += path_mtu_note(server, search->mtu, search->now, search->second);
	return 0;
}

/* The client is told, by what is left of the error when the tunnel's headers are taken away. */
static __always_inline int path_mtu_tell(context *ctx, struct icmp_case *it, __u32 mtu)
{
	struct packet *inner = &it->inner;
	__u32 before = inner->network - ETHERNET_LENGTH;
	struct way way = {};
	int verdict;

	if (!inner->dont_fragment || inner->family != it->outer.family || bpf_skb_adjust_room(ctx, -(__s32)before, BPF_ADJ_ROOM_MAC, 0))
		return NEXT;
	inner->network = ETHERNET_LENGTH;
	inner->transport -= before;
	verdict = icmp_too_big(ctx, inner, mtu);
	if (!verdict_is_sent(verdict))
		return verdict;
	/* The answer goes back to where the error came from: but its hearer is elsewhere. */
	if (way_ask(ctx, inner->family, &inner->destination, &inner->source, 0, &way) != BPF_FIB_LKUP_RET_SUCCESS && !way.ifindex)
		return VERDICT_DROP;
	return transmit(way.ifindex, way.family, &way.next_hop);
}

/* About a packet that we put into a tunnel? NEXT: whatever it is, the host may hear of it. */
static __always_inline int icmp_path_mtu(context *ctx, __u32 mtu)
{
	__u32 zero = 0;
	struct icmp_case *it = bpf_map_lookup_elem(&icmp_cases, &zero);
	struct settings *settings = settings_get();
	struct path_mtu_search search = { .mtu = mtu, .now = now_ticks() };
	struct connection *connection;
	struct server *server;
	__u32 inside, index;

	if (!it || !settings)
		return NEXT;
	if (it->quoted.family == FAMILY_IPV4 && mtu >= PATH_MTU_MIN_IPV4 && mtu < PATH_MTU_TRUSTED_IPV4)
		search.mtu = mtu = PATH_MTU_TRUSTED_IPV4;
	search.second = settings->second;
	inside = tunnel_inside(ctx, &it->quoted);
	if (!inside)
		return NEXT;
	__builtin_memset(&it->within, 0, sizeof(it->within));
	if (headers_parse(ctx, inside, &it->inner, &it->within) != HEADERS_GOOD) {
		if (icmp_is_within_budget(PATH_MTU_SEARCH_COST, ICMP_PER_TICK / 2))
			bpf_loop(SERVERS_MAX, path_mtu_note_one, &search, 0);
		return NEXT;
	}
	if (it->within.fragment_offset || !connection_find(&it->inner.flow, flow_hash(&it->inner.flow, settings), &it->place, settings))
		return NEXT;
	connection = place_connection(&it->place);
	if (!connection || connection->method != FORWARDING_METHOD_TUNNEL)
		return NEXT;
	index = connection->server;
	server = bpf_map_lookup_elem(&servers, &index);
	if (!server || !bytes_are(server->address, &it->quoted.destination) || !bytes_are(server->tunnel_source, &it->quoted.source))
		return NEXT;
	if (!path_mtu_note(server, mtu, search.now, search.second) || mtu <= tunnel_overhead(server))
		return NEXT;
	return path_mtu_tell(ctx, it, mtu - tunnel_overhead(server));
}

#endif
