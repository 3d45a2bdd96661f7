/* SPDX-License-Identifier: GPL-2.0 */
/* An ICMP error on its way through the functions that look into it. */
#ifndef EVENKEEL_ICMP_CASE_H
#define EVENKEEL_ICMP_CASE_H

#include "connection_find.h"
#include "headers.h"

/* An error, and the packet that it quotes. Not on the stack, which the searches need. */
struct icmp_case {
	struct packet outer;
	struct packet quoted;
	/* What the quoted one carries, if that is a tunnel's. */
	struct packet inner;
	struct headers headers;
	struct headers within;
	/* Full NAT: the entry that it is about, and whom it goes to. */
	struct place place;
	__u32 to_client;
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct icmp_case);
} icmp_cases SEC(".maps");

#endif
