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
#include "abi_bench.h"
#include "abi_clients_way.h"
#include "abi_decap.h"
#include "abi_schedule.h"

enum family {
	FAMILY_NONE = 0,
	FAMILY_IPV4 = 4,
	FAMILY_IPV6 = 6,
	/* Beside one of these, in the key of a persistence template: no packet's connection is ever taken for it. */
	FAMILY_TEMPLATE = 0x10,
};

/* Numbers of IP_VS_CONN_F_* (include/uapi/linux/ip_vs.h): they travel in the sync protocol. */
enum forwarding_method {
	FORWARDING_METHOD_NAT = 0,
	FORWARDING_METHOD_LOCAL = 1,
	FORWARDING_METHOD_TUNNEL = 2,
	FORWARDING_METHOD_DIRECT = 3,
	FORWARDING_METHOD_BYPASS = 4,
	/* Ours, never on the wire: NAT that rewrites the client's end too, and the second entry by which its reply is found. */
	FORWARDING_METHOD_FULL_NAT = 5,
	FORWARDING_METHOD_FULL_NAT_REPLY = 6,
};

/* The tunnel's header beside the outer IP header. Numbers of IP_VS_CONN_F_TUNNEL_TYPE_*. */
enum tunnel_type {
	TUNNEL_TYPE_IPIP = 0,
	TUNNEL_TYPE_GUE = 1,
	TUNNEL_TYPE_GRE = 2,
};

/* Numbers of IP_VS_TUNNEL_ENCAP_FLAG_*. */
enum tunnel_flag {
	TUNNEL_CHECKSUM = 0x1,
	/* Kept and listed; packets go without the option. */
	TUNNEL_REMOTE_CHECKSUM = 0x2,
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

/* IP_VS_SCTP_S_*. */
enum sctp_state {
	SCTP_STATE_NONE = 0,
	SCTP_STATE_INIT1 = 1,
	SCTP_STATE_INIT = 2,
	SCTP_STATE_COOKIE_SENT = 3,
	SCTP_STATE_COOKIE_REPLIED = 4,
	SCTP_STATE_COOKIE_WAIT = 5,
	SCTP_STATE_COOKIE = 6,
	SCTP_STATE_COOKIE_ECHOED = 7,
	SCTP_STATE_ESTABLISHED = 8,
	SCTP_STATE_SHUTDOWN_SENT = 9,
	SCTP_STATE_SHUTDOWN_RECEIVED = 10,
	SCTP_STATE_SHUTDOWN_ACK_SENT = 11,
	SCTP_STATE_REJECTED = 12,
	SCTP_STATE_CLOSED = 13,
	SCTP_STATE_COUNT = 14,
};

/* Which timeout of a set a connection runs on: TCP by its state, UDP by one value, SCTP by its state behind TIMEOUT_SCTP. */
enum timeout {
	TIMEOUT_UDP = 11,
	/* A template whose connections outlive it waits for them by this (IPVS: a minute). */
	TIMEOUT_LINGER = 12,
	TIMEOUT_SCTP = 16,
	/* Not a timeout: which of a set are its own (enum timeout_own); the others follow set 0. For the control plane. */
	TIMEOUT_OWN = 31,
	TIMEOUT_COUNT = 32,
	/* Sets: 0 is everybody's, the others are of services with timeouts of their own. */
	TIMEOUT_SETS = 32,
};

enum timeout_own {
	TIMEOUT_OWN_TCP = 0x1,
	TIMEOUT_OWN_TCP_FIN = 0x2,
	TIMEOUT_OWN_UDP = 0x4,
};

/* A template's state: it has led a connection that was established, so defence leaves it alone. */
enum template_state {
	TEMPLATE_STATE_NONE = 0,
	TEMPLATE_STATE_ASSURED = 1,
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
	/* Slots of a group that half-open connections may take while others are free; then they push out each other. */
	HALF_OPEN_PER_GROUP = 6,
	/* Fragments of one datagram that may wait for the first one: as many as 64 KB have in packets of 1,400 bytes. */
	FRAGMENTS_WAITING = 48,
	/* Mark rules in two banks: one is read while the other is written. */
	MARK_RULES_MAX = 256,
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
	/* An error that is about no connection of ours. */
	OUTCOME_PASS_ICMP = 7,
	/* A client's port 20, or a port of an FTP service's address that it does not serve: IPVS leaves them to the host. */
	OUTCOME_PASS_FTP = 8,
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
	/* Later fragments whose first one was not sent on, or too many that wait for theirs. */
	OUTCOME_DROP_FRAGMENT = 23,
	/* Not a packet's end: a half-open connection gave its slot to a newer one. */
	OUTCOME_HALF_OPEN_EVICTED = 24,
	/* An error of the network about a connection was sent on to its server or client. */
	OUTCOME_ICMP_FORWARDED = 25,
	/* A fragment that came before its first one was put aside, and comes by again behind that. */
	OUTCOME_FRAGMENT_WAITS = 26,
	/* A packet that may be cut was too long for its way and was. */
	OUTCOME_FRAGMENTED = 27,
	/* No port was left for a connection whose client's end is rewritten. */
	OUTCOME_DROP_NO_PORT = 28,
	OUTCOME_COUNT = 40,
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
	/* Some service has port 0, or port 21 on TCP: another look-up where the exact one finds none. */
	SETTINGS_ANY_PORT = 0x2,
	SETTINGS_FTP = 0x4,
	/* expire_nodest_conn, expire_quiescent_template. */
	SETTINGS_EXPIRE_NODEST = 0x10,
	SETTINGS_EXPIRE_QUIESCENT_TEMPLATE = 0x20,
	/* conn_reuse_mode: not 0, and bit 2 of it. */
	SETTINGS_REUSE = 0x40,
	SETTINGS_REUSE_FIN_WAIT = 0x80,
	/* Some service has a mark. */
	SETTINGS_MARKED = 0x100,
	/* Some server is reached through a tunnel: errors about its packets may come back. */
	SETTINGS_TUNNEL_IN_USE = 0x200,
	/* For the control plane: no configuration names the interfaces, so it listens on all (ipvsadm). */
	SETTINGS_EVERY_INTERFACE = 0x400,
};

/* The lower ones are IP_VS_SVC_F_*. */
enum service_flag {
	SERVICE_PERSISTENT = 0x1,
	SERVICE_ONE_PACKET = 0x4,
	/* Any packet may begin a connection, not only a SYN or an INIT: sloppy_tcp, sloppy_sctp. */
	SERVICE_SLOPPY = 0x100,
	/* NAT to this service's servers rewrites the client's end too. */
	SERVICE_FULL_NAT = 0x200,
	/* The persistence engine "sip" was asked for. Kept and listed; the packet path knows none. */
	SERVICE_ENGINE_SIP = 0x400,
};

/* A service by firewall mark: its mark (host order) in the first four bytes, port and protocol 0. */
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
	/* What of a client's address is in a template's key. */
	__u8 client_mask[16];
	/* A template's life, in ticks. */
	__u32 persistence;
	/* Its set of timeouts. */
	__u8 timeouts;
	__u8 reserved[3];
	/* FULL_NAT: the address that servers see, in the service's family. Zero: none. */
	__u8 source[16];
	/* Its place in the order in which services were made, for lists. */
	__u32 made;
};

/* Which packets get which mark; the first rule that holds is used. Written by the control plane. */
struct mark_rule {
	__u8 source[16];
	__u8 source_mask[16];
	__u8 destination[16];
	__u8 destination_mask[16];
	/* Destination ports, host order, both included. */
	__u16 port_first;
	__u16 port_last;
	/* 0: any. */
	__u8 protocol;
	/* 0: any, as long as no address is given. */
	__u8 family;
	__u16 reserved;
	__u32 ifindex;
	__u32 mark;
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
	/* The method as configured; above it is LOCAL where the address is the host's own, and MTU and interface are 0. */
	__u8 configured;
	__u8 reserved[2];
	/* As in the plan. */
	__u32 weight;
	/* Written by the packet path only: what a router said of the way (TUN), and the tick until which that holds. 0: nothing. */
	__u32 path_mtu;
	__u32 path_mtu_until;
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

/* ActiveConn = active, InActConn = total - active. */
struct server_load {
	/* Written by the packet path only. */
	__u32 active;
	__u32 total;
	/* Templates. */
	__u32 persistent;
	__u32 flags;
	/*
	 * Written by the program set_limits only, as the operator says them. Overloaded when total reaches upper, until it falls
	 * below lower (0: three quarters of upper); upper 0: never.
	 */
	__u32 upper;
	__u32 lower;
	/* Where its changes are noted: index in candidate_groups + 1; 0: nowhere. */
	__u32 group;
	__u32 reserved;
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
	/* Its service's set of timeouts. */
	__u8 timeouts;
	/* The template that made it: its slot's number in the table + 1; 0: none. A template: its own life, in ticks. */
	__u32 parent;
	/* A template: how many connections it leads. FULL_NAT: the other entry, as its slot's number + 1. */
	__u32 partner;
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
	/* mark_rules[first ...]: first << 16 | how many. */
	__u32 mark_rules;
	/* Timeouts in ticks, TIMEOUT_COUNT to a set: TCP by enum tcp_state, then by enum timeout. */
	__u32 timeout[1024];
	/* A bit for each virtual address, and for each NAT server's address: most packets that are not ours end here. */
	__u64 virtual_filter[16];
	__u64 server_filter[16];
};

/* Argument and result of the sweep program: groups [first_group, first_group + groups). */
struct sweep {
	__u32 first_group;
	/* Afterwards: how many were swept. */
	__u32 groups;
	/* It ends when it has freed so many; 0: no bound. */
	__u32 expired_max;
	/* Results. now: the tick. */
	__u32 live;
	__u32 expired;
	__u32 now;
};

enum cut_kind {
	CUT_KIND_CONNECTIONS = 0x1,
	CUT_KIND_TEMPLATES = 0x2,
};

/* Argument and result of the cut program: what of a server's stands in groups [first_group, first_group + groups) ends. */
struct cut {
	__u32 first_group;
	/* Afterwards: how many were gone through. */
	__u32 groups;
	__u32 server;
	/* enum cut_kind. */
	__u32 kinds;
	/* It stops when it has ended so many. */
	__u32 ended_max;
	/* Result. */
	__u32 ended;
};

/* Argument of the set_limits program: the thresholds of a server, and its overload flag judged anew. */
struct limits_change {
	__u32 server;
	__u32 upper;
	__u32 lower;
	__u32 reserved;
};

enum look_flag {
	/* Asked: the mark is given, whatever the rules say. */
	LOOK_MARK_GIVEN = 0x1,
	/* Answered: a first packet begins anew, and does not go on with the connection that it finds. */
	LOOK_BEGINS_ANEW = 0x2,
	/* Its service is known by the mark. */
	LOOK_BY_MARK = 0x4,
	/* The template's server still takes its client. */
	LOOK_TEMPLATE_LEADS = 0x8,
};

/*
 * Argument and result of the look program: what the first packet of a client's new connection finds on its way, as far as the scheduler.
 * Nothing is changed or counted by it.
 */
struct look {
	__u8 source[16];
	__u8 destination[16];
	/* Either is 0: of no connection in particular. */
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 family;
	/* enum look_flag. */
	__u16 flags;
	/* Where it comes in; 0: where no rule is. */
	__u32 ifindex;
	/* The mark that it brings along; afterwards the one that it has. */
	__u32 mark;
	/* The rule that gave it: index in mark_rules + 1; 0: none did. */
	__u32 rule;
	/* The connection that it belongs to, and its client's template: the slot's number + 1; 0: none. */
	__u32 connection;
	__u32 template;
	/* enum outcome: what becomes of it without a scheduler being asked (0: one is asked), and what if that has no server for it. */
	__u16 outcome;
	__u16 outcome_without_server;
	/* The port by which its service was found. */
	__be16 port;
	__u16 reserved;
};

/* What a server or a service did lately (net/netfilter/ipvs/ip_vs_est.c): scaled by 2^10, bytes by 2^5, as IPVS keeps them. */
struct rates {
	/* The counters two seconds ago. */
	struct traffic last;
	__u64 connections;
	__u64 packets_in;
	__u64 bytes_in;
	__u64 packets_out;
	__u64 bytes_out;
};

/* What `ipvsadm --start-daemon` said, for the sync daemon and for lists; the packet path does not look at it. */
struct sync_daemon {
	/* Empty: this daemon is not wanted. Ends with a zero, as IFNAMSIZ has it. */
	__u8 interface_name[16];
	__u8 group[16];
	__u8 group_family;
	__u8 sync_id;
	__u8 ttl;
	__u8 reserved;
	__u16 max_length;
	/* Host order. */
	__u16 port;
};

enum sync_role {
	SYNC_ROLE_MASTER = 0,
	SYNC_ROLE_BACKUP = 1,
	SYNC_ROLE_COUNT = 2,
};

/* A datagram of which fragments come: who sent what to whom under which identification. */
struct fragment_key {
	__u8 source[16];
	__u8 destination[16];
	__u32 identification;
	__u8 protocol;
	__u8 family;
	__u16 reserved;
};

/* What becomes of the fragments that follow. */
enum fragment_action {
	/* The first one has not come yet. */
	FRAGMENT_ACTION_WAIT = 0,
	/* It was left to the host, or not sent on at all. */
	FRAGMENT_ACTION_PASS = 1,
	FRAGMENT_ACTION_DROP = 2,
	/* It went to a server; from one to its client. */
	FRAGMENT_ACTION_REQUEST = 3,
	FRAGMENT_ACTION_REPLY = 4,
};

/* Where the first fragment of a datagram went. */
struct fragment {
	/* NAT: its addresses as they were rewritten. */
	__u8 source[16];
	__u8 destination[16];
	/* The tick. */
	__u32 expires;
	/* How many were put aside. */
	__u32 waiting;
	__u32 server;
	__u16 service;
	__u8 method;
	__u8 action;
};

#endif
