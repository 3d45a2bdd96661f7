/* SPDX-License-Identifier: GPL-2.0 */
/* The server that a service's scheduler gives a new connection. */
#ifndef EVENKEEL_CHOOSE_H
#define EVENKEEL_CHOOSE_H

#include "connecting.h"
#include "schedule.h"
#include "service.h"

/* What a service without a server for it does with a packet. */
static __always_inline int service_leaves(const struct packet *packet, __be16 port)
{
	if (port == bpf_htons(FTP_PORT) && packet->destination_port != port)
		return OUTCOME_PASS_FTP;
	return OUTCOME_DROP_NO_SERVER;
}

/* Another port than the service's own needs persistence, or nothing would hold a client's connections together. */
static __always_inline int service_may_choose(const struct service *service, __be16 port, const struct packet *packet)
{
	return (service->flags & SERVICE_PERSISTENT) || service->mark || port == packet->destination_port;
}

/* NEXT: newcomer.server is chosen. */
__noinline int service_choose(const struct packet *packet)
{
	struct connecting *connecting = connecting_get();
	__u32 index;

	if (!packet || !connecting)
		return OUTCOME_DROP_NO_SERVER;
	if (!service_may_choose(&connecting->service, connecting->port, packet))
		return service_leaves(packet, connecting->port);
	index = schedule(connecting->service.plan, packet);
	if (index == CHOICE_NONE)
		return service_leaves(packet, connecting->port);
	connecting->newcomer.server = index;
	return NEXT;
}

#endif
