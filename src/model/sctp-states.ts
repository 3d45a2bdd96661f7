/**
 * SCTP as IPVS sees it: what a chunk makes of an association's state, by who is seen sending it, and how long each state
 * may idle. The order of states and events is the kernel's. net/netfilter/ipvs/ip_vs_proto_sctp.c
 */

import type { View } from "./tcp-states.ts";

export const SCTP_STATES = [
  "NONE",
  "INIT1",
  "INIT",
  "COOKIE_SENT",
  "COOKIE_REPLIED",
  "COOKIE_WAIT",
  "COOKIE",
  "COOKIE_ECHOED",
  "ESTABLISHED",
  "SHUTDOWN_SENT",
  "SHUTDOWN_RECEIVED",
  "SHUTDOWN_ACK_SENT",
  "REJECTED",
  "CLOSED",
] as const;
export type SctpState = (typeof SCTP_STATES)[number];

/** The chunks that move a state. */
export const SCTP_EVENTS = [
  "DATA",
  "INIT",
  "INIT_ACK",
  "COOKIE_ECHO",
  "COOKIE_ACK",
  "SHUTDOWN",
  "SHUTDOWN_ACK",
  "SHUTDOWN_COMPLETE",
  "ERROR",
  "ABORT",
] as const;
export type SctpEvent = (typeof SCTP_EVENTS)[number];

const SHORT = {
  NO: "NONE",
  I1: "INIT1",
  IN: "INIT",
  CS: "COOKIE_SENT",
  CR: "COOKIE_REPLIED",
  CW: "COOKIE_WAIT",
  CO: "COOKIE",
  CE: "COOKIE_ECHOED",
  ES: "ESTABLISHED",
  SS: "SHUTDOWN_SENT",
  SR: "SHUTDOWN_RECEIVED",
  SA: "SHUTDOWN_ACK_SENT",
  RJ: "REJECTED",
  CL: "CLOSED",
} as const satisfies Record<string, SctpState>;

export type SctpTable = Readonly<Record<View, Readonly<Record<SctpEvent, readonly SctpState[]>>>>;

// Columns are the states in their order.
export const SCTP_TABLE: SctpTable = {
  INPUT: {
    DATA: row("ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL"),
    INIT: row("I1 IN IN CS CR CW CO CE ES SS SR SA IN IN"),
    INIT_ACK: row("CW CW CW CS CR CO CO CE ES SS SR SA RJ CL"),
    COOKIE_ECHO: row("CR IN IN CR CR CW CO CE ES SS SR SA RJ CL"),
    COOKIE_ACK: row("ES I1 IN CS CR CW CO ES ES SS SR SA RJ CL"),
    SHUTDOWN: row("SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL"),
    SHUTDOWN_ACK: row("CL IN IN CS CR CW CO CE ES CL SR CL RJ CL"),
    SHUTDOWN_COMPLETE: row("CL CL CL CS CR CW CO CE ES SS SR CL RJ CL"),
    ERROR: row("CL I1 IN CS CR CW CO CL ES SS SR SA RJ CL"),
    ABORT: row("CL CL CL CL CL RJ CL CL CL CL CL CL CL CL"),
  },
  OUTPUT: {
    DATA: row("ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL"),
    INIT: row("CW CW CW CW CW CW CW CW ES CW CW CW CW CW"),
    INIT_ACK: row("CS CS CS CS CR CW CO CE ES SS SR SA RJ CL"),
    COOKIE_ECHO: row("CE CE CE CE CE CE CE CE ES SS SR SA RJ CL"),
    COOKIE_ACK: row("ES ES ES ES ES ES ES ES ES SS SR SA RJ CL"),
    SHUTDOWN: row("SS SS SS SS SS SS SS SS SS SS SR SA RJ CL"),
    SHUTDOWN_ACK: row("SA SA SA SA SA CW CO CE ES SA SA SA RJ CL"),
    SHUTDOWN_COMPLETE: row("CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL"),
    ERROR: row("CL CL CL CL CL CW CO CE ES SS SR SA RJ CL"),
    ABORT: row("CL RJ CL CL CL CL CL CL CL CL CL CL CL CL"),
  },
  INPUT_ONLY: {
    DATA: row("ES I1 IN CS CR ES CO CE ES SS SR SA RJ CL"),
    INIT: row("I1 IN IN IN IN IN CO CE ES SS SR SA IN IN"),
    INIT_ACK: row("CE CE CE CE CE CE CO CE ES SS SR SA RJ CL"),
    COOKIE_ECHO: row("ES ES ES ES ES ES CO CE ES SS SR SA RJ CL"),
    COOKIE_ACK: row("ES I1 IN ES ES CW ES ES ES SS SR SA RJ CL"),
    SHUTDOWN: row("SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL"),
    SHUTDOWN_ACK: row("CL IN IN CS CR CW CO CE CL CL SR CL RJ CL"),
    SHUTDOWN_COMPLETE: row("CL CL CL CL CL CW CO CE ES SS CL CL RJ CL"),
    ERROR: row("CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL"),
    ABORT: row("CL CL CL CL CL RJ CL CL CL CL CL CL CL CL"),
  },
};

export const SCTP_TIMEOUT_SECONDS: Readonly<Record<SctpState, number>> = {
  NONE: 2,
  INIT1: 4,
  INIT: 61,
  COOKIE_SENT: 61,
  COOKIE_REPLIED: 61,
  COOKIE_WAIT: 61,
  COOKIE: 61,
  COOKIE_ECHOED: 61,
  ESTABLISHED: 900,
  SHUTDOWN_SENT: 61,
  SHUTDOWN_RECEIVED: 61,
  SHUTDOWN_ACK_SENT: 61,
  REJECTED: 4,
  CLOSED: 61,
};

/** How listings write the states whose names are too long for their column. */
export const SCTP_STATE_SHOWN: Readonly<Partial<Record<SctpState, string>>> = {
  COOKIE_SENT: "C-SENT",
  COOKIE_REPLIED: "C-REPLIED",
  COOKIE_WAIT: "C-WAIT",
  COOKIE_ECHOED: "C-ECHOED",
  SHUTDOWN_SENT: "S-SENT",
  SHUTDOWN_RECEIVED: "S-RECEIVED",
  SHUTDOWN_ACK_SENT: "S-ACK-SENT",
};

export function nextSctpState(table: SctpTable, view: View, state: SctpState, event: SctpEvent): SctpState {
  return table[view][event][SCTP_STATES.indexOf(state)] ?? "CLOSED";
}

/** Only an established association counts as active. */
export function isSctpStateActive(state: SctpState): boolean {
  return state === "ESTABLISHED";
}

function row(cells: string): readonly SctpState[] {
  return cells.split(" ").map((cell) => {
    const state = (SHORT as Readonly<Record<string, SctpState>>)[cell];
    if (state === undefined) throw new Error(`${cell} is no SCTP state`);
    return state;
  });
}
