/**
 * A data plane in memory. It holds what it is told to, and connections can be made through it, chosen by the schedulers
 * themselves: the reference for what the packet path should do, without packets.
 */

import { EvenkeelError } from "../model/error.ts";
import type {
  ActualState,
  Attachment,
  Change,
  Counters,
  DataPlane,
  ServiceHead,
  TrafficCounters,
  WantedAttachment,
} from "../model/plane.ts";
import { type Protocol, type RealServer, serverName, serviceName, type VirtualService } from "../model/service.ts";
import { schedulerOf } from "../scheduler/index.ts";
import { type Candidate, type Flow, idleCandidate } from "../scheduler/scheduler.ts";

interface ServerEntry {
  server: RealServer;
  connections: bigint;
  active: number;
  total: number;
  available: boolean;
}

interface ServiceEntry {
  head: ServiceHead;
  connections: bigint;
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

  read(): ActualState {
    const services = [...this.#services.values()].map(
      (entry): VirtualService => ({ ...entry.head, servers: entry.servers.map(({ server }) => server) }),
    );
    return { services, attachments: [...this.#attachments.values()] };
  }

  apply(change: Change): void {
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
    }
  }

  counters(): Counters {
    const entries = [...this.#services.values()];
    return {
      services: entries.map(({ head, connections }) => ({ service: head, ...trafficOf(connections) })),
      servers: entries.flatMap(({ head, servers }) =>
        servers.map(({ server, connections, active, total }) => ({
          service: head,
          server,
          active,
          inactive: total - active,
          ...trafficOf(connections),
        })),
      ),
      outcomes: Object.fromEntries(this.#outcomes),
    };
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
    this.finish(protocol, flow);
    const connection = this.#connections.get(flowName(protocol, flow));
    if (connection === undefined) return;
    connection.entry.total--;
    this.#connections.delete(flowName(protocol, flow));
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
    const entry: ServiceEntry = { head, connections: 0n, memory: schedulerOf(head.scheduler).prepare([]), servers: [] };
    for (const server of servers) this.#addServer(entry, server);
    this.#services.set(name, entry);
  }

  #editService(head: ServiceHead): void {
    const entry = this.#service(head);
    const another = entry.head.scheduler !== head.scheduler;
    entry.head = head;
    if (another) entry.memory = schedulerOf(head.scheduler).prepare(candidates(entry));
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
    const entry = this.#trash.get(name) ?? { server, connections: 0n, active: 0, total: 0, available: true };
    this.#trash.delete(name);
    changeList(service, () => {
      Object.assign(entry, { server, available: true });
      service.servers.push(entry);
    });
  }

  #editServer(service: ServiceEntry, server: RealServer): void {
    const entry = serverEntry(service, server);
    changeList(service, () => {
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
    const position = schedulerOf(service.head.scheduler).choose(candidates(service), flow, service.memory);
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

  #service(head: ServiceHead): ServiceEntry {
    const entry = this.#services.get(serviceName(head));
    if (entry === undefined) throw misfit(`there is no service ${serviceName(head)}`);
    return entry;
  }
}

/** Tells the scheduler of one change of its list. */
function changeList(service: ServiceEntry, change: () => void): void {
  const before = candidates(service);
  change();
  service.memory = schedulerOf(service.head.scheduler).changed(service.memory, before, candidates(service));
}

function candidates(service: ServiceEntry): Candidate[] {
  return service.servers.map(({ server, active, total }) => ({ ...idleCandidate(server), active, total })).reverse();
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
function trafficOf(connections: bigint): TrafficCounters {
  return { connections, packetsIn: 0n, bytesIn: 0n, packetsOut: 0n, bytesOut: 0n };
}
