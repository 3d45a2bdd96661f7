/** The data plane in the kernel: one writer of the packet path's maps. Every change is made so that packets see before or after. */

import type { ServerName, ServiceName, StandingSyncDaemon } from "../model/edit.ts";
import type {
  ActualState,
  Attachment,
  Change,
  Counters,
  Cut,
  DataPlane,
  DirectorSettings,
  ServiceHead,
  TrafficCounters,
} from "../model/plane.ts";
import { type RealServer, serverName, serviceName, type VirtualService } from "../model/service.ts";
import { mistakeIn } from "../model/validity.ts";
import { placeKeeperOf } from "../scheduler/index.ts";
import { type Cursor, idleCandidate } from "../scheduler/scheduler.ts";
import type { Service } from "../wire/abi.ts";
import { filterMayHold } from "./address-filter.ts";
import { cutServer } from "./cut-server.ts";
import type { PacketPath } from "./packet-path.ts";
import { PathSettings } from "./path-settings.ts";
import { type Member, PlanTable } from "./plan-table.ts";
import { attachPort, detachPort, listPorts, renewPorts, replacePorts, tidyPorts } from "./ports.ts";
import { ServerTable } from "./server-table.ts";
import { serverWays, type WaysTo } from "./server-way.ts";
import { absent, findMember, indexesOf, misfit, numbersOf, recoverService, type ServiceEntry, sameFlags } from "./service-entry.ts";
import { ServiceNames } from "./service-names.ts";
import { ServiceRegister } from "./service-register.ts";
import { keyOf, nameOf, serviceValue } from "./service-value.ts";
import { readSyncDaemons, writeSyncDaemons } from "./sync-daemons.ts";
import { clearTraffic, outcomesOf, resetTraffic, type Totals, totalsOf, trafficByCpu, trafficOf } from "./traffic.ts";

export interface BpfPlaneOptions {
  /** How to reach servers; the kernel's routes when left out. */
  readonly waysTo?: WaysTo;
}

export class BpfPlane implements DataPlane {
  readonly #path: PacketPath;
  readonly #servers: ServerTable;
  readonly #plans: PlanTable;
  readonly #names: ServiceNames;
  readonly #settings: PathSettings;
  readonly #services = new ServiceRegister();
  readonly #waysTo: WaysTo;
  /** Services that were ever made. */
  #made: number;
  #closed = false;

  constructor(path: PacketPath, options: BpfPlaneOptions = {}) {
    this.#path = path;
    this.#waysTo = options.waysTo ?? serverWays;
    this.#servers = new ServerTable(path);
    this.#names = new ServiceNames(path);
    this.#settings = new PathSettings(path);
    const found = [...path.maps.services.entries()].toSorted(([, one], [, other]) => one.made - other.made);
    this.#made = found.at(-1)?.[1].made ?? 0;
    this.#plans = new PlanTable(
      path,
      found.map(([, { plan }]) => plan),
    );
    for (const [key, value] of found) {
      this.#services.set(recoverService({ key, value }, { servers: this.#servers, plans: this.#plans, settings: this.#settings }));
    }
  }

  read(): ActualState {
    return {
      services: [...this.#services.values()].map((entry) => this.#describe(entry)),
      settings: this.settings(),
      marks: this.#settings.marks().map(({ rule }) => rule),
      attachments: this.attachments(),
      syncDaemons: this.syncDaemons(),
    };
  }

  settings(): DirectorSettings {
    return this.#settings.read();
  }

  syncDaemons(): StandingSyncDaemon[] {
    return readSyncDaemons(this.#path);
  }

  apply(change: Change): void {
    const mistake = mistakeIn(change);
    if (mistake !== undefined) throw misfit(mistake);
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
      case "edit-settings":
        this.#settings.write(change.after);
        break;
      case "edit-marks":
        this.#settings.writeMarks(change.after, this.#heads());
        break;
      case "edit-sync-daemons":
        writeSyncDaemons(this.#path, change.after);
        break;
    }
  }

  /** Active and inactive connections are as of now: what is past its time was swept before. `only`: of these services, by name. */
  counters(only?: ReadonlySet<string>): Counters {
    this.#path.sweep();
    const entries = [...this.#services.values()].filter(({ head }) => only?.has(serviceName(head)) ?? true);
    const ofService = trafficOf(this.#path, "service", indexesOf(entries));
    const ofServer = trafficOf(this.#path, "server", numbersOf(entries));
    return {
      services: entries.map(({ head, index }) => ({ service: head, ...ofService(index) })),
      servers: entries.flatMap(({ head, members }) =>
        members.toReversed().map((member) => ({
          service: head,
          server: this.#server(member),
          ...this.#servers.load(member.number),
          ...ofServer(member.number),
        })),
      ),
      marks: this.#settings.marks(),
      outcomes: outcomesOf(this.#path),
    };
  }

  /** What all services have counted on each CPU since they were made. */
  trafficByCpu(): TrafficCounters[] {
    return trafficByCpu(this.#path, this.#indexes());
  }

  /** What all services together have counted, and count now. */
  totals(): Totals {
    return totalsOf(this.#path, this.#indexes());
  }

  resetCounters(service?: ServiceName): void {
    const entries = service === undefined ? [...this.#services.values()] : [this.#service(service)];
    resetTraffic(this.#path, "service", indexesOf(entries));
    resetTraffic(this.#path, "server", numbersOf(entries));
  }

  /** How many one server has, also one that was deleted; those past their time count until the next sweep. */
  connectionsOf(service: ServiceName, server: ServerName): number {
    const number = this.#numberOf(service, server);
    if (number === undefined) return 0;
    const { active, inactive } = this.#servers.load(number);
    return active + inactive;
  }

  cutConnections({ service, server, what }: Cut): Promise<number> {
    return cutServer(this.#path, what, () => (this.#closed ? undefined : this.#numberOf(service, server)));
  }

  attachments(): Attachment[] {
    return listPorts(this.#path);
  }

  /** Whether it listens on every interface, those too that appear later; false: where it was told to. */
  get everyInterface(): boolean {
    return this.#settings.everyInterface;
  }

  set everyInterface(wanted: boolean) {
    this.#settings.everyInterface = wanted;
  }

  /** Looks for the ways to all servers again, or only to those that had none; the number of those that changed. */
  refreshWays({ lost = false } = {}): number {
    const sought = [...this.#services.values()].flatMap(({ index, members }) =>
      members.filter(({ number }) => !lost || !this.#servers.hasWay(number)).map((member) => ({ index, member })),
    );
    const ways = this.#waysTo(sought.map(({ member }) => member.address));
    return sought.filter(({ index, member }, i) => this.#servers.write(member.number, index, this.#server(member), ways[i])).length;
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
    for (const entry of this.#services.values())
      if (entry.members.some(({ number, weight }) => this.#servers.weight(number) !== weight)) this.#planWeights(entry);
    this.#servers.removeAllBut(numbersOf([...this.#services.values()]));
    for (const { plan } of this.#services.values()) this.#plans.settle(plan);
    tidyPorts(this.#path);
    const { serverFilter } = this.#settings;
    // A server that turned from NAT to another method goes on by NAT with the connections it has: its replies are still ours.
    const servers = this.#servers
      .all()
      .map((server) =>
        server.connected && filterMayHold(serverFilter, server.address) ? ({ ...server, method: "nat" } as const) : server,
      );
    this.#settings.settle({ services: [...this.#heads(), ...this.#servicesLeft()], servers });
  }

  /** Programs built anew take over, on the maps and interfaces that stand. */
  reload(): void {
    this.#path.reload();
    replacePorts(this.#path);
  }

  /** Where a service's plan is: for the replay of recorded decisions. */
  planOf(head: ServiceName): number {
    return this.#service(head).plan;
  }

  close(): void {
    this.#closed = true;
    this.#path.close();
  }

  #addService(service: VirtualService): void {
    const { servers, ...head } = service;
    const name = serviceName(head);
    if (this.#services.get(head) !== undefined) throw misfit(`the service ${name} is there already`);
    if (new Set(servers.map(serverName)).size < servers.length) throw misfit(`a server stands twice in ${name}`);
    const index = this.#names.take(keyOf(head), {
      taken: (each) => this.#services.hasIndex(each),
      left: (each) => this.#servers.hasLeft(each),
    });
    clearTraffic(this.#path, "service", [index]);

    // One at a time, as IPVS would: some schedulers remember the way by which a list grew.
    const scheduler = placeKeeperOf(head.scheduler);
    let members: readonly Member[] = [];
    let memory = scheduler.prepare(members);
    for (const member of this.#newMembers(index, servers)) {
      const grown = [member, ...members];
      memory = scheduler.changed(memory, members, grown);
      members = grown;
    }
    const timeouts = this.#placeTimeouts(head);
    const plan = this.#plans.write({ service: index, ...head, members }, scheduler.cursor(memory));
    const entry: ServiceEntry = { head, index, plan, timeouts, made: ++this.#made, members };
    this.#services.set(entry);
    // The filters first: a service that they hide would get no packet.
    this.#settings.open({ services: [head], servers });
    this.#path.maps.services.update(keyOf(head), this.#value(entry), "new");
  }

  #editService(entry: ServiceEntry, head: ServiceHead): void {
    if (serviceName(entry.head) !== serviceName(head)) throw misfit(`${serviceName(entry.head)} cannot become ${serviceName(head)}`);
    const edited = { ...entry, head, timeouts: this.#placeTimeouts(head, entry) };
    if (entry.head.scheduler !== head.scheduler) {
      const scheduler = placeKeeperOf(head.scheduler);
      this.#replacePlan(edited, entry.members, scheduler.cursor(scheduler.prepare(entry.members)));
    } else if (!sameFlags(entry.head, head)) this.#replacePlan(edited, entry.members, this.#plans.cursor(entry.plan));
    else {
      this.#path.maps.services.update(keyOf(head), this.#value(edited), "existing");
      this.#services.set(edited);
    }
  }

  #deleteService(entry: ServiceEntry): void {
    this.#path.maps.services.delete(keyOf(entry.head));
    for (const { number } of entry.members) this.#servers.remove(number);
    this.#plans.free(entry.plan);
    this.#services.delete(entry);
  }

  #addServer(entry: ServiceEntry, server: RealServer): void {
    if (findMember(entry, server) !== undefined) throw misfit(`the server ${serverName(server)} is in ${serviceName(entry.head)} already`);
    const members = [...this.#newMembers(entry.index, [server]), ...entry.members];
    this.#settings.open({ services: [], servers: [server] });
    this.#changeMembers(entry, members);
  }

  #editServer(entry: ServiceEntry, before: RealServer, after: RealServer): void {
    const member = findMember(entry, before);
    if (member === undefined || serverName(before) !== serverName(after)) throw absent(entry, before);
    const [way] = this.#waysTo([after.address]);
    this.#settings.open({ services: [], servers: [after] });
    this.#servers.setLimits(member.number, after);
    // From here on it is as edited. Cut short, its new weight is brought into the plan by whoever is next (tidy).
    this.#servers.write(member.number, entry.index, after, way);
    this.#planWeights(entry);
  }

  /** What was written to servers comes into the plan; a scheduler takes any edit for a change of its list. */
  #planWeights(entry: ServiceEntry): void {
    const members = entry.members.map((member) => {
      const weight = this.#servers.weight(member.number);
      return { ...member, weight, lastWeight: weight === 0 ? member.lastWeight : weight };
    });
    this.#changeMembers(entry, members);
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
    const scheduler = placeKeeperOf(entry.head.scheduler);
    const memory = scheduler.resume(entry.members, this.#plans.cursor(entry.plan));
    this.#replacePlan(entry, members, scheduler.cursor(scheduler.changed(memory, entry.members, members)));
  }

  #replacePlan(entry: ServiceEntry, members: readonly Member[], cursor: Cursor): void {
    const plan = this.#plans.write({ service: entry.index, ...entry.head, members }, cursor, entry.plan);
    const changed = { ...entry, plan, members };
    this.#path.maps.services.update(keyOf(entry.head), this.#value(changed), "existing");
    this.#plans.free(entry.plan);
    this.#services.set(changed);
  }

  /** In their order. */
  #newMembers(service: number, servers: readonly RealServer[]): Member[] {
    const ways = this.#waysTo(servers.map(({ address }) => address));
    const numbers = this.#servers.add(service, servers, ways);
    return numbers.flatMap((number, i) => {
      const server = servers[i];
      return server === undefined ? [] : [{ ...idleCandidate(server), number }];
    });
  }

  #detach(attachment: Attachment): void {
    if (!detachPort(this.#path, attachment)) throw misfit(`nothing of ours is attached to ${attachment.interfaceName}`);
  }

  #placeTimeouts({ timeouts }: ServiceHead, present?: ServiceEntry): number {
    if (timeouts === undefined) return 0;
    const others = this.#services.timeoutSets(present);
    return this.#settings.placeTimeouts({ timeouts, present: present?.timeouts ?? 0, others });
  }

  #indexes(): number[] {
    return [...this.#services.values()].map(({ index }) => index);
  }

  #heads(): ServiceHead[] {
    return [...this.#services.values()].map(({ head }) => head);
  }

  /** Deleted services that have connections left: what belongs to those is still ours to drop. */
  #servicesLeft(): ServiceName[] {
    const names = this.#servers.servicesLeft().map((index) => this.#names.nameOf(index));
    return names.flatMap((name) => (name === undefined ? [] : [nameOf(name)]));
  }

  #service(head: ServiceName): ServiceEntry {
    const entry = this.#services.get(head);
    if (entry === undefined) throw misfit(`there is no service ${serviceName(head)}`);
    return entry;
  }

  /** Of a server that is there, or was and may have connections left. */
  #numberOf(name: ServiceName, server: ServerName): number | undefined {
    const entry = this.#services.get(name);
    const member = entry === undefined ? undefined : findMember(entry, server);
    if (member !== undefined) return member.number;
    const index = entry?.index ?? this.#names.indexOf(keyOf(name));
    return index === undefined ? undefined : this.#servers.left(index, server);
  }

  #value(entry: ServiceEntry): Service {
    return serviceValue(entry.head, entry, this.#settings.jiffiesPerSecond);
  }

  #describe(entry: ServiceEntry): VirtualService {
    return { ...entry.head, servers: entry.members.toReversed().map((member) => this.#server(member)) };
  }

  #server(member: Member): RealServer {
    return this.#servers.read(member.number);
  }
}
