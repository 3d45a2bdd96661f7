/** The replay engine that asks the program in the kernel: one service on a BpfPlane, its choices made by the packet path's own scheduler. */

import type { BpfPlane } from "../src/director/bpf-plane.ts";
import type { PacketPath } from "../src/director/packet-path.ts";
import { type Address, type Family, parseAddress } from "../src/model/address.ts";
import type { ServiceHead } from "../src/model/plane.ts";
import { type RealServer, SCHEDULERS, type SchedulerName } from "../src/model/service.ts";
import type { ReplayEngine, ServerId } from "../src/scheduler/replay.ts";
import { LoadFlag } from "../src/wire/abi.ts";

const VIPS = { ipv4: parseAddress("192.0.2.1"), ipv6: parseAddress("2001:db8::1") } as const;

interface Member {
  readonly server: RealServer;
  readonly overloaded: boolean;
  /** In the walk; what was deleted keeps its flags until it comes back. */
  readonly present: boolean;
}

/** Must be used inside of the plane's namespace. */
export class KernelEngine implements ReplayEngine {
  readonly #path: PacketPath;
  readonly #plane: BpfPlane;
  #head: ServiceHead | undefined;
  readonly #members = new Map<ServerId, Member>();

  constructor(path: PacketPath, plane: BpfPlane) {
    this.#path = path;
    this.#plane = plane;
  }

  service(scheduler: string, _flags: number, family: Family): void {
    const name = SCHEDULERS.find((known): known is SchedulerName => known === scheduler);
    if (name === undefined) throw new Error(`the kernel program has no scheduler "${scheduler}"`);
    if (this.#head !== undefined) this.#plane.apply({ kind: "delete-service", service: this.#head });
    this.#head = { address: VIPS[family], port: 80, protocol: "tcp", scheduler: name };
    this.#plane.apply({ kind: "add-service", service: { ...this.#head, servers: [] } });
    this.#members.clear();
  }

  add(id: ServerId, server: { readonly address: Address; readonly port: number; readonly weight: number }): void {
    this.#enter(id, { server: { ...server, method: "nat" }, overloaded: false, present: true });
  }

  readd(id: ServerId, weight: number): void {
    const { server, overloaded } = this.#member(id);
    this.#enter(id, { server: { ...server, weight }, overloaded, present: true });
  }

  del(id: ServerId): void {
    const member = this.#member(id);
    this.#plane.apply({ kind: "delete-server", service: this.#service(), server: member.server });
    this.#members.set(id, { ...member, present: false });
  }

  weight(id: ServerId, weight: number): void {
    const member = this.#member(id);
    // As IPVS: a server that is not there cannot be edited.
    if (!member.present) return;
    const after = { ...member.server, weight };
    this.#plane.apply({ kind: "edit-server", service: this.#service(), before: member.server, after });
    this.#members.set(id, { ...member, server: after });
  }

  overload(id: ServerId, overloaded: boolean): void {
    this.#members.set(id, { ...this.#member(id), overloaded });
    this.#writeOverload(id);
  }

  // rr and wrr look at no counter, and forget nothing with time.
  connections(): void {}
  tick(): void {}

  pick(): ServerId | undefined {
    const position = this.#path.choose(this.#plane.planOf(this.#service()));
    return position === undefined ? undefined : this.#idAt(position);
  }

  connect(): ServerId | undefined {
    return this.pick();
  }

  #enter(id: ServerId, member: Member): void {
    this.#plane.apply({ kind: "add-server", service: this.#service(), server: member.server });
    this.#members.set(id, member);
    this.#writeOverload(id);
  }

  /** A server that was deleted has no number; it gets the flag when it is back. */
  #writeOverload(id: ServerId): void {
    const { overloaded, present } = this.#member(id);
    if (!present) return;
    const number = this.#numbers().find((candidate) => this.#isAt(candidate, id));
    if (number === undefined) throw new Error(`server ${id} is not in the plan`);
    const load = this.#path.serverLoad.read(number);
    const flags = overloaded ? load.flags | LoadFlag.OVERLOADED : load.flags & ~LoadFlag.OVERLOADED;
    this.#path.serverLoad.write(number, { ...load, flags });
  }

  #idAt(position: number): ServerId {
    const number = this.#numbers()[position];
    const found = [...this.#members].find(([id, { present }]) => present && number !== undefined && this.#isAt(number, id));
    if (found === undefined) throw new Error(`the kernel chose position ${position}, where no server stands`);
    return found[0];
  }

  /** Numbers in the server table, in walk order. */
  #numbers(): number[] {
    const plan = this.#path.maps.plans.lookup(this.#plane.planOf(this.#service()));
    if (plan === undefined) throw new Error("the service has no plan");
    return Array.from({ length: plan.count }, (_, i) => this.#path.candidates.read(plan.first + i).server);
  }

  #isAt(number: number, id: ServerId): boolean {
    const { server } = this.#member(id);
    const entry = this.#path.servers.read(number);
    return entry.port === server.port && Buffer.from(entry.address).equals(server.address.bytes);
  }

  #member(id: ServerId): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw new Error(`there is no server ${id}`);
    return member;
  }

  #service(): ServiceHead {
    if (this.#head === undefined) throw new Error("the recording begins without a service");
    return this.#head;
  }
}
