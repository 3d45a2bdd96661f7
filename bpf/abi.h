/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the packet path and TypeScript say to each other: the one source of every layout.
 * `make abi` compiles it, reads the BTF back and writes src/wire/abi.ts from it; a stale copy fails the gate.
 *
 * Constants are enums, because macros leave no BTF. Padding is explicit. __be16/__be32 are network order,
 * everything else is host order. An address is 16 bytes; IPv4 uses the first four and leaves the rest zero.
 */
#ifndef EVENKEEL_ABI_H
#define EVENKEEL_ABI_H

#include <linux/types.h>

enum family {
	FAMILY_NONE = 0,
	FAMILY_IPV4 = 4,
	FAMILY_IPV6 = 6,
};

/* Numbers of IP_VS_CONN_F_* (include/uapi/linux/ip_vs.h): they travel in the sync protocol. */
enum forwarding_method {
	FORWARDING_METHOD_NAT = 0,
	FORWARDING_METHOD_LOCAL = 1,
	FORWARDING_METHOD_TUNNEL = 2,
	FORWARDING_METHOD_DIRECT = 3,
	FORWARDING_METHOD_BYPASS = 4,
};

enum scheduler {
	SCHEDULER_RR = 0,
	SCHEDULER_WRR = 1,
};

/* IP_VS_TCP_S_*: the order is the sync protocol's and the state tables'. */
enum tcp_state {
	TCP_STATE_NONE = 0,
	TCP_STATE_ESTABLISHED = 1,
	TCP_STATE_SYN_SENT = 2,
	TCP_STATE_SYN_RECV = 3,
	TCP_STATE_FIN_WAIT = 4,
	TCP_STATE_TIME_WAIT = 5,
	TCP_STATE_CLOSE = 6,
	TCP_STATE_CLOSE_WAIT = 7,
	TCP_STATE_LAST_ACK = 8,
	TCP_STATE_LISTEN = 9,
	TCP_STATE_SYNACK = 10,
	TCP_STATE_COUNT = 11,
};

/* Which timeout a connection runs on: TCP by its state, UDP by one value. */
enum timeout {
	TIMEOUT_UDP = 11,
	TIMEOUT_COUNT = 16,
};

enum limits {
	/*
	 * A tick is 2^4 jiffies, 16 to 160 ms. A stamp of 32 bits is then in the past for a year after its time, even where
	 * nothing sweeps; in jiffies it would come to life again after 25 days, and a stamp of 0 for the first minutes after boot.
	 */
	TICK_SHIFT = 4,
	/* Slots that a newcomer may take before it goes on to another group; a power of two. */
	CONNECTION_GROUP_SLOTS = 8,
	CONNECTION_GROUPS_TRIED = 8,
	/* A CPU sends no more errors in a tick: about 1,000 a second where a jiffy is 4 ms, as Linux's icmp_msgs_per_sec. */
	ICMP_PER_TICK = 64,
	/* Bits of the two address filters in struct settings. */
	ADDRESS_FILTER_BITS = 1024,
	ADDRESS_FILTER_WORDS = 16,
};

/*
 * A connection's life word: everything of it that changes, so that each change is one compare-and-swap.
 *   63..32 tick when it expires   31..16 tag of the hash   15..12 generation
 *   11..8 state   7..5 distance   4..2 flags below   1..0 phase
 */
enum life {
	LIFE_PHASE_MASK = 0x3,
	LIFE_FREE = 0,
	LIFE_BUSY = 1,
	LIFE_LIVE = 2,
	/* Only the client's side is seen (DR, TUN): IP_VS_CONN_F_NOOUTPUT. */
	LIFE_NO_OUTPUT = 0x4,
	/* Counted as active on its server (the reverse of IP_VS_CONN_F_INACTIVE). */
	LIFE_ACTIVE = 0x8,
	LIFE_TEMPLATE = 0x10,
	/* How many groups it was moved on from its home, 0..7. */
	LIFE_DISTANCE_SHIFT = 5,
	LIFE_DISTANCE_MASK = 0x7,
	LIFE_STATE_SHIFT = 8,
	LIFE_GENERATION_SHIFT = 12,
	LIFE_TAG_SHIFT = 16,
	LIFE_EXPIRES_SHIFT = 32,
};

/* What became of a packet; each value is a named counter. */
enum outcome {
	OUTCOME_NONE = 0,
	/* Left to the host's own stack. */
	OUTCOME_PASS_NOT_IP = 1,
	OUTCOME_PASS_PROTOCOL = 2,
	OUTCOME_PASS_FRAGMENT = 3,
	OUTCOME_PASS_NO_SERVICE = 4,
	OUTCOME_PASS_NOT_NEW = 5,
	OUTCOME_PASS_TO_TC = 6,
	/* Answered by us. */
	OUTCOME_ICMP_TOO_BIG = 12,
	OUTCOME_ICMP_TIME_EXCEEDED = 13,
	OUTCOME_ICMP_UNREACHABLE = 14,
	/* Not ours to judge: the stack sees a malformed packet, and frames for other hosts. */
	OUTCOME_PASS_MALFORMED = 15,
	OUTCOME_PASS_OTHER_HOST = 22,
	/* Dropped. */
	OUTCOME_DROP_NO_SERVER = 16,
	OUTCOME_DROP_SERVER_GONE = 17,
	OUTCOME_DROP_TABLE_FULL = 18,
	OUTCOME_DROP_NO_ROUTE = 19,
	OUTCOME_DROP_REWRITE = 20,
	/* More errors were due than we send in a tick. */
	OUTCOME_DROP_ICMP_LIMIT = 21,
	OUTCOME_COUNT = 32,
};

enum server_flag {
	/* Configured; a server without it serves only to end its connections. */
	SERVER_AVAILABLE = 0x1,
};

enum load_flag {
	LOAD_OVERLOADED = 0x1,
};

enum settings_flag {
	/* Some service forwards by NAT: packets from a known real server may be replies. */
	SETTINGS_NAT_IN_USE = 0x1,
};

struct service_key {
	__u8 address[16];
	__be16 port;
	__u8 protocol;
	__u8 family;
};

/* Written by the control plane only. */
struct service {
	__u32 index;
	/* Index into plans: replaced as one word, so that a packet sees the old list or the new. */
	__u32 plan;
	__u32 flags;
	__u32 mark;
};

/*
 * How a service chooses: made anew by the control plane at each change, never altered but for the cursor.
 * cursor: rr: low word = position of the last choice + 1, 0 before the list.
 *         wrr: low word the same, high word = current weight.
 */
struct plan {
	__u64 cursor;
	__u32 scheduler;
	__u32 flags;
	/* The servers are candidates[first .. first + count), in the order in which schedulers walk: newest first. */
	__u32 first;
	__u32 count;
	/* wrr: the greatest weight less (divisor - 1), and the greatest common divisor. */
	__u32 weight_max;
	__u32 weight_divisor;
	__u32 service;
	__u32 reserved[7];
};

struct candidate {
	__u32 server;
	__u32 weight;
};

/* Written by the control plane only. */
struct server {
	__u8 address[16];
	/* TUN: the outer header's source; zero = the way's own. */
	__u8 tunnel_source[16];
	__be16 port;
	__u8 family;
	__u8 method;
	__u32 flags;
	__u32 service;
	/* The way to it, as the control plane knows it: interface, its MTU, and the next hop's address. */
	__u32 ifindex;
	__u32 mtu;
	__u8 tunnel_type;
	__u8 tunnel_flags;
	__be16 tunnel_port;
	__u8 next_hop[16];
	__u8 next_hop_family;
	__u8 reserved[7];
};

/* Written by the packet path only (XDP): what bpf_fib_lookup last said of the way to a server. */
struct neighbour {
	__u32 valid_until;
	__u32 ifindex;
	__u8 destination_mac[6];
	__u8 source_mac[6];
	__u32 mtu;
};

/* Per CPU: the errors that were sent in a tick. */
struct icmp_budget {
	__u32 tick;
	__u32 sent;
};

enum port_flag {
	/* The MAC below is the interface's: XDP leaves frames for others alone, as tc does by packet type. */
	PORT_MAC_KNOWN = 0x1,
	/* XDP may redirect to this interface. */
	PORT_REDIRECT = 0x2,
};

/* An interface, indexed by ifindex; written by the control plane. */
struct port {
	__u8 mac[6];
	__u16 flags;
};

/* Written by the packet path only. ActiveConn = active, InActConn = total - active. */
struct server_load {
	__u32 active;
	__u32 total;
	__u32 persistent;
	__u32 flags;
};

/* Per CPU. Bytes are those of the IP packet. */
struct traffic {
	__u64 connections;
	__u64 packets_in;
	__u64 bytes_in;
	__u64 packets_out;
	__u64 bytes_out;
};

/* One cache line: the life word, and what does not change while the connection lives. */
struct connection {
	__u64 life;
	__u8 client[16];
	__u8 virtual_address[16];
	/* These five are compared as one word, and in the packet path's struct flow they lie as they do here. */
	__be16 client_port;
	__u8 protocol;
	__u8 family;
	__be16 virtual_port;
	__be16 real_port;
	__u32 server;
	/* struct service.index; there are no more than 8,192. */
	__u16 service;
	/* The forwarding method that the server had then: a change is for new connections. */
	__u8 method;
	__u8 reserved;
	__u32 parent;
	__u32 packets_in;
};

/* Within one page, whose address is then looked for once. */
struct connection_group {
	struct connection slot[8];
};

struct settings {
	__u64 hash_seed[2];
	/* Number of connection groups less one; a power of two less one. */
	__u32 group_mask;
	/* Ticks a second, rounded up. */
	__u32 second;
	__u32 flags;
	__u32 reserved;
	/* Timeouts in ticks: TCP by enum tcp_state, then by enum timeout. */
	__u32 timeout[16];
	/* A bit for each virtual address, and for each NAT server's address: most packets that are not ours end here. */
	__u64 virtual_filter[16];
	__u64 server_filter[16];
};

/* Argument and result of the sweep program: groups [first_group, first_group + groups). */
struct sweep {
	__u32 first_group;
	__u32 groups;
	/* Results. now: the tick. */
	__u32 live;
	__u32 expired;
	__u32 now;
	__u32 reserved;
};

enum choice {
	CHOICE_NONE = 0xffffffff,
};

/* Argument and result of the choose program: what a new connection under this plan would get; moves the cursor. */
struct choose {
	__u32 plan;
	/* Result: position among the plan's candidates, or CHOICE_NONE. */
	__u32 position;
};

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

/* A tunnel's end, or a virtual address, as decap.bpf.c looks it up. */
struct decap_address {
	__u8 address[16];
	__u8 family;
	__u8 reserved[3];
};

/* Which client the next packet of a measurement comes from. */
enum bench_order {
	BENCH_ORDER_FIXED = 0,
	BENCH_ORDER_RANDOM = 1,
	BENCH_ORDER_NEXT = 2,
};

enum bench_limits {
	BENCH_HEADER_WORDS = 15,
};

/* What bench.bpf.c makes of each packet before the measured program sees it. */
struct bench {
	/* The frame's beginning: MACs, type, and the headers of IPv6 and TCP. */
	__u8 frame[74];
	__u16 order;
	/* The whole frame's length. */
	__u32 length;
	/* How many clients take turns; a power of two. */
	__u32 flows;
	__u32 next;
};

#endif
