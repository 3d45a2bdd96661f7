/* SPDX-License-Identifier: GPL-2.0 */
/* SCTP as IPVS sees it (net/netfilter/ipvs/ip_vs_proto_sctp.c): three tables of event by state. The order is the kernel's. */
#ifndef EVENKEEL_STATES_SCTP_H
#define EVENKEEL_STATES_SCTP_H

#include "abi.h"

enum sctp_event {
	SCTP_EVENT_DATA = 0,
	SCTP_EVENT_INIT = 1,
	SCTP_EVENT_INIT_ACK = 2,
	SCTP_EVENT_COOKIE_ECHO = 3,
	SCTP_EVENT_COOKIE_ACK = 4,
	SCTP_EVENT_SHUTDOWN = 5,
	SCTP_EVENT_SHUTDOWN_ACK = 6,
	SCTP_EVENT_SHUTDOWN_COMPLETE = 7,
	SCTP_EVENT_ERROR = 8,
	SCTP_EVENT_ABORT = 9,
	SCTP_EVENT_COUNT = 10,
};

/* Chunk types (RFC 9260 3.2). */
enum sctp_chunk {
	SCTP_CHUNK_INIT = 1,
	SCTP_CHUNK_INIT_ACK = 2,
	SCTP_CHUNK_ABORT = 6,
	SCTP_CHUNK_SHUTDOWN = 7,
	SCTP_CHUNK_SHUTDOWN_ACK = 8,
	SCTP_CHUNK_ERROR = 9,
	SCTP_CHUNK_COOKIE_ECHO = 10,
	SCTP_CHUNK_COOKIE_ACK = 11,
	SCTP_CHUNK_SHUTDOWN_COMPLETE = 14,
};

#define NO SCTP_STATE_NONE
#define I1 SCTP_STATE_INIT1
#define IN SCTP_STATE_INIT
#define CS SCTP_STATE_COOKIE_SENT
#define CR SCTP_STATE_COOKIE_REPLIED
#define CW SCTP_STATE_COOKIE_WAIT
#define CO SCTP_STATE_COOKIE
#define CE SCTP_STATE_COOKIE_ECHOED
#define ES SCTP_STATE_ESTABLISHED
#define SS SCTP_STATE_SHUTDOWN_SENT
#define SR SCTP_STATE_SHUTDOWN_RECEIVED
#define SA SCTP_STATE_SHUTDOWN_ACK_SENT
#define RJ SCTP_STATE_REJECTED
#define CL SCTP_STATE_CLOSED

/* Rows of sixteen, so that the index is made of bits. */
static const __u8 sctp_next_state[512] = {
	/* INPUT                     NO  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL */
	/* data              */      ES, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* init              */      I1, IN, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, IN, IN, 0, 0,
	/* init_ack          */      CW, CW, CW, CS, CR, CO, CO, CE, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* cookie_echo       */      CR, IN, IN, CR, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* cookie_ack        */      ES, I1, IN, CS, CR, CW, CO, ES, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* shutdown          */      SR, I1, IN, CS, CR, CW, CO, CE, SR, SS, SR, SA, RJ, CL, 0, 0,
	/* shutdown_ack      */      CL, IN, IN, CS, CR, CW, CO, CE, ES, CL, SR, CL, RJ, CL, 0, 0,
	/* shutdown_complete */      CL, CL, CL, CS, CR, CW, CO, CE, ES, SS, SR, CL, RJ, CL, 0, 0,
	/* error             */      CL, I1, IN, CS, CR, CW, CO, CL, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* abort             */      CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL, 0, 0,
	/* OUTPUT */
	/* data              */      ES, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* init              */      CW, CW, CW, CW, CW, CW, CW, CW, ES, CW, CW, CW, CW, CW, 0, 0,
	/* init_ack          */      CS, CS, CS, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* cookie_echo       */      CE, CE, CE, CE, CE, CE, CE, CE, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* cookie_ack        */      ES, ES, ES, ES, ES, ES, ES, ES, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* shutdown          */      SS, SS, SS, SS, SS, SS, SS, SS, SS, SS, SR, SA, RJ, CL, 0, 0,
	/* shutdown_ack      */      SA, SA, SA, SA, SA, CW, CO, CE, ES, SA, SA, SA, RJ, CL, 0, 0,
	/* shutdown_complete */      CL, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* error             */      CL, CL, CL, CL, CL, CW, CO, CE, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* abort             */      CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, 0, 0,
	/* INPUT_ONLY */
	/* data              */      ES, I1, IN, CS, CR, ES, CO, CE, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* init              */      I1, IN, IN, IN, IN, IN, CO, CE, ES, SS, SR, SA, IN, IN, 0, 0,
	/* init_ack          */      CE, CE, CE, CE, CE, CE, CO, CE, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* cookie_echo       */      ES, ES, ES, ES, ES, ES, CO, CE, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* cookie_ack        */      ES, I1, IN, ES, ES, CW, ES, ES, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* shutdown          */      SR, I1, IN, CS, CR, CW, CO, CE, SR, SS, SR, SA, RJ, CL, 0, 0,
	/* shutdown_ack      */      CL, IN, IN, CS, CR, CW, CO, CE, CL, CL, SR, CL, RJ, CL, 0, 0,
	/* shutdown_complete */      CL, CL, CL, CL, CL, CW, CO, CE, ES, SS, CL, CL, RJ, CL, 0, 0,
	/* error             */      CL, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL, 0, 0,
	/* abort             */      CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL, 0, 0,
};

#undef NO
#undef I1
#undef IN
#undef CS
#undef CR
#undef CW
#undef CO
#undef CE
#undef ES
#undef SS
#undef SR
#undef SA
#undef RJ
#undef CL

/*
 * What an association's packet does: its first chunk says it. Behind a COOKIE ECHO or COOKIE ACK an ABORT may follow, which
 * counts instead: `next` is the type of the second chunk (0 where there is none).
 */
static __always_inline __u8 sctp_event_of(__u8 chunk, __u8 next)
{
	if ((chunk == SCTP_CHUNK_COOKIE_ECHO || chunk == SCTP_CHUNK_COOKIE_ACK) && next == SCTP_CHUNK_ABORT)
		return SCTP_EVENT_ABORT;
	switch (chunk) {
	case SCTP_CHUNK_INIT:
		return SCTP_EVENT_INIT;
	case SCTP_CHUNK_INIT_ACK:
		return SCTP_EVENT_INIT_ACK;
	case SCTP_CHUNK_ABORT:
		return SCTP_EVENT_ABORT;
	case SCTP_CHUNK_SHUTDOWN:
		return SCTP_EVENT_SHUTDOWN;
	case SCTP_CHUNK_SHUTDOWN_ACK:
		return SCTP_EVENT_SHUTDOWN_ACK;
	case SCTP_CHUNK_ERROR:
		return SCTP_EVENT_ERROR;
	case SCTP_CHUNK_COOKIE_ECHO:
		return SCTP_EVENT_COOKIE_ECHO;
	case SCTP_CHUNK_COOKIE_ACK:
		return SCTP_EVENT_COOKIE_ACK;
	case SCTP_CHUNK_SHUTDOWN_COMPLETE:
		return SCTP_EVENT_SHUTDOWN_COMPLETE;
	default:
		/* Data, and whatever says nothing of the association's state: SACK, HEARTBEAT, extensions. */
		return SCTP_EVENT_DATA;
	}
}

/* Views are those of TCP (enum tcp_view). */
static __always_inline __u32 sctp_step(__u32 state, __u32 view, __u8 event)
{
	__u32 cell = (view * SCTP_EVENT_COUNT + event) << 4 | (state & 15);

	/* Linux 6.1 wants to see the mask. */
	asm volatile("%0 &= 511" : "+r"(cell));
	return sctp_next_state[cell];
}

#endif
