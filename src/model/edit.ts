/**
 * What an operator does to a standing packet path by hand, one step each: the commands of ipvsadm(8). An edit is judged against what is
 * there (reconcile/edits.ts), so that it says, as IPVS would, that a service is there already or a server is not.
 */

import type { Address } from "./address.ts";
import type { ServiceHead } from "./plane.ts";
import type { RealServer, Timeouts, VirtualService } from "./service.ts";

/** What identifies a service. */
export type ServiceName = Pick<VirtualService, "address" | "port" | "protocol" | "mark">;

/** What identifies a server in its service. */
export type ServerName = Pick<RealServer, "address" | "port">;

export type Edit =
  | { readonly kind: "add-service"; readonly service: ServiceHead }
  /** All that can be edited becomes as said; its servers and connections stay. What ipvsadm has no word for stays too. */
  | { readonly kind: "edit-service"; readonly service: ServiceHead }
  | { readonly kind: "delete-service"; readonly service: ServiceName }
  /** All services go; connections, timeouts and sync daemons stay. */
  | { readonly kind: "clear" }
  | { readonly kind: "add-server"; readonly service: ServiceName; readonly server: RealServer }
  | { readonly kind: "edit-server"; readonly service: ServiceName; readonly server: RealServer }
  | { readonly kind: "delete-server"; readonly service: ServiceName; readonly server: ServerName }
  /** What is left out stays as it is. */
  | { readonly kind: "set-timeouts"; readonly timeouts: Timeouts }
  /** Of one service and its servers, or of all. */
  | { readonly kind: "reset-counters"; readonly service?: ServiceName }
  | { readonly kind: "start-daemon"; readonly daemon: SyncDaemon }
  | { readonly kind: "stop-daemon"; readonly role: SyncDaemon["role"] };

/** The sync daemon's settings, as `ipvsadm --start-daemon` gives them and `-L --daemon` lists them. */
export interface SyncDaemon {
  readonly role: "master" | "backup";
  readonly interfaceName: string;
  /** 0 to 255. */
  readonly syncId: number;
  /** Longest message, bytes; left out: what the interface's MTU has room for. */
  readonly maxLength?: number;
  readonly group: Address;
  readonly port: number;
  readonly ttl: number;
}

/** The sync daemon as it stands: its longest message is known. */
export type StandingSyncDaemon = Required<SyncDaemon>;
