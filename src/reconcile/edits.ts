/**
 * What edits by hand come to: each is judged as IPVS would (ip_vs_genl_set_cmd()), against what is there and what the edits before it have
 * made of that, and becomes changes of the data plane. Servers that follow the service they are added to become part of it, so
 * that a thousand lines of `ipvsadm -R` are a thousand changes and not twenty thousand.
 */

import type { Edit, ServerName, ServiceName, StandingSyncDaemon, SyncDaemon } from "../model/edit.ts";
import type { Refusal } from "../model/edit-refused.ts";
import { EvenkeelError } from "../model/error.ts";
import type { ActualState, Change, ServiceHead } from "../model/plane.ts";
import { type RealServer, serverName, serviceName, type Timeouts, type VirtualService } from "../model/service.ts";
import { isUnicast, mistakeIn } from "../model/validity.ts";
import { settingsOf } from "./facts.ts";
import { messageLength } from "./message-length.ts";

export interface Judged {
  readonly changes: readonly Change[];
  /** Whose counters begin anew once the changes are made; "all" of them. */
  readonly resets: readonly (ServiceName | "all")[];
  /** What there is once the changes are made. */
  readonly services: readonly VirtualService[];
  /** With `keepGoing` all of them, else at most one, and then there are no changes. */
  readonly refused: readonly Refusal[];
}

export interface JudgeOptions {
  /** What is refused is passed over, as `ipvsadm -R` does. */
  readonly keepGoing?: boolean;
  /** Bytes; throws INTERFACE_MISSING. */
  readonly interfaceMtu: (name: string) => number;
}

/** It is added by these edits, and this is the change that does so: servers join it. */
interface Newcomer {
  readonly kind: "add-service";
  readonly service: VirtualService & { servers: RealServer[] };
}

/** A service while the edits are played. */
class Played {
  head: ServiceHead;
  newcomer: Newcomer | undefined;
  readonly #found: readonly RealServer[];
  #servers: Map<string, RealServer> | undefined;

  constructor(head: ServiceHead, found: readonly RealServer[], newcomer?: Newcomer) {
    this.head = head;
    this.#found = found;
    this.newcomer = newcomer;
  }

  /** By their names, in the order in which they were added; made when somebody looks, since most services are only passed by. */
  get servers(): Map<string, RealServer> {
    this.#servers ??= new Map(this.#found.map((server) => [serverName(server), server]));
    return this.#servers;
  }

  whole(): VirtualService {
    return { ...this.head, servers: this.#servers === undefined ? this.#found : [...this.#servers.values()] };
  }
}

export function judgeEdits(edits: readonly Edit[], state: ActualState, options: JudgeOptions): Judged {
  const play = new Play(state, options);
  const refused: Refusal[] = [];
  for (const [index, edit] of edits.entries()) {
    try {
      play.edit(edit);
    } catch (error) {
      if (!(error instanceof EvenkeelError)) throw error;
      refused.push({ index, error });
      if (!options.keepGoing) return { changes: [], resets: [], services: state.services, refused };
    }
  }
  return { changes: play.changes, resets: play.resets, services: play.services(), refused };
}

class Play {
  readonly changes: Change[] = [];
  readonly resets: (ServiceName | "all")[] = [];
  readonly #services: Map<string, Played>;
  readonly #interfaceMtu: JudgeOptions["interfaceMtu"];
  #settings: ReturnType<typeof settingsOf>;
  #daemons: readonly StandingSyncDaemon[];

  constructor(state: ActualState, { interfaceMtu }: JudgeOptions) {
    this.#services = new Map(state.services.map(({ servers, ...head }) => [serviceName(head), new Played(head, servers)]));
    this.#settings = settingsOf(state);
    this.#daemons = state.syncDaemons ?? [];
    this.#interfaceMtu = interfaceMtu;
  }

  services(): VirtualService[] {
    return [...this.#services.values()].map((service) => service.whole());
  }

  edit(edit: Edit): void {
    switch (edit.kind) {
      case "add-service":
        this.#addService(edit.service);
        break;
      case "edit-service":
        this.#editService(edit.service);
        break;
      case "delete-service":
        this.#deleteService(this.#service(edit.service));
        break;
      case "clear":
        for (const service of this.#services.values()) this.#deleteService(service);
        break;
      case "add-server":
        this.#addServer(this.#service(edit.service), edit.server);
        break;
      case "edit-server":
        this.#editServer(this.#service(edit.service), edit.server);
        break;
      case "delete-server":
        this.#deleteServer(this.#service(edit.service), edit.server);
        break;
      case "set-timeouts":
        this.#setTimeouts(edit.timeouts);
        break;
      case "reset-counters":
        this.resets.push(edit.service === undefined ? "all" : this.#service(edit.service).head);
        break;
      case "start-daemon":
        this.#startDaemon(edit.daemon);
        break;
      case "stop-daemon":
        this.#stopDaemon(edit.role);
        break;
    }
  }

  #addService(head: ServiceHead): void {
    const name = serviceName(head);
    if (this.#services.has(name)) throw new EvenkeelError("SERVICE_EXISTS", `the service ${name} is there already`);
    const newcomer = { kind: "add-service" as const, service: { ...head, servers: [] as RealServer[] } };
    this.#change(newcomer);
    this.#services.set(name, new Played(head, [], newcomer));
  }

  /** What ipvsadm has no word for stays as it is. */
  #editService(head: ServiceHead): void {
    const service = this.#service(head);
    const { fullNat, sloppy, timeouts } = service.head;
    const after: ServiceHead = {
      ...head,
      ...(fullNat === undefined ? {} : { fullNat }),
      ...(sloppy === undefined ? {} : { sloppy }),
      ...(timeouts === undefined ? {} : { timeouts }),
    };
    this.#change({ kind: "edit-service", before: service.head, after });
    // Servers that come later are added under its new head.
    service.newcomer = undefined;
    service.head = after;
  }

  #deleteService(service: Played): void {
    this.#change({ kind: "delete-service", service: service.head });
    this.#services.delete(serviceName(service.head));
  }

  #addServer(service: Played, server: RealServer): void {
    const { head, servers, newcomer } = service;
    this.#requireThresholds(server);
    const name = serverName(server);
    if (servers.has(name)) throw new EvenkeelError("SERVER_EXISTS", `the server ${name} is in ${serviceName(head)} already`);
    if (!isUnicast(server.address)) throw new EvenkeelError("BAD_ADDRESS", `no server has such an address: ${name}`);
    const change: Change = { kind: "add-server", service: head, server };
    if (newcomer === undefined) this.#change(change);
    else {
      requireValid(change);
      newcomer.service.servers.push(server);
    }
    servers.set(name, server);
  }

  #editServer(service: Played, server: RealServer): void {
    this.#requireThresholds(server);
    const before = this.#server(service, server);
    this.#change({ kind: "edit-server", service: service.head, before, after: server });
    service.newcomer = undefined;
    service.servers.set(serverName(server), server);
  }

  #deleteServer(service: Played, name: ServerName): void {
    const server = this.#server(service, name);
    this.#change({ kind: "delete-server", service: service.head, server });
    service.newcomer = undefined;
    service.servers.delete(serverName(server));
  }

  #setTimeouts(timeouts: Timeouts): void {
    const before = this.#settings;
    const after = { ...before, timeouts: { ...before.timeouts, ...timeouts } };
    this.#change({ kind: "edit-settings", before, after });
    this.#settings = after;
  }

  #startDaemon(daemon: SyncDaemon): void {
    const before = this.#daemons;
    // IPVS looks for the interface first.
    const maxLength = messageLength(daemon, this.#interfaceMtu(daemon.interfaceName));
    if (before.some(({ role }) => role === daemon.role)) throw new EvenkeelError("DAEMON_EXISTS", `a ${daemon.role} sync daemon is there`);
    const after = [...before, { ...daemon, maxLength }];
    this.#change({ kind: "edit-sync-daemons", before, after });
    this.#daemons = after;
  }

  #stopDaemon(role: SyncDaemon["role"]): void {
    const before = this.#daemons;
    const after = before.filter((daemon) => daemon.role !== role);
    if (after.length === before.length) throw new EvenkeelError("NO_SUCH_DAEMON", `no ${role} sync daemon is there`);
    this.#change({ kind: "edit-sync-daemons", before, after });
    this.#daemons = after;
  }

  /** IPVS looks at these before it looks for the server. */
  #requireThresholds({ upperThreshold = 0, lowerThreshold = 0 }: RealServer): void {
    if (lowerThreshold > upperThreshold)
      throw new EvenkeelError("OUT_OF_RANGE", `the lower threshold ${lowerThreshold} is above the upper one ${upperThreshold}`);
  }

  #service(name: ServiceName): Played {
    const service = this.#services.get(serviceName(name));
    if (service === undefined) throw new EvenkeelError("NO_SUCH_SERVICE", `there is no service ${serviceName(name)}`);
    return service;
  }

  #server({ head, servers }: Played, name: ServerName): RealServer {
    const server = servers.get(serverName(name));
    if (server === undefined) throw new EvenkeelError("NO_SUCH_SERVER", `there is no server ${serverName(name)} in ${serviceName(head)}`);
    return server;
  }

  #change(change: Change): void {
    requireValid(change);
    this.changes.push(change);
  }
}

function requireValid(change: Change): void {
  const mistake = mistakeIn(change);
  if (mistake !== undefined) throw new EvenkeelError("BAD_ARGUMENT", mistake);
}
