/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A packet of a client that stands at no connection's home slot: perhaps its connection is elsewhere, or over; else its
 * service gives it a server (net/netfilter/ipvs/ip_vs_core.c, ip_vs_in_hook() and ip_vs_schedule()). The steps are called one
 * after the other, not one by the other: see connecting.h.
 */
#ifndef EVENKEEL_CONNECT_H
#define EVENKEEL_CONNECT_H

#include "choose.h"
#include "full_nat.h"
#include "persistence.h"

/* Does a first packet replace the connection that it finds? conn_reuse_mode, and expire_nodest_conn of a quiesced server. */
static __always_inline int connection_is_over(const struct connection *connection, __u64 life, const struct server *server,
					      const struct settings *settings)
{
	__u32 state = life_state(life);

	if ((settings->flags & SETTINGS_EXPIRE_NODEST) && !server->weight)
		return 1;
	if (!(settings->flags & SETTINGS_REUSE) || connection->parent)
		return 0;
	if (connection->protocol == IPPROTO_SCTP)
		return state == SCTP_STATE_CLOSED;
	if (state == TCP_STATE_FIN_WAIT)
		return (settings->flags & SETTINGS_REUSE_FIN_WAIT) && (life & LIFE_NO_OUTPUT);
	return state == TCP_STATE_TIME_WAIT || state == TCP_STATE_CLOSE;
}

/* Does this packet begin anew, and not go on with the connection that it finds? */
static __always_inline int connection_gives_way(const struct connection *connection, __u64 life, const struct server *server,
						const struct packet *packet, const struct settings *settings)
{
	return (packet_is_first(packet) && connection_is_over(connection, life, server, settings)) ||
	       (!(server->flags & SERVER_AVAILABLE) && (settings->flags & SETTINGS_EXPIRE_NODEST));
}

/*
 * One that is over is ended as IPVS ends it, which only tells it to expire: it counts on its server until the new one has been
 * chosen and counted, so that choices and thresholds come out the same.
 */
static __always_inline void connect_replace(struct connecting *connecting)
{
	struct place replaced;

	if (!connecting || !connecting->replaced.life)
		return;
	replaced = connecting->replaced;
	connecting->replaced.life = 0;
	connection_end(&replaced);
}

/* Is there a connection that this packet belongs to? One that is in its way is to be replaced. */
__noinline int connect_known(const struct packet *packet, __u64 hash, struct place *place)
{
	struct connecting *connecting = connecting_get();
	struct settings *settings = settings_get();
	struct connection *connection;
	struct server *server;
	__u32 index;

	if (!packet || !place || !settings || !connecting)
		return 0;
	connecting->replaced.life = 0;
	if (!connection_find(&packet->flow, hash, place, settings))
		return 0;
	connection = place_connection(place);
	if (!connection)
		return 0;
	index = connection->server;
	server = bpf_map_lookup_elem(&servers, &index);
	if (!server)
		return 0;
	if (!connection_gives_way(connection, place->life, server, packet, settings))
		return 1;
	connecting->replaced = *place;
	return 0;
}

/*
 * Does a NAT server answer its client? A mark may take any destination, and so take such a packet for a client's: IPVS asks for replies
 * first (ip_vs_out_hook() comes before ip_vs_in_hook()).
 */
__noinline int connect_is_reply(const struct packet *packet)
{
	struct connecting *connecting = connecting_get();
	struct settings *settings = settings_get();
	struct flow *flow;

	if (!packet || !settings || !connecting || !(settings->flags & SETTINGS_NAT_IN_USE) ||
	    !filter_may_hold(settings->server_filter, &packet->source))
		return 0;
	/* Not needed for anything else yet. */
	flow = &connecting->key;
	*flow = flow_turned(&packet->flow);
	return connection_find_reply(flow, flow_hash(flow, settings), &connecting->template, settings);
}

/* NEXT: its service has to give it a server. Else what becomes of it. */
static __always_inline int service_takes(const struct packet *packet, const struct service *service, const struct settings *settings)
{
	if (!packet_is_new(packet, service))
		return OUTCOME_PASS_NOT_NEW;
	if (!source_is_a_host(packet, settings))
		return OUTCOME_PASS_MALFORMED;
	if (packet->source_port == bpf_htons(FTP_DATA_PORT))
		return OUTCOME_PASS_FTP;
	return NEXT;
}

/* CONNECT_NEW: it is for the service in struct connecting, which has to give it a server. */
__noinline int connect_service(const struct packet *packet, __u32 ifindex, __u32 mark)
{
	struct connecting *connecting = connecting_get();
	struct settings *settings = settings_get();
	struct service *service;
	__be16 port;
	int taken;

	if (!packet || !settings || !connecting)
		return CONNECT_NO_SERVICE;
	mark = settings->flags & SETTINGS_MARKED ? packet_mark(packet, ifindex, mark) : 0;
	service = service_find(packet, mark, settings, &port);
	if (!service)
		return CONNECT_NO_SERVICE;
	taken = service_takes(packet, service, settings);
	if (taken != NEXT)
		return taken;
#ifdef HOOK_XDP
	/* Its other entry is made at tc; before a server is chosen, so that it is chosen once. */
	if (service->flags & SERVICE_FULL_NAT)
		return OUTCOME_PASS_TO_TC;
	/* What is chosen here and cannot be sent would be chosen again at tc. */
	if ((service->flags & SERVICE_ONE_PACKET) && packet->protocol == IPPROTO_UDP)
		return OUTCOME_PASS_TO_TC;
#endif
	connecting->service = *service;
	connecting->port = port;
	connecting->newcomer.service = service->index;
	connecting->newcomer.timeouts = service->timeouts;
	connecting->newcomer.parent = 0;
	return service->flags & SERVICE_PERSISTENT ? CONNECT_PERSISTENT : CONNECT_NEW;
}

/* With a server: the connection is entered in the table and counted. */
__noinline int connect_enter(const struct packet *packet, __u64 hash, struct place *place)
{
	struct connecting *connecting = connecting_get();
	struct settings *settings = settings_get();
	struct newcomer *newcomer;
	struct server *server;
	__u32 persistent, index;

	if (!packet || !place || !settings || !connecting)
		return OUTCOME_DROP_NO_SERVER;
	newcomer = &connecting->newcomer;
	index = newcomer->server;
	server = bpf_map_lookup_elem(&servers, &index);
	if (!server)
		return OUTCOME_DROP_NO_SERVER;
	persistent = connecting->service.flags & SERVICE_PERSISTENT;
	newcomer->real_port = packet->destination_port;
	/* A template leads to whatever port was asked for; only the service's own is mapped. */
	if (server->port && (!persistent || connecting->port == packet->destination_port))
		newcomer->real_port = server->port;
	newcomer->method = server->method;
	if ((connecting->service.flags & SERVICE_FULL_NAT) && server->method == FORWARDING_METHOD_NAT)
		newcomer->method = FORWARDING_METHOD_FULL_NAT;
	newcomer->life = (__u64)(now_ticks() + settings->timeout[TCP_STATE_NONE]) << LIFE_EXPIRES_SHIFT;
	if (server->method != FORWARDING_METHOD_NAT)
		newcomer->life |= LIFE_NO_OUTPUT;
	if ((connecting->service.flags & SERVICE_ONE_PACKET) && packet->protocol == IPPROTO_UDP) {
		slot_write(&connecting->one_packet, &packet->flow, newcomer);
		if (newcomer->parent)
			template_part(newcomer->parent, 0);
		/* Nowhere: there is nothing to step. */
		place->slot = CONNECTION_GROUP_SLOTS;
		place->life = 0;
		count_connection(connecting->service.index, index);
		return CONNECT_ONE_PACKET;
	}
	if (!connection_add(newcomer, &packet->flow, hash, place)) {
		/* Full, but for the one that makes room. (Led by a template it would be counted off twice.) */
		if (!connecting->replaced.life || newcomer->parent)
			return OUTCOME_DROP_TABLE_FULL;
		connect_replace(connecting);
		if (!connection_add(newcomer, &packet->flow, hash, place))
			return OUTCOME_DROP_TABLE_FULL;
	}
	/* Before a twin is looked for, which it is not. */
	connect_replace(connecting);
	if (!connection_yield_to_twin(&packet->flow, hash, place, settings))
		count_connection(connecting->service.index, index);
	return newcomer->method == FORWARDING_METHOD_FULL_NAT ? CONNECT_FULL_NAT : NEXT;
}

static __always_inline int connect_anew(const struct packet *packet, __u64 hash, struct place *place, const struct settings *settings,
					__u32 ifindex, __u32 mark)
{
	int persistent, found;

	if (unlikely(settings->flags & SETTINGS_MARKED) && connect_is_reply(packet))
		return CONNECT_NO_SERVICE;
	found = connect_service(packet, ifindex, mark);
	persistent = found == CONNECT_PERSISTENT;
	if (found != CONNECT_NEW && !persistent)
		return found;
	found = persistent ? persistence_find(packet) : CONNECT_NEW;
	if (found == CONNECT_NEW) {
		found = service_choose(packet);
		if (found == NEXT && persistent)
			found = persistence_make();
	}
	if (found == NEXT)
		found = connect_enter(packet, hash, place);
#ifdef HOOK_TC
	if (unlikely(found == CONNECT_FULL_NAT))
		return full_nat_open(place, hash);
#endif
	return found;
}

/*
 * NEXT: its connection is at the place. CONNECT_ONE_PACKET: in struct connecting. Else what becomes of it. `ifindex` is the
 * interface of arrival; `mark` the packet's own.
 */
static __always_inline int connect(const struct packet *packet, __u64 hash, struct place *place, const struct settings *settings,
				   __u32 ifindex, __u32 mark)
{
	int found;

	if (connect_known(packet, hash, place))
		return NEXT;
	found = connect_anew(packet, hash, place, settings, ifindex, mark);
	/* Also where there is none to take its place. */
	if (found != NEXT)
		connect_replace(connecting_get());
	return found;
}

#endif
