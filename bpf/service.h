/* SPDX-License-Identifier: GPL-2.0 */
/* Virtual services: is this packet for one, and which server does a new connection get? */
#ifndef EVENKEEL_SERVICE_H
#define EVENKEEL_SERVICE_H

#include "connection.h"
#include "schedule.h"

/*
 * One bit of 1,024 for an address. Most packets that cross a director are not for a VIP and not from a NAT server;
 * they go on after one or two of these.
 */
static __always_inline int filter_may_hold(const __u64 *filter, const struct address *address)
{
	__u64 half = address->half[0] ^ address->half[1];
	__u32 bit = (__u32)(half ^ half >> 32) * 0x9e3779b1 >> 22;

	return (filter[(bit >> 6) & (ADDRESS_FILTER_WORDS - 1)] >> (bit & 63)) & 1;
}

static __always_inline struct service *service_at(const struct address *address, __be16 port, const struct packet *packet)
{
	struct service_key key = {};

	__builtin_memcpy(key.address, address, sizeof(key.address));
	key.port = port;
	key.protocol = packet->protocol;
	key.family = packet->family;
	return bpf_map_lookup_elem(&services, &key);
}

/* The service that a packet is addressed to. */
static __always_inline struct service *service_find(const struct packet *packet)
{
	return service_at(&packet->destination, packet->destination_port, packet);
}

/* May this packet begin a connection? TCP: SYN without RST (a SYN+ACK too: active FTP). UDP: any. */
static __always_inline int packet_is_new(const struct packet *packet)
{
	return packet->protocol != IPPROTO_TCP || (packet->tcp_flags & (TCP_BIT_SYN | TCP_BIT_RST)) == TCP_BIT_SYN;
}

/*
 * Can this be a client's address? Else the stack drops it as a martian (RFC 1812 5.3.7, RFC 4291 2.7): sent on, servers would
 * answer the VIP, which sends them to each other for ever, or we a multitude. Nor is one virtual service another's client.
 */
static __always_inline int source_is_a_host(const struct packet *packet, const struct settings *settings)
{
	const struct address *source = &packet->source;

	if (source->half[0] == packet->destination.half[0] && source->half[1] == packet->destination.half[1])
		return 0;
	if (filter_may_hold(settings->virtual_filter, source) && service_at(source, packet->source_port, packet))
		return 0;
	if (packet->family == FAMILY_IPV4) {
		__u32 address = bpf_ntohl(source->word[0]);

		return address && address >> 24 != 127 && address >> 28 != 0xe && address != 0xffffffff;
	}
	if (!source->half[0] && (bpf_be64_to_cpu(source->half[1]) <= 1))
		return 0;
	return (bpf_ntohl(source->word[0]) >> 24) != 0xff;
}

/* A server for a new connection: chosen, entered in the table, counted. NEXT, or what becomes of the packet. */
static __always_inline int service_connect(const struct packet *packet, const struct service *service, const struct flow *flow, __u64 hash,
					   const struct settings *settings, struct place *place)
{
	struct newcomer newcomer = {};
	struct server *server;
	__u32 index = schedule(READ_ONCE(service->plan), packet);

	if (index == CHOICE_NONE)
		return count_outcome(OUTCOME_DROP_NO_SERVER, VERDICT_DROP);
	server = bpf_map_lookup_elem(&servers, &index);
	if (!server)
		return count_outcome(OUTCOME_DROP_NO_SERVER, VERDICT_DROP);

	newcomer.real_port = server->port ? server->port : packet->destination_port;
	newcomer.method = server->method;
	newcomer.server = index;
	newcomer.service = service->index;
	newcomer.life = (__u64)(now_ticks() + settings->timeout[TCP_STATE_NONE]) << LIFE_EXPIRES_SHIFT;
	if (server->method != FORWARDING_METHOD_NAT)
		newcomer.life |= LIFE_NO_OUTPUT;
	if (!connection_add(&newcomer, flow, hash, place))
		return count_outcome(OUTCOME_DROP_TABLE_FULL, VERDICT_DROP);
	if (!connection_yield_to_twin(flow, hash, place, settings))
		count_connection(service->index, index);
	return NEXT;
}

#endif
