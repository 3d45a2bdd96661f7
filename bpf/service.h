/* SPDX-License-Identifier: GPL-2.0 */
/* Virtual services: is this packet for one, and may it begin a connection? (net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_service_find()) */
#ifndef EVENKEEL_SERVICE_H
#define EVENKEEL_SERVICE_H

#include "connection.h"
#include "mark.h"

enum {
	FTP_PORT = 21,
	FTP_DATA_PORT = 20,
	/* net.ipv4.ip_unprivileged_port_start, as it is unless changed. */
	UNPRIVILEGED_PORT_MIN = 1024,
};

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

static __always_inline struct service *service_of_mark(__u32 mark, const struct packet *packet)
{
	struct service_key key = {};

	__builtin_memcpy(key.address, &mark, sizeof(mark));
	key.family = packet->family;
	return bpf_map_lookup_elem(&services, &key);
}

/* May this be the data connection of an FTP service's client? */
static __always_inline int packet_may_be_ftp_data(const struct packet *packet)
{
	__u16 port = bpf_ntohs(packet->destination_port);

	return packet->protocol == IPPROTO_TCP && (port == FTP_DATA_PORT || port >= UNPRIVILEGED_PORT_MIN);
}

/* The service that a packet is for, and the port by which it was found. */
static __always_inline struct service *service_find(const struct packet *packet, __u32 mark, const struct settings *settings, __be16 *port)
{
	struct service *service;

	*port = 0;
	if (mark) {
		service = service_of_mark(mark, packet);
		if (service)
			return service;
	}
	*port = packet->destination_port;
	service = service_at(&packet->destination, packet->destination_port, packet);
	if (service || !(settings->flags & (SETTINGS_ANY_PORT | SETTINGS_FTP)))
		return service;
	if ((settings->flags & SETTINGS_FTP) && packet_may_be_ftp_data(packet)) {
		*port = bpf_htons(FTP_PORT);
		service = service_at(&packet->destination, *port, packet);
		if (service)
			return service;
	}
	*port = 0;
	return settings->flags & SETTINGS_ANY_PORT ? service_at(&packet->destination, 0, packet) : NULL;
}

/* Does it look like the first packet of a connection? UDP never does. */
static __always_inline int packet_is_first(const struct packet *packet)
{
	if (packet->protocol == IPPROTO_TCP)
		return packet->tcp_flags & TCP_BIT_SYN;
	return packet->protocol == IPPROTO_SCTP && packet->sctp_event == SCTP_EVENT_INIT;
}

/* May this packet begin a connection? TCP: SYN without RST (a SYN+ACK too: active FTP). SCTP: INIT. UDP: any. */
static __always_inline int packet_is_new(const struct packet *packet, const struct service *service)
{
	if (packet->protocol == IPPROTO_SCTP)
		return packet->sctp_event == SCTP_EVENT_INIT ||
		       ((service->flags & SERVICE_SLOPPY) && packet->sctp_event != SCTP_EVENT_ABORT);
	if (packet->protocol != IPPROTO_TCP)
		return 1;
	if (packet->tcp_flags & TCP_BIT_RST)
		return 0;
	return (packet->tcp_flags & TCP_BIT_SYN) || (service->flags & SERVICE_SLOPPY);
}

/*
 * Can this be a client's address? Else the stack drops it as a martian (RFC 1812 5.3.7, RFC 4291 2.7): sent on, servers would
 * answer the VIP, which sends them to each other for ever, or we a multitude. Nor is one virtual service another's client.
 */
static __always_inline int source_is_a_host(const struct packet *packet, const struct settings *settings)
{
	const struct address *source = &packet->source;

	if (address_is(source, &packet->destination))
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

#endif
