/** The server that a client would get, and why: what `evenkeel explain` tells. */

import type { Address } from "../model/address.ts";
import type { MarkRule, ServiceHead } from "../model/plane.ts";
import type { Protocol, RealServer, SchedulerFlag, SchedulerName } from "../model/service.ts";
import type { Account } from "../scheduler/account/account.ts";
import type { Connection } from "./connection-reader.ts";
import type { OutcomeName } from "./outcomes.ts";
import type { ServerLoadReading } from "./server-table.ts";

/** The first packet of a new connection: a SYN, an INIT, a datagram. */
export interface Question {
  readonly protocol: Protocol;
  readonly client: Address;
  /** Left out: any. */
  readonly clientPort?: number;
  /** Where it goes; left out where the mark says the service. */
  readonly destination?: { readonly address: Address; readonly port: number };
  /** The mark that it carries, whatever the mark rules say. */
  readonly mark?: number;
  /** Where it comes in; left out: where no mark rule is about. */
  readonly interfaceName?: string;
}

export interface Explanation {
  readonly question: Question;
  /** The connection that it meets. */
  readonly connection?: MetConnection;
  /** Undefined: none is for it; or none was asked, since the connection goes on. */
  readonly service?: MetService;
  /** Its service is persistent, and the client has a template. */
  readonly template?: MetTemplate;
  readonly choice?: Choice;
  readonly end: End;
  /** With a mark rule that is about one interface: what the mark would be there. */
  readonly elsewhere: readonly Elsewhere[];
}

export interface MetService {
  readonly head: ServiceHead;
  readonly by: "address and port" | "every port" | "ftp data" | "mark";
  /** The rule that gave the mark. */
  readonly rule?: MarkRule;
}

/** A server as it stands, in a service or deleted. */
export interface Standing {
  readonly server: RealServer;
  readonly deleted: boolean;
  readonly load: ServerLoadReading;
}

export interface MetConnection {
  readonly connection: Connection;
  readonly to: Standing;
  /** The port that its packets arrive at. */
  readonly port: number;
  /** Why a first packet begins anew instead; undefined: it goes on with this connection. */
  readonly givesWay?: "over" | "quiesced" | "deleted";
}

export interface MetTemplate {
  readonly connection: Connection;
  readonly to: Standing;
  /** Why it leads nobody any more; undefined: it leads this client. */
  readonly invalid?: "quiesced" | "deleted";
}

export interface Choice {
  readonly scheduler: SchedulerName;
  readonly flags: readonly SchedulerFlag[];
  /** In walk order, as the account's lists. */
  readonly servers: readonly Standing[];
  readonly account: Account;
  /** Whom the packet path's scheduler gave; undefined: nobody, or it was not asked (lots; any port). */
  readonly chosen?: Standing;
  /** The numbers are of the moment of the choice. */
  readonly steady: boolean;
  /** The numbers give whom the packet path gave. */
  readonly agrees: boolean;
}

export type End =
  | {
      readonly kind: "server";
      readonly by: "connection" | "template" | "scheduler";
      readonly to: Standing;
      /** The port that the packet arrives at; 0: that was not asked. */
      readonly port: number;
    }
  /** One of several: by lot, or by the client's port, which was not given. */
  | { readonly kind: "open"; readonly by: "lot" | "client port" }
  | { readonly kind: "none"; readonly outcome: OutcomeName };

export interface Elsewhere {
  readonly interfaceName: string;
  /** 0: none. */
  readonly mark: number;
}
