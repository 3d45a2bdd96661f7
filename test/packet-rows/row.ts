/** What a packet row says: services, packets that arrive one after the other, what must become of each, and what is left in the end. */

import type { RealServer, VirtualService } from "../../src/model/service.ts";
import type { Hook, Side, Stage } from "./stage.ts";

/** An IP packet. As a function: of what came out, for the field that nobody can foretell (its other fields are not to be looked at). */
export type Bytes = Uint8Array | ((out: Uint8Array) => Uint8Array);

/** What becomes of a packet that arrived. */
export type Expectation =
  | { readonly kind: "forwarded"; readonly server: RealServer; readonly as: Bytes; readonly outcome?: string }
  | { readonly kind: "replied"; readonly server: RealServer; readonly as: Bytes; readonly outcome?: string }
  /** To the host's own stack, which is the server, not a byte changed. */
  | { readonly kind: "delivered"; readonly server: RealServer; readonly outcome?: string }
  /** By an ICMP error, back out of the interface it came in by. It counts as received from the client, if it had a server. */
  | { readonly kind: "answered"; readonly server?: RealServer; readonly with: Uint8Array; readonly outcome: string }
  /** To where it came from, to come again as this. */
  | { readonly kind: "returned"; readonly as: Uint8Array; readonly outcome: string }
  /** To the host's own stack, not a byte changed. */
  | { readonly kind: "passed"; readonly outcome: string }
  | { readonly kind: "dropped"; readonly outcome: string };

export interface PacketStep {
  readonly send: Uint8Array;
  /** Instead of the row's: what one hook began the other goes on with. */
  readonly hook?: Hook;
  /** "front" when left out. */
  readonly arrives?: Side;
  /** Instead of the interface's own MAC address. */
  readonly frameTo?: Uint8Array;
  /** Instead of that of the packet's version. */
  readonly etherType?: number;
  /** Bytes behind the packet, as short frames have them. */
  readonly padding?: number;
  readonly gso?: { readonly size: number; readonly segments: number };
  readonly expect: Expectation | Readonly<Record<Hook, Expectation>>;
}

export interface DeedStep {
  /** Completes "then ...". */
  readonly deed: string;
  readonly perform: (stage: Stage) => void;
}

export type Step = PacketStep | DeedStep;

/** What a server's counters show in the end; packets and bytes are reckoned from the steps. */
export interface Left {
  readonly server: RealServer;
  readonly connections: number;
  readonly active: number;
  readonly inactive: number;
  readonly persistent?: number;
  readonly overloaded?: boolean;
  readonly local?: true;
}

export interface Row {
  readonly name: string;
  /** Both when left out. */
  readonly hooks?: readonly Hook[];
  readonly services: readonly VirtualService[];
  readonly steps: readonly Step[];
  /** Servers that are not named have had no connection. */
  readonly left: readonly Left[] | Readonly<Record<Hook, readonly Left[]>>;
  /** Servers of a service that is gone, with all it had counted. */
  readonly gone?: readonly RealServer[];
}
