/**
 * The director of a recorded case that is the program in the kernel: orders become changes of its data plane, packets go through it
 * one by one, and what it counts and holds is read from its maps.
 */

import { formatAddress, formatEndpoint, sameAddress } from "../../model/address.ts";
import { DEFAULT_SETTINGS, type DirectorSettings } from "../../model/plane.ts";
import { headOf } from "../../reconcile/diff.ts";
import type { ClientPacket, Refusal, ServerPacket, Verdict } from "../../scheduler/ipvs-model/ipvs-model.ts";
import type { ServerRow } from "../../scheduler/ipvs-model/listing.ts";
import { type CaseEngine, WITHOUT_EFFECT } from "../../scheduler/recording/case-engine.ts";
import type { Order } from "../../scheduler/recording/ipvsadm.ts";
import { BadRecording } from "../../scheduler/recording/recorded.ts";
import { ForwardingMethod } from "../../wire/abi.ts";
import { IpProtocol } from "../../wire/ipv4.ts";
import type { BpfPlane } from "../bpf-plane.ts";
import { addressOf } from "../server-value.ts";
import { replyFrame, requestFrame, sentTo } from "./case-frames.ts";
import { perform, type Sloppy, withSloppy } from "./case-orders.ts";
import { connectionLines } from "./connection-lines.ts";
import { ReplayClock } from "./replay-clock.ts";
import type { ReplayStage } from "./replay-stage.ts";
import { TableEntries, type TableEntry } from "./table-entry.ts";

/** Must be used inside of the stage's namespace. */
export class KernelCaseEngine implements CaseEngine {
  readonly #stage: ReplayStage;
  readonly #plane: BpfPlane;
  readonly #clock: ReplayClock;
  readonly #entries: TableEntries;
  /** Flows that a first packet was seen of: only those can be replaced by another. */
  readonly #flows = new Set<string>();
  /**
   * Connections that a first packet replaced. IPVS tells such a one to expire, and until the next tick it is counted; ours is
   * gone at once. So until time passes they are shown as IPVS would, then as they are.
   */
  #replaced: TableEntry[] = [];
  #direct: readonly number[] = [];
  #sloppy: Sloppy = { tcp: false, sctp: false };

  /** Whatever was on the stage is cleared away. */
  constructor(stage: ReplayStage) {
    this.#stage = stage;
    this.#plane = stage.clear();
    this.#clock = new ReplayClock(stage.path, stage.connections);
    this.#entries = new TableEntries(stage.connections);
  }

  order(order: Order, _nowMs: number): Refusal | undefined {
    if (order.kind === "nothing") return undefined;
    if (order.kind === "timeouts") {
      // 0 leaves a value as it is.
      const { tcp, tcpFin, udp } = this.#settings().timeouts;
      this.#changeSettings({ timeouts: { tcp: order.tcp || tcp, tcpFin: order.tcpFin || tcpFin, udp: order.udp || udp } });
      return undefined;
    }
    const refusal = perform(this.#plane, order, this.#sloppy);
    this.#plane.tidy();
    // IPVS flushes what has lost its server as soon as its work queue runs, we with the next sweep; a template goes after its connections.
    if (this.#settings().expireNodest) for (let i = 0; i < 2; i++) this.#stage.path.sweep();
    this.#direct = this.#findDirect();
    return refusal;
  }

  sysctl(name: string, value: number): void {
    const key = name.replace(/^net\.ipv4\.vs\./, "");
    if (key === "expire_nodest_conn") this.#changeSettings({ expireNodest: value !== 0 });
    else if (key === "expire_quiescent_template") this.#changeSettings({ expireQuiescentTemplate: value !== 0 });
    else if (key === "conn_reuse_mode") this.#changeSettings({ connectionReuse: value });
    // Ours are a service's own.
    else if (key === "sloppy_tcp" || key === "sloppy_sctp")
      this.#setSloppy({ ...this.#sloppy, [key.slice("sloppy_".length)]: value !== 0 });
    else if (!WITHOUT_EFFECT.has(key) && value !== 0) throw new BadRecording(`the sysctl ${name} = ${value} cannot be replayed`);
  }

  incoming(packet: ClientPacket, _nowMs: number): Verdict {
    this.#clock.hold();
    const before = this.#mayReplace(packet) ? this.#entries.find(packet) : undefined;
    const watched = this.#direct;
    const counts = watched.map((number) => this.#packetsIn(number));
    const { verdict, frame } = this.#stage.run(requestFrame(packet, this.#stage.mac), packet.mark);
    if (before !== undefined && !this.#entries.stands(before)) this.#replaced.push(before);
    if (verdict !== "redirect") return { kind: verdict };
    const out = sentTo(frame);
    // NAT shows the server in the frame, TUN its address; by DR all that tells is who counted the packet.
    if (out.protocol === IpProtocol.ICMP || out.protocol === IpProtocol.ICMPV6) return { kind: "unreachable" };
    if (sameAddress(out.address, packet.address)) {
      const number = watched.find((each, i) => this.#packetsIn(each) !== counts[i]);
      if (number === undefined) throw new Error(`a packet for ${formatAddress(packet.address)} was sent to no server by DR`);
      const { address, family } = this.#stage.path.servers.read(number);
      return { kind: "forward", server: { address: addressOf(address, family), port: packet.port }, method: "dr" };
    }
    const tunnelled = out.protocol === IpProtocol.IPIP || out.protocol === IpProtocol.IPV6;
    return {
      kind: "forward",
      server: { address: out.address, port: tunnelled ? packet.port : out.port },
      method: tunnelled ? "tun" : "nat",
    };
  }

  outgoing(packet: ServerPacket, _nowMs: number): void {
    this.#clock.hold();
    this.#stage.run(replyFrame(packet, this.#stage.mac), 0);
  }

  advance(nowMs: number): void {
    this.#replaced = [];
    this.#clock.advance(nowMs);
  }

  servers(): ServerRow[] {
    const { path } = this.#stage;
    return this.#members().map(({ number, weight }): ServerRow => {
      const { address, family, port } = path.servers.read(number);
      const { active, total } = path.serverLoad.read(number);
      const leaving = this.#replaced.filter(({ server }) => server === number);
      const still = leaving.filter((entry) => entry.active).length;
      const inactive = Math.max(total - active, 0) + leaving.length - still;
      return [formatEndpoint(addressOf(address, family), port), weight, active + still, inactive];
    });
  }

  settle(nowMs: number): void {
    this.advance(nowMs);
  }

  connections(_nowMs: number): string[] {
    this.#clock.hold();
    return connectionLines(this.#stage.path);
  }

  persistent(): number[] {
    return this.#members().map(({ number }) => this.#stage.path.serverLoad.read(number).persistent);
  }

  #settings(): DirectorSettings {
    return this.#plane.read().settings ?? DEFAULT_SETTINGS;
  }

  #changeSettings(changed: Partial<DirectorSettings>): void {
    const before = this.#settings();
    this.#plane.apply({ kind: "edit-settings", before, after: { ...before, ...changed } });
  }

  #setSloppy(sloppy: Sloppy): void {
    this.#sloppy = sloppy;
    for (const service of this.#plane.read().services) {
      const before = headOf(service);
      this.#plane.apply({ kind: "edit-service", before, after: withSloppy(before, sloppy) });
    }
  }

  /** Of every service, its servers' numbers in walk order. */
  #members(): { readonly number: number; readonly weight: number }[] {
    const { path } = this.#stage;
    return this.#plane.read().services.flatMap((service) => {
      const plan = path.maps.plans.lookup(this.#plane.planOf(service));
      return Array.from({ length: plan?.count ?? 0 }, (_, i) => {
        const { server, weight } = path.candidates.read((plan?.first ?? 0) + i);
        return { number: server, weight };
      });
    });
  }

  /** Servers that are reached by DR: their packets do not say whose they are. */
  #findDirect(): number[] {
    const { servers } = this.#stage.path;
    return this.#members()
      .map(({ number }) => number)
      .filter((number) => servers.read(number).method === ForwardingMethod.DIRECT);
  }

  #packetsIn(number: number): bigint {
    return this.#stage.path.maps.server_traffic.lookup(number)?.packetsIn ?? 0n;
  }

  #mayReplace({ segment, client, clientPort, address, port }: ClientPacket): boolean {
    const first = segment.protocol === "tcp" ? segment.flags.syn : segment.protocol === "sctp" && segment.chunk === "INIT";
    if (!first) return false;
    const flow = `${segment.protocol} ${formatEndpoint(client, clientPort)} ${formatEndpoint(address, port)}`;
    const known = this.#flows.has(flow);
    this.#flows.add(flow);
    return known;
  }
}
