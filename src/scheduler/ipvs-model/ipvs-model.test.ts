import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "../../model/address.ts";
import type { TcpFlags } from "../../model/tcp-states.ts";
import { schedulers } from "../index.ts";
import { lots } from "../scheduler.contract.ts";
import type { DestinationFacts } from "./destination.ts";
import { IpvsModel, type Verdict } from "./ipvs-model.ts";
import { connectionLine, serverRow } from "./listing.ts";
import type { ServiceKey, ServiceRules } from "./service.ts";

const VIP = parseAddress("192.0.2.1");
const WEB: ServiceKey = { kind: "address", protocol: "tcp", address: VIP, port: 80 };
const DNS: ServiceKey = { kind: "address", protocol: "udp", address: VIP, port: 53 };

const flags = (text: string): TcpFlags => ({
  syn: text.includes("S"),
  ack: text.includes("A"),
  fin: text.includes("F"),
  rst: text.includes("R"),
});

function rules(schedulerName: keyof typeof schedulers, facts: Partial<ServiceRules> = {}): ServiceRules {
  const scheduler = schedulers[schedulerName];
  return { schedulerName, scheduler, fallback: false, usePort: false, onePacket: false, persistence: undefined, ...facts };
}

function facts(host: number, other: Partial<DestinationFacts> = {}): DestinationFacts {
  const address = parseAddress(`10.0.0.${host}`);
  return { address, port: 80, weight: 1, method: "nat", upperThreshold: 0, lowerThreshold: 0, ...other };
}

/** A director with one service, and clients that are numbers. */
class Bench {
  readonly model = new IpvsModel(lots(7));
  nowMs = 0;
  readonly key: ServiceKey;

  constructor(key: ServiceKey, serviceRules: ServiceRules, servers: readonly DestinationFacts[]) {
    this.key = key;
    assert.equal(this.model.addService(key, serviceRules, 0), undefined);
    for (const server of servers) assert.equal(this.model.addServer(key, server), undefined);
  }

  pass(seconds: number): void {
    this.nowMs += seconds * 1000;
    this.model.advance(this.nowMs);
  }

  client(number: number, segment: string, to: { port?: number; mark?: number; clientPort?: number } = {}): Verdict {
    const udp = this.key.kind === "address" && this.key.protocol === "udp";
    const verdict = this.model.incoming(
      {
        client: parseAddress(`198.51.100.${number}`),
        clientPort: to.clientPort ?? 40000,
        address: VIP,
        port: to.port ?? (this.key.kind === "address" ? this.key.port : 80),
        mark: to.mark ?? 0,
        segment: udp ? { protocol: "udp" } : { protocol: "tcp", flags: flags(segment) },
      },
      this.nowMs,
    );
    this.model.advance(this.nowMs);
    return verdict;
  }

  server(host: number, number: number, segment: string, port = 80): boolean {
    const client = parseAddress(`198.51.100.${number}`);
    const server = { address: parseAddress(`10.0.0.${host}`), port };
    return this.model.outgoing({ server, client, clientPort: 40000, segment: { protocol: "tcp", flags: flags(segment) } }, this.nowMs);
  }

  /** Opens a connection by the whole handshake; the server's last number, or what became of the SYN. */
  open(number: number, to: { port?: number; mark?: number; clientPort?: number } = {}): number | string {
    const verdict = this.client(number, "S", to);
    if (verdict.kind !== "forward") return verdict.kind;
    const host = verdict.server.address.bytes[3] ?? 0;
    this.server(host, number, "SA", verdict.server.port);
    this.client(number, "A", to);
    return host;
  }

  /** "active/inactive" of each server, in walk order. */
  get counts(): string {
    const rows = this.model.services.flatMap((service) => service.destinations.map(serverRow));
    return rows.map(([, , active, inactive]) => `${active}/${inactive}`).join(" ");
  }

  get lines(): string[] {
    return this.model.connections().map((connection) => connectionLine(connection, this.nowMs));
  }
}

test("a connection is active from its SYN until it closes, and gone two minutes later", () => {
  const bench = new Bench(WEB, rules("rr"), [facts(1)]);
  bench.client(1, "S");
  assert.equal(bench.counts, "1/0");
  bench.server(1, 1, "SA");
  bench.client(1, "A");
  bench.client(1, "FA");
  assert.equal(bench.counts, "0/1");
  bench.server(1, 1, "FA");
  assert.match(bench.lines[0] ?? "", /TIME_WAIT 120$/);
  bench.pass(119);
  assert.equal(bench.counts, "0/1");
  bench.pass(1);
  assert.equal(bench.counts, "0/0");
});

test("with DR, where the server is not seen, a client's FIN means FIN_WAIT", () => {
  const bench = new Bench(WEB, rules("rr"), [facts(1, { method: "dr" })]);
  bench.client(1, "S");
  bench.client(1, "A");
  bench.client(1, "FA");
  assert.match(bench.lines[0] ?? "", /FIN_WAIT 120$/);
});

test("a segment in the middle of a connection that is not known is not ours, unless sloppy_tcp", () => {
  const bench = new Bench(WEB, rules("rr"), [facts(1)]);
  assert.equal(bench.client(1, "A").kind, "pass");
  bench.model.sysctls.sloppy_tcp = 1;
  assert.equal(bench.client(1, "A").kind, "forward");
  assert.equal(bench.client(2, "R").kind, "pass");
});

test("without a server the client is told that the port is unreachable", () => {
  const bench = new Bench(WEB, rules("rr"), [facts(1, { weight: 0 })]);
  assert.equal(bench.client(1, "S").kind, "unreachable");
  assert.equal(bench.client(1, "S", { port: 81 }).kind, "pass");
});

test("a server at its upper threshold gets nothing new until it has less than three quarters", () => {
  const bench = new Bench(WEB, rules("rr"), [facts(1, { upperThreshold: 4 })]);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((number) => bench.open(number)),
    [1, 1, 1, 1, "unreachable"],
  );
  bench.client(1, "R");
  bench.pass(10);
  assert.equal(bench.counts, "3/0");
  assert.equal(bench.open(5), "unreachable");
  bench.client(2, "R");
  bench.pass(10);
  assert.equal(bench.open(5), 1);
});

test("a lower threshold of its own says when a server is released", () => {
  const bench = new Bench(WEB, rules("rr"), [facts(1, { upperThreshold: 3, lowerThreshold: 1 })]);
  for (const number of [1, 2, 3]) bench.open(number);
  for (const number of [1, 2]) bench.client(number, "R");
  bench.pass(10);
  assert.equal(bench.open(4), "unreachable");
  bench.client(3, "R");
  bench.pass(10);
  assert.equal(bench.open(4), 1);
});

test("an edited threshold overloads or releases at once", () => {
  const bench = new Bench(WEB, rules("rr"), [facts(1)]);
  for (const number of [1, 2]) bench.open(number);
  bench.model.editServer(WEB, facts(1, { upperThreshold: 2 }));
  assert.equal(bench.open(3), "unreachable");
  bench.model.editServer(WEB, facts(1, { upperThreshold: 20 }));
  assert.equal(bench.open(3), 1);
  bench.model.editServer(WEB, facts(1, { upperThreshold: 1 }));
  assert.equal(bench.open(4), "unreachable");
  bench.model.editServer(WEB, facts(1));
  assert.equal(bench.open(4), 1);
});

test("a server that is deleted and added again has its connections and its counters back", () => {
  const bench = new Bench(WEB, rules("wlc"), [facts(1), facts(2)]);
  for (const number of [1, 2, 3]) bench.open(number);
  assert.equal(bench.counts, "2/0 1/0");
  bench.model.deleteServer(WEB, facts(1), bench.nowMs);
  assert.equal(bench.client(2, "A").kind, "drop", "it hangs as long as its server is gone");
  bench.model.addServer(WEB, facts(1));
  assert.equal(bench.counts, "1/0 2/0");
  assert.equal(bench.client(2, "A").kind, "forward");
});

test("a service that is deleted and made again finds its servers in the trash", () => {
  const bench = new Bench(WEB, rules("rr"), [facts(1)]);
  bench.open(1);
  bench.model.deleteService(WEB, bench.nowMs);
  bench.model.addService(WEB, rules("rr"), bench.nowMs);
  bench.model.addServer(WEB, facts(1));
  assert.equal(bench.counts, "1/0");
});

test("with expire_nodest_conn the connections of a deleted server go with it", () => {
  const bench = new Bench(WEB, rules("rr"), [facts(1), facts(2)]);
  bench.model.sysctls.expire_nodest_conn = 1;
  assert.deepEqual([bench.open(1), bench.open(2)], [2, 1]);
  bench.model.deleteServer(WEB, facts(2), bench.nowMs);
  assert.equal(bench.lines.length, 1);
  assert.equal(bench.client(1, "A").kind, "pass");
  assert.equal(bench.open(1), 1);
});

test("a SYN on a finished connection is scheduled anew, unless conn_reuse_mode is 0", () => {
  for (const [mode, expected] of [
    [1, 1],
    [0, 2],
  ] as const) {
    const bench = new Bench(WEB, rules("rr"), [facts(1), facts(2)]);
    bench.model.sysctls.conn_reuse_mode = mode;
    assert.equal(bench.open(1), 2);
    bench.client(1, "R");
    assert.equal(bench.open(1), expected);
    assert.equal(bench.lines.length, 1);
  }
});

test("a persistent client stays with its server, whatever its weight, until its template expires", () => {
  const persistence = { timeoutSeconds: 300, prefixLength: 32 };
  const bench = new Bench(WEB, rules("rr", { persistence }), [facts(1), facts(2)]);
  assert.equal(bench.open(1), 2);
  bench.model.editServer(WEB, facts(2, { weight: 0 }));
  bench.client(1, "R");
  assert.equal(bench.open(1, { clientPort: 40001 }), 2);
  assert.ok(bench.lines.some((line) => line.startsWith("TCP C6336401 0000 C0000201 0050 0A000002 0050 ASSURED 300")));
  bench.client(1, "R", { clientPort: 40001 });
  bench.pass(301);
  assert.deepEqual(bench.lines, []);
  assert.equal(bench.open(1), 1);
});

test("with expire_quiescent_template a quiesced server loses its persistent clients", () => {
  const persistence = { timeoutSeconds: 300, prefixLength: 32 };
  const bench = new Bench(WEB, rules("rr", { persistence }), [facts(1), facts(2)]);
  bench.model.sysctls.expire_quiescent_template = 1;
  bench.open(1);
  bench.model.editServer(WEB, facts(2, { weight: 0 }));
  assert.equal(bench.open(1, { clientPort: 40001 }), 1);
  assert.ok(bench.lines.some((line) => line.startsWith("TCP C6336401 0000 C0000201 FFFF 0A000002 FFFF ASSURED")));
});

test("a template whose connections outlive it waits for them by the minute", () => {
  const persistence = { timeoutSeconds: 100, prefixLength: 24 };
  const bench = new Bench(WEB, rules("rr", { persistence }), [facts(1)]);
  bench.open(1);
  bench.pass(899);
  assert.equal(bench.lines.length, 2);
  bench.pass(61);
  assert.deepEqual(bench.lines, []);
});

test("a service for every port keeps a client together, but only a persistent one", () => {
  const everyPort: ServiceKey = { ...WEB, port: 0 } as ServiceKey;
  const servers = [facts(1, { port: 0 }), facts(2, { port: 0 })];
  const bench = new Bench(everyPort, rules("rr", { persistence: { timeoutSeconds: 300, prefixLength: 32 } }), servers);
  assert.deepEqual([bench.open(1, { port: 80 }), bench.open(1, { port: 443 }), bench.open(2, { port: 443 })], [2, 2, 1]);
  const plain = new Bench(everyPort, rules("rr"), servers);
  assert.equal(plain.open(1, { port: 80 }), "unreachable");
});

test("a service for a mark goes before one for an address", () => {
  const bench = new Bench(WEB, rules("rr"), [facts(1)]);
  const marked: ServiceKey = { kind: "mark", family: "ipv4", mark: 7 };
  bench.model.addService(marked, rules("rr"), 0);
  bench.model.addServer(marked, facts(2, { port: 0 }));
  assert.equal(bench.open(1), 1);
  assert.equal(bench.open(2, { mark: 7 }), 2);
  assert.equal(bench.open(3, { mark: 7, port: 8080 }), 2);
  assert.equal(bench.open(4, { mark: 8 }), 1);
});

test("one-packet scheduling chooses for every datagram and keeps nothing", () => {
  const bench = new Bench(DNS, rules("rr", { onePacket: true }), [facts(1, { port: 53 }), facts(2, { port: 53 })]);
  const hosts = Array.from({ length: 4 }, () => bench.client(1, "")).map((verdict) =>
    verdict.kind === "forward" ? verdict.server.address.bytes[3] : 0,
  );
  assert.deepEqual(hosts, [2, 1, 2, 1]);
  assert.deepEqual(bench.lines, []);
  assert.equal(bench.counts, "0/0 0/0");
});

test("orders that IPVS refuses are refused with its error", () => {
  const { model } = new Bench(WEB, rules("rr"), [facts(1)]);
  assert.equal(model.addService(WEB, rules("rr"), 0), "EEXIST");
  assert.equal(model.editService(DNS, rules("rr"), 0), "ESRCH");
  assert.equal(model.deleteService(DNS, 0), "ESRCH");
  assert.equal(model.addServer(WEB, facts(1)), "EEXIST");
  assert.equal(model.editServer(WEB, facts(9)), "ENOENT");
  assert.equal(model.deleteServer(WEB, facts(9), 0), "ENOENT");
  assert.equal(model.addServer(WEB, facts(2, { weight: -1 })), "ERANGE");
  assert.equal(model.addServer(WEB, facts(2, { upperThreshold: 1, lowerThreshold: 2 })), "ERANGE");
  assert.equal(model.addServer(WEB, facts(2, { address: parseAddress("2001:db8::1") })), "EINVAL");
});

test("counters are the sum of the connections at any time, and zero in the end", () => {
  const step = fc.record({
    what: fc.constantFrom("S", "A", "FA", "R", "server SA", "server FA", "delete", "add", "weigh", "wait"),
    number: fc.integer({ min: 1, max: 20 }),
    host: fc.integer({ min: 1, max: 4 }),
  });
  const persistence = fc.constantFrom(undefined, { timeoutSeconds: 30, prefixLength: 30 });
  const sysctls = fc.record({ expire_nodest_conn: fc.nat({ max: 1 }), conn_reuse_mode: fc.nat({ max: 3 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), persistence, sysctls, (script, kept, chosen) => {
      const bench = new Bench(
        WEB,
        rules("wlc", { persistence: kept }),
        [1, 2, 3].map((host) => facts(host, { upperThreshold: 5 })),
      );
      Object.assign(bench.model.sysctls, chosen);
      for (const { what, number, host } of script) {
        if (what === "delete") bench.model.deleteServer(WEB, facts(host), bench.nowMs);
        else if (what === "add") bench.model.addServer(WEB, facts(host));
        else if (what === "weigh") bench.model.editServer(WEB, facts(host, { weight: number % 4 }));
        else if (what === "wait") bench.pass(number);
        else if (what.startsWith("server")) bench.server(host, number, what.slice(7));
        else bench.client(number, what);
        assertCounted(bench);
      }
      bench.pass(3600);
      assert.deepEqual(bench.lines, []);
      assertCounted(bench);
    }),
  );
});

function assertCounted({ model }: Bench): void {
  for (const service of model.services) {
    for (const destination of service.destinations) {
      const its = model.connections().filter((connection) => connection.destination === destination);
      const plain = its.filter(({ state }) => state.protocol !== "template");
      assert.equal(destination.total, plain.length);
      assert.equal(destination.active, plain.filter(({ active }) => active).length);
      assert.equal(destination.persistent, its.length - plain.length);
    }
  }
}
