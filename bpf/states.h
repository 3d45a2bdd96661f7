/* SPDX-License-Identifier: GPL-2.0 */
/* TCP as IPVS sees it (net/netfilter/ipvs/ip_vs_proto_tcp.c): three tables of event by state. */
#ifndef EVENKEEL_STATES_H
#define EVENKEEL_STATES_H

#include "packet.h"

enum tcp_event {
	TCP_EVENT_SYN = 0,
	TCP_EVENT_FIN = 1,
	TCP_EVENT_ACK = 2,
	TCP_EVENT_RST = 3,
	TCP_EVENT_COUNT = 4,
};

/* Who is seen: the client in a flow seen both ways, the server, or the client of a flow seen one way (DR, TUN). */
enum tcp_view {
	TCP_VIEW_INPUT = 0,
	TCP_VIEW_OUTPUT = 1,
	TCP_VIEW_INPUT_ONLY = 2,
	TCP_VIEW_COUNT = 3,
};

#define NO TCP_STATE_NONE
#define ES TCP_STATE_ESTABLISHED
#define SS TCP_STATE_SYN_SENT
#define SR TCP_STATE_SYN_RECV
#define FW TCP_STATE_FIN_WAIT
#define TW TCP_STATE_TIME_WAIT
#define CL TCP_STATE_CLOSE
#define CW TCP_STATE_CLOSE_WAIT
#define LA TCP_STATE_LAST_ACK
#define LI TCP_STATE_LISTEN
#define SA TCP_STATE_SYNACK

/* Rows of sixteen, so that the index is made of bits. */
static const __u8 tcp_next_state[256] = {
	/* INPUT           NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA */
	/* syn */          SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR, 0, 0, 0, 0, 0,
	/* fin */          CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, TW, 0, 0, 0, 0, 0,
	/* ack */          ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES, 0, 0, 0, 0, 0,
	/* rst */          CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, SR, 0, 0, 0, 0, 0,
	/* OUTPUT */
	/* syn */          SS, ES, SS, SR, SS, SS, SS, SS, SS, LI, SR, 0, 0, 0, 0, 0,
	/* fin */          TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW, 0, 0, 0, 0, 0,
	/* ack */          ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES, 0, 0, 0, 0, 0,
	/* rst */          CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL, 0, 0, 0, 0, 0,
	/* INPUT_ONLY */
	/* syn */          SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR, 0, 0, 0, 0, 0,
	/* fin */          CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW, 0, 0, 0, 0, 0,
	/* ack */          ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES, 0, 0, 0, 0, 0,
	/* rst */          CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL, 0, 0, 0, 0, 0,
};

#undef NO
#undef ES
#undef SS
#undef SR
#undef FW
#undef TW
#undef CL
#undef CW
#undef LA
#undef LI
#undef SA

/* By priority RST > SYN > FIN > ACK; a segment with none of them closes. */
static __always_inline __u32 tcp_step(__u32 state, __u32 view, __u8 flags)
{
	__u32 event;

	if (flags & TCP_BIT_RST)
		event = TCP_EVENT_RST;
	else if (flags & TCP_BIT_SYN)
		event = TCP_EVENT_SYN;
	else if (flags & TCP_BIT_FIN)
		event = TCP_EVENT_FIN;
	else if (flags & TCP_BIT_ACK)
		event = TCP_EVENT_ACK;
	else
		return TCP_STATE_CLOSE;
	event = ((view * TCP_EVENT_COUNT + event) << 4 | (state & 15)) & 255;
	/* The compiler knows that it is less; Linux 6.1 does not, and wants to see the mask. */
	asm volatile("%0 &= 255" : "+r"(event));
	return tcp_next_state[event];
}

/* A half-open connection counts as active too (tcp_state_active_table). */
static __always_inline int tcp_state_is_active(__u32 state)
{
	return state == TCP_STATE_ESTABLISHED || state == TCP_STATE_SYN_SENT || state == TCP_STATE_SYN_RECV ||
	       state == TCP_STATE_SYNACK;
}

#endif
