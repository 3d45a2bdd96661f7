/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Firewall marks of our own. What nftables sets comes after our hooks and cannot be seen there, so the director has rules
 * that give a packet its mark. Only packets that may begin a connection are asked for it.
 */
#ifndef EVENKEEL_MARK_H
#define EVENKEEL_MARK_H

#include "maps.h"
#include "packet.h"

struct mark_search {
	const struct packet *packet;
	__u32 first;
	__u32 ifindex;
	__u32 mark;
	__u32 found;
};

static __always_inline int prefix_holds(const __u8 *prefix, const __u8 *mask, const struct address *address)
{
	const __u64 *wanted = (const __u64 *)prefix;
	const __u64 *bits = (const __u64 *)mask;

	return (address->half[0] & bits[0]) == wanted[0] && (address->half[1] & bits[1]) == wanted[1];
}

static long mark_step(__u32 i, struct mark_search *search)
{
	const struct packet *packet = search->packet;
	__u32 index = search->first + i;
	struct mark_rule *rule = bpf_map_lookup_elem(&mark_rules, &index);
	__u16 port = bpf_ntohs(packet->destination_port);

	if (!rule)
		return 1;
	if (rule->family && rule->family != packet->family)
		return 0;
	if (rule->protocol && rule->protocol != packet->protocol)
		return 0;
	if (rule->ifindex && rule->ifindex != search->ifindex)
		return 0;
	if (port < rule->port_first || port > rule->port_last)
		return 0;
	if (!prefix_holds(rule->source, rule->source_mask, &packet->source) ||
	    !prefix_holds(rule->destination, rule->destination_mask, &packet->destination))
		return 0;
	search->mark = rule->mark;
	search->found = index + 1;
	return 1;
}

/* The first rule that holds. */
static __always_inline void mark_find(struct mark_search *search, const struct settings *settings)
{
	search->first = settings->mark_rules >> 16;
	bpf_loop(settings->mark_rules & 0xffff, mark_step, search, 0);
}

/* The mark of a packet: the first rule's that holds; where none does, the one that it carries already (tc). */
__noinline __u32 packet_mark(const struct packet *packet, __u32 ifindex, __u32 carried)
{
	struct mark_search search = { .ifindex = ifindex, .mark = carried };
	struct settings *settings = settings_get();
	__u64 *hits;
	__u32 index;

	if (!settings || !packet)
		return 0;
	search.packet = packet;
	mark_find(&search, settings);
	if (search.found) {
		index = search.found - 1;
		hits = bpf_map_lookup_elem(&mark_hits, &index);
		if (hits)
			(*hits)++;
	}
	return search.mark;
}

#endif
