/** What a line of ipvsadm asks for, once it is understood: the whole of ipvsadm(8) 1.31, and what Evenkeel adds. */

import type { ConnectionFilter } from "../../director/connection-filter.ts";
import type { Edit, ServiceName } from "../../model/edit.ts";

export type Command =
  | { readonly kind: "edit"; readonly edit: Edit }
  | { readonly kind: "list-services"; readonly service?: ServiceName; readonly format: ListFormat }
  /** `filter` is Evenkeel's own: --client, --server, --service, --state. */
  | { readonly kind: "list-connections"; readonly filter: ConnectionFilter; readonly format: ListFormat }
  | { readonly kind: "list-timeouts"; readonly format: ListFormat }
  | { readonly kind: "list-daemons"; readonly format: ListFormat }
  | { readonly kind: "save"; readonly format: ListFormat }
  /**
   * The lines come by standard input. `keepGoing` as the real one: what cannot be done is reported and passed over. `replace`: the table
   * becomes what they say, and what is equal is not touched.
   */
  | { readonly kind: "restore"; readonly keepGoing: boolean; readonly replace: boolean }
  | { readonly kind: "help" }
  | { readonly kind: "version" };

/** How a list is printed; several of these may be asked for, and ipvsadm has an order in which they win (list-services.ts). */
export interface ListFormat {
  readonly numeric: boolean;
  readonly stats: boolean;
  readonly rate: boolean;
  readonly exact: boolean;
  readonly thresholds: boolean;
  readonly persistentConnections: boolean;
  readonly tunnelInfo: boolean;
  readonly unsorted: boolean;
  /** `-o json`, Evenkeel's own. */
  readonly json: boolean;
}

/** A line that ipvsadm refuses, with its own words and its exit code (2 for its own checks, 255 where the option parser gives up). */
export class CommandError extends Error {
  readonly exitCode: number;
  /** False: the real one passes over such a line of a restore and goes on with the next, as it does when the kernel refuses. */
  readonly endsRestore: boolean;

  constructor(message: string, exitCode: number, endsRestore = true) {
    super(message);
    this.exitCode = exitCode;
    this.endsRestore = endsRestore;
  }
}

/** Names of hosts and ports, as the C library of this host knows them (nsswitch.conf). */
export interface Names {
  /** An IPv4 address as inet_aton(3) or gethostbyname(3) reads it: "1.2.3" is 1.2.0.3. */
  hostAddress(name: string): Uint8Array | undefined;
  hostName(address: Uint8Array): string | undefined;
  portOf(service: string, protocol: string): number | undefined;
  serviceOf(port: number, protocol: string): string | undefined;
}
