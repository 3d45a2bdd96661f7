/**
 * One service under replay on the program in the kernel: changed through the plane, its choices made by the packet path's own
 * scheduler. No packet is sent: counters, flags and time are what the recording says, written into the maps.
 */

import { jiffiesPerSecond } from "../../kernel/clock.ts";
import { type Address, type Family, parseAddress } from "../../model/address.ts";
import type { Change, ServiceHead } from "../../model/plane.ts";
import { KEPT_SCHEDULER_FLAGS, type RealServer, SCHEDULERS, type SchedulerFlag } from "../../model/service.ts";
import { BadRecording } from "../../scheduler/recording/recorded.ts";
import type { ReplayEngine, ServerId } from "../../scheduler/replay.ts";
import type { Flow } from "../../scheduler/scheduler.ts";
import { candidateGroupCodec, Family as FamilyNumber, LoadFlag, PlanFlag, serverLoadCodec } from "../../wire/abi.ts";
import type { BpfPlane } from "../bpf-plane.ts";
import { ticks } from "../timeouts.ts";
import type { ReplayStage } from "./replay-stage.ts";

const VIPS = { ipv4: parseAddress("192.0.2.1"), ipv6: parseAddress("2001:db8::1") } as const;
const TCP = 6;

const FLAGS = { fallback: PlanFlag.FALLBACK, port: PlanFlag.PORT, third: PlanFlag.THIRD } as const satisfies Record<SchedulerFlag, number>;

/** What is told of a server; one that was deleted keeps it until it comes back. */
interface Member {
  readonly server: RealServer;
  readonly overloaded: boolean;
  readonly active: number;
  readonly inactive: number;
  /** In the server table; undefined while it is deleted. */
  readonly number: number | undefined;
}

/** Must be used inside of the plane's namespace. */
export class KernelSchedulerEngine implements ReplayEngine {
  readonly #stage: ReplayStage;
  #plane: BpfPlane | undefined;
  #head: ServiceHead | undefined;
  readonly #members = new Map<ServerId, Member>();

  constructor(stage: ReplayStage) {
    this.#stage = stage;
  }

  service(name: string, flags: number, family: Family): void {
    const scheduler = SCHEDULERS.find((known) => known === name);
    if (scheduler === undefined) throw new BadRecording(`there is no scheduler "${name}"`);
    this.#plane = this.#stage.clear();
    this.#members.clear();
    const schedulerFlags = KEPT_SCHEDULER_FLAGS.filter((flag) => (flags & FLAGS[flag]) !== 0);
    this.#head = { address: VIPS[family], port: 80, protocol: "tcp", scheduler, schedulerFlags };
    this.#apply({ kind: "add-service", service: { ...this.#head, servers: [] } });
  }

  add(id: ServerId, facts: { readonly address: Address; readonly port: number; readonly weight: number }): void {
    const server: RealServer = { ...facts, method: "nat" };
    this.#members.set(id, { server, overloaded: false, active: 0, inactive: 0, number: undefined });
    this.#enter(id);
  }

  readd(id: ServerId, weight: number): void {
    const member = this.#member(id);
    this.#members.set(id, { ...member, server: { ...member.server, weight } });
    this.#enter(id);
  }

  del(id: ServerId): void {
    const member = this.#member(id);
    this.#apply({ kind: "delete-server", service: this.#service(), server: member.server });
    this.#members.set(id, { ...member, number: undefined });
  }

  weight(id: ServerId, weight: number): void {
    const member = this.#member(id);
    // As IPVS: a server that is not there cannot be edited.
    if (member.number === undefined) return;
    const after = { ...member.server, weight };
    this.#apply({ kind: "edit-server", service: this.#service(), before: member.server, after });
    this.#members.set(id, { ...member, server: after });
  }

  overload(id: ServerId, overloaded: boolean): void {
    this.#write(id, { overloaded });
  }

  connections(id: ServerId, active: number, inactive: number): void {
    this.#write(id, { active, inactive });
  }

  /** Only lblc and lblcr look at the clock: what they remember is made older. */
  tick(seconds: number): void {
    const elapsed = ticks(seconds, jiffiesPerSecond()) - 1;
    const entries = Array.from(this.#stage.path.maps.localities.entries());
    for (const [key, locality] of entries) {
      const lastUse = (locality.lastUse - elapsed) >>> 0;
      const lastChange = (locality.lastChange - elapsed) >>> 0;
      this.#stage.path.maps.localities.update(key, { ...locality, lastUse, lastChange });
    }
  }

  /** Another process takes over: all it knows stands in the maps. */
  reopen(): void {
    this.#plane = this.#stage.open();
  }

  pick(flow: Flow): ServerId | undefined {
    const number = this.#stage.path.choose(this.#planNumber(), {
      source: flow.client.bytes,
      destination: flow.destination.bytes,
      sourcePort: flow.clientPort,
      destinationPort: flow.destinationPort,
      protocol: TCP,
      family: flow.client.family === "ipv4" ? FamilyNumber.IPV4 : FamilyNumber.IPV6,
    });
    if (number === undefined) return undefined;
    const found = [...this.#members].find(([, member]) => member.number === number);
    if (found === undefined) throw new Error(`the kernel chose server ${number}, which is none of this service's`);
    return found[0];
  }

  connect(flow: Flow): ServerId | undefined {
    const id = this.pick(flow);
    if (id !== undefined) this.#write(id, { active: this.#member(id).active + 1 });
    return id;
  }

  #enter(id: ServerId): void {
    const { server } = this.#member(id);
    this.#apply({ kind: "add-server", service: this.#service(), server });
    // Servers are added at the head.
    const plan = this.#stage.path.maps.plans.lookup(this.#planNumber());
    if (plan === undefined) throw new Error("the service has no plan");
    this.#members.set(id, { ...this.#member(id), number: this.#stage.path.candidates.read(plan.first).server });
    this.#write(id, {});
  }

  /** A server that was deleted has its number no more; it gets what it had when it is back. */
  #write(id: ServerId, facts: Partial<Member>): void {
    const member = { ...this.#member(id), ...facts };
    this.#members.set(id, member);
    if (member.number === undefined) return;
    const { view, stride } = this.#stage.path.serverLoad;
    const { offsets } = serverLoadCodec;
    const at = member.number * stride;
    view.setUint32(at + offsets.active, member.active, true);
    view.setUint32(at + offsets.total, member.active + member.inactive, true);
    view.setUint32(at + offsets.flags, member.overloaded ? LoadFlag.OVERLOADED : 0, true);
    this.#noteLoad(view.getUint32(at + offsets.group, true));
  }

  /** As load_note() in bpf/load.h. */
  #noteLoad(group: number): void {
    if (group === 0) return;
    const { view, stride } = this.#stage.path.candidateGroups;
    const at = (group - 1) * stride + candidateGroupCodec.offsets.changes;
    view.setUint32(at, view.getUint32(at, true) + 1, true);
  }

  #apply(change: Change): void {
    if (this.#plane === undefined) throw new BadRecording("the recording begins without a service");
    this.#plane.apply(change);
  }

  #planNumber(): number {
    if (this.#plane === undefined) throw new BadRecording("the recording begins without a service");
    return this.#plane.planOf(this.#service());
  }

  #member(id: ServerId): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw new BadRecording(`there is no server ${id}`);
    return member;
  }

  #service(): ServiceHead {
    if (this.#head === undefined) throw new BadRecording("the recording begins without a service");
    return this.#head;
  }
}
