/** generated from bpf/abi.h and bpf/maps.h by tools/generate-abi.ts; do not edit */

import { bytesAt, listAt, putBytes, putList, type StructCodec, u16, u32, u64, zeroBytes } from "./codec.ts";

/** enum bench_order */
export const BenchOrder = Object.freeze({
  FIXED: 0,
  RANDOM: 1,
  NEXT: 2,
});
export type BenchOrder = (typeof BenchOrder)[keyof typeof BenchOrder];

/** The names of enum bench_order by value. */
export const benchOrderName: Readonly<Record<number, string>> = Object.freeze({
  0: "FIXED",
  1: "RANDOM",
  2: "NEXT",
});

/** enum bench_limits */
export const BenchLimits = Object.freeze({
  BENCH_HEADER_WORDS: 15,
});
export type BenchLimits = (typeof BenchLimits)[keyof typeof BenchLimits];

/** The names of enum bench_limits by value. */
export const benchLimitsName: Readonly<Record<number, string>> = Object.freeze({
  15: "BENCH_HEADER_WORDS",
});

/** enum probe_port */
export const ProbePort = Object.freeze({
  FIRST: 61000,
  COUNT: 4096,
});
export type ProbePort = (typeof ProbePort)[keyof typeof ProbePort];

/** The names of enum probe_port by value. */
export const probePortName: Readonly<Record<number, string>> = Object.freeze({
  61000: "FIRST",
  4096: "COUNT",
});

/** enum probe_flag */
export const ProbeFlag = Object.freeze({
  WANTED: 1,
  SEEN: 2,
});
export type ProbeFlag = (typeof ProbeFlag)[keyof typeof ProbeFlag];

/** The names of enum probe_flag by value. */
export const probeFlagName: Readonly<Record<number, string>> = Object.freeze({
  1: "WANTED",
  2: "SEEN",
});

/** enum decap_outcome */
export const DecapOutcome = Object.freeze({
  IPV4_IN_IPV4: 0,
  IPV6_IN_IPV4: 1,
  IPV4_IN_IPV6: 2,
  IPV6_IN_IPV6: 3,
  PASS_NOT_OURS: 4,
  PASS_NOT_A_VIP: 5,
  PASS_FRAGMENT: 6,
  PASS_MALFORMED: 7,
  DROP_CONGESTION: 8,
  DROP_REWRITE: 9,
  COUNT: 16,
});
export type DecapOutcome = (typeof DecapOutcome)[keyof typeof DecapOutcome];

/** The names of enum decap_outcome by value. */
export const decapOutcomeName: Readonly<Record<number, string>> = Object.freeze({
  0: "IPV4_IN_IPV4",
  1: "IPV6_IN_IPV4",
  2: "IPV4_IN_IPV6",
  3: "IPV6_IN_IPV6",
  4: "PASS_NOT_OURS",
  5: "PASS_NOT_A_VIP",
  6: "PASS_FRAGMENT",
  7: "PASS_MALFORMED",
  8: "DROP_CONGESTION",
  9: "DROP_REWRITE",
  16: "COUNT",
});

/** enum decap_takes */
export const DecapTakes = Object.freeze({
  PORT_MASK: 65535,
  IPIP: 65536,
  GRE: 131072,
  GUE: 262144,
});
export type DecapTakes = (typeof DecapTakes)[keyof typeof DecapTakes];

/** The names of enum decap_takes by value. */
export const decapTakesName: Readonly<Record<number, string>> = Object.freeze({
  65535: "PORT_MASK",
  65536: "IPIP",
  131072: "GRE",
  262144: "GUE",
});

/** enum scheduler */
export const Scheduler = Object.freeze({
  RR: 0,
  WRR: 1,
  LC: 2,
  WLC: 3,
  SED: 4,
  NQ: 5,
  SH: 6,
  DH: 7,
  LBLC: 8,
  LBLCR: 9,
  MH: 10,
  FO: 11,
  OVF: 12,
  TWOS: 13,
});
export type Scheduler = (typeof Scheduler)[keyof typeof Scheduler];

/** The names of enum scheduler by value. */
export const schedulerName: Readonly<Record<number, string>> = Object.freeze({
  0: "RR",
  1: "WRR",
  2: "LC",
  3: "WLC",
  4: "SED",
  5: "NQ",
  6: "SH",
  7: "DH",
  8: "LBLC",
  9: "LBLCR",
  10: "MH",
  11: "FO",
  12: "OVF",
  13: "TWOS",
});

/** enum plan_flag */
export const PlanFlag = Object.freeze({
  FALLBACK: 8,
  PORT: 16,
  THIRD: 32,
  TRIAL: 256,
});
export type PlanFlag = (typeof PlanFlag)[keyof typeof PlanFlag];

/** The names of enum plan_flag by value. */
export const planFlagName: Readonly<Record<number, string>> = Object.freeze({
  8: "FALLBACK",
  16: "PORT",
  32: "THIRD",
  256: "TRIAL",
});

/** enum schedule_limits */
export const ScheduleLimits = Object.freeze({
  HASH_BUCKETS: 256,
  MAGLEV_PLACES: 4093,
  SCAN_MAX: 32,
  LOCALITY_SERVERS: 32,
});
export type ScheduleLimits = (typeof ScheduleLimits)[keyof typeof ScheduleLimits];

/** The names of enum schedule_limits by value. */
export const scheduleLimitsName: Readonly<Record<number, string>> = Object.freeze({
  256: "HASH_BUCKETS",
  4093: "MAGLEV_PLACES",
  32: "SCAN_MAX",
});

/** enum position_value */
export const PositionValue = Object.freeze({
  POSITION_NONE: 65535,
});
export type PositionValue = (typeof PositionValue)[keyof typeof PositionValue];

/** The names of enum position_value by value. */
export const positionValueName: Readonly<Record<number, string>> = Object.freeze({
  65535: "POSITION_NONE",
});

/** enum choice */
export const Choice = Object.freeze({
  NONE: 4294967295,
});
export type Choice = (typeof Choice)[keyof typeof Choice];

/** The names of enum choice by value. */
export const choiceName: Readonly<Record<number, string>> = Object.freeze({
  4294967295: "NONE",
});

/** enum family */
export const Family = Object.freeze({
  NONE: 0,
  IPV4: 4,
  IPV6: 6,
  TEMPLATE: 16,
});
export type Family = (typeof Family)[keyof typeof Family];

/** The names of enum family by value. */
export const familyName: Readonly<Record<number, string>> = Object.freeze({
  0: "NONE",
  4: "IPV4",
  6: "IPV6",
  16: "TEMPLATE",
});

/** enum forwarding_method */
export const ForwardingMethod = Object.freeze({
  NAT: 0,
  LOCAL: 1,
  TUNNEL: 2,
  DIRECT: 3,
  BYPASS: 4,
  FULL_NAT: 5,
  FULL_NAT_REPLY: 6,
});
export type ForwardingMethod = (typeof ForwardingMethod)[keyof typeof ForwardingMethod];

/** The names of enum forwarding_method by value. */
export const forwardingMethodName: Readonly<Record<number, string>> = Object.freeze({
  0: "NAT",
  1: "LOCAL",
  2: "TUNNEL",
  3: "DIRECT",
  4: "BYPASS",
  5: "FULL_NAT",
  6: "FULL_NAT_REPLY",
});

/** enum tunnel_type */
export const TunnelType = Object.freeze({
  IPIP: 0,
  GUE: 1,
  GRE: 2,
});
export type TunnelType = (typeof TunnelType)[keyof typeof TunnelType];

/** The names of enum tunnel_type by value. */
export const tunnelTypeName: Readonly<Record<number, string>> = Object.freeze({
  0: "IPIP",
  1: "GUE",
  2: "GRE",
});

/** enum tunnel_flag */
export const TunnelFlag = Object.freeze({
  CHECKSUM: 1,
  REMOTE_CHECKSUM: 2,
});
export type TunnelFlag = (typeof TunnelFlag)[keyof typeof TunnelFlag];

/** The names of enum tunnel_flag by value. */
export const tunnelFlagName: Readonly<Record<number, string>> = Object.freeze({
  1: "CHECKSUM",
  2: "REMOTE_CHECKSUM",
});

/** enum tcp_state */
export const TcpState = Object.freeze({
  NONE: 0,
  ESTABLISHED: 1,
  SYN_SENT: 2,
  SYN_RECV: 3,
  FIN_WAIT: 4,
  TIME_WAIT: 5,
  CLOSE: 6,
  CLOSE_WAIT: 7,
  LAST_ACK: 8,
  LISTEN: 9,
  SYNACK: 10,
  COUNT: 11,
});
export type TcpState = (typeof TcpState)[keyof typeof TcpState];

/** The names of enum tcp_state by value. */
export const tcpStateName: Readonly<Record<number, string>> = Object.freeze({
  0: "NONE",
  1: "ESTABLISHED",
  2: "SYN_SENT",
  3: "SYN_RECV",
  4: "FIN_WAIT",
  5: "TIME_WAIT",
  6: "CLOSE",
  7: "CLOSE_WAIT",
  8: "LAST_ACK",
  9: "LISTEN",
  10: "SYNACK",
  11: "COUNT",
});

/** enum sctp_state */
export const SctpState = Object.freeze({
  NONE: 0,
  INIT1: 1,
  INIT: 2,
  COOKIE_SENT: 3,
  COOKIE_REPLIED: 4,
  COOKIE_WAIT: 5,
  COOKIE: 6,
  COOKIE_ECHOED: 7,
  ESTABLISHED: 8,
  SHUTDOWN_SENT: 9,
  SHUTDOWN_RECEIVED: 10,
  SHUTDOWN_ACK_SENT: 11,
  REJECTED: 12,
  CLOSED: 13,
  COUNT: 14,
});
export type SctpState = (typeof SctpState)[keyof typeof SctpState];

/** The names of enum sctp_state by value. */
export const sctpStateName: Readonly<Record<number, string>> = Object.freeze({
  0: "NONE",
  1: "INIT1",
  2: "INIT",
  3: "COOKIE_SENT",
  4: "COOKIE_REPLIED",
  5: "COOKIE_WAIT",
  6: "COOKIE",
  7: "COOKIE_ECHOED",
  8: "ESTABLISHED",
  9: "SHUTDOWN_SENT",
  10: "SHUTDOWN_RECEIVED",
  11: "SHUTDOWN_ACK_SENT",
  12: "REJECTED",
  13: "CLOSED",
  14: "COUNT",
});

/** enum timeout */
export const Timeout = Object.freeze({
  UDP: 11,
  LINGER: 12,
  SCTP: 16,
  OWN: 31,
  COUNT: 32,
  SETS: 32,
});
export type Timeout = (typeof Timeout)[keyof typeof Timeout];

/** The names of enum timeout by value. */
export const timeoutName: Readonly<Record<number, string>> = Object.freeze({
  11: "UDP",
  12: "LINGER",
  16: "SCTP",
  31: "OWN",
  32: "COUNT",
});

/** enum timeout_own */
export const TimeoutOwn = Object.freeze({
  TCP: 1,
  TCP_FIN: 2,
  UDP: 4,
});
export type TimeoutOwn = (typeof TimeoutOwn)[keyof typeof TimeoutOwn];

/** The names of enum timeout_own by value. */
export const timeoutOwnName: Readonly<Record<number, string>> = Object.freeze({
  1: "TCP",
  2: "TCP_FIN",
  4: "UDP",
});

/** enum template_state */
export const TemplateState = Object.freeze({
  NONE: 0,
  ASSURED: 1,
});
export type TemplateState = (typeof TemplateState)[keyof typeof TemplateState];

/** The names of enum template_state by value. */
export const templateStateName: Readonly<Record<number, string>> = Object.freeze({
  0: "NONE",
  1: "ASSURED",
});

/** enum limits */
export const Limits = Object.freeze({
  TICK_SHIFT: 4,
  CONNECTION_GROUP_SLOTS: 8,
  CONNECTION_GROUPS_TRIED: 8,
  ICMP_PER_TICK: 64,
  HALF_OPEN_PER_GROUP: 6,
  FRAGMENTS_WAITING: 48,
  MARK_RULES_MAX: 256,
  ADDRESS_FILTER_BITS: 1024,
  ADDRESS_FILTER_WORDS: 16,
});
export type Limits = (typeof Limits)[keyof typeof Limits];

/** The names of enum limits by value. */
export const limitsName: Readonly<Record<number, string>> = Object.freeze({
  4: "TICK_SHIFT",
  8: "CONNECTION_GROUP_SLOTS",
  64: "ICMP_PER_TICK",
  6: "HALF_OPEN_PER_GROUP",
  48: "FRAGMENTS_WAITING",
  256: "MARK_RULES_MAX",
  1024: "ADDRESS_FILTER_BITS",
  16: "ADDRESS_FILTER_WORDS",
});

/** enum life */
export const Life = Object.freeze({
  PHASE_MASK: 3,
  FREE: 0,
  BUSY: 1,
  LIVE: 2,
  NO_OUTPUT: 4,
  ACTIVE: 8,
  TEMPLATE: 16,
  DISTANCE_SHIFT: 5,
  DISTANCE_MASK: 7,
  STATE_SHIFT: 8,
  GENERATION_SHIFT: 12,
  TAG_SHIFT: 16,
  EXPIRES_SHIFT: 32,
});
export type Life = (typeof Life)[keyof typeof Life];

/** The names of enum life by value. */
export const lifeName: Readonly<Record<number, string>> = Object.freeze({
  3: "PHASE_MASK",
  0: "FREE",
  1: "BUSY",
  2: "LIVE",
  4: "NO_OUTPUT",
  8: "ACTIVE",
  16: "TEMPLATE",
  5: "DISTANCE_SHIFT",
  7: "DISTANCE_MASK",
  12: "GENERATION_SHIFT",
  32: "EXPIRES_SHIFT",
});

/** enum outcome */
export const Outcome = Object.freeze({
  NONE: 0,
  PASS_NOT_IP: 1,
  PASS_PROTOCOL: 2,
  PASS_FRAGMENT: 3,
  PASS_NO_SERVICE: 4,
  PASS_NOT_NEW: 5,
  PASS_TO_TC: 6,
  PASS_ICMP: 7,
  PASS_FTP: 8,
  ICMP_TOO_BIG: 12,
  ICMP_TIME_EXCEEDED: 13,
  ICMP_UNREACHABLE: 14,
  PASS_MALFORMED: 15,
  PASS_OTHER_HOST: 22,
  DROP_NO_SERVER: 16,
  DROP_SERVER_GONE: 17,
  DROP_TABLE_FULL: 18,
  DROP_NO_ROUTE: 19,
  DROP_REWRITE: 20,
  DROP_ICMP_LIMIT: 21,
  DROP_FRAGMENT: 23,
  HALF_OPEN_EVICTED: 24,
  ICMP_FORWARDED: 25,
  FRAGMENT_WAITS: 26,
  FRAGMENTED: 27,
  DROP_NO_PORT: 28,
  COUNT: 40,
});
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** The names of enum outcome by value. */
export const outcomeName: Readonly<Record<number, string>> = Object.freeze({
  0: "NONE",
  1: "PASS_NOT_IP",
  2: "PASS_PROTOCOL",
  3: "PASS_FRAGMENT",
  4: "PASS_NO_SERVICE",
  5: "PASS_NOT_NEW",
  6: "PASS_TO_TC",
  7: "PASS_ICMP",
  8: "PASS_FTP",
  12: "ICMP_TOO_BIG",
  13: "ICMP_TIME_EXCEEDED",
  14: "ICMP_UNREACHABLE",
  15: "PASS_MALFORMED",
  22: "PASS_OTHER_HOST",
  16: "DROP_NO_SERVER",
  17: "DROP_SERVER_GONE",
  18: "DROP_TABLE_FULL",
  19: "DROP_NO_ROUTE",
  20: "DROP_REWRITE",
  21: "DROP_ICMP_LIMIT",
  23: "DROP_FRAGMENT",
  24: "HALF_OPEN_EVICTED",
  25: "ICMP_FORWARDED",
  26: "FRAGMENT_WAITS",
  27: "FRAGMENTED",
  28: "DROP_NO_PORT",
  40: "COUNT",
});

/** enum server_flag */
export const ServerFlag = Object.freeze({
  AVAILABLE: 1,
});
export type ServerFlag = (typeof ServerFlag)[keyof typeof ServerFlag];

/** The names of enum server_flag by value. */
export const serverFlagName: Readonly<Record<number, string>> = Object.freeze({
  1: "AVAILABLE",
});

/** enum load_flag */
export const LoadFlag = Object.freeze({
  OVERLOADED: 1,
});
export type LoadFlag = (typeof LoadFlag)[keyof typeof LoadFlag];

/** The names of enum load_flag by value. */
export const loadFlagName: Readonly<Record<number, string>> = Object.freeze({
  1: "OVERLOADED",
});

/** enum settings_flag */
export const SettingsFlag = Object.freeze({
  NAT_IN_USE: 1,
  ANY_PORT: 2,
  FTP: 4,
  EXPIRE_NODEST: 16,
  EXPIRE_QUIESCENT_TEMPLATE: 32,
  REUSE: 64,
  REUSE_FIN_WAIT: 128,
  MARKED: 256,
  TUNNEL_IN_USE: 512,
  EVERY_INTERFACE: 1024,
});
export type SettingsFlag = (typeof SettingsFlag)[keyof typeof SettingsFlag];

/** The names of enum settings_flag by value. */
export const settingsFlagName: Readonly<Record<number, string>> = Object.freeze({
  1: "NAT_IN_USE",
  2: "ANY_PORT",
  4: "FTP",
  16: "EXPIRE_NODEST",
  32: "EXPIRE_QUIESCENT_TEMPLATE",
  64: "REUSE",
  128: "REUSE_FIN_WAIT",
  256: "MARKED",
  512: "TUNNEL_IN_USE",
  1024: "EVERY_INTERFACE",
});

/** enum service_flag */
export const ServiceFlag = Object.freeze({
  PERSISTENT: 1,
  ONE_PACKET: 4,
  SLOPPY: 256,
  FULL_NAT: 512,
  ENGINE_SIP: 1024,
});
export type ServiceFlag = (typeof ServiceFlag)[keyof typeof ServiceFlag];

/** The names of enum service_flag by value. */
export const serviceFlagName: Readonly<Record<number, string>> = Object.freeze({
  1: "PERSISTENT",
  4: "ONE_PACKET",
  256: "SLOPPY",
  512: "FULL_NAT",
  1024: "ENGINE_SIP",
});

/** enum port_flag */
export const PortFlag = Object.freeze({
  MAC_KNOWN: 1,
  REDIRECT: 2,
});
export type PortFlag = (typeof PortFlag)[keyof typeof PortFlag];

/** The names of enum port_flag by value. */
export const portFlagName: Readonly<Record<number, string>> = Object.freeze({
  1: "MAC_KNOWN",
  2: "REDIRECT",
});

/** enum cut_kind */
export const CutKind = Object.freeze({
  CONNECTIONS: 1,
  TEMPLATES: 2,
});
export type CutKind = (typeof CutKind)[keyof typeof CutKind];

/** The names of enum cut_kind by value. */
export const cutKindName: Readonly<Record<number, string>> = Object.freeze({
  1: "CONNECTIONS",
  2: "TEMPLATES",
});

/** enum look_flag */
export const LookFlag = Object.freeze({
  MARK_GIVEN: 1,
  BEGINS_ANEW: 2,
  BY_MARK: 4,
  TEMPLATE_LEADS: 8,
});
export type LookFlag = (typeof LookFlag)[keyof typeof LookFlag];

/** The names of enum look_flag by value. */
export const lookFlagName: Readonly<Record<number, string>> = Object.freeze({
  1: "MARK_GIVEN",
  2: "BEGINS_ANEW",
  4: "BY_MARK",
  8: "TEMPLATE_LEADS",
});

/** enum sync_role */
export const SyncRole = Object.freeze({
  MASTER: 0,
  BACKUP: 1,
  COUNT: 2,
});
export type SyncRole = (typeof SyncRole)[keyof typeof SyncRole];

/** The names of enum sync_role by value. */
export const syncRoleName: Readonly<Record<number, string>> = Object.freeze({
  0: "MASTER",
  1: "BACKUP",
  2: "COUNT",
});

/** enum fragment_action */
export const FragmentAction = Object.freeze({
  WAIT: 0,
  PASS: 1,
  DROP: 2,
  REQUEST: 3,
  REPLY: 4,
});
export type FragmentAction = (typeof FragmentAction)[keyof typeof FragmentAction];

/** The names of enum fragment_action by value. */
export const fragmentActionName: Readonly<Record<number, string>> = Object.freeze({
  0: "WAIT",
  1: "PASS",
  2: "DROP",
  3: "REQUEST",
  4: "REPLY",
});

/** struct bench */
export interface Bench {
  readonly frame: Uint8Array;
  readonly order: number;
  readonly length: number;
  readonly flows: number;
  readonly next: number;
}

export const benchCodec = {
  size: 88,
  offsets: { frame: 0, order: 74, length: 76, flows: 80, next: 84 },
  decode: (view, offset) => ({
    frame: bytesAt(view, offset, 74),
    order: view.getUint16(offset + 74, true),
    length: view.getUint32(offset + 76, true),
    flows: view.getUint32(offset + 80, true),
    next: view.getUint32(offset + 84, true),
  }),
  encode: (view, offset, value) => {
    putBytes(view, offset, value.frame, 74);
    view.setUint16(offset + 74, value.order, true);
    view.setUint32(offset + 76, value.length, true);
    view.setUint32(offset + 80, value.flows, true);
    view.setUint32(offset + 84, value.next, true);
  },
} as const satisfies StructCodec<Bench>;

/** struct bench_choices */
export interface BenchChoices {
  readonly plan: number;
  readonly repeat: number;
  readonly schedule: number;
  readonly refused: number;
  readonly elapsedNs: bigint;
}

export const benchChoicesCodec = {
  size: 24,
  offsets: { plan: 0, repeat: 4, schedule: 8, refused: 12, elapsedNs: 16 },
  decode: (view, offset) => ({
    plan: view.getUint32(offset, true),
    repeat: view.getUint32(offset + 4, true),
    schedule: view.getUint32(offset + 8, true),
    refused: view.getUint32(offset + 12, true),
    elapsedNs: view.getBigUint64(offset + 16, true),
  }),
  encode: (view, offset, value) => {
    view.setUint32(offset, value.plan, true);
    view.setUint32(offset + 4, value.repeat, true);
    view.setUint32(offset + 8, value.schedule, true);
    view.setUint32(offset + 12, value.refused, true);
    view.setBigUint64(offset + 16, value.elapsedNs, true);
  },
} as const satisfies StructCodec<BenchChoices>;

/** struct probe */
export interface Probe {
  readonly server: Uint8Array;
  readonly virtualAddress: Uint8Array;
  readonly source: Uint8Array;
  readonly protocol: number;
  readonly family: number;
  readonly segmentMax: number;
  readonly flags: number;
}

export const probeCodec = {
  size: 56,
  offsets: { server: 0, virtualAddress: 16, source: 32, protocol: 48, family: 49, segmentMax: 50, flags: 52 },
  decode: (view, offset) => ({
    server: bytesAt(view, offset, 16),
    virtualAddress: bytesAt(view, offset + 16, 16),
    source: bytesAt(view, offset + 32, 16),
    protocol: view.getUint8(offset + 48),
    family: view.getUint8(offset + 49),
    segmentMax: view.getUint16(offset + 50, true),
    flags: view.getUint32(offset + 52, true),
  }),
  encode: (view, offset, value) => {
    putBytes(view, offset, value.server, 16);
    putBytes(view, offset + 16, value.virtualAddress, 16);
    putBytes(view, offset + 32, value.source, 16);
    view.setUint8(offset + 48, value.protocol);
    view.setUint8(offset + 49, value.family);
    view.setUint16(offset + 50, value.segmentMax, true);
    view.setUint32(offset + 52, value.flags, true);
  },
} as const satisfies StructCodec<Probe>;

/** struct decap_address */
export interface DecapAddress {
  readonly address: Uint8Array;
  readonly family: number;
}

export const decapAddressCodec = {
  size: 20,
  offsets: { address: 0, family: 16 },
  decode: (view, offset) => ({
    address: bytesAt(view, offset, 16),
    family: view.getUint8(offset + 16),
  }),
  encode: (view, offset, value) => {
    putBytes(view, offset, value.address, 16);
    view.setUint8(offset + 16, value.family);
    zeroBytes(view, offset + 17, 3);
  },
} as const satisfies StructCodec<DecapAddress>;

/** struct plan */
export interface Plan {
  readonly cursor: bigint;
  readonly scheduler: number;
  readonly flags: number;
  readonly first: number;
  readonly count: number;
  readonly weightMax: number;
  readonly weightDivisor: number;
  readonly service: number;
  readonly firstBucket: number;
  readonly bucketCount: number;
  readonly firstGroup: number;
  readonly groupShift: number;
  readonly weightSum: number;
  readonly memory: number;
  readonly memoryTicks: number;
}

export const planCodec = {
  size: 64,
  offsets: {
    cursor: 0,
    scheduler: 8,
    flags: 12,
    first: 16,
    count: 20,
    weightMax: 24,
    weightDivisor: 28,
    service: 32,
    firstBucket: 36,
    bucketCount: 40,
    firstGroup: 44,
    groupShift: 48,
    weightSum: 52,
    memory: 56,
    memoryTicks: 60,
  },
  decode: (view, offset) => ({
    cursor: view.getBigUint64(offset, true),
    scheduler: view.getUint32(offset + 8, true),
    flags: view.getUint32(offset + 12, true),
    first: view.getUint32(offset + 16, true),
    count: view.getUint32(offset + 20, true),
    weightMax: view.getUint32(offset + 24, true),
    weightDivisor: view.getUint32(offset + 28, true),
    service: view.getUint32(offset + 32, true),
    firstBucket: view.getUint32(offset + 36, true),
    bucketCount: view.getUint32(offset + 40, true),
    firstGroup: view.getUint32(offset + 44, true),
    groupShift: view.getUint32(offset + 48, true),
    weightSum: view.getUint32(offset + 52, true),
    memory: view.getUint32(offset + 56, true),
    memoryTicks: view.getUint32(offset + 60, true),
  }),
  encode: (view, offset, value) => {
    view.setBigUint64(offset, value.cursor, true);
    view.setUint32(offset + 8, value.scheduler, true);
    view.setUint32(offset + 12, value.flags, true);
    view.setUint32(offset + 16, value.first, true);
    view.setUint32(offset + 20, value.count, true);
    view.setUint32(offset + 24, value.weightMax, true);
    view.setUint32(offset + 28, value.weightDivisor, true);
    view.setUint32(offset + 32, value.service, true);
    view.setUint32(offset + 36, value.firstBucket, true);
    view.setUint32(offset + 40, value.bucketCount, true);
    view.setUint32(offset + 44, value.firstGroup, true);
    view.setUint32(offset + 48, value.groupShift, true);
    view.setUint32(offset + 52, value.weightSum, true);
    view.setUint32(offset + 56, value.memory, true);
    view.setUint32(offset + 60, value.memoryTicks, true);
  },
} as const satisfies StructCodec<Plan>;

/** struct candidate */
export interface Candidate {
  readonly server: number;
  readonly weight: number;
  readonly weightSum: number;
  readonly lastWeight: number;
}

export const candidateCodec = {
  size: 16,
  offsets: { server: 0, weight: 4, weightSum: 8, lastWeight: 12 },
  decode: (view, offset) => ({
    server: view.getUint32(offset, true),
    weight: view.getUint32(offset + 4, true),
    weightSum: view.getUint32(offset + 8, true),
    lastWeight: view.getUint32(offset + 12, true),
  }),
  encode: (view, offset, value) => {
    view.setUint32(offset, value.server, true);
    view.setUint32(offset + 4, value.weight, true);
    view.setUint32(offset + 8, value.weightSum, true);
    view.setUint32(offset + 12, value.lastWeight, true);
  },
} as const satisfies StructCodec<Candidate>;

/** struct bucket */
export interface Bucket {
  readonly position: readonly number[];
}

export const bucketCodec = {
  size: 8,
  offsets: { position: 0 },
  decode: (view, offset) => ({
    position: listAt(u16, view, offset, 4),
  }),
  encode: (view, offset, value) => {
    putList(u16, view, offset, value.position, 4);
  },
} as const satisfies StructCodec<Bucket>;

/** struct candidate_group */
export interface CandidateGroup {
  readonly changes: number;
  readonly best: bigint;
}

export const candidateGroupCodec = {
  size: 16,
  offsets: { changes: 0, best: 8 },
  decode: (view, offset) => ({
    changes: view.getUint32(offset, true),
    best: view.getBigUint64(offset + 8, true),
  }),
  encode: (view, offset, value) => {
    view.setUint32(offset, value.changes, true);
    zeroBytes(view, offset + 4, 4);
    view.setBigUint64(offset + 8, value.best, true);
  },
} as const satisfies StructCodec<CandidateGroup>;

/** struct locality_key */
export interface LocalityKey {
  readonly address: Uint8Array;
  readonly memory: number;
  readonly family: number;
}

export const localityKeyCodec = {
  size: 24,
  offsets: { address: 0, memory: 16, family: 20 },
  decode: (view, offset) => ({
    address: bytesAt(view, offset, 16),
    memory: view.getUint32(offset + 16, true),
    family: view.getUint32(offset + 20, true),
  }),
  encode: (view, offset, value) => {
    putBytes(view, offset, value.address, 16);
    view.setUint32(offset + 16, value.memory, true);
    view.setUint32(offset + 20, value.family, true);
  },
} as const satisfies StructCodec<LocalityKey>;

/** struct locality */
export interface Locality {
  readonly lastUse: number;
  readonly lastChange: number;
  readonly count: number;
  readonly server: readonly number[];
}

export const localityCodec = {
  size: 140,
  offsets: { lastUse: 0, lastChange: 4, count: 8, server: 12 },
  decode: (view, offset) => ({
    lastUse: view.getUint32(offset, true),
    lastChange: view.getUint32(offset + 4, true),
    count: view.getUint32(offset + 8, true),
    server: listAt(u32, view, offset + 12, 32),
  }),
  encode: (view, offset, value) => {
    view.setUint32(offset, value.lastUse, true);
    view.setUint32(offset + 4, value.lastChange, true);
    view.setUint32(offset + 8, value.count, true);
    putList(u32, view, offset + 12, value.server, 32);
  },
} as const satisfies StructCodec<Locality>;

/** struct choose */
export interface Choose {
  readonly plan: number;
  readonly server: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: number;
  readonly family: number;
}

export const chooseCodec = {
  size: 48,
  offsets: { plan: 0, server: 4, source: 8, destination: 24, sourcePort: 40, destinationPort: 42, protocol: 44, family: 45 },
  decode: (view, offset) => ({
    plan: view.getUint32(offset, true),
    server: view.getUint32(offset + 4, true),
    source: bytesAt(view, offset + 8, 16),
    destination: bytesAt(view, offset + 24, 16),
    sourcePort: view.getUint16(offset + 40),
    destinationPort: view.getUint16(offset + 42),
    protocol: view.getUint8(offset + 44),
    family: view.getUint8(offset + 45),
  }),
  encode: (view, offset, value) => {
    view.setUint32(offset, value.plan, true);
    view.setUint32(offset + 4, value.server, true);
    putBytes(view, offset + 8, value.source, 16);
    putBytes(view, offset + 24, value.destination, 16);
    view.setUint16(offset + 40, value.sourcePort);
    view.setUint16(offset + 42, value.destinationPort);
    view.setUint8(offset + 44, value.protocol);
    view.setUint8(offset + 45, value.family);
    zeroBytes(view, offset + 46, 2);
  },
} as const satisfies StructCodec<Choose>;

/** struct service_key */
export interface ServiceKey {
  readonly address: Uint8Array;
  readonly port: number;
  readonly protocol: number;
  readonly family: number;
}

export const serviceKeyCodec = {
  size: 20,
  offsets: { address: 0, port: 16, protocol: 18, family: 19 },
  decode: (view, offset) => ({
    address: bytesAt(view, offset, 16),
    port: view.getUint16(offset + 16),
    protocol: view.getUint8(offset + 18),
    family: view.getUint8(offset + 19),
  }),
  encode: (view, offset, value) => {
    putBytes(view, offset, value.address, 16);
    view.setUint16(offset + 16, value.port);
    view.setUint8(offset + 18, value.protocol);
    view.setUint8(offset + 19, value.family);
  },
} as const satisfies StructCodec<ServiceKey>;

/** struct service */
export interface Service {
  readonly index: number;
  readonly plan: number;
  readonly flags: number;
  readonly mark: number;
  readonly clientMask: Uint8Array;
  readonly persistence: number;
  readonly timeouts: number;
  readonly source: Uint8Array;
  readonly made: number;
}

export const serviceCodec = {
  size: 60,
  offsets: { index: 0, plan: 4, flags: 8, mark: 12, clientMask: 16, persistence: 32, timeouts: 36, source: 40, made: 56 },
  decode: (view, offset) => ({
    index: view.getUint32(offset, true),
    plan: view.getUint32(offset + 4, true),
    flags: view.getUint32(offset + 8, true),
    mark: view.getUint32(offset + 12, true),
    clientMask: bytesAt(view, offset + 16, 16),
    persistence: view.getUint32(offset + 32, true),
    timeouts: view.getUint8(offset + 36),
    source: bytesAt(view, offset + 40, 16),
    made: view.getUint32(offset + 56, true),
  }),
  encode: (view, offset, value) => {
    view.setUint32(offset, value.index, true);
    view.setUint32(offset + 4, value.plan, true);
    view.setUint32(offset + 8, value.flags, true);
    view.setUint32(offset + 12, value.mark, true);
    putBytes(view, offset + 16, value.clientMask, 16);
    view.setUint32(offset + 32, value.persistence, true);
    view.setUint8(offset + 36, value.timeouts);
    zeroBytes(view, offset + 37, 3);
    putBytes(view, offset + 40, value.source, 16);
    view.setUint32(offset + 56, value.made, true);
  },
} as const satisfies StructCodec<Service>;

/** struct mark_rule */
export interface MarkRule {
  readonly source: Uint8Array;
  readonly sourceMask: Uint8Array;
  readonly destination: Uint8Array;
  readonly destinationMask: Uint8Array;
  readonly portFirst: number;
  readonly portLast: number;
  readonly protocol: number;
  readonly family: number;
  readonly ifindex: number;
  readonly mark: number;
}

export const markRuleCodec = {
  size: 80,
  offsets: {
    source: 0,
    sourceMask: 16,
    destination: 32,
    destinationMask: 48,
    portFirst: 64,
    portLast: 66,
    protocol: 68,
    family: 69,
    ifindex: 72,
    mark: 76,
  },
  decode: (view, offset) => ({
    source: bytesAt(view, offset, 16),
    sourceMask: bytesAt(view, offset + 16, 16),
    destination: bytesAt(view, offset + 32, 16),
    destinationMask: bytesAt(view, offset + 48, 16),
    portFirst: view.getUint16(offset + 64, true),
    portLast: view.getUint16(offset + 66, true),
    protocol: view.getUint8(offset + 68),
    family: view.getUint8(offset + 69),
    ifindex: view.getUint32(offset + 72, true),
    mark: view.getUint32(offset + 76, true),
  }),
  encode: (view, offset, value) => {
    putBytes(view, offset, value.source, 16);
    putBytes(view, offset + 16, value.sourceMask, 16);
    putBytes(view, offset + 32, value.destination, 16);
    putBytes(view, offset + 48, value.destinationMask, 16);
    view.setUint16(offset + 64, value.portFirst, true);
    view.setUint16(offset + 66, value.portLast, true);
    view.setUint8(offset + 68, value.protocol);
    view.setUint8(offset + 69, value.family);
    zeroBytes(view, offset + 70, 2);
    view.setUint32(offset + 72, value.ifindex, true);
    view.setUint32(offset + 76, value.mark, true);
  },
} as const satisfies StructCodec<MarkRule>;

/** struct server */
export interface Server {
  readonly address: Uint8Array;
  readonly tunnelSource: Uint8Array;
  readonly port: number;
  readonly family: number;
  readonly method: number;
  readonly flags: number;
  readonly service: number;
  readonly ifindex: number;
  readonly mtu: number;
  readonly tunnelType: number;
  readonly tunnelFlags: number;
  readonly tunnelPort: number;
  readonly nextHop: Uint8Array;
  readonly nextHopFamily: number;
  readonly configured: number;
  readonly weight: number;
  readonly pathMtu: number;
  readonly pathMtuUntil: number;
}

export const serverCodec = {
  size: 88,
  offsets: {
    address: 0,
    tunnelSource: 16,
    port: 32,
    family: 34,
    method: 35,
    flags: 36,
    service: 40,
    ifindex: 44,
    mtu: 48,
    tunnelType: 52,
    tunnelFlags: 53,
    tunnelPort: 54,
    nextHop: 56,
    nextHopFamily: 72,
    configured: 73,
    weight: 76,
    pathMtu: 80,
    pathMtuUntil: 84,
  },
  decode: (view, offset) => ({
    address: bytesAt(view, offset, 16),
    tunnelSource: bytesAt(view, offset + 16, 16),
    port: view.getUint16(offset + 32),
    family: view.getUint8(offset + 34),
    method: view.getUint8(offset + 35),
    flags: view.getUint32(offset + 36, true),
    service: view.getUint32(offset + 40, true),
    ifindex: view.getUint32(offset + 44, true),
    mtu: view.getUint32(offset + 48, true),
    tunnelType: view.getUint8(offset + 52),
    tunnelFlags: view.getUint8(offset + 53),
    tunnelPort: view.getUint16(offset + 54),
    nextHop: bytesAt(view, offset + 56, 16),
    nextHopFamily: view.getUint8(offset + 72),
    configured: view.getUint8(offset + 73),
    weight: view.getUint32(offset + 76, true),
    pathMtu: view.getUint32(offset + 80, true),
    pathMtuUntil: view.getUint32(offset + 84, true),
  }),
  encode: (view, offset, value) => {
    putBytes(view, offset, value.address, 16);
    putBytes(view, offset + 16, value.tunnelSource, 16);
    view.setUint16(offset + 32, value.port);
    view.setUint8(offset + 34, value.family);
    view.setUint8(offset + 35, value.method);
    view.setUint32(offset + 36, value.flags, true);
    view.setUint32(offset + 40, value.service, true);
    view.setUint32(offset + 44, value.ifindex, true);
    view.setUint32(offset + 48, value.mtu, true);
    view.setUint8(offset + 52, value.tunnelType);
    view.setUint8(offset + 53, value.tunnelFlags);
    view.setUint16(offset + 54, value.tunnelPort);
    putBytes(view, offset + 56, value.nextHop, 16);
    view.setUint8(offset + 72, value.nextHopFamily);
    view.setUint8(offset + 73, value.configured);
    zeroBytes(view, offset + 74, 2);
    view.setUint32(offset + 76, value.weight, true);
    view.setUint32(offset + 80, value.pathMtu, true);
    view.setUint32(offset + 84, value.pathMtuUntil, true);
  },
} as const satisfies StructCodec<Server>;

/** struct neighbour */
export interface Neighbour {
  readonly validUntil: number;
  readonly ifindex: number;
  readonly destinationMac: Uint8Array;
  readonly sourceMac: Uint8Array;
  readonly mtu: number;
}

export const neighbourCodec = {
  size: 24,
  offsets: { validUntil: 0, ifindex: 4, destinationMac: 8, sourceMac: 14, mtu: 20 },
  decode: (view, offset) => ({
    validUntil: view.getUint32(offset, true),
    ifindex: view.getUint32(offset + 4, true),
    destinationMac: bytesAt(view, offset + 8, 6),
    sourceMac: bytesAt(view, offset + 14, 6),
    mtu: view.getUint32(offset + 20, true),
  }),
  encode: (view, offset, value) => {
    view.setUint32(offset, value.validUntil, true);
    view.setUint32(offset + 4, value.ifindex, true);
    putBytes(view, offset + 8, value.destinationMac, 6);
    putBytes(view, offset + 14, value.sourceMac, 6);
    view.setUint32(offset + 20, value.mtu, true);
  },
} as const satisfies StructCodec<Neighbour>;

/** struct icmp_budget */
export interface IcmpBudget {
  readonly tick: number;
  readonly sent: number;
}

export const icmpBudgetCodec = {
  size: 8,
  offsets: { tick: 0, sent: 4 },
  decode: (view, offset) => ({
    tick: view.getUint32(offset, true),
    sent: view.getUint32(offset + 4, true),
  }),
  encode: (view, offset, value) => {
    view.setUint32(offset, value.tick, true);
    view.setUint32(offset + 4, value.sent, true);
  },
} as const satisfies StructCodec<IcmpBudget>;

/** struct port */
export interface Port {
  readonly mac: Uint8Array;
  readonly flags: number;
}

export const portCodec = {
  size: 8,
  offsets: { mac: 0, flags: 6 },
  decode: (view, offset) => ({
    mac: bytesAt(view, offset, 6),
    flags: view.getUint16(offset + 6, true),
  }),
  encode: (view, offset, value) => {
    putBytes(view, offset, value.mac, 6);
    view.setUint16(offset + 6, value.flags, true);
  },
} as const satisfies StructCodec<Port>;

/** struct server_load */
export interface ServerLoad {
  readonly active: number;
  readonly total: number;
  readonly persistent: number;
  readonly flags: number;
  readonly upper: number;
  readonly lower: number;
  readonly group: number;
}

export const serverLoadCodec = {
  size: 32,
  offsets: { active: 0, total: 4, persistent: 8, flags: 12, upper: 16, lower: 20, group: 24 },
  decode: (view, offset) => ({
    active: view.getUint32(offset, true),
    total: view.getUint32(offset + 4, true),
    persistent: view.getUint32(offset + 8, true),
    flags: view.getUint32(offset + 12, true),
    upper: view.getUint32(offset + 16, true),
    lower: view.getUint32(offset + 20, true),
    group: view.getUint32(offset + 24, true),
  }),
  encode: (view, offset, value) => {
    view.setUint32(offset, value.active, true);
    view.setUint32(offset + 4, value.total, true);
    view.setUint32(offset + 8, value.persistent, true);
    view.setUint32(offset + 12, value.flags, true);
    view.setUint32(offset + 16, value.upper, true);
    view.setUint32(offset + 20, value.lower, true);
    view.setUint32(offset + 24, value.group, true);
    zeroBytes(view, offset + 28, 4);
  },
} as const satisfies StructCodec<ServerLoad>;

/** struct traffic */
export interface Traffic {
  readonly connections: bigint;
  readonly packetsIn: bigint;
  readonly bytesIn: bigint;
  readonly packetsOut: bigint;
  readonly bytesOut: bigint;
}

export const trafficCodec = {
  size: 40,
  offsets: { connections: 0, packetsIn: 8, bytesIn: 16, packetsOut: 24, bytesOut: 32 },
  decode: (view, offset) => ({
    connections: view.getBigUint64(offset, true),
    packetsIn: view.getBigUint64(offset + 8, true),
    bytesIn: view.getBigUint64(offset + 16, true),
    packetsOut: view.getBigUint64(offset + 24, true),
    bytesOut: view.getBigUint64(offset + 32, true),
  }),
  encode: (view, offset, value) => {
    view.setBigUint64(offset, value.connections, true);
    view.setBigUint64(offset + 8, value.packetsIn, true);
    view.setBigUint64(offset + 16, value.bytesIn, true);
    view.setBigUint64(offset + 24, value.packetsOut, true);
    view.setBigUint64(offset + 32, value.bytesOut, true);
  },
} as const satisfies StructCodec<Traffic>;

/** struct connection */
export interface Connection {
  readonly life: bigint;
  readonly client: Uint8Array;
  readonly virtualAddress: Uint8Array;
  readonly clientPort: number;
  readonly protocol: number;
  readonly family: number;
  readonly virtualPort: number;
  readonly realPort: number;
  readonly server: number;
  readonly service: number;
  readonly method: number;
  readonly timeouts: number;
  readonly parent: number;
  readonly partner: number;
}

export const connectionCodec = {
  size: 64,
  offsets: {
    life: 0,
    client: 8,
    virtualAddress: 24,
    clientPort: 40,
    protocol: 42,
    family: 43,
    virtualPort: 44,
    realPort: 46,
    server: 48,
    service: 52,
    method: 54,
    timeouts: 55,
    parent: 56,
    partner: 60,
  },
  decode: (view, offset) => ({
    life: view.getBigUint64(offset, true),
    client: bytesAt(view, offset + 8, 16),
    virtualAddress: bytesAt(view, offset + 24, 16),
    clientPort: view.getUint16(offset + 40),
    protocol: view.getUint8(offset + 42),
    family: view.getUint8(offset + 43),
    virtualPort: view.getUint16(offset + 44),
    realPort: view.getUint16(offset + 46),
    server: view.getUint32(offset + 48, true),
    service: view.getUint16(offset + 52, true),
    method: view.getUint8(offset + 54),
    timeouts: view.getUint8(offset + 55),
    parent: view.getUint32(offset + 56, true),
    partner: view.getUint32(offset + 60, true),
  }),
  encode: (view, offset, value) => {
    view.setBigUint64(offset, value.life, true);
    putBytes(view, offset + 8, value.client, 16);
    putBytes(view, offset + 24, value.virtualAddress, 16);
    view.setUint16(offset + 40, value.clientPort);
    view.setUint8(offset + 42, value.protocol);
    view.setUint8(offset + 43, value.family);
    view.setUint16(offset + 44, value.virtualPort);
    view.setUint16(offset + 46, value.realPort);
    view.setUint32(offset + 48, value.server, true);
    view.setUint16(offset + 52, value.service, true);
    view.setUint8(offset + 54, value.method);
    view.setUint8(offset + 55, value.timeouts);
    view.setUint32(offset + 56, value.parent, true);
    view.setUint32(offset + 60, value.partner, true);
  },
} as const satisfies StructCodec<Connection>;

/** struct connection_group */
export interface ConnectionGroup {
  readonly slot: readonly Connection[];
}

export const connectionGroupCodec = {
  size: 512,
  offsets: { slot: 0 },
  decode: (view, offset) => ({
    slot: listAt(connectionCodec, view, offset, 8),
  }),
  encode: (view, offset, value) => {
    putList(connectionCodec, view, offset, value.slot, 8);
  },
} as const satisfies StructCodec<ConnectionGroup>;

/** struct settings */
export interface Settings {
  readonly hashSeed: readonly bigint[];
  readonly groupMask: number;
  readonly second: number;
  readonly flags: number;
  readonly markRules: number;
  readonly timeout: readonly number[];
  readonly virtualFilter: readonly bigint[];
  readonly serverFilter: readonly bigint[];
}

export const settingsCodec = {
  size: 4384,
  offsets: { hashSeed: 0, groupMask: 16, second: 20, flags: 24, markRules: 28, timeout: 32, virtualFilter: 4128, serverFilter: 4256 },
  decode: (view, offset) => ({
    hashSeed: listAt(u64, view, offset, 2),
    groupMask: view.getUint32(offset + 16, true),
    second: view.getUint32(offset + 20, true),
    flags: view.getUint32(offset + 24, true),
    markRules: view.getUint32(offset + 28, true),
    timeout: listAt(u32, view, offset + 32, 1024),
    virtualFilter: listAt(u64, view, offset + 4128, 16),
    serverFilter: listAt(u64, view, offset + 4256, 16),
  }),
  encode: (view, offset, value) => {
    putList(u64, view, offset, value.hashSeed, 2);
    view.setUint32(offset + 16, value.groupMask, true);
    view.setUint32(offset + 20, value.second, true);
    view.setUint32(offset + 24, value.flags, true);
    view.setUint32(offset + 28, value.markRules, true);
    putList(u32, view, offset + 32, value.timeout, 1024);
    putList(u64, view, offset + 4128, value.virtualFilter, 16);
    putList(u64, view, offset + 4256, value.serverFilter, 16);
  },
} as const satisfies StructCodec<Settings>;

/** struct sweep */
export interface Sweep {
  readonly firstGroup: number;
  readonly groups: number;
  readonly expiredMax: number;
  readonly live: number;
  readonly expired: number;
  readonly now: number;
}

export const sweepCodec = {
  size: 24,
  offsets: { firstGroup: 0, groups: 4, expiredMax: 8, live: 12, expired: 16, now: 20 },
  decode: (view, offset) => ({
    firstGroup: view.getUint32(offset, true),
    groups: view.getUint32(offset + 4, true),
    expiredMax: view.getUint32(offset + 8, true),
    live: view.getUint32(offset + 12, true),
    expired: view.getUint32(offset + 16, true),
    now: view.getUint32(offset + 20, true),
  }),
  encode: (view, offset, value) => {
    view.setUint32(offset, value.firstGroup, true);
    view.setUint32(offset + 4, value.groups, true);
    view.setUint32(offset + 8, value.expiredMax, true);
    view.setUint32(offset + 12, value.live, true);
    view.setUint32(offset + 16, value.expired, true);
    view.setUint32(offset + 20, value.now, true);
  },
} as const satisfies StructCodec<Sweep>;

/** struct cut */
export interface Cut {
  readonly firstGroup: number;
  readonly groups: number;
  readonly server: number;
  readonly kinds: number;
  readonly endedMax: number;
  readonly ended: number;
}

export const cutCodec = {
  size: 24,
  offsets: { firstGroup: 0, groups: 4, server: 8, kinds: 12, endedMax: 16, ended: 20 },
  decode: (view, offset) => ({
    firstGroup: view.getUint32(offset, true),
    groups: view.getUint32(offset + 4, true),
    server: view.getUint32(offset + 8, true),
    kinds: view.getUint32(offset + 12, true),
    endedMax: view.getUint32(offset + 16, true),
    ended: view.getUint32(offset + 20, true),
  }),
  encode: (view, offset, value) => {
    view.setUint32(offset, value.firstGroup, true);
    view.setUint32(offset + 4, value.groups, true);
    view.setUint32(offset + 8, value.server, true);
    view.setUint32(offset + 12, value.kinds, true);
    view.setUint32(offset + 16, value.endedMax, true);
    view.setUint32(offset + 20, value.ended, true);
  },
} as const satisfies StructCodec<Cut>;

/** struct limits_change */
export interface LimitsChange {
  readonly server: number;
  readonly upper: number;
  readonly lower: number;
}

export const limitsChangeCodec = {
  size: 16,
  offsets: { server: 0, upper: 4, lower: 8 },
  decode: (view, offset) => ({
    server: view.getUint32(offset, true),
    upper: view.getUint32(offset + 4, true),
    lower: view.getUint32(offset + 8, true),
  }),
  encode: (view, offset, value) => {
    view.setUint32(offset, value.server, true);
    view.setUint32(offset + 4, value.upper, true);
    view.setUint32(offset + 8, value.lower, true);
    zeroBytes(view, offset + 12, 4);
  },
} as const satisfies StructCodec<LimitsChange>;

/** struct look */
export interface Look {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: number;
  readonly family: number;
  readonly flags: number;
  readonly ifindex: number;
  readonly mark: number;
  readonly rule: number;
  readonly connection: number;
  readonly template: number;
  readonly outcome: number;
  readonly outcomeWithoutServer: number;
  readonly port: number;
}

export const lookCodec = {
  size: 68,
  offsets: {
    source: 0,
    destination: 16,
    sourcePort: 32,
    destinationPort: 34,
    protocol: 36,
    family: 37,
    flags: 38,
    ifindex: 40,
    mark: 44,
    rule: 48,
    connection: 52,
    template: 56,
    outcome: 60,
    outcomeWithoutServer: 62,
    port: 64,
  },
  decode: (view, offset) => ({
    source: bytesAt(view, offset, 16),
    destination: bytesAt(view, offset + 16, 16),
    sourcePort: view.getUint16(offset + 32),
    destinationPort: view.getUint16(offset + 34),
    protocol: view.getUint8(offset + 36),
    family: view.getUint8(offset + 37),
    flags: view.getUint16(offset + 38, true),
    ifindex: view.getUint32(offset + 40, true),
    mark: view.getUint32(offset + 44, true),
    rule: view.getUint32(offset + 48, true),
    connection: view.getUint32(offset + 52, true),
    template: view.getUint32(offset + 56, true),
    outcome: view.getUint16(offset + 60, true),
    outcomeWithoutServer: view.getUint16(offset + 62, true),
    port: view.getUint16(offset + 64),
  }),
  encode: (view, offset, value) => {
    putBytes(view, offset, value.source, 16);
    putBytes(view, offset + 16, value.destination, 16);
    view.setUint16(offset + 32, value.sourcePort);
    view.setUint16(offset + 34, value.destinationPort);
    view.setUint8(offset + 36, value.protocol);
    view.setUint8(offset + 37, value.family);
    view.setUint16(offset + 38, value.flags, true);
    view.setUint32(offset + 40, value.ifindex, true);
    view.setUint32(offset + 44, value.mark, true);
    view.setUint32(offset + 48, value.rule, true);
    view.setUint32(offset + 52, value.connection, true);
    view.setUint32(offset + 56, value.template, true);
    view.setUint16(offset + 60, value.outcome, true);
    view.setUint16(offset + 62, value.outcomeWithoutServer, true);
    view.setUint16(offset + 64, value.port);
    zeroBytes(view, offset + 66, 2);
  },
} as const satisfies StructCodec<Look>;

/** struct rates */
export interface Rates {
  readonly last: Traffic;
  readonly connections: bigint;
  readonly packetsIn: bigint;
  readonly bytesIn: bigint;
  readonly packetsOut: bigint;
  readonly bytesOut: bigint;
}

export const ratesCodec = {
  size: 80,
  offsets: { last: 0, connections: 40, packetsIn: 48, bytesIn: 56, packetsOut: 64, bytesOut: 72 },
  decode: (view, offset) => ({
    last: trafficCodec.decode(view, offset),
    connections: view.getBigUint64(offset + 40, true),
    packetsIn: view.getBigUint64(offset + 48, true),
    bytesIn: view.getBigUint64(offset + 56, true),
    packetsOut: view.getBigUint64(offset + 64, true),
    bytesOut: view.getBigUint64(offset + 72, true),
  }),
  encode: (view, offset, value) => {
    trafficCodec.encode(view, offset, value.last);
    view.setBigUint64(offset + 40, value.connections, true);
    view.setBigUint64(offset + 48, value.packetsIn, true);
    view.setBigUint64(offset + 56, value.bytesIn, true);
    view.setBigUint64(offset + 64, value.packetsOut, true);
    view.setBigUint64(offset + 72, value.bytesOut, true);
  },
} as const satisfies StructCodec<Rates>;

/** struct sync_daemon */
export interface SyncDaemon {
  readonly interfaceName: Uint8Array;
  readonly group: Uint8Array;
  readonly groupFamily: number;
  readonly syncId: number;
  readonly ttl: number;
  readonly maxLength: number;
  readonly port: number;
}

export const syncDaemonCodec = {
  size: 40,
  offsets: { interfaceName: 0, group: 16, groupFamily: 32, syncId: 33, ttl: 34, maxLength: 36, port: 38 },
  decode: (view, offset) => ({
    interfaceName: bytesAt(view, offset, 16),
    group: bytesAt(view, offset + 16, 16),
    groupFamily: view.getUint8(offset + 32),
    syncId: view.getUint8(offset + 33),
    ttl: view.getUint8(offset + 34),
    maxLength: view.getUint16(offset + 36, true),
    port: view.getUint16(offset + 38, true),
  }),
  encode: (view, offset, value) => {
    putBytes(view, offset, value.interfaceName, 16);
    putBytes(view, offset + 16, value.group, 16);
    view.setUint8(offset + 32, value.groupFamily);
    view.setUint8(offset + 33, value.syncId);
    view.setUint8(offset + 34, value.ttl);
    zeroBytes(view, offset + 35, 1);
    view.setUint16(offset + 36, value.maxLength, true);
    view.setUint16(offset + 38, value.port, true);
  },
} as const satisfies StructCodec<SyncDaemon>;

/** struct fragment_key */
export interface FragmentKey {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly identification: number;
  readonly protocol: number;
  readonly family: number;
}

export const fragmentKeyCodec = {
  size: 40,
  offsets: { source: 0, destination: 16, identification: 32, protocol: 36, family: 37 },
  decode: (view, offset) => ({
    source: bytesAt(view, offset, 16),
    destination: bytesAt(view, offset + 16, 16),
    identification: view.getUint32(offset + 32, true),
    protocol: view.getUint8(offset + 36),
    family: view.getUint8(offset + 37),
  }),
  encode: (view, offset, value) => {
    putBytes(view, offset, value.source, 16);
    putBytes(view, offset + 16, value.destination, 16);
    view.setUint32(offset + 32, value.identification, true);
    view.setUint8(offset + 36, value.protocol);
    view.setUint8(offset + 37, value.family);
    zeroBytes(view, offset + 38, 2);
  },
} as const satisfies StructCodec<FragmentKey>;

/** struct fragment */
export interface Fragment {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly expires: number;
  readonly waiting: number;
  readonly server: number;
  readonly service: number;
  readonly method: number;
  readonly action: number;
}

export const fragmentCodec = {
  size: 48,
  offsets: { source: 0, destination: 16, expires: 32, waiting: 36, server: 40, service: 44, method: 46, action: 47 },
  decode: (view, offset) => ({
    source: bytesAt(view, offset, 16),
    destination: bytesAt(view, offset + 16, 16),
    expires: view.getUint32(offset + 32, true),
    waiting: view.getUint32(offset + 36, true),
    server: view.getUint32(offset + 40, true),
    service: view.getUint16(offset + 44, true),
    method: view.getUint8(offset + 46),
    action: view.getUint8(offset + 47),
  }),
  encode: (view, offset, value) => {
    putBytes(view, offset, value.source, 16);
    putBytes(view, offset + 16, value.destination, 16);
    view.setUint32(offset + 32, value.expires, true);
    view.setUint32(offset + 36, value.waiting, true);
    view.setUint32(offset + 40, value.server, true);
    view.setUint16(offset + 44, value.service, true);
    view.setUint8(offset + 46, value.method);
    view.setUint8(offset + 47, value.action);
  },
} as const satisfies StructCodec<Fragment>;

/** Every map of the packet path, by its name there. */
export const MAPS = Object.freeze({
  settings: { kind: "array", key: u32, value: settingsCodec, maxEntries: 1 },
  services: { kind: "hash", key: serviceKeyCodec, value: serviceCodec, maxEntries: 8192 },
  plans: { kind: "array", key: u32, value: planCodec, maxEntries: 16384 },
  candidates: { kind: "array", key: u32, value: candidateCodec, maxEntries: 131072 },
  buckets: { kind: "array", key: u32, value: bucketCodec, maxEntries: 262144 },
  candidate_groups: { kind: "array", key: u32, value: candidateGroupCodec, maxEntries: 16384 },
  localities: { kind: "lru-hash", key: localityKeyCodec, value: localityCodec, maxEntries: 65536 },
  locality_tried: { kind: "array", key: u32, value: localityCodec, maxEntries: 1 },
  mark_rules: { kind: "array", key: u32, value: markRuleCodec, maxEntries: 512 },
  mark_hits: { kind: "percpu-array", key: u32, value: u64, maxEntries: 512 },
  servers: { kind: "array", key: u32, value: serverCodec, maxEntries: 32768 },
  neighbours: { kind: "array", key: u32, value: neighbourCodec, maxEntries: 32768 },
  server_load: { kind: "array", key: u32, value: serverLoadCodec, maxEntries: 32768 },
  server_traffic: { kind: "percpu-array", key: u32, value: trafficCodec, maxEntries: 32768 },
  service_traffic: { kind: "percpu-array", key: u32, value: trafficCodec, maxEntries: 8192 },
  server_rates: { kind: "array", key: u32, value: ratesCodec, maxEntries: 32768 },
  service_rates: { kind: "array", key: u32, value: ratesCodec, maxEntries: 8192 },
  server_zero: { kind: "array", key: u32, value: trafficCodec, maxEntries: 32768 },
  service_zero: { kind: "array", key: u32, value: trafficCodec, maxEntries: 8192 },
  service_names: { kind: "array", key: u32, value: serviceKeyCodec, maxEntries: 8192 },
  fragments: { kind: "lru-hash", key: fragmentKeyCodec, value: fragmentCodec, maxEntries: 16384 },
  outcomes: { kind: "percpu-array", key: u32, value: u64, maxEntries: 40 },
  connections: { kind: "array", key: u32, value: connectionGroupCodec, maxEntries: 32768 },
  overflow: { kind: "array", key: u32, value: u64, maxEntries: 32768 },
  icmp_budget: { kind: "percpu-array", key: u32, value: icmpBudgetCodec, maxEntries: 1 },
  sync_daemons: { kind: "array", key: u32, value: syncDaemonCodec, maxEntries: 2 },
  ports: { kind: "array", key: u32, value: portCodec, maxEntries: 4096 },
} as const);
export type MapName = keyof typeof MAPS;
