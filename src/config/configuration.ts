/** What an operator wants, as the file says it: checked, complete, with every default filled in. */

import type { QuorumConfig } from "../health/quorum.ts";
import type { Address } from "../model/address.ts";
import type { StoryEvent } from "../model/journal.ts";
import type { DirectorSettings, MarkRule, Prefix, WantedAttachment } from "../model/plane.ts";
import type { RealServer, VirtualService } from "../model/service.ts";

export interface ConfiguredCheck {
  /** By the names of checker/index.ts. */
  readonly kind: string;
  /** As the file has them, found good for the kind. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly intervalMs: number;
  /** While it is uncertain how the server is. */
  readonly fastIntervalMs: number;
  readonly timeoutMs: number;
  /** The part of the interval, 0 to 1, by which a start may be late. */
  readonly jitter: number;
  readonly rise: number;
  readonly fall: number;
  /** DR and TUN: to the virtual address, forwarded as a client's packets, to this one server. */
  readonly clientsWay: boolean;
}

export interface ConfiguredServer extends RealServer {
  readonly checks: readonly ConfiguredCheck[];
  /** A server that fails keeps its place with weight 0 instead of being removed. */
  readonly inhibitOnFailure: boolean;
  /** A server that fails loses its persistence templates. */
  readonly cutTemplates: boolean;
  /** Of `evenkeel drain` when nothing else is said. */
  readonly drainDeadlineMs?: number;
}

/** A command of the operator's: program and arguments, no shell between. Runs as nobody. */
export type Command = readonly string[];

export interface NotifyRule {
  readonly command: Command;
  /** Whom it runs as; nobody when left out. */
  readonly user?: string;
  readonly timeoutMs: number;
  /** Of which stories it is told; all that are at least "notice" when left out. */
  readonly events?: readonly StoryEvent[];
}

export interface ConfiguredService extends VirtualService {
  /** What people call it; the packet path does not know it. */
  readonly name: string | undefined;
  readonly servers: readonly ConfiguredServer[];
  readonly quorum: QuorumConfig;
  /** Serves while the quorum is lost. */
  readonly sorryServer?: RealServer;
  /** Its servers are down until their checks say otherwise, else up at once; after a restart they are what they were. */
  readonly alpha: boolean;
  /** Where the packet path goes with the director (--teardown), its servers are told to be down and its quorum to be lost. */
  readonly omega: boolean;
  /** As full_nat with the director's own address towards the servers, which is found out when it is applied. */
  readonly hairpin: boolean;
  readonly onQuorumUp?: Command;
  readonly onQuorumDown?: Command;
}

export interface ApiRule {
  /** Of the unix socket; where the runtime directory says when left out. */
  readonly socket?: string;
  /** Whose members may open it, beside root. */
  readonly group?: string;
  /** Closed when left out. */
  readonly tcp?: {
    readonly address: string;
    readonly port: number;
    /** A file whose first line is the token. */
    readonly tokenFile: string;
    readonly certificate?: string;
    readonly key?: string;
  };
  /** Metrics by the names that node_exporter's ipvs collector gives them, too. */
  readonly nodeExporterNames: boolean;
}

export interface DirectorRule {
  /** What becomes of changes that others made (ipvsadm): kept beside the configuration until another one is applied, or taken back. */
  readonly byHand: "adopt" | "revert";
  /** How often all that the kernel holds is compared with what it should. */
  readonly compareMs: number;
}

/** VRRP: who holds these addresses. Checked, and not yet run. */
export interface ConfiguredInstance {
  readonly name: string;
  readonly interfaceName: string;
  readonly vrid: number;
  readonly priority: number;
  readonly version: 2 | 3;
  readonly advertIntervalMs: number;
  readonly preempt: boolean;
  readonly preemptDelayMs: number;
  readonly authentication?: { readonly type: "pass" | "ah"; readonly password: string };
  readonly addresses: readonly Prefix[];
  /** Told by unicast, instead of multicast. */
  readonly peers: readonly Address[];
  readonly track: readonly TrackRule[];
}

/** `weight` left out: the instance gives up altogether. */
export type TrackRule = { readonly weight?: number } & (
  | { readonly interfaceName: string }
  /** By its name: its quorum. */
  | { readonly service: string }
);

export interface Configuration {
  /** undefined = the interfaces that carry a virtual address or lead to a NAT server. */
  readonly interfaces: readonly WantedAttachment[] | undefined;
  readonly settings: DirectorSettings;
  readonly marks: readonly MarkRule[];
  /** Packets may come with marks that no rule here gives. */
  readonly marksFromOutside: boolean;
  readonly services: readonly ConfiguredService[];
  readonly instances: readonly ConfiguredInstance[];
  readonly director: DirectorRule;
  readonly api: ApiRule;
  readonly notify: readonly NotifyRule[];
  /** Journal on disk: entries kept, and for how long. */
  readonly journal: { readonly entriesMax: number; readonly daysMax: number };
}
