/* SPDX-License-Identifier: GPL-2.0 */
/* What the real server's decapsulation and TypeScript say to each other. Part of abi.h. */
#ifndef EVENKEEL_ABI_DECAP_H
#define EVENKEEL_ABI_DECAP_H

#include <linux/types.h>

/* What decap.bpf.c, on the real server, made of a tunnel packet; each value is a named counter. */
enum decap_outcome {
	/* Unwrapped, by the families of the inner and the outer header. */
	DECAP_OUTCOME_IPV4_IN_IPV4 = 0,
	DECAP_OUTCOME_IPV6_IN_IPV4 = 1,
	DECAP_OUTCOME_IPV4_IN_IPV6 = 2,
	DECAP_OUTCOME_IPV6_IN_IPV6 = 3,
	/* Left to the host's own stack. */
	DECAP_OUTCOME_PASS_NOT_OURS = 4,
	DECAP_OUTCOME_PASS_NOT_A_VIP = 5,
	DECAP_OUTCOME_PASS_FRAGMENT = 6,
	DECAP_OUTCOME_PASS_MALFORMED = 7,
	/* Dropped: the outer header says congestion, the inner one cannot carry it (RFC 6040); or no room could be made. */
	DECAP_OUTCOME_DROP_CONGESTION = 8,
	DECAP_OUTCOME_DROP_REWRITE = 9,
	DECAP_OUTCOME_COUNT = 16,
};

/* What a tunnel's end takes: its value in decap_endpoints. */
enum decap_takes {
	/* GUE's UDP port. */
	DECAP_TAKES_PORT_MASK = 0xffff,
	DECAP_TAKES_IPIP = 0x10000,
	DECAP_TAKES_GRE = 0x20000,
	DECAP_TAKES_GUE = 0x40000,
};

/* A tunnel's end, or a virtual address, as decap.bpf.c looks it up. */
struct decap_address {
	__u8 address[16];
	__u8 family;
	__u8 reserved[3];
};

#endif
