/**
 * What the director's API answers, as JSON: shared by the server and the typed client. Names, addresses and references are text, times are milliseconds of
 * the wall clock, and a counter above 2^53 is text, because a number would not be exact. What the director says in plain values already (plans, versions,
 * journal entries, measures) has its own types and goes as it is.
 */

import type { CheckView, ConfigurationVersion } from "../director/director.ts";
import type { TrafficJson } from "../director/status-json.ts";
import type { Condition } from "../health/hysteresis.ts";
import type { QuorumState } from "../health/quorum.ts";
import type { ErrorCode, ErrorFacts } from "../model/error.ts";
import type { Finding } from "../model/journal.ts";
import type { OverrideWish } from "../model/override.ts";

interface ServerTrafficReply extends TrafficJson {
  readonly active: number;
  readonly inactive: number;
  readonly persistent: number;
  readonly overloaded: boolean;
}

export interface OverrideReply {
  readonly wish: OverrideWish;
  readonly sinceMs: number;
  readonly by: string;
  readonly reason?: string;
}

export interface CheckReply extends Omit<CheckView, "history"> {
  /** Only where it was asked for. */
  readonly history?: readonly (Finding & { readonly atMs: number; readonly repeated: number })[];
}

export interface ServerReply {
  /** "tcp 192.0.2.10:80" */
  readonly service: string;
  readonly label?: string;
  /** "10.0.0.11:80" */
  readonly server: string;
  readonly method: string;
  readonly configuredWeight: number;
  readonly weight: number | "out";
  readonly condition: Condition;
  /** Empty when all is well. */
  readonly why: string;
  readonly sinceMs: number;
  readonly sorry: boolean;
  readonly override?: OverrideReply;
  readonly checks: readonly CheckReply[];
  /** Left out while the kernel does not have it. */
  readonly counters?: ServerTrafficReply;
}

export interface ServiceReply {
  readonly service: string;
  readonly label?: string;
  readonly scheduler: string;
  readonly quorum: QuorumState;
  readonly sorry: boolean;
  readonly sinceMs: number;
  readonly counters?: TrafficJson;
  readonly servers: readonly ServerReply[];
}

interface EndReply {
  readonly address: string;
  readonly port: number;
}

export interface ConnectionReply {
  readonly protocol: string;
  readonly state: string;
  readonly expiresSeconds: number;
  readonly client: EndReply;
  readonly virtual: EndReply;
  readonly server: EndReply;
  readonly method: string;
  readonly active: boolean;
  readonly template?: boolean;
  readonly children?: number;
  readonly mark?: number;
  readonly parent?: number;
  readonly slot: number;
  readonly generation: number;
}

/** A page. */
export interface ConnectionsReply {
  readonly connections: readonly ConnectionReply[];
  /** Gives the next page; left out on the last one. */
  readonly cursor?: string;
}

export interface ConfigurationReply {
  readonly version: ConfigurationVersion;
  readonly text: string;
}

/** As `evenkeel status -o json` prints it: attachments, settings, syncDaemons, marks, services with their servers, outcomes. */
export type KernelReply = Readonly<Record<string, unknown>>;

interface RefusalReply {
  readonly index: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly cure?: string;
  readonly facts?: ErrorFacts;
}

export interface EditedReply {
  readonly refused: readonly RefusalReply[];
  readonly warnings: readonly string[];
}

/** RFC 9457, with what an EvenkeelError knows. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance?: string;
  readonly code: ErrorCode;
  /** What would help. */
  readonly cure?: string;
  readonly facts?: ErrorFacts;
  /** What lies behind it, the nearest first. */
  readonly because?: readonly string[];
  /** Of a configuration, each with its place; of a request, each with its field. */
  readonly complaints?: readonly ComplaintReply[];
  /** Of edits: which one was not possible. */
  readonly refusal?: RefusalReply;
}

export interface ComplaintReply {
  readonly line?: number;
  readonly column?: number;
  readonly path: string;
  readonly text: string;
}
