/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Persistence: a template in the connection table leads a client's new connections to one server, whatever the scheduler
 * would say (net/netfilter/ipvs/ip_vs_core.c, ip_vs_sched_persist()). What its key holds decides how far it reaches: one port
 * (PPC), every port of an address (PCC, port 0; and FTP), or all that carries a mark (PFMC).
 */
#ifndef EVENKEEL_PERSISTENCE_H
#define EVENKEEL_PERSISTENCE_H

#include "connecting.h"
#include "service.h"

static __always_inline void template_key(struct flow *key, const struct packet *packet, const struct service *service, __be16 port)
{
	const __u64 *mask = (const __u64 *)service->client_mask;

	key->client.half[0] = packet->source.half[0] & mask[0];
	key->client.half[1] = packet->source.half[1] & mask[1];
	if (service->mark) {
		key->other.half[0] = bpf_htonl(service->mark);
		key->other.half[1] = 0;
		key->ends = flow_ends(0, 0, packet->family | FAMILY_TEMPLATE, 0);
		return;
	}
	key->other = packet->destination;
	key->ends = flow_ends(0, packet->protocol, packet->family | FAMILY_TEMPLATE, port == bpf_htons(FTP_PORT) ? 0 : port);
}

/* Does its server still take the client? 0 also when the template is gone. */
static __always_inline int template_is_valid(const struct place *place, const struct settings *settings, __u32 *index)
{
	struct connection *template = place_connection(place);
	struct server *server;

	if (!template)
		return 0;
	*index = template->server;
	server = bpf_map_lookup_elem(&servers, index);
	if (!server || !(server->flags & SERVER_AVAILABLE))
		return 0;
	return server->weight || !(settings->flags & SETTINGS_EXPIRE_QUIESCENT_TEMPLATE);
}

/* NEXT: the client's template leads to newcomer.server, and counts newcomer as its own. CONNECT_NEW: there is none that does. */
__noinline int persistence_find(const struct packet *packet)
{
	struct connecting *connecting = connecting_get();
	struct settings *settings = settings_get();
	__u32 parent = 0;
	__u32 index = 0;

	if (!packet || !connecting || !settings)
		return OUTCOME_DROP_NO_SERVER;
	template_key(&connecting->key, packet, &connecting->service, connecting->port);
	connecting->key_hash = flow_hash(&connecting->key, settings);
	if (!template_find(&connecting->key, connecting->key_hash, &connecting->template))
		return CONNECT_NEW;
	if (template_is_valid(&connecting->template, settings, &index))
		parent = template_join(&connecting->template);
	if (!parent) {
		template_invalidate(&connecting->template);
		return CONNECT_NEW;
	}
	connecting->newcomer.server = index;
	connecting->newcomer.parent = parent;
	return NEXT;
}

/* A template that leads to newcomer.server, which it counts as its own; or to another server, if another CPU was faster. */
__noinline int persistence_make(void)
{
	struct connecting *connecting = connecting_get();
	struct settings *settings = settings_get();
	struct newcomer *newcomer;
	struct server *server;
	__u32 index;

	if (!connecting || !settings)
		return OUTCOME_DROP_NO_SERVER;
	newcomer = &connecting->newcomer;
	index = newcomer->server;
	server = bpf_map_lookup_elem(&servers, &index);
	if (!server)
		return OUTCOME_DROP_NO_SERVER;
	newcomer->method = server->method;
	newcomer->real_port = connecting->key.other_port ? server->port : 0;
	/* A template keeps the time that its service gave when it was made. */
	newcomer->parent = connecting->service.persistence;
	if (!template_add(newcomer, &connecting->key, connecting->key_hash, &connecting->template))
		return OUTCOME_DROP_TABLE_FULL;
	if (!template_is_valid(&connecting->template, settings, &index))
		return OUTCOME_DROP_TABLE_FULL;
	newcomer->parent = template_join(&connecting->template);
	if (!newcomer->parent)
		return OUTCOME_DROP_TABLE_FULL;
	newcomer->server = index;
	return NEXT;
}

#endif
