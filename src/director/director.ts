/**
 * The director as its doors see it (the API, and by it the command line): everything that can be asked of it and done to it. Implemented by
 * director/daemon/. What is asked is answered from memory and maps without waiting; what is done is done one at a time, whole or not at all.
 */

import type { ConfiguredCheck } from "../config/configuration.ts";
import type { Condition } from "../health/hysteresis.ts";
import type { QuorumState } from "../health/quorum.ts";
import type { Edit } from "../model/edit.ts";
import type { Edited, EditOptions } from "../model/edit-refused.ts";
import type { Finding, JournalEntry, Severity, StoryEvent } from "../model/journal.ts";
import type { Override, OverrideWish } from "../model/override.ts";
import type { ActualState, Attachment, Counters, ServerCounters, ServiceCounters } from "../model/plane.ts";
import type { ConnectionFilter } from "./connection-filter.ts";
import type { ConnectionSlice } from "./connection-reader.ts";

/** Who asks, for the journal: "uid 0", "token". */
export interface Asker {
  readonly by: string;
  readonly reason?: string;
}

export interface DirectorStatus {
  readonly version: string;
  readonly pid: number;
  /** Wall clock, milliseconds. */
  readonly startedMs: number;
  readonly ready: boolean;
  /** Why it is not ready, or what is wrong although it is: "the last change failed: ...". */
  readonly troubles: readonly string[];
  readonly configuration: ConfigurationVersion;
  /** Until when it has to be confirmed (wall clock). */
  readonly confirmUntilMs?: number;
  /** What the kernel holds beside the configuration by hand, as one line each. */
  readonly adopted: readonly string[];
  readonly attachments: readonly Attachment[];
  readonly warnings: readonly string[];
  readonly services: number;
  readonly servers: { readonly all: number; readonly up: number; readonly overridden: number };
  readonly checks: number;
  /** What this process may do: "CAP_NET_ADMIN". */
  readonly capabilities: readonly string[];
}

export interface ConfigurationVersion {
  /** Goes up with each that was applied, over restarts too. 0: none yet. */
  readonly id: number;
  /** SHA-256 of the text, hexadecimal: the API's ETag. */
  readonly digest: string;
  readonly file: string;
  /** Wall clock, milliseconds. */
  readonly appliedMs: number;
  readonly by: string;
  /** "pending" has to be confirmed. */
  readonly state: "present" | "pending" | "past" | "rolled-back";
}

export interface CheckView {
  /** "http :80/healthz" */
  readonly name: string;
  readonly rule: ConfiguredCheck;
  readonly condition: Condition;
  /** Verdicts in a row against the condition. */
  readonly against: number;
  readonly last?: Finding & { readonly atMs: number };
  /** The last ones that differed from the one before them, newest first. */
  readonly history: readonly (Finding & { readonly atMs: number; readonly repeated: number })[];
}

export interface ServerView {
  /** As counted by the kernel; undefined while it is not in the service (down, disabled). */
  readonly counters: ServerCounters | undefined;
  readonly service: string;
  readonly label: string | undefined;
  readonly server: string;
  readonly method: string;
  readonly configuredWeight: number;
  /** What the kernel has, or should have in a moment. */
  readonly weight: number | "out";
  /** "up" without checks. */
  readonly condition: Condition;
  /** Why it is as it is, in one line: "connect: connection refused, 2 times", "drained by uid 0". Empty when all is well. */
  readonly why: string;
  /** Wall clock of the last change of condition. */
  readonly sinceMs: number;
  readonly override?: Override;
  readonly sorry: boolean;
  readonly checks: readonly CheckView[];
}

export interface ServiceView {
  readonly counters: ServiceCounters | undefined;
  readonly service: string;
  readonly label: string | undefined;
  readonly scheduler: string;
  readonly quorum: QuorumState;
  /** Whether the sorry server serves. */
  readonly sorry: boolean;
  readonly sinceMs: number;
  readonly servers: readonly ServerView[];
}

/** What a change of configuration would do. */
export interface Plan {
  /** What the new configuration changes, against the one that is present: of the packet path, and of what only the director knows (checks, quorum, notify). */
  readonly configuration: readonly string[];
  /** What the kernel holds and should not by the present configuration, or the other way round. Applying heals it. */
  readonly drift: readonly string[];
  /** All that would be done to the packet path, in order. */
  readonly changes: readonly string[];
  readonly warnings: readonly string[];
}

export interface ApplyRequest {
  readonly text: string;
  /** What complaints call it. */
  readonly file: string;
  /** Only what it would do. */
  readonly dryRun?: boolean;
  /** Rolled back by itself unless confirm() comes in time. */
  readonly confirmWithinMs?: number;
  /** Only if the present configuration's digest is this one; else CONFLICT. */
  readonly ifDigest?: string;
}

export interface Applied {
  readonly version: ConfigurationVersion;
  readonly plan: Plan;
}

/** "web", "192.0.2.10:80", "tcp 192.0.2.10:80", "mark 1 ipv4"; of a server "10.0.0.11", "10.0.0.11:80". Several may match an address: all are meant. */
export interface ServerReference {
  /** Left out: every service that the server is in. */
  readonly service?: string;
  readonly server: string;
}

export interface EventQuery {
  /** After this number. */
  readonly after?: number;
  /** Wall clock. */
  readonly sinceMs?: number;
  readonly severity?: Severity;
  readonly events?: readonly StoryEvent[];
  readonly service?: string;
  readonly server?: string;
  /** The newest that many, told oldest first. */
  readonly limit?: number;
}

export interface Director {
  status(): DirectorStatus;
  /** All, or those that a reference means. Throws NO_SUCH_SERVICE. */
  services(reference?: string): readonly ServiceView[];
  /** Throws NO_SUCH_SERVER, NO_SUCH_SERVICE. */
  servers(reference?: ServerReference): readonly ServerView[];
  /** What the kernel holds and has counted, as `evenkeel status` and ipvsadm show it. */
  kernel(): { readonly state: ActualState; readonly counters: Counters };
  /** Read from the table while it is walked, a slice at a time: between two of them others may go first. `from`: what an earlier slice said to go on from. */
  connections(filter: ConnectionFilter, from?: number): Iterable<ConnectionSlice>;
  /** The text that was applied; of one version, or the present one. Throws NOT_FOUND. */
  configuration(id?: number): { readonly version: ConfigurationVersion; readonly text: string };
  /** Newest first. */
  history(): readonly ConfigurationVersion[];
  /** Throws ConfigurationError with every complaint. */
  plan(text: string, file: string): Promise<Plan>;
  /** Throws ConfigurationError, CONFLICT; then nothing was changed. */
  apply(request: ApplyRequest, asker: Asker): Promise<Applied>;
  /** Reads the file anew, as SIGHUP does. This and the next two: `ifDigest` as of apply(). */
  reload(asker: Asker, ifDigest?: string): Promise<Applied>;
  /** Throws CONFLICT when nothing waits for it. */
  confirm(asker: Asker, ifDigest?: string): Promise<ConfigurationVersion>;
  /** Back to the version before the present one, or to a given one. */
  undo(asker: Asker, id?: number, ifDigest?: string): Promise<Applied>;
  /** In the place of one that is there. Returns those that are there now. */
  override(reference: ServerReference, wish: OverrideWish, asker: Asker): Promise<readonly ServerView[]>;
  clearOverride(reference: ServerReference, asker: Asker, only?: OverrideWish["kind"]): Promise<readonly ServerView[]>;
  /** ipvsadm's calls, while a director runs. Throws as editPacketPath() does. */
  edit(edits: readonly Edit[], options: EditOptions, asker: Asker): Promise<Edited>;
  /** Forgets what was adopted: the packet path goes back to the configuration. */
  forgetAdopted(asker: Asker): Promise<readonly string[]>;
  /** From memory and, further back, from disk. */
  events(query: EventQuery): readonly JournalEntry[];
  /** Those that come, until the signal; a reader that is too slow misses some and finds a gap in the numbers. */
  follow(query: EventQuery, signal: AbortSignal): AsyncIterable<JournalEntry>;
  /** For /metrics. */
  measures(): Measures;
}

/** What the director measures of itself. */
export interface Measures {
  readonly checksUnderWay: number;
  /** Since it started, by kind of check and outcome. */
  readonly checks: readonly {
    readonly kind: string;
    readonly outcome: Finding["outcome"];
    readonly count: number;
    readonly seconds: number;
  }[];
  readonly reconciliations: { readonly done: number; readonly failed: number; readonly lastSeconds: number };
  readonly journal: { readonly entries: number; readonly dropped: number; readonly onDisk: boolean };
  readonly eventLoopLagSeconds: number;
}
