/**
 * A random course of events, the same for two directors: connections that open, close, are reset and time out, servers that come and go,
 * weights, thresholds, schedulers and sysctls that change. Whatever one director answers the other has to answer.
 */

import assert from "node:assert/strict";
import { formatEndpoint } from "../../src/model/address.ts";
import type { TcpFlags } from "../../src/model/tcp-states.ts";
import type { Segment } from "../../src/scheduler/ipvs-model/connection.ts";
import type { ClientPacket, Verdict } from "../../src/scheduler/ipvs-model/ipvs-model.ts";
import type { CaseEngine } from "../../src/scheduler/recording/case-engine.ts";
import { COURSE_SERVICES, type CourseService, clientsOf, order } from "./cast.ts";

interface Flow {
  readonly service: CourseService;
  readonly packet: Omit<ClientPacket, "segment">;
  readonly verdict: Verdict;
}

export interface CourseOptions {
  readonly reference: CaseEngine;
  readonly director: CaseEngine;
  /** From 0 up to, and without, 1. */
  readonly random: () => number;
  readonly services?: readonly CourseService[];
  readonly schedulers: readonly string[];
  /** Left out: all. */
  readonly without?: readonly string[];
}

const SYN: TcpFlags = { syn: true, ack: false, fin: false, rst: false };
const SYN_ACK: TcpFlags = { ...SYN, ack: true };
const ACK: TcpFlags = { ...SYN, syn: false, ack: true };
const FIN_ACK: TcpFlags = { ...ACK, fin: true };
const RST: TcpFlags = { ...SYN, syn: false, rst: true };

/** Flows that are remembered, so that more may happen to them. */
const FLOWS_MAX = 2000;
const TOLD_MAX = 60;

/** One more than any timeout and any persistence, rounded up by as many minutes as templates may go on. */
const ALL_OVER_SECONDS = 1800;

export class RandomCourse {
  readonly #options: CourseOptions;
  readonly #services: readonly CourseService[];
  readonly #flows: Flow[] = [];
  /** What happened last, for whoever reads of a difference. */
  readonly #told: string[] = [];
  /** Servers that are there, by service. */
  readonly #present = new Map<CourseService, Set<string>>();
  readonly #deeds: readonly (readonly [weight: number, deed: () => void])[];
  readonly counted = new Map<string, number>();
  #seconds = 0;

  constructor(options: CourseOptions) {
    this.#options = options;
    this.#services = options.services ?? COURSE_SERVICES;
    const without = new Set(options.without ?? []);
    const deeds: readonly (readonly [number, string, () => void])[] = [
      [30, "open", () => this.#open()],
      [6, "half-open", () => this.#halfOpen()],
      [10, "segment", () => this.#segment()],
      [22, "close", () => this.#close()],
      [12, "datagram", () => this.#datagram()],
      [5, "reopen", () => this.#reopen()],
      [3, "stray", () => this.#stray()],
      [2, "server goes", () => this.#serverGoes()],
      [2, "server comes", () => this.#serverComes()],
      [2, "weight", () => this.#editServer("weight")],
      [1, "thresholds", () => this.#editServer("thresholds")],
      [0.5, "scheduler", () => this.#scheduler()],
      [0.2, "service", () => this.#service()],
      [0.2, "sysctl", () => this.#sysctl()],
      [4, "time", () => this.#time(1)],
      [0.1, "long time", () => this.#time(1 + this.#below(45))],
    ];
    this.#deeds = deeds
      .filter(([, name]) => !without.has(name))
      .map(([weight, name, deed]) => [
        weight,
        () => {
          this.counted.set(name, (this.counted.get(name) ?? 0) + 1);
          deed();
        },
      ]);
  }

  /** Services with a few servers each. */
  begin(): void {
    this.#order("--set 120 30 60");
    for (const service of this.#services) this.#addService(service);
  }

  step(): void {
    this.#both((engine, nowMs) => engine.advance(nowMs));
    const sum = this.#deeds.reduce((all, [weight]) => all + weight, 0);
    let left = this.#options.random() * sum;
    for (const [weight, deed] of this.#deeds) {
      left -= weight;
      if (left < 0) {
        deed();
        return;
      }
    }
  }

  /** Every counter of every server. */
  compare(): void {
    this.#both((engine, nowMs) => engine.settle(nowMs));
    const { reference, director } = this.#options;
    this.#same("active and inactive", director.servers(), reference.servers());
    this.#same("templates", director.persistent(), reference.persistent());
  }

  /** Lets everything expire; nothing may be left. */
  end(): void {
    this.#seconds += ALL_OVER_SECONDS;
    this.compare();
    const { director } = this.#options;
    for (const [server, , active, inactive] of director.servers()) assert.deepEqual([active, inactive], [0, 0], server);
    for (const templates of director.persistent()) assert.equal(templates, 0);
    assert.deepEqual(director.connections(this.#nowMs), []);
  }

  get #nowMs(): number {
    return this.#seconds * 1000;
  }

  #open(): void {
    const service = this.#pick(this.#services);
    if (service === undefined || service.protocol === "udp") return;
    const flow = this.#begin(this.#newFlow(service), service);
    if (flow === undefined || service.protocol !== "tcp") return;
    this.#fromServer(flow, { protocol: "tcp", flags: SYN_ACK });
    this.#fromClient(flow, { protocol: "tcp", flags: ACK });
  }

  #halfOpen(): void {
    const service = this.#pick(this.#services);
    if (service !== undefined && service.protocol !== "udp") this.#begin(this.#newFlow(service), service);
  }

  #segment(): void {
    const flow = this.#pick(this.#flows);
    if (flow === undefined) return;
    const { protocol } = flow.service;
    const segment: Segment =
      protocol === "udp"
        ? { protocol }
        : protocol === "tcp"
          ? { protocol, flags: this.#pick([ACK, ACK, ACK, SYN_ACK, FIN_ACK]) ?? ACK }
          : { protocol, chunk: this.#pick(["DATA", "COOKIE_ECHO", "COOKIE_ACK", "INIT_ACK"] as const) ?? "DATA" };
    if (this.#below(2) === 0) this.#fromClient(flow, segment);
    else this.#fromServer(flow, segment);
  }

  #close(): void {
    if (this.#flows.length === 0) return;
    const flow = this.#flows.splice(this.#below(this.#flows.length), 1)[0];
    if (flow === undefined || flow.service.protocol === "udp") return;
    if (flow.service.protocol === "sctp") {
      this.#fromClient(flow, { protocol: "sctp", chunk: "SHUTDOWN" });
      this.#fromServer(flow, { protocol: "sctp", chunk: "SHUTDOWN_ACK" });
      this.#fromClient(flow, { protocol: "sctp", chunk: this.#below(2) === 0 ? "SHUTDOWN_COMPLETE" : "ABORT" });
    } else {
      const [client, server] = [this.#fromClient.bind(this), this.#fromServer.bind(this)];
      const [ack, fin, rst] = [ACK, FIN_ACK, RST].map((flags): Segment => ({ protocol: "tcp", flags })) as [Segment, Segment, Segment];
      switch (this.#below(4)) {
        case 0:
          for (const [who, segment] of [
            [client, fin],
            [server, ack],
            [server, fin],
            [client, ack],
          ] as const)
            who(flow, segment);
          break;
        case 1:
          for (const [who, segment] of [
            [server, fin],
            [client, ack],
            [client, fin],
            [server, ack],
          ] as const)
            who(flow, segment);
          break;
        case 2:
          client(flow, rst);
          break;
        default:
          server(flow, rst);
      }
    }
    // Some are remembered, to be opened again.
    if (this.#below(3) === 0) this.#flows.push(flow);
  }

  #datagram(): void {
    const service = this.#pick(this.#services.filter(({ protocol }) => protocol === "udp"));
    if (service === undefined) return;
    const flow = this.#begin(this.#newFlow(service), service);
    if (flow !== undefined && this.#below(2) === 0) this.#fromServer(flow, { protocol: "udp" });
  }

  /** A first packet from the ports of a connection that was, or is. */
  #reopen(): void {
    const flow = this.#pick(this.#flows);
    if (flow !== undefined) this.#begin(flow.packet, flow.service);
  }

  /** Of no connection. */
  #stray(): void {
    const service = this.#pick(this.#services);
    if (service === undefined || service.protocol !== "tcp") return;
    this.#incoming({ ...this.#newFlow(service), segment: { protocol: "tcp", flags: this.#pick([ACK, FIN_ACK, RST]) ?? ACK } });
  }

  #serverGoes(): void {
    const service = this.#pick(this.#services.filter((each) => this.#serversOf(each).size > 0));
    const server = service === undefined ? undefined : this.#pick([...this.#serversOf(service)]);
    if (service === undefined || server === undefined) return;
    this.#serversOf(service).delete(server);
    this.#order(`-d ${service.key} -r ${server}`);
  }

  #serverComes(): void {
    const service = this.#pick(this.#services);
    const server = service?.servers.find((each) => !this.#serversOf(service).has(each));
    if (service !== undefined && server !== undefined) this.#addServer(service, server);
  }

  #editServer(what: "weight" | "thresholds"): void {
    const service = this.#pick(this.#services);
    const server = service === undefined ? undefined : this.#pick([...this.#serversOf(service)]);
    if (service === undefined || server === undefined) return;
    const upper = this.#below(12);
    const weight = this.#below(3) === 0 ? 0 : 1 + this.#below(5);
    const thresholds = what === "thresholds" && upper > 3 ? ` -x ${upper}${this.#below(2) === 0 ? "" : ` -y ${upper - 3}`}` : "";
    this.#order(`-e ${service.key} -r ${server} ${service.method} -w ${weight}${thresholds}`);
  }

  #scheduler(): void {
    const service = this.#pick(this.#services);
    if (service !== undefined) this.#order(`-E ${service.key} -s ${this.#pick(this.#options.schedulers)} ${service.options}`);
  }

  /** Goes and comes back, with some of its servers. */
  #service(): void {
    const service = this.#pick(this.#services);
    if (service === undefined) return;
    this.#order(`-D ${service.key}`);
    this.#serversOf(service).clear();
    if (this.#below(2) === 0) this.#time(this.#below(10));
    this.#addService(service);
  }

  #sysctl(): void {
    const name = this.#pick(["expire_nodest_conn", "expire_quiescent_template", "conn_reuse_mode", "sloppy_tcp"]) ?? "";
    const value = name === "conn_reuse_mode" ? this.#pick([0, 1, 1, 3]) : this.#below(2);
    this.#tell(`sysctl ${name}=${value}`);
    this.#both((engine) => engine.sysctl(`net.ipv4.vs.${name}`, value ?? 0));
    // IPVS looks for connections that have lost their server when a server is deleted; we always do while the sysctl says so.
    if (name === "expire_nodest_conn" && value === 1) this.#serverGoes();
  }

  #time(seconds: number): void {
    this.#seconds += 2 * seconds;
    this.#tell(`${2 * seconds} s later`);
    this.#both((engine, nowMs) => engine.advance(nowMs));
  }

  #addService(service: CourseService): void {
    this.#order(`-A ${service.key} -s ${this.#pick(this.#options.schedulers)} ${service.options}`);
    for (const server of service.servers.slice(0, 2 + this.#below(3))) this.#addServer(service, server);
  }

  #addServer(service: CourseService, server: string): void {
    this.#serversOf(service).add(server);
    this.#order(`-a ${service.key} -r ${server} ${service.method} -w ${1 + this.#below(4)}`);
  }

  #serversOf(service: CourseService): Set<string> {
    const known = this.#present.get(service) ?? new Set();
    this.#present.set(service, known);
    return known;
  }

  #order(line: string): void {
    this.#tell(`ipvsadm ${line}`);
    const { reference, director } = this.#options;
    const parsed = order(line);
    this.#same("the order", director.order(parsed, this.#nowMs), reference.order(parsed, this.#nowMs));
  }

  #newFlow(service: CourseService): Flow["packet"] {
    const client = this.#pick(clientsOf(service));
    const port = this.#pick(service.ports);
    if (client === undefined || port === undefined) throw new Error("a service without clients");
    return { client, clientPort: 1024 + this.#below(60_000), address: service.address, port, mark: service.mark };
  }

  /** The first packet of a flow; what may go on is remembered. */
  #begin(packet: Flow["packet"], service: CourseService): Flow | undefined {
    const { protocol } = service;
    const segment: Segment =
      protocol === "tcp" ? { protocol, flags: SYN } : protocol === "sctp" ? { protocol, chunk: "INIT" } : { protocol };
    const verdict = this.#incoming({ ...packet, segment });
    if (verdict.kind !== "forward") return undefined;
    const flow = { packet, service, verdict };
    if (this.#flows.length < FLOWS_MAX) this.#flows.push(flow);
    else this.#flows[this.#below(FLOWS_MAX)] = flow;
    return flow;
  }

  #fromClient({ packet }: Flow, segment: Segment): void {
    this.#incoming({ ...packet, segment });
  }

  #incoming(packet: ClientPacket): Verdict {
    const { reference, director } = this.#options;
    const flags =
      packet.segment.protocol === "tcp"
        ? Object.entries(packet.segment.flags)
            .filter(([, on]) => on)
            .map(([name]) => name)
        : [];
    const wanted = reference.incoming(packet, this.#nowMs);
    this.#tell(
      `${packet.segment.protocol} ${flags.join("+")} ${formatEndpoint(packet.client, packet.clientPort)} > ${formatEndpoint(packet.address, packet.port)}: ${describe(wanted)}`,
    );
    const found = director.incoming(packet, this.#nowMs);
    // The director sends no more errors than a limit allows; then it only drops.
    if (wanted.kind === "unreachable" && found.kind === "drop") return wanted;
    this.#same("the packet", describe(found), describe(wanted));
    return wanted;
  }

  /** Only NAT brings the server's packets past the director. */
  #fromServer({ packet, verdict }: Flow, segment: Segment): void {
    if (verdict.kind !== "forward" || verdict.method !== "nat") return;
    const { client, clientPort } = packet;
    this.#tell(
      `${segment.protocol} reply of ${formatEndpoint(verdict.server.address, verdict.server.port)} to ${formatEndpoint(client, clientPort)}`,
    );
    this.#both((engine, nowMs) => engine.outgoing({ server: verdict.server, client, clientPort, segment }, nowMs));
  }

  #both(work: (engine: CaseEngine, nowMs: number) => void): void {
    work(this.#options.reference, this.#nowMs);
    work(this.#options.director, this.#nowMs);
  }

  #same(what: string, found: unknown, wanted: unknown): void {
    assert.deepEqual(found, wanted, `${what}, ${this.#seconds} s from the beginning, after\n${this.#told.join("\n")}\n`);
  }

  #tell(line: string): void {
    this.#told.push(line);
    if (this.#told.length > TOLD_MAX) this.#told.shift();
  }

  #below(bound: number): number {
    return Math.floor(this.#options.random() * bound);
  }

  #pick<T>(all: readonly T[]): T | undefined {
    return all[this.#below(all.length)];
  }
}

function describe(verdict: Verdict): string {
  return verdict.kind === "forward" ? `${verdict.method} ${formatEndpoint(verdict.server.address, verdict.server.port)}` : verdict.kind;
}
