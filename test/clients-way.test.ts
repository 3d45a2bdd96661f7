/** Checks on the clients' way, in a lab: they reach the one server as its clients do, and find it sick where its clients would. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { filters } from "../src/kernel/clsact.ts";
import { getLink } from "../src/kernel/links.ts";
import { inNamespace } from "../src/kernel/namespace.ts";
import { programName, queryTcx } from "../src/kernel/tcx.ts";
import { watching } from "../src/lab/capture.ts";
import { namespaceFile, runInside } from "../src/lab/commands.ts";
import { directorFile, runOnDirector } from "../src/lab/director.ts";
import { down, up } from "../src/lab/lab.ts";
import { makeMistake, mend } from "../src/lab/mishaps.ts";
import { ADDRESSES, LAN, type LabOptions, namespaceOf, PORTS, serverAddress, serverNames } from "../src/lab/topology.ts";
import { sendHttp } from "../src/lab/traffic.ts";
import type { Family } from "../src/model/address.ts";
import { GUE_PORT } from "../src/realserver/options.ts";
import { type Asker, startAsker, type WayInWords } from "./clients-way/questions.ts";
import { need } from "./need.ts";

const FAMILIES = ["ipv4", "ipv6"] as const;

interface Scene {
  readonly lab: LabOptions;
  readonly asker: Asker;
  readonly way: (server: string, family: Family, more?: Partial<WayInWords>) => WayInWords;
  readonly onDirector: (...command: readonly string[]) => string;
}

let count = 0;

async function inLab(t: TestContext, options: Partial<LabOptions>, work: (scene: Scene) => Promise<void>): Promise<void> {
  if (!need(t, "root", "bpf", "command:ip", "command:tcpdump")) return;
  const lab = await up({ name: `way${process.pid % 10_000}${++count}`, servers: 2, ...options });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  const asker = startAsker(lab.name);
  t.after(() => asker.end());
  const { method, tunnel: type } = lab;
  const tunnel = method === "tun" && type !== "ipip" ? { tunnel: type === "gue" ? { type, port: GUE_PORT } : { type } } : {};
  const way: Scene["way"] = (server, family, more = {}) => ({
    vip: ADDRESSES.vip[family],
    address: serverAddress(server)[family],
    port: PORTS.http,
    method,
    ...tunnel,
    ...more,
  });
  const onDirector = (...command: readonly string[]) => runInside(lab.name, namespaceOf(lab.name, "director"), command);
  const everyWay = FAMILIES.flatMap((family) =>
    serverNames(lab.servers).flatMap((server) => [way(server, family), way(server, family, { port: PORTS.udp, protocol: "udp" })]),
  );
  const { troubles } = await asker.sync(everyWay);
  assert.deepEqual(troubles, []);
  // Cables and neighbours that have just come up may lose a first packet, and a second one follows after a second only.
  for (const family of FAMILIES)
    for (const server of serverNames(lab.servers)) {
      const { outcome } = await asker.check(way(server, family), "tcp", {}, { direct: true, withinMs: 5000 });
      assert.equal(outcome, "pass", `${server} does not answer at all`);
    }
  await work({ lab, asker, way, onDirector });
}

/** Where there is none, filters outlive who made them. */
const hasTcx = (): boolean => queryTcx(1) !== undefined;

/** What runs on the director's LAN side. */
function programsOn(lab: LabOptions): readonly string[] {
  return inNamespace(namespaceFile(namespaceOf(lab.name, "director")), () => {
    const { index } = getLink(LAN);
    const names = (["ingress", "egress"] as const).flatMap((way) =>
      hasTcx() ? (queryTcx(index, way) ?? []).map(programName) : filters(index, way).map(({ name = "" }) => name.split(":")[0] ?? ""),
    );
    // A classifier's own head has no name.
    return names.filter((name) => name !== "").toSorted();
  });
}

/** Its page says who it is. */
const isServer = (name: string) => ({ contains: `"server":"${name}"` });

async function expectPass(asker: Asker, way: WayInWords, kind: string, options: unknown = {}, direct = false): Promise<void> {
  const verdict = await asker.check(way, kind, options, { direct });
  assert.equal(verdict.outcome, "pass", `${kind} ${JSON.stringify(way)}: ${JSON.stringify(verdict)}`);
}

async function expectFail(asker: Asker, way: WayInWords, kind: string, options: unknown = {}): Promise<void> {
  const verdict = await asker.check(way, kind, options, { withinMs: 700 });
  assert.equal(verdict.outcome, "fail", `${kind} ${JSON.stringify(way)}: ${JSON.stringify(verdict)}`);
}

test("DR: a check passes through the hidden address of each server, and fails where that is missing, though a direct one passes", (t) =>
  inLab(t, { method: "dr" }, async ({ lab, asker, way }) => {
    for (const family of FAMILIES)
      for (const server of serverNames(lab.servers)) {
        await expectPass(asker, way(server, family), "tcp");
        await expectPass(asker, way(server, family), "http", isServer(server));
      }
    runInside(lab.name, namespaceOf(lab.name, "rs1"), ["ip", "addr", "flush", "dev", "lo", "to", `${ADDRESSES.vip.ipv4}/32`]);
    runInside(lab.name, namespaceOf(lab.name, "rs1"), ["ip", "addr", "flush", "dev", "lo", "to", `${ADDRESSES.vip.ipv6}/128`]);
    for (const family of FAMILIES) {
      await expectFail(asker, way("rs1", family), "tcp");
      await expectPass(asker, way("rs1", family), "tcp", {}, true);
      await expectPass(asker, way("rs2", family), "http", isServer("rs2"));
    }
  }));

for (const tunnel of ["ipip", "gre", "gue"] as const)
  test(`TUN by ${tunnel}: a check passes through the tunnel to each server, and fails where nothing takes the outer header off`, (t) =>
    inLab(t, { method: "tun", tunnel }, async ({ lab, asker, way }) => {
      for (const family of FAMILIES)
        for (const server of serverNames(lab.servers)) {
          await expectPass(asker, way(server, family), "tcp");
          await expectPass(asker, way(server, family), "http", isServer(server));
        }
      // More than a segment: what the server offers is lowered by what the tunnel takes.
      const body = "x".repeat(20_000);
      for (const family of FAMILIES)
        await expectPass(asker, way("rs1", family), "http", { method: "POST", path: "/upload", body, contains: '"bytes":20000' });
      await makeMistake("decap", "rs1", lab.name);
      for (const family of FAMILIES) {
        await expectFail(asker, way("rs1", family), "tcp");
        await expectPass(asker, way("rs1", family), "tcp", {}, true);
        await expectPass(asker, way("rs2", family), "http", isServer("rs2"));
      }
      await mend(lab.name);
      for (const family of FAMILIES) await expectPass(asker, way("rs1", family), "http", isServer("rs1"));
    }));

for (const method of ["dr", "tun"] as const)
  test(`${method}: so it is where XDP stands in front, and where no card puts off its checksums`, (t) =>
    inLab(t, { method, hook: "xdp", offload: false }, async ({ lab, asker, way }) => {
      for (const family of FAMILIES)
        for (const server of serverNames(lab.servers)) {
          await expectPass(asker, way(server, family), "http", isServer(server));
          const udp = way(server, family, { port: PORTS.udp, protocol: "udp" });
          await expectPass(asker, udp, "udp", { payload: "hello", contains: `${server} ` });
        }
    }));

for (const method of ["dr", "tun"] as const)
  test(`${method}: a datagram goes the clients' way too, and that nothing listens is known at once`, (t) =>
    inLab(t, { method }, async ({ lab, asker, way }) => {
      for (const family of FAMILIES)
        for (const server of serverNames(lab.servers)) {
          const udp = way(server, family, { port: PORTS.udp, protocol: "udp" });
          await expectPass(asker, udp, "udp", { payload: "hello", contains: `${server} ` });
          await expectPass(asker, udp, "udp", { payload: "hello", require_reply: true });
          // The host's own word (ICMP), of a packet that the socket never sent as it was.
          const closed = await asker.check(udp, "udp", { payload: "hello", port: 9 });
          assert.equal(closed.outcome === "fail" && closed.reason, "nothing listens there: the port is closed (ICMP)");
          const refused = await asker.check(way(server, family), "tcp", { port: 9 });
          assert.equal(refused.outcome === "fail" && refused.reason, "connection refused");
        }
    }));

test("only the one server is asked, at the virtual address, and no client hears of it", (t) =>
  inLab(t, { method: "dr" }, async ({ lab, asker, way }) => {
    const told = (lines: readonly string[] = []) => lines.filter((line) => line !== "");
    for (const family of FAMILIES) {
      const places = ["rs1", "rs2"].map((node) => ({
        node,
        device: "eth0",
        filter: `tcp[tcpflags] & tcp-syn != 0 and dst port ${PORTS.http} or (ip6 and tcp dst port ${PORTS.http})`,
      }));
      const [asked, other] = await watching(lab.name, places, async ([one, two]) => {
        for (let i = 0; i < 10; i++) await expectPass(asker, way("rs1", family), "tcp");
        const lines = await one?.until((seen) => told(seen).length >= 10);
        return [told(lines), told(await two?.until(() => false, 200))];
      });
      assert.ok(asked !== undefined && asked.length >= 10);
      assert.ok(
        asked.every((line) => line.includes(`> ${ADDRESSES.vip[family]}.${PORTS.http}:`)),
        asked.join("\n"),
      );
      assert.deepEqual(other, []);
    }
  }));

test("whether a server hides its address well does not matter to the check, once it knows the director's card", (t) =>
  inLab(t, { method: "dr" }, async ({ lab, asker, way, onDirector }) => {
    await makeMistake("arp", "rs2", lab.name);
    // It would ask for the director's card under the virtual address, which is the director's own: that gets no answer. It learns it when it is asked.
    onDirector("ip", "neigh", "flush", "dev", LAN);
    for (const family of FAMILIES)
      for (const server of serverNames(lab.servers)) await expectPass(asker, way(server, family), "http", isServer(server));
  }));

test("clients are served as before while servers are checked, and nothing is left when the checker ends or is killed", (t) =>
  inLab(t, { method: "tun" }, async ({ lab, asker, way }) => {
    let checking = true;
    let made = 0;
    const checks = Promise.all(
      FAMILIES.flatMap((family) =>
        serverNames(lab.servers).map(async (server) => {
          for (; checking; made++) await expectPass(asker, way(server, family), "http", isServer(server));
        }),
      ),
    );
    for (const family of FAMILIES) {
      const { failed, servers } = await sendHttp({ ...lab, family }, { requests: 1000, concurrency: 8 });
      assert.equal(failed, 0);
      assert.deepEqual(servers, { rs1: 500, rs2: 500 });
    }
    checking = false;
    await checks;
    t.diagnostic(`${made} checks beside 2000 requests`);
    assert.ok(made > 100);
    assert.deepEqual(programsOn(lab), ["director", "probe_in", "probe_out"]);
    await asker.kill();
    assert.deepEqual(programsOn(lab), hasTcx() ? ["director"] : ["director", "probe_in", "probe_out"]);
    const another = startAsker(lab.name);
    await another.sync([way("rs1", "ipv4")]);
    await expectPass(another, way("rs1", "ipv4"), "http", isServer("rs1"));
    await another.sync([]);
    assert.deepEqual(programsOn(lab), ["director"]);
    assert.equal((await another.check(way("rs1", "ipv4"), "tcp")).outcome, "unable");
    await another.end();
  }));

test("the packet path is attached and taken off beside the checks' programs", (t) =>
  inLab(t, { method: "dr" }, async ({ lab, asker, way }) => {
    await runOnDirector(lab.name, ["teardown"]);
    // Filters it took for somebody's who is dead.
    if (!hasTcx()) await asker.sync([way("rs1", "ipv4"), way("rs1", "ipv6"), way("rs2", "ipv6")]);
    assert.deepEqual(programsOn(lab), ["probe_in", "probe_out"]);
    await expectPass(asker, way("rs1", "ipv4"), "http", isServer("rs1"));
    await runOnDirector(lab.name, ["apply", directorFile(lab.name)]);
    assert.deepEqual(programsOn(lab), ["director", "probe_in", "probe_out"]);
    for (const family of FAMILIES) {
      await expectPass(asker, way("rs1", family), "http", isServer("rs1"));
      assert.equal((await sendHttp({ ...lab, family }, { requests: 100 })).failed, 0);
    }
    // Programs that were loaded anew take their place beside them too.
    await runOnDirector(lab.name, ["apply", "--reload", directorFile(lab.name)]);
    await expectPass(asker, way("rs2", "ipv6"), "http", isServer("rs2"));
  }));

test("by NAT a check is the direct one; and one that cannot go the clients' way says why", (t) =>
  inLab(t, { method: "nat" }, async ({ asker, way }) => {
    await expectPass(asker, way("rs1", "ipv4"), "http", isServer("rs1"));
    const mixed = await asker.check({ ...way("rs1", "ipv4"), vip: ADDRESSES.vip.ipv6, method: "tun" }, "tcp");
    assert.ok(mixed.outcome === "unable" && /different families/.test(mixed.reason), JSON.stringify(mixed));
  }));

test("of a service by mark the check says which virtual address is meant", (t) =>
  inLab(t, { method: "tun" }, async ({ asker, way }) => {
    for (const family of FAMILIES) {
      const marked = way("rs1", family, { mark: 7, vip: family === "ipv4" ? "0.0.0.0" : "::" });
      await asker.sync([marked]);
      await expectPass(asker, marked, "http", { ...isServer("rs1"), address: ADDRESSES.vip[family] });
      const silent = await asker.check(marked, "tcp");
      assert.ok(silent.outcome === "unable" && /has to say one/.test(silent.reason), JSON.stringify(silent));
    }
  }));

test("a packet that left beside the programs, because the route is another by now, makes no verdict", (t) =>
  inLab(t, { method: "dr" }, async ({ asker, way, onDirector }) => {
    const here = way("rs1", "ipv4");
    await expectPass(asker, here, "tcp");
    onDirector("ip", "route", "add", `${here.address}/32`, "via", ADDRESSES.routerFront.ipv4);
    const strayed = await asker.check(here, "tcp");
    assert.equal(strayed.outcome, "unable", JSON.stringify(strayed));
    assert.equal((await asker.check(here, "http", isServer("rs1"))).outcome, "unable");
    const { interfaces } = await asker.sync([here]);
    assert.equal(interfaces?.length, 1);
    // A router forwards to the virtual address, which is the director's: by DR a server has to be a neighbour.
    assert.equal((await asker.check(here, "tcp")).outcome, "fail");
  }));
