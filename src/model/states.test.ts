import assert from "node:assert/strict";
import { test } from "node:test";
import { SCTP_EVENTS, SCTP_STATES, SCTP_TABLE, SCTP_TIMEOUT_SECONDS } from "./sctp-states.ts";
import {
  isTcpStateActive,
  nextTcpState,
  SECURE_TCP_TABLE,
  TCP_EVENTS,
  TCP_STATES,
  TCP_TABLE,
  TCP_TIMEOUT_SECONDS,
  VIEWS,
} from "./tcp-states.ts";

test("every table has a cell for each state and event, from every view", () => {
  for (const view of VIEWS) {
    for (const event of TCP_EVENTS) {
      for (const table of [TCP_TABLE, SECURE_TCP_TABLE]) assert.equal(table[view][event].length, TCP_STATES.length);
    }
    for (const event of SCTP_EVENTS) assert.equal(SCTP_TABLE[view][event].length, SCTP_STATES.length);
  }
  assert.deepEqual(Object.keys(TCP_TIMEOUT_SECONDS), [...TCP_STATES]);
  assert.deepEqual(Object.keys(SCTP_TIMEOUT_SECONDS), [...SCTP_STATES]);
});

test("a reset goes before a SYN, a SYN before a FIN, a FIN before an ACK", () => {
  const all = { rst: true, syn: true, fin: true, ack: true };
  assert.equal(nextTcpState(TCP_TABLE, "INPUT", "ESTABLISHED", all), "CLOSE");
  assert.equal(nextTcpState(TCP_TABLE, "INPUT", "NONE", { ...all, rst: false }), "SYN_RECV");
  assert.equal(nextTcpState(TCP_TABLE, "INPUT", "ESTABLISHED", { ...all, rst: false, syn: false }), "CLOSE_WAIT");
});

test("a segment with none of the flags closes", () => {
  assert.equal(nextTcpState(TCP_TABLE, "INPUT", "ESTABLISHED", { rst: false, syn: false, fin: false, ack: false }), "CLOSE");
});

test("half-open connections count as active", () => {
  assert.deepEqual(TCP_STATES.filter(isTcpStateActive), ["ESTABLISHED", "SYN_SENT", "SYN_RECV", "SYNACK"]);
});
