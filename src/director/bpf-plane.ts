/** The data plane in the kernel: one writer of the packet path's maps. Every change is made so that packets see before or after. */

import { type Address, sameAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import type { ActualState, Attachment, Change, Counters, DataPlane, ServiceHead, TrafficCounters } from "../model/plane.ts";
import { type Protocol, type RealServer, serverName, serviceName, type VirtualService } from "../model/service.ts";
import { schedulerOf } from "../scheduler/index.ts";
import { type Cursor, idleCandidate } from "../scheduler/scheduler.ts";
import { outcomeName, type Service, type ServiceKey, type Settings, SettingsFlag, settingsCodec, type Traffic } from "../wire/abi.ts";
import { encoded } from "../wire/codec.ts";
import { addressFilter, filterMayHold } from "./address-filter.ts";
import type { PacketPath } from "./packet-path.ts";
import { type Member, PlanTable } from "./plan-table.ts";
import { attachPort, detachPort, listPorts, renewPorts, replacePorts, tidyPorts } from "./ports.ts";
import { addressOf, familyNumber, ServerTable } from "./server-table.ts";
import { type ServerWay, serverWay } from "./server-way.ts";

const PROTOCOL_NUMBERS = { tcp: 6, udp: 17 } as const satisfies Record<Protocol, number>;

interface ServiceEntry {
  readonly head: ServiceHead;
  readonly index: number;
  readonly plan: number;
  /** Newest first. */
  readonly members: readonly Member[];
}

export interface BpfPlaneOptions {
  /** How to reach a server; the kernel's routes when left out. */
  readonly wayTo?: (server: Address) => ServerWay | undefined;
}

export class BpfPlane implements DataPlane {
  readonly #path: PacketPath;
  readonly #servers: ServerTable;
  readonly #plans: PlanTable;
  readonly #services = new Map<string, ServiceEntry>();
  readonly #wayTo: (server: Address) => ServerWay | undefined;

  constructor(path: PacketPath, options: BpfPlaneOptions = {}) {
    this.#path = path;
    this.#wayTo = options.wayTo ?? serverWay;
    this.#servers = new ServerTable(path);
    const found = [...path.maps.services.entries()];
    this.#plans = new PlanTable(
      path,
      found.map(([, { plan }]) => plan),
    );
    for (const [key, { index, plan }] of found) {
      const entry = this.#recover(key, index, plan);
      this.#services.set(serviceName(entry.head), entry);
    }
  }

  read(): ActualState {
    return { services: [...this.#services.values()].map((entry) => this.#describe(entry)), attachments: listPorts(this.#path) };
  }

  apply(change: Change): void {
    switch (change.kind) {
      case "attach":
        attachPort(this.#path, change.attachment);
        break;
      case "detach":
        this.#detach(change.attachment);
        break;
      case "add-service":
        this.#addService(change.service);
        break;
      case "edit-service":
        this.#editService(this.#service(change.before), change.after);
        break;
      case "delete-service":
        this.#deleteService(this.#service(change.service));
        break;
      case "add-server":
        this.#addServer(this.#service(change.service), change.server);
        break;
      case "edit-server":
        this.#editServer(this.#service(change.service), change.before, change.after);
        break;
      case "delete-server":
        this.#deleteServer(this.#service(change.service), change.server);
        break;
    }
  }

  /** Active and inactive connections are as of now: what is past its time was swept before. */
  counters(): Counters {
    this.#path.sweep();
    const entries = [...this.#services.values()];
    return {
      services: entries.map(({ head, index }) => ({ service: head, ...trafficOf(this.#path.maps.service_traffic.lookup(index)) })),
      servers: entries.flatMap((entry) =>
        entry.members.toReversed().map((member) => ({
          service: entry.head,
          server: this.#server(member),
          ...this.#servers.connections(member.number),
          ...trafficOf(this.#path.maps.server_traffic.lookup(member.number)),
        })),
      ),
      outcomes: Object.fromEntries(
        [...this.#path.maps.outcomes.entries()].flatMap(([number, count]) => {
          const name = outcomeName[number];
          return name === undefined || name === "NONE" || name === "COUNT" ? [] : [[name, count]];
        }),
      ),
    };
  }

  /** Looks for the ways to all servers again; the number of those that changed. */
  refreshWays(): number {
    let changed = 0;
    for (const { index, members } of this.#services.values()) {
      for (const member of members) {
        const server = this.#server(member);
        if (this.#servers.write(member.number, index, server, this.#wayTo(server.address))) changed++;
      }
    }
    return changed;
  }

  /** Interfaces that run an older load of our programs, left by a reload that was cut short, get the present one; how many. */
  renewPorts(): number {
    return renewPorts(this.#path);
  }

  /**
   * After changes, or a process that died in the midst of them: what nobody needs goes, and the filters hold what is there and
   * no more (of servers that are leaving too: their replies still come).
   */
  tidy(): void {
    this.#servers.removeAllBut(new Set([...this.#services.values()].flatMap(({ members }) => members.map(({ number }) => number))));
    tidyPorts(this.#path);
    const settings = this.#path.settings();
    // A server that turned from NAT to another method goes on by NAT with the connections it has: its replies are still ours.
    const nat = this.#servers
      .all()
      .filter((server) => server.method === "nat" || (server.connected && filterMayHold(settings.serverFilter, server.address)));
    this.#writeSettings(settings, {
      ...settings,
      flags: nat.length > 0 ? settings.flags | SettingsFlag.NAT_IN_USE : settings.flags & ~SettingsFlag.NAT_IN_USE,
      virtualFilter: addressFilter([...this.#services.values()].map(({ head }) => head.address)),
      serverFilter: addressFilter(nat.map(({ address }) => address)),
    });
  }

  /** Programs built anew take over, on the maps and interfaces that stand. */
  reload(): void {
    this.#path.reload();
    replacePorts(this.#path);
  }

  /** Where a service's plan is: for the replay of recorded decisions. */
  planOf(head: Pick<ServiceHead, "address" | "port" | "protocol">): number {
    return this.#service(head).plan;
  }

  close(): void {
    this.#path.close();
  }

  #addService(service: VirtualService): void {
    const { servers, ...head } = service;
    const name = serviceName(head);
    if (this.#services.has(name)) throw misfit(`the service ${name} is there already`);
    if (new Set(servers.map(serverName)).size < servers.length) throw misfit(`a server stands twice in ${name}`);
    const index = this.#unusedServiceIndex();
    this.#path.maps.service_traffic.update(index, NO_TRAFFIC);

    // One at a time, as IPVS would: some schedulers remember the way by which a list grew.
    const scheduler = schedulerOf(head.scheduler);
    let members: readonly Member[] = [];
    let memory = scheduler.prepare(members);
    for (const server of servers) {
      const grown = [this.#newMember(index, server), ...members];
      memory = scheduler.changed(memory, members, grown);
      members = grown;
    }
    const plan = this.#plans.write({ service: index, scheduler: head.scheduler, members }, scheduler.cursor(memory));
    this.#services.set(name, { head, index, plan, members });
    // The filters first: a service that they hide would get no packet.
    this.#openFilters([head], servers);
    this.#path.maps.services.update(keyOf(head), serviceEntry(index, plan), "new");
  }

  #editService(entry: ServiceEntry, head: ServiceHead): void {
    if (serviceName(entry.head) !== serviceName(head)) throw misfit(`${serviceName(entry.head)} cannot become ${serviceName(head)}`);
    if (entry.head.scheduler === head.scheduler) return;
    const scheduler = schedulerOf(head.scheduler);
    this.#replacePlan({ ...entry, head }, entry.members, scheduler.cursor(scheduler.prepare(entry.members)));
  }

  #deleteService(entry: ServiceEntry): void {
    this.#path.maps.services.delete(keyOf(entry.head));
    for (const { number } of entry.members) this.#servers.remove(number);
    this.#plans.free(entry.plan);
    this.#services.delete(serviceName(entry.head));
  }

  #addServer(entry: ServiceEntry, server: RealServer): void {
    if (findMember(entry, server) !== undefined) throw misfit(`the server ${serverName(server)} is in ${serviceName(entry.head)} already`);
    const members = [this.#newMember(entry.index, server), ...entry.members];
    this.#openFilters([], [server]);
    this.#changeMembers(entry, members);
  }

  #editServer(entry: ServiceEntry, before: RealServer, after: RealServer): void {
    const member = findMember(entry, before);
    if (member === undefined || serverName(before) !== serverName(after)) throw absent(entry, before);
    this.#servers.write(member.number, entry.index, after, this.#wayTo(after.address));
    this.#openFilters([], [after]);
    this.#changeMembers(
      entry,
      entry.members.map((each) => (each === member ? { ...each, weight: after.weight } : each)),
    );
  }

  #deleteServer(entry: ServiceEntry, server: RealServer): void {
    const member = findMember(entry, server);
    if (member === undefined) throw absent(entry, server);
    this.#changeMembers(
      entry,
      entry.members.filter((each) => each !== member),
    );
    // Only now: no new connection is given to it any more.
    this.#servers.remove(member.number);
  }

  #changeMembers(entry: ServiceEntry, members: readonly Member[]): void {
    const scheduler = schedulerOf(entry.head.scheduler);
    const memory = scheduler.resume(entry.members, this.#plans.cursor(entry.plan));
    this.#replacePlan(entry, members, scheduler.cursor(scheduler.changed(memory, entry.members, members)));
  }

  #replacePlan(entry: ServiceEntry, members: readonly Member[], cursor: Cursor): void {
    const plan = this.#plans.write({ service: entry.index, scheduler: entry.head.scheduler, members }, cursor);
    this.#path.maps.services.update(keyOf(entry.head), serviceEntry(entry.index, plan), "existing");
    this.#plans.free(entry.plan);
    this.#services.set(serviceName(entry.head), { ...entry, plan, members });
  }

  #newMember(service: number, server: RealServer): Member {
    return { ...idleCandidate(server), number: this.#servers.add(service, server, this.#wayTo(server.address)) };
  }

  /** Bits are added before what they stand for comes; those that nobody needs any more are taken away in tidy(). */
  #openFilters(services: readonly Pick<ServiceHead, "address">[], servers: readonly Pick<RealServer, "address" | "method">[]): void {
    const settings = this.#path.settings();
    const nat = servers.filter((server) => server.method === "nat");
    const virtual = joined(settings.virtualFilter, addressFilter(services.map(({ address }) => address)));
    const server = joined(settings.serverFilter, addressFilter(nat.map(({ address }) => address)));
    const flags = nat.length > 0 ? settings.flags | SettingsFlag.NAT_IN_USE : settings.flags;
    this.#writeSettings(settings, { ...settings, flags, virtualFilter: virtual, serverFilter: server });
  }

  #writeSettings(before: Settings, after: Settings): void {
    if (!Buffer.from(encoded(settingsCodec, before)).equals(encoded(settingsCodec, after))) this.#path.maps.settings.update(0, after);
  }

  #detach(attachment: Attachment): void {
    if (!detachPort(this.#path, attachment)) throw misfit(`nothing of ours is attached to ${attachment.interfaceName}`);
  }

  #unusedServiceIndex(): number {
    const used = new Set([...this.#services.values()].map(({ index }) => index));
    // Nor one of a service that is gone but has connections left: they are not the newcomer's.
    for (const index of this.#servers.servicesLeft()) used.add(index);
    for (let index = 0; index < this.#path.maps.service_traffic.maxEntries; index++) if (!used.has(index)) return index;
    throw new EvenkeelError("LIMIT_REACHED", `the packet path holds ${used.size} services and has no room for another`);
  }

  #service(head: Pick<ServiceHead, "address" | "port" | "protocol">): ServiceEntry {
    const entry = this.#services.get(serviceName(head));
    if (entry === undefined) throw misfit(`there is no service ${serviceName(head)}`);
    return entry;
  }

  #recover(key: ServiceKey, index: number, planNumber: number): ServiceEntry {
    const plan = this.#plans.read(planNumber);
    const members = this.#plans.candidates(plan).map(({ server, weight }): Member => {
      const { address, port } = this.#servers.read(server);
      return { ...idleCandidate({ address, port, weight }), number: server };
    });
    const protocol = (Object.keys(PROTOCOL_NUMBERS) as Protocol[]).find((name) => PROTOCOL_NUMBERS[name] === key.protocol);
    if (protocol === undefined)
      throw new EvenkeelError("BPF_UNAVAILABLE", `the packet path holds a service of the unknown protocol ${key.protocol}`);
    const head: ServiceHead = {
      address: addressOf(key.address, key.family),
      port: key.port,
      protocol,
      scheduler: this.#plans.scheduler(plan),
    };
    return { head, index, plan: planNumber, members };
  }

  #describe(entry: ServiceEntry): VirtualService {
    return { ...entry.head, servers: entry.members.toReversed().map((member) => this.#server(member)) };
  }

  #server(member: Member): RealServer {
    return { ...this.#servers.read(member.number), weight: member.weight };
  }
}

function keyOf(head: Pick<ServiceHead, "address" | "port" | "protocol">): ServiceKey {
  return { address: head.address.bytes, port: head.port, protocol: PROTOCOL_NUMBERS[head.protocol], family: familyNumber(head.address) };
}

function findMember(entry: ServiceEntry, server: RealServer): Member | undefined {
  return entry.members.find(({ address, port }) => port === server.port && sameAddress(address, server.address));
}

function absent(entry: ServiceEntry, server: RealServer): EvenkeelError {
  return misfit(`there is no server ${serverName(server)} in ${serviceName(entry.head)}`);
}

function misfit(message: string): EvenkeelError {
  return new EvenkeelError("BAD_ARGUMENT", message, { cure: "read the state again and apply what differs from it" });
}

function serviceEntry(index: number, plan: number): Service {
  return { index, plan, flags: 0, mark: 0, clientMask: NOTHING, persistence: 0, timeouts: 0, source: NOTHING };
}

const NOTHING = new Uint8Array(16);

const NO_TRAFFIC: Traffic = { connections: 0n, packetsIn: 0n, bytesIn: 0n, packetsOut: 0n, bytesOut: 0n };

function trafficOf(traffic: Traffic | undefined): TrafficCounters {
  return traffic ?? NO_TRAFFIC;
}

function joined(one: readonly bigint[], other: readonly bigint[]): bigint[] {
  return one.map((word, i) => word | (other[i] ?? 0n));
}
