/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the first packet of a new connection would find: the way of bpf/connect.h by the same steps, but nothing is made, ended or
 * counted. Whom the scheduler would choose then is asked by the choose program, under a copy of the service's plan (PLAN_TRIAL). The steps are functions, so that not all of them need the stack at once.
 */
#ifndef EVENKEEL_LOOK_H
#define EVENKEEL_LOOK_H

#include "connect.h"
#include "dispatch.h"

/* The connection that it belongs to. 1: it goes on with that. */
static __noinline int look_connection(struct look *look, const struct packet *packet, const struct settings *settings)
{
	struct connection *connection;
	struct place place = {};
	struct server *server;
	__u32 index;

	if (!look->source_port || !look->destination_port ||
	    !connection_find(&packet->flow, flow_hash(&packet->flow, settings), &place, settings))
		return 0;
	connection = place_connection(&place);
	if (!connection)
		return 0;
	index = connection->server;
	server = bpf_map_lookup_elem(&servers, &index);
	if (!server)
		return 0;
	look->connection = slot_number(place.group, place.slot);
	if (!connection_gives_way(connection, place.life, server, packet, settings))
		return 1;
	look->flags |= LOOK_BEGINS_ANEW;
	return 0;
}

/* As connect_is_reply(). */
static __noinline int look_is_reply(const struct look *look, const struct packet *packet, const struct settings *settings)
{
	struct place place = {};
	struct flow flow;

	if (!look->source_port || !(settings->flags & SETTINGS_NAT_IN_USE) || !filter_may_hold(settings->server_filter, &packet->source))
		return 0;
	flow = flow_turned(&packet->flow);
	return connection_find_reply(&flow, flow_hash(&flow, settings), &place, settings);
}

static __noinline __u32 look_mark(struct look *look, const struct packet *packet, const struct settings *settings)
{
	struct mark_search search = { .packet = packet, .ifindex = look->ifindex, .mark = look->mark };

	if (!(settings->flags & SETTINGS_MARKED))
		return 0;
	if (!(look->flags & LOOK_MARK_GIVEN))
		mark_find(&search, settings);
	look->rule = search.found;
	return search.mark;
}

/* As persistence_find(). A template past its time is found as long as it leads connections. 1: it leads the client. */
static __noinline int look_template(struct look *look, const struct packet *packet, const struct service *service,
					 const struct settings *settings)
{
	struct place place = {};
	struct flow key = {};
	__u32 index;

	template_key(&key, packet, service, look->port);
	if (!connection_search(&key, flow_hash(&key, settings), &place, settings, SEARCH_TEMPLATE))
		return 0;
	look->template = slot_number(place.group, place.slot);
	if (!template_is_valid(&place, settings, &index))
		return 0;
	look->flags |= LOOK_TEMPLATE_LEADS;
	return 1;
}

/* As connect_anew(), up to the scheduler: what becomes of the packet, or NEXT. */
static __always_inline int look_service(struct look *look, const struct packet *packet, const struct settings *settings)
{
	struct service *service;
	__be16 port;
	int taken;

	if (unlikely(settings->flags & SETTINGS_MARKED) && look_is_reply(look, packet, settings))
		return OUTCOME_PASS_NO_SERVICE;
	look->mark = look_mark(look, packet, settings);
	service = service_find(packet, look->mark, settings, &port);
	if (!service)
		return OUTCOME_PASS_NO_SERVICE;
	look->port = port;
	if (service->mark)
		look->flags |= LOOK_BY_MARK;
	taken = service_takes(packet, service, settings);
	if (taken != NEXT)
		return taken;
	look->outcome_without_server = service_leaves(packet, port);
	if ((service->flags & SERVICE_PERSISTENT) && look_template(look, packet, service, settings))
		return NEXT;
	return service_may_choose(service, port, packet) ? NEXT : service_leaves(packet, port);
}

SEC("syscall")
int look(struct look *argument)
{
	struct settings *settings = settings_get();
	/* On the stack, as the steps want it. */
	struct look look = *argument;
	struct packet packet = {};
	int outcome = OUTCOME_PASS_NO_SERVICE;

	if (!settings)
		return 1;
	__builtin_memcpy(&packet.source, look.source, 16);
	__builtin_memcpy(&packet.destination, look.destination, 16);
	packet.flow.ends = flow_ends(look.source_port, look.protocol, look.family, look.destination_port);
	packet.tcp_flags = TCP_BIT_SYN;
	packet.sctp_event = SCTP_EVENT_INIT;
	if (filter_may_hold(settings->virtual_filter, &packet.destination) || ((settings->flags & SETTINGS_MARKED) && look.mark))
		outcome = look_connection(&look, &packet, settings) ? NEXT : look_service(&look, &packet, settings);
	look.outcome = outcome == NEXT ? OUTCOME_NONE : outcome;
	*argument = look;
	return 0;
}

#endif
