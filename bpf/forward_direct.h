/* SPDX-License-Identifier: GPL-2.0 */
/* DR: the packet stays as it is but for one hop less; only the frame gets another destination. */
#ifndef EVENKEEL_FORWARD_DIRECT_H
#define EVENKEEL_FORWARD_DIRECT_H

#include "checksum.h"
#include "packet.h"

static __always_inline int packet_decrease_ttl(context *ctx, const struct packet *packet)
{
	if (packet->family == FAMILY_IPV4) {
		struct iphdr *ip = hook_data(ctx) + ETHERNET_LENGTH;

		if ((void *)(ip + 1) > hook_data_end(ctx))
			return 0;
		ipv4_decrease_ttl(ip);
	} else {
		struct ipv6hdr *ip = hook_data(ctx) + ETHERNET_LENGTH;

		if ((void *)(ip + 1) > hook_data_end(ctx))
			return 0;
		ip->hop_limit--;
	}
	return 1;
}

#endif
