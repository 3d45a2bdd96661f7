/**
 * TCP as IPVS sees it: what a segment makes of a connection's state, by who is seen sending it, and how long each state
 * may idle. The order of the states is that of the kernel and of bpf/abi.h. net/netfilter/ipvs/ip_vs_proto_tcp.c
 */

export const TCP_STATES = [
  "NONE",
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT",
  "TIME_WAIT",
  "CLOSE",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "SYNACK",
] as const;
export type TcpState = (typeof TCP_STATES)[number];

export const TCP_EVENTS = ["syn", "fin", "ack", "rst"] as const;
export type TcpEvent = (typeof TCP_EVENTS)[number];

/** Who is seen: the client of a flow seen both ways, its server, or the client of a flow seen one way (DR, TUN). */
export const VIEWS = ["INPUT", "OUTPUT", "INPUT_ONLY"] as const;
export type View = (typeof VIEWS)[number];

export type TcpTable = Readonly<Record<View, Readonly<Record<TcpEvent, readonly TcpState[]>>>>;

const SHORT = {
  NO: "NONE",
  ES: "ESTABLISHED",
  SS: "SYN_SENT",
  SR: "SYN_RECV",
  FW: "FIN_WAIT",
  TW: "TIME_WAIT",
  CL: "CLOSE",
  CW: "CLOSE_WAIT",
  LA: "LAST_ACK",
  LI: "LISTEN",
  SA: "SYNACK",
} as const satisfies Record<string, TcpState>;

// Columns:           NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA
export const TCP_TABLE: TcpTable = {
  INPUT: {
    syn: row("SR ES ES SR SR SR SR SR SR SR SR"),
    fin: row("CL CW SS TW TW TW CL CW LA LI TW"),
    ack: row("ES ES SS ES FW TW CL CW CL LI ES"),
    rst: row("CL CL CL SR CL CL CL CL LA LI SR"),
  },
  OUTPUT: {
    syn: row("SS ES SS SR SS SS SS SS SS LI SR"),
    fin: row("TW FW SS TW FW TW CL TW LA LI TW"),
    ack: row("ES ES SS ES FW TW CL CW LA ES ES"),
    rst: row("CL CL SS CL CL TW CL CL CL CL CL"),
  },
  INPUT_ONLY: {
    syn: row("SR ES ES SR SR SR SR SR SR SR SR"),
    fin: row("CL FW SS TW FW TW CL CW LA LI TW"),
    ack: row("ES ES SS ES FW TW CL CW CL LI ES"),
    rst: row("CL CL CL SR CL CL CL CL LA LI CL"),
  },
};

/** The stricter tables of secure_tcp: a client's ACK does not establish, the server's does. */
export const SECURE_TCP_TABLE: TcpTable = {
  INPUT: {
    syn: row("SR ES ES SR SR SR SR SR SR SR SA"),
    fin: row("CL CW SS TW TW TW CL CW LA LI SA"),
    ack: row("ES ES SS SR FW TW CL CW CL LI SA"),
    rst: row("CL CL CL SR CL CL CL CL LA LI CL"),
  },
  OUTPUT: {
    syn: row("SS ES SS SA SS SS SS SS SS LI SA"),
    fin: row("TW FW SS TW FW TW CL TW LA LI TW"),
    ack: row("ES ES SS ES FW TW CL CW LA ES ES"),
    rst: row("CL CL SS CL CL TW CL CL CL CL CL"),
  },
  INPUT_ONLY: {
    syn: row("SA ES ES SR SA SA SA SA SA SA SA"),
    fin: row("CL FW SS TW FW TW CL CW LA LI TW"),
    ack: row("ES ES SS ES FW TW CL CW CL LI ES"),
    rst: row("CL CL CL SR CL CL CL CL LA LI CL"),
  },
};

export const TCP_TIMEOUT_SECONDS: Readonly<Record<TcpState, number>> = {
  NONE: 2,
  ESTABLISHED: 900,
  SYN_SENT: 120,
  SYN_RECV: 60,
  FIN_WAIT: 120,
  TIME_WAIT: 120,
  CLOSE: 10,
  CLOSE_WAIT: 60,
  LAST_ACK: 30,
  LISTEN: 120,
  SYNACK: 120,
};

export interface TcpFlags {
  readonly syn: boolean;
  readonly fin: boolean;
  readonly rst: boolean;
  readonly ack: boolean;
}

/** RST before SYN before FIN before ACK; a segment with none of them closes. */
export function nextTcpState(table: TcpTable, view: View, state: TcpState, flags: TcpFlags): TcpState {
  const event = flags.rst ? "rst" : flags.syn ? "syn" : flags.fin ? "fin" : flags.ack ? "ack" : undefined;
  if (event === undefined) return "CLOSE";
  return table[view][event][TCP_STATES.indexOf(state)] ?? "CLOSE";
}

/** A half-open connection counts as active too. */
export function isTcpStateActive(state: TcpState): boolean {
  return state === "ESTABLISHED" || state === "SYN_SENT" || state === "SYN_RECV" || state === "SYNACK";
}

function row(cells: string): readonly TcpState[] {
  return cells.split(" ").map((cell) => {
    const state = (SHORT as Readonly<Record<string, TcpState>>)[cell];
    if (state === undefined) throw new Error(`${cell} is no TCP state`);
    return state;
  });
}
