/* SPDX-License-Identifier: GPL-2.0 */
/* What checks on the clients' way (bpf/clients_way.bpf.c) and TypeScript say to each other. Part of abi.h. */
#ifndef EVENKEEL_ABI_CLIENTS_WAY_H
#define EVENKEEL_ABI_CLIENTS_WAY_H

#include <linux/types.h>

/* The ports that such checks come from, above those that Linux gives by itself (net.ipv4.ip_local_port_range); probes and probe_servers have one of each. */
enum probe_port {
	PROBE_PORT_FIRST = 61000,
	PROBE_PORT_COUNT = 4096,
};

enum probe_flag {
	/* Its packets are to be turned to the clients' way. */
	PROBE_WANTED = 0x1,
	/* Written by the packet path: one was. */
	PROBE_SEEN = 0x2,
};

/* A check's connection from one of the ports: written by the control plane before its first packet. */
struct probe {
	/* What the socket believes to speak to, and what clients do. */
	__u8 server[16];
	__u8 virtual_address[16];
	/* Written by the packet path: where the socket speaks from. */
	__u8 source[16];
	__u8 protocol;
	__u8 family;
	/* TCP: no longer segments than this, so that they fit into the tunnel; 0: any. */
	__u16 segment_max;
	__u32 flags;
};

#endif
