/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way out. tc: bpf_redirect_neigh() resolves and keeps the next hop's MAC by itself. XDP: MACs come from
 * bpf_fib_lookup(), for a server once a second and kept in `neighbours`; what it cannot answer goes on to tc, whose
 * redirect makes the kernel resolve the neighbour, so that the next try succeeds.
 */
#ifndef EVENKEEL_TRANSMIT_H
#define EVENKEEL_TRANSMIT_H

#include "packet.h"

/* Where a frame goes. tc uses ifindex and the next hop, XDP ifindex and the MACs. */
struct way {
	__u32 ifindex;
	__u32 family;
	struct address next_hop;
	__u8 destination_mac[6];
	__u8 source_mac[6];
	/* Only when the packet is too long for it. */
	__u32 mtu;
};

/* Asks the kernel for the way to an address: 0 or what bpf_fib_lookup() says. `length` 0 = check no MTU. */
static __always_inline long way_ask(context *ctx, __u8 family, const struct address *source, const struct address *destination, __u32 length,
				    struct way *way)
{
	struct bpf_fib_lookup fib = {};
	long answer;

	fib.ifindex = hook_ifindex(ctx);
	fib.tot_len = length > 0xffff ? 0 : length;
	if (family == FAMILY_IPV6) {
		fib.family = AF_INET6;
		__builtin_memcpy(fib.ipv6_src, source, 16);
		__builtin_memcpy(fib.ipv6_dst, destination, 16);
	} else {
		fib.family = AF_INET;
		fib.ipv4_src = source->word[0];
		fib.ipv4_dst = destination->word[0];
	}
	answer = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	way->mtu = fib.mtu_result;
	if (answer != BPF_FIB_LKUP_RET_SUCCESS && answer != BPF_FIB_LKUP_RET_NO_NEIGH)
		return answer;
	way->ifindex = fib.ifindex;
	way->family = fib.family;
	__builtin_memset(&way->next_hop, 0, sizeof(way->next_hop));
	if (fib.family == AF_INET6)
		__builtin_memcpy(&way->next_hop, fib.ipv6_dst, 16);
	else
		way->next_hop.word[0] = fib.ipv4_dst;
	__builtin_memcpy(way->destination_mac, fib.dmac, 6);
	__builtin_memcpy(way->source_mac, fib.smac, 6);
	return answer;
}

#ifdef HOOK_XDP

/* May XDP send out of this interface? Back where the frame came from always; elsewhere if the control plane says so. */
static __always_inline int way_is_open(context *ctx, __u32 ifindex)
{
	struct port *port;

	if (ifindex == ctx->ingress_ifindex)
		return 1;
	port = bpf_map_lookup_elem(&ports, &ifindex);
	return port && (port->flags & PORT_REDIRECT);
}

__noinline int neighbour_refresh(context *ctx, __u32 index, __u32 now, __u32 second)
{
	struct neighbour *neighbour = bpf_map_lookup_elem(&neighbours, &index);
	struct server *server = bpf_map_lookup_elem(&servers, &index);
	struct address nowhere = {};
	struct address destination;
	struct way way = {};

	if (!server || !neighbour)
		return 0;
	__builtin_memcpy(&destination, server->address, sizeof(destination));
	if (way_ask(ctx, server->family, &nowhere, &destination, 0, &way) != BPF_FIB_LKUP_RET_SUCCESS || !way_is_open(ctx, way.ifindex))
		return 0;
	__builtin_memcpy(neighbour->destination_mac, way.destination_mac, 6);
	__builtin_memcpy(neighbour->source_mac, way.source_mac, 6);
	neighbour->ifindex = way.ifindex;
	barrier();
	neighbour->valid_until = now + second;
	return 1;
}

/* The way to a server: its neighbour entry, not older than a second. NULL: let tc do it. */
static __always_inline struct neighbour *way_to_server(context *ctx, __u32 index, __u32 now, const struct settings *settings)
{
	struct neighbour *neighbour = bpf_map_lookup_elem(&neighbours, &index);

	if (!neighbour)
		return NULL;
	if (unlikely((__s32)(neighbour->valid_until - now) <= 0 && !neighbour_refresh(ctx, index, now, settings->second)))
		return NULL;
	return neighbour;
}

_Static_assert(offsetof(struct neighbour, source_mac) == offsetof(struct neighbour, destination_mac) + ETH_ALEN &&
		       offsetof(struct neighbour, destination_mac) % 8 == 0 &&
		       offsetof(struct way, source_mac) == offsetof(struct way, destination_mac) + ETH_ALEN &&
		       offsetof(struct way, destination_mac) % 8 == 0,
	       "both MAC addresses lie together, as in a frame");

/* Both, as two words: struct ethhdr is packed, and clang would copy byte by byte. */
static __always_inline void ethernet_addresses(struct ethhdr *ethernet, const __u8 *destination_and_source)
{
	*(__u64 *)ethernet = *(const __u64 *)destination_and_source;
	((__u32 *)ethernet)[2] = ((const __u32 *)destination_and_source)[2];
}

static __always_inline int transmit(context *ctx, __u32 ifindex)
{
	return ifindex == ctx->ingress_ifindex ? XDP_TX : bpf_redirect(ifindex, 0);
}

#else

static __always_inline int transmit(__u32 ifindex, __u32 family, const void *next_hop)
{
	struct bpf_redir_neigh hop = { .nh_family = family, .ipv4_nh = *(const __be32 *)next_hop };

	if (family == AF_INET6)
		__builtin_memcpy(hop.ipv6_nh, next_hop, 16);
	return bpf_redirect_neigh(ifindex, &hop, sizeof(hop), 0);
}

static __always_inline int transmit_to_server(const struct server *server)
{
	return transmit(server->ifindex, server->next_hop_family == FAMILY_IPV6 ? AF_INET6 : AF_INET, server->next_hop);
}

#endif
#endif
