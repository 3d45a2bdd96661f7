/**
 * The data plane as the control plane sees it: read what is, apply what differs, count. Implemented over BPF
 * (director/bpf-plane.ts) and in memory (director/memory-plane.ts).
 */

import type { Address, Family } from "./address.ts";
import type { ServerName, ServiceName, StandingSyncDaemon } from "./edit.ts";
import type { Protocol, RealServer, Timeouts, VirtualService } from "./service.ts";
import { TCP_TIMEOUT_SECONDS } from "./tcp-states.ts";

/** Where the packet path listens. "auto" chooses by the device; "xdp" is always backed by tc on the same interface. */
export const HOOK_CHOICES = ["auto", "tc", "xdp", "xdp-generic"] as const;
export type HookChoice = (typeof HOOK_CHOICES)[number];

export interface Attachment {
  readonly interfaceName: string;
  readonly hook: Exclude<HookChoice, "auto">;
}

export interface WantedAttachment {
  readonly interfaceName: string;
  readonly hook: HookChoice;
}

/** Packets that hold get the mark; of several rules the first one counts. What is left out is any. */
export interface MarkRule {
  /** 0: none, whatever a later rule would give. */
  readonly mark: number;
  readonly family?: Family;
  readonly protocol?: Protocol;
  readonly source?: Prefix;
  readonly destination?: Prefix;
  /** Destination ports, both included. */
  readonly ports?: { readonly first: number; readonly last: number };
  readonly interfaceName?: string;
}

export interface Prefix {
  readonly address: Address;
  readonly length: number;
}

/** IPVS's sysctls of the same names (net.ipv4.vs.*), and the timeouts of connections whose service has none of its own. */
export interface DirectorSettings {
  readonly timeouts: Required<Timeouts>;
  /** Connections of deleted servers end at once instead of being dropped until they expire. */
  readonly expireNodest: boolean;
  /** A template whose server has weight 0 leads nobody there any more. */
  readonly expireQuiescentTemplate: boolean;
  /** conn_reuse_mode: 0 a SYN never replaces a connection that is over, 1 it does; bit 2: also one in FIN_WAIT seen from one side. */
  readonly connectionReuse: number;
}

/** As IPVS. */
export const DEFAULT_SETTINGS: DirectorSettings = {
  timeouts: { tcp: TCP_TIMEOUT_SECONDS.ESTABLISHED, tcpFin: TCP_TIMEOUT_SECONDS.FIN_WAIT, udp: 300 },
  expireNodest: false,
  expireQuiescentTemplate: false,
  connectionReuse: 1,
};

export interface DesiredState {
  readonly services: readonly VirtualService[];
  /** Left out: DEFAULT_SETTINGS. */
  readonly settings?: DirectorSettings;
  readonly marks?: readonly MarkRule[];
  readonly attachments: readonly WantedAttachment[];
}

export interface ActualState {
  readonly services: readonly VirtualService[];
  readonly settings?: DirectorSettings;
  readonly marks?: readonly MarkRule[];
  readonly attachments: readonly Attachment[];
  /** Those that `ipvsadm --start-daemon` asked for; no configuration speaks of them. */
  readonly syncDaemons?: readonly StandingSyncDaemon[];
}

/** A service without its servers: what identifies it and what can be edited. */
export type ServiceHead = Omit<VirtualService, "servers">;

/** Ordered so that applying them one after the other never leaves traffic without a place to go. */
export type Change =
  | { readonly kind: "attach"; readonly attachment: WantedAttachment }
  | { readonly kind: "detach"; readonly attachment: Attachment }
  | { readonly kind: "add-service"; readonly service: VirtualService }
  | { readonly kind: "edit-service"; readonly before: ServiceHead; readonly after: ServiceHead }
  | { readonly kind: "delete-service"; readonly service: ServiceHead }
  | { readonly kind: "add-server"; readonly service: ServiceHead; readonly server: RealServer }
  | { readonly kind: "edit-server"; readonly service: ServiceHead; readonly before: RealServer; readonly after: RealServer }
  | { readonly kind: "edit-settings"; readonly before: DirectorSettings; readonly after: DirectorSettings }
  | { readonly kind: "edit-marks"; readonly before: readonly MarkRule[]; readonly after: readonly MarkRule[] }
  | { readonly kind: "delete-server"; readonly service: ServiceHead; readonly server: RealServer }
  /** At most one of each role. */
  | { readonly kind: "edit-sync-daemons"; readonly before: readonly StandingSyncDaemon[]; readonly after: readonly StandingSyncDaemon[] };

export interface TrafficCounters {
  readonly connections: bigint;
  readonly packetsIn: bigint;
  readonly bytesIn: bigint;
  readonly packetsOut: bigint;
  readonly bytesOut: bigint;
}

/** What was counted lately, a second: IPVS's estimator, which looks every two seconds. */
export type Rates = { readonly [Each in keyof TrafficCounters]: number };

export interface ServerCounters extends TrafficCounters {
  readonly service: ServiceHead;
  readonly server: RealServer;
  readonly active: number;
  readonly inactive: number;
  /** Templates that lead to it. */
  readonly persistent: number;
  /** Above its thresholds: it gets no new connections. */
  readonly overloaded: boolean;
  /** It is this host itself, whatever its method. */
  readonly local?: true;
  readonly rates: Rates;
}

export interface ServiceCounters extends TrafficCounters {
  readonly service: ServiceHead;
  readonly rates: Rates;
}

export interface MarkCounters {
  readonly rule: MarkRule;
  /** Packets to which the rule gave its mark: only those are asked that may begin a connection. */
  readonly packets: bigint;
}

export interface Counters {
  readonly services: readonly ServiceCounters[];
  readonly servers: readonly ServerCounters[];
  readonly marks: readonly MarkCounters[];
  /** What became of packets that were not sent on, by name of the outcome ("PASS_NO_SERVICE", "DROP_NO_SERVER", ...). */
  readonly outcomes: Readonly<Record<string, bigint>>;
}

/** What of a server's is cut: its connections and the templates that lead to it, or these alone. */
export const CUT_EXTENTS = ["all", "templates"] as const;
export type CutExtent = (typeof CUT_EXTENTS)[number];

export interface Cut {
  readonly service: ServiceName;
  readonly server: ServerName;
  readonly what: CutExtent;
}

export interface DataPlane {
  read(): ActualState;
  apply(change: Change): void;
  /** Less what had been counted when they were last reset. */
  counters(): Counters;
  /** Counters and rates of one service and its servers, or of all, begin again at 0 (`ipvsadm -Z`). */
  resetCounters(service?: ServiceName): void;
  /**
   * Ends what leads to one server, also to one that was deleted, and says how many connections and templates that were; 0 where there is
   * no such server. A connection's next packet belongs to none then, and the host answers it with RST; a client whose template was cut is
   * scheduled anew. New ones may come meanwhile, unless the server's weight is 0. In slices: others have their turn, and may change the plane; closing it ends the cut.
   */
  cutConnections(cut: Cut): Promise<number>;
  close(): void;
}
