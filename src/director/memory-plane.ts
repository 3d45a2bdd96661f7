/**
 * A data plane in memory. It holds what it is told to, and connections can be made through it, chosen by the schedulers
 * themselves: the reference for what the packet path should do, without packets.
 */

import type { ServiceName, StandingSyncDaemon } from "../model/edit.ts";
import { EvenkeelError } from "../model/error.ts";
import {
  type ActualState,
  type Attachment,
  type Change,
  type Counters,
  type Cut,
  type DataPlane,
  DEFAULT_SETTINGS,
  type MarkRule,
  type Rates,
  type ServiceHead,
  type TrafficCounters,
  type WantedAttachment,
} from "../model/plane.ts";
import { type Protocol, type RealServer, serverName, serviceName, thresholdsOf, type VirtualService } from "../model/service.ts";
import { mistakeIn } from "../model/validity.ts";
import { schedulerOf } from "../scheduler/index.ts";
import { type Candidate, type Flow, idleCandidate, LOCALITY_SECONDS, type Occasion } from "../scheduler/scheduler.ts";

interface ServerEntry {
  server: RealServer;
  connections: bigint;
  active: number;
  total: number;
  available: boolean;
  overloaded: boolean;
  /** What had been counted at the last reset. */
  zero: bigint;
}

interface ServiceEntry {
  head: ServiceHead;
  connections: bigint;
  zero: bigint;
  memory: object;
  /** In the order in which they were added. */
  servers: ServerEntry[];
}

interface Connection {
  readonly entry: ServerEntry;
  active: boolean;
}

export class MemoryPlane implements DataPlane {
  readonly #services = new Map<string, ServiceEntry>();
  readonly #attachments = new Map<string, Attachment>();
  readonly #connections = new Map<string, Connection>();
  /** Deleted servers that still have connections, by service and server: a server that comes back is the same one (IPVS's trash). */
  readonly #trash = new Map<string, ServerEntry>();
  readonly #outcomes = new Map<string, bigint>();
  #settings = DEFAULT_SETTINGS;
  #marks: readonly MarkRule[] = [];
  #syncDaemons: readonly StandingSyncDaemon[] = [];

  read(): ActualState {
    const services = [...this.#services.values()].map(
      (entry): VirtualService => ({ ...entry.head, servers: entry.servers.map(({ server }) => server) }),
    );
    return {
      services,
      settings: this.#settings,
      marks: this.#marks,
      attachments: [...this.#attachments.values()],
      syncDaemons: this.#syncDaemons,
    };
  }

  apply(change: Change): void {
    const mistake = mistakeIn(change);
    if (mistake !== undefined) throw misfit(mistake);
    switch (change.kind) {
      case "attach":
        this.#attach(change.attachment);
        break;
      case "detach":
        this.#detach(change.attachment);
        break;
      case "add-service":
        this.#addService(change.service);
        break;
      case "edit-service":
        this.#editService(change.after);
        break;
      case "delete-service":
        this.#deleteService(change.service);
        break;
      case "add-server":
        this.#addServer(this.#service(change.service), change.server);
        break;
      case "edit-server":
        this.#editServer(this.#service(change.service), change.after);
        break;
      case "delete-server":
        this.#deleteServer(this.#service(change.service), change.server);
        break;
      case "edit-settings":
        this.#settings = change.after;
        break;
      case "edit-marks":
        this.#marks = change.after;
        break;
      case "edit-sync-daemons":
        this.#syncDaemons = change.after;
        break;
    }
  }

  counters(): Counters {
    const entries = [...this.#services.values()];
    return {
      services: entries.map(({ head, connections, zero }) => ({ service: head, ...trafficOf(connections - zero) })),
      servers: entries.flatMap(({ head, servers }) =>
        servers.map(({ server, connections, zero, active, total, overloaded }) => ({
          service: head,
          server,
          active,
          inactive: total - active,
          persistent: 0,
          overloaded,
          ...trafficOf(connections - zero),
        })),
      ),
      marks: this.#marks.map((rule) => ({ rule, packets: 0n })),
      outcomes: Object.fromEntries(this.#outcomes),
    };
  }

  resetCounters(service?: ServiceName): void {
    for (const entry of service === undefined ? this.#services.values() : [this.#service(service)]) {
      for (const counted of [entry, ...entry.servers]) counted.zero = counted.connections;
    }
  }

  async cutConnections({ service, server, what }: Cut): Promise<number> {
    // It knows no templates.
    if (what === "templates") return 0;
    const present = this.#services.get(serviceName(service))?.servers.find((each) => serverName(each.server) === serverName(server));
    const entry = present ?? this.#trash.get(`${serviceName(service)} ${serverName(server)}`);
    const names = [...this.#connections].filter(([, connection]) => connection.entry === entry).map(([name]) => name);
    for (const name of names) this.#end(name);
    return names.length;
  }

  close(): void {
    this.#connections.clear();
    this.#trash.clear();
  }

  /** The first packet of a flow: the server it reaches. A flow that is known stays with its server while that is there. */
  connect(protocol: Protocol, flow: Flow): RealServer | undefined {
    const service = this.#services.get(serviceName({ address: flow.destination, port: flow.destinationPort, protocol }));
    const known = this.#connections.get(flowName(protocol, flow));
    if (known !== undefined) return this.#forward(known.entry);
    if (service === undefined) return this.#count("PASS_NO_SERVICE");
    const entry = this.#choose(service, flow);
    if (entry === undefined) return this.#count("DROP_NO_SERVER");
    // UDP connections never count as active.
    const active = protocol === "tcp";
    this.#connections.set(flowName(protocol, flow), { entry, active });
    service.connections++;
    entry.connections++;
    entry.total++;
    const { upper } = thresholdsOf(entry.server);
    // The one that reaches it, not those that stand above it.
    if (entry.total === upper) entry.overloaded = true;
    if (active) entry.active++;
    return this.#forward(entry);
  }

  /** The flow has said goodbye: it lingers as an inactive connection. */
  finish(protocol: Protocol, flow: Flow): void {
    const connection = this.#connections.get(flowName(protocol, flow));
    if (connection?.active !== true) return;
    connection.active = false;
    connection.entry.active--;
  }

  /** The flow's time is over. */
  expire(protocol: Protocol, flow: Flow): void {
    this.#end(flowName(protocol, flow));
  }

  #end(name: string): void {
    const connection = this.#connections.get(name);
    if (connection === undefined) return;
    const { entry, active } = connection;
    if (active) entry.active--;
    entry.total--;
    if (entry.total === thresholdsOf(entry.server).lower - 1) entry.overloaded = false;
    this.#connections.delete(name);
  }

  #attach({ interfaceName, hook }: WantedAttachment): void {
    this.#attachments.set(interfaceName, { interfaceName, hook: hook === "auto" ? "tc" : hook });
  }

  #detach({ interfaceName }: Attachment): void {
    if (!this.#attachments.delete(interfaceName)) throw misfit(`nothing is attached to ${interfaceName}`);
  }

  #addService({ servers, ...head }: VirtualService): void {
    const name = serviceName(head);
    if (this.#services.has(name)) throw misfit(`the service ${name} is there already`);
    const twice = servers.find((server, i) => servers.findIndex((other) => serverName(other) === serverName(server)) !== i);
    if (twice !== undefined) throw misfit(`the server ${serverName(twice)} stands twice in ${name}`);
    const entry: ServiceEntry = { head, connections: 0n, zero: 0n, memory: schedulerOf(head.scheduler).prepare([], 0), servers: [] };
    for (const server of servers) this.#addServer(entry, server);
    this.#services.set(name, entry);
  }

  #editService(head: ServiceHead): void {
    const entry = this.#service(head);
    const another = entry.head.scheduler !== head.scheduler;
    entry.head = head;
    if (another) entry.memory = schedulerOf(head.scheduler).prepare(candidates(entry), 0);
  }

  #deleteService(head: ServiceHead): void {
    const entry = this.#service(head);
    for (const { server } of entry.servers.slice()) this.#deleteServer(entry, server);
    this.#services.delete(serviceName(head));
  }

  #addServer(service: ServiceEntry, server: RealServer): void {
    const name = trashName(service, server);
    if (service.servers.some((entry) => serverName(entry.server) === serverName(server))) {
      throw misfit(`the server ${serverName(server)} is in ${serviceName(service.head)} already`);
    }
    const entry = this.#trash.get(name) ?? newEntry(server);
    this.#trash.delete(name);
    changeList(service, () => {
      judgeLoad(entry, server);
      Object.assign(entry, { server, available: true });
      service.servers.push(entry);
    });
  }

  #editServer(service: ServiceEntry, server: RealServer): void {
    const entry = serverEntry(service, server);
    changeList(service, () => {
      judgeLoad(entry, server);
      entry.server = server;
    });
  }

  #deleteServer(service: ServiceEntry, server: RealServer): void {
    const entry = serverEntry(service, server);
    changeList(service, () => {
      service.servers = service.servers.filter((other) => other !== entry);
    });
    entry.available = false;
    if (entry.total > 0) this.#trash.set(trashName(service, server), entry);
  }

  #choose(service: ServiceEntry, flow: Flow): ServerEntry | undefined {
    const flags = service.head.schedulerFlags ?? [];
    const occasion: Occasion = {
      fallback: flags.includes("fallback"),
      usePort: flags.includes("port"),
      // Time stands still here: what lblc and lblcr remember stays.
      nowMs: 0,
      cacheExpirationMs: LOCALITY_SECONDS * 1000,
      chance: (below) => Math.floor(Math.random() * below),
    };
    const position = schedulerOf(service.head.scheduler).choose(candidates(service), flow, service.memory, occasion);
    // Candidates stand newest first.
    return position === undefined ? undefined : service.servers[service.servers.length - 1 - position];
  }

  #forward(entry: ServerEntry): RealServer | undefined {
    if (!entry.available) return this.#count("DROP_SERVER_GONE");
    return entry.server;
  }

  #count(outcome: string): undefined {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0n) + 1n);
  }

  #service(head: ServiceName): ServiceEntry {
    const entry = this.#services.get(serviceName(head));
    if (entry === undefined) throw misfit(`there is no service ${serviceName(head)}`);
    return entry;
  }
}

function newEntry(server: RealServer): ServerEntry {
  return { server, connections: 0n, zero: 0n, active: 0, total: 0, available: true, overloaded: false };
}

/** New thresholds: at the upper one no more, below the lower one again, between them as before. */
function judgeLoad(entry: ServerEntry, after: RealServer): void {
  const before = thresholdsOf(entry.server);
  const { upper, lower } = thresholdsOf(after);
  if (upper === before.upper && lower === before.lower) return;
  if (upper === 0 || entry.total < lower) entry.overloaded = false;
  else if (entry.total >= upper) entry.overloaded = true;
}

/** Tells the scheduler of one change of its list. */
function changeList(service: ServiceEntry, change: () => void): void {
  const before = candidates(service);
  change();
  service.memory = schedulerOf(service.head.scheduler).changed(service.memory, before, candidates(service));
}

function candidates(service: ServiceEntry): Candidate[] {
  return service.servers
    .map(({ server, active, total, overloaded }) => ({ ...idleCandidate(server), active, total, overloaded }))
    .reverse();
}

function serverEntry(service: ServiceEntry, server: RealServer): ServerEntry {
  const entry = service.servers.find((other) => serverName(other.server) === serverName(server));
  if (entry === undefined) throw misfit(`there is no server ${serverName(server)} in ${serviceName(service.head)}`);
  return entry;
}

function misfit(message: string): EvenkeelError {
  return new EvenkeelError("BAD_ARGUMENT", message, { cure: "read the state again and apply what differs from it" });
}

function trashName(service: ServiceEntry, server: RealServer): string {
  return `${serviceName(service.head)} ${serverName(server)}`;
}

function flowName(protocol: Protocol, flow: Flow): string {
  return `${serverName({ address: flow.client, port: flow.clientPort })} ${serviceName({ address: flow.destination, port: flow.destinationPort, protocol })}`;
}

/** Without packets only connections are counted. */
function trafficOf(connections: bigint): TrafficCounters & { readonly rates: Rates } {
  const rates = { connections: 0, packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0 };
  return { connections, packetsIn: 0n, bytesIn: 0n, packetsOut: 0n, bytesOut: 0n, rates };
}
