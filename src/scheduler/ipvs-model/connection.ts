/** A connection entry, or the template of a persistent client: its states, and what they count on its server. */

import type { Address } from "../../model/address.ts";
import { isSctpStateActive, nextSctpState, SCTP_TABLE, type SctpEvent, type SctpState } from "../../model/sctp-states.ts";
import type { ForwardingMethod } from "../../model/service.ts";
import { isTcpStateActive, nextTcpState, TCP_TABLE, type TcpFlags, type TcpState, type View } from "../../model/tcp-states.ts";
import { countGone, countNew, type Destination } from "./destination.ts";
import type { ServiceProtocol } from "./service.ts";
import type { Timeouts } from "./settings.ts";

/** What a packet of a flow says to the state. */
export type Segment =
  | { readonly protocol: "tcp"; readonly flags: TcpFlags }
  | { readonly protocol: "sctp"; readonly chunk: SctpEvent }
  | { readonly protocol: "udp" };

export type State =
  | { readonly protocol: "tcp"; readonly name: TcpState }
  | { readonly protocol: "sctp"; readonly name: SctpState }
  | { readonly protocol: "udp" }
  /** Assured once a connection of it was established, or a datagram answered. */
  | { readonly protocol: "template"; readonly assured: boolean };

export interface ConnectionKey {
  /** "ip" in the template of a mark, which holds for every protocol. */
  readonly protocol: ServiceProtocol | "ip";
  readonly client: Address;
  /** 0 in a template. */
  readonly clientPort: number;
  /** In the template of a mark, the mark. */
  readonly virtualAddress: Address | number;
  readonly virtualPort: number;
}

export interface Connection {
  key: ConnectionKey;
  readonly server: { readonly address: Address; port: number };
  readonly destination: Destination;
  /** The server's method when the connection was made; a later edit of the server does not change it. */
  readonly method: ForwardingMethod;
  readonly onePacket: boolean;
  state: State;
  /** Whether it counts as active on its server. */
  active: boolean;
  /** No packet of the server was seen: the view is INPUT_ONLY. Never with NAT, and never again after the first. */
  noOutput: boolean;
  timeoutSeconds: number;
  expiresAtMs: number;
  /** The template it was made from. */
  control: Connection | undefined;
  /** How many were made from it and still live. */
  controlled: number;
}

/** Before the first packet has moved the state. */
const NEW_TIMEOUT_SECONDS = 3;

export type NewConnection = Pick<Connection, "key" | "server" | "destination" | "onePacket">;

/** A new entry, counted on its server: a template as one more persistent client, else as one more inactive connection. */
export function newConnection({ key, server, destination, onePacket }: NewConnection, kind: "connection" | "template"): Connection {
  if (kind === "template") destination.persistent++;
  else countNew(destination);
  return {
    key,
    server,
    destination,
    method: destination.method,
    onePacket,
    state: kind === "template" ? { protocol: "template", assured: false } : firstState(key.protocol),
    active: false,
    noOutput: destination.method !== "nat",
    timeoutSeconds: NEW_TIMEOUT_SECONDS,
    expiresAtMs: Number.POSITIVE_INFINITY,
    control: undefined,
    controlled: 0,
  };
}

/** Takes the entry off its server's counters. */
export function uncount(connection: Connection): void {
  const { destination } = connection;
  if (connection.state.protocol === "template") {
    destination.persistent--;
    return;
  }
  if (connection.active) destination.active--;
  countGone(destination);
}

/** Moves the state by a packet of the client ("in") or of the server ("out"), and with it the counters and the timeout. */
export function step(connection: Connection, way: "in" | "out", segment: Segment, timeouts: Timeouts): void {
  const { state } = connection;
  if (state.protocol === "udp") {
    connection.timeoutSeconds = timeouts.udp;
    if (way === "out") assure(connection);
  } else if (state.protocol === "tcp" && segment.protocol === "tcp") {
    const name = nextTcpState(TCP_TABLE, view(connection, way), state.name, segment.flags);
    enter(connection, { protocol: "tcp", name }, isTcpStateActive(name), name !== state.name);
    connection.timeoutSeconds = timeouts.tcp[name];
  } else if (state.protocol === "sctp" && segment.protocol === "sctp") {
    const name = nextSctpState(SCTP_TABLE, view(connection, way), state.name, segment.chunk);
    enter(connection, { protocol: "sctp", name }, isSctpStateActive(name), name !== state.name);
    connection.timeoutSeconds = timeouts.sctp[name];
  }
}

/** Whether a first packet on an entry that is over may begin a new connection elsewhere (conn_reuse_mode). */
export function mayBeReused({ state, control, noOutput }: Connection, mode: number): boolean {
  if (mode === 0 || control !== undefined) return false;
  if (state.protocol === "tcp") {
    if (state.name === "TIME_WAIT" || state.name === "CLOSE") return true;
    return (mode & 2) !== 0 && state.name === "FIN_WAIT" && noOutput;
  }
  return state.protocol === "sctp" && state.name === "CLOSED";
}

function enter(connection: Connection, state: State & { readonly protocol: "tcp" | "sctp" }, active: boolean, changed: boolean): void {
  connection.state = state;
  if (!changed) return;
  if (active !== connection.active) connection.destination.active += active ? 1 : -1;
  connection.active = active;
  if (state.name === "ESTABLISHED") assure(connection);
}

function view(connection: Connection, way: "in" | "out"): View {
  if (way === "out") {
    connection.noOutput = false;
    return "OUTPUT";
  }
  return connection.noOutput ? "INPUT_ONLY" : "INPUT";
}

function assure({ control }: Connection): void {
  if (control?.state.protocol === "template") control.state = { protocol: "template", assured: true };
}

function firstState(protocol: ConnectionKey["protocol"]): State {
  if (protocol === "udp") return { protocol };
  if (protocol === "sctp") return { protocol, name: "NONE" };
  return { protocol: "tcp", name: "NONE" };
}
