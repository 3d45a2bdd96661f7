/** A running director and its host: interfaces and addresses that come and go, services made by hand, drains of servers that have connections. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { describe, type TestContext, test } from "node:test";
import { createNamespace, deleteNamespace, inNamespace } from "../src/kernel/namespace.ts";
import { parseAddress } from "../src/model/address.ts";
import { GOOD, HEAVIER } from "./apply/configurations.ts";
import { type Host, hostFor, VIP } from "./apply/host.ts";
import { directorFor, until, webServers } from "./director/director.ts";
import { need } from "./need.ts";

const ME = { by: "the test" };

const attached = async (director: Awaited<ReturnType<typeof directorFor>>): Promise<string[]> =>
  (await director.ask("status")).attachments.map(({ interfaceName }) => interfaceName).toSorted();

describe("a director's interfaces", () => {
  test("that are configured and missing are waited for, and attached when they appear", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const interfaces = "interfaces: [{ name: eth0, hook: tc }, { name: eth7, hook: tc }]";
    const director = await directorFor(t, host, host.write("evenkeel.yaml", `${interfaces}\n${GOOD}`));
    assert.deepEqual(await attached(director), ["eth0"]);
    assert.match(
      (await director.ask("status")).warnings.join(),
      /evenkeel\.yaml:1:\d+: interfaces\[1\]\.name: eth7: there is no such interface yet/,
    );
    host.ip("link add eth7 type veth peer name eth7-peer");
    await director.ask("networkChanged", "eth7 appeared");
    assert.deepEqual(await attached(director), ["eth0", "eth7"]);
    const change = (await director.told("change")).at(-1);
    assert.deepEqual([change?.story.text, change?.cause], ["attach to eth7 (hook tc)", { kind: "network", what: "eth7 appeared" }]);
    host.ip("link delete eth7");
    await director.ask("networkChanged", "eth7 is gone");
    assert.deepEqual(await attached(director), ["eth0"]);
    assert.deepEqual((await director.ask("status")).troubles, []);
  });

  test("stay when a virtual address goes, which is a trouble until it is back", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", GOOD));
    const before = host.snapshot();
    host.ip(`address del ${VIP}/32 dev eth0`);
    await director.ask("networkChanged", "address gone");
    assert.match((await director.ask("status")).troubles.join(), /the virtual address 192\.0\.2\.10 is on no interface/);
    assert.deepEqual(host.snapshot(), before);
    // A machine that is starting has its addresses later.
    await director.kill();
    const again = await directorFor(t, host, `${host.directory}/evenkeel.yaml`);
    assert.match((await again.ask("status")).troubles.join(), /192\.0\.2\.10/);
    host.ip(`address add ${VIP}/32 dev eth0`);
    await again.ask("networkChanged", "address back");
    assert.deepEqual((await again.ask("status")).troubles, []);
    assert.deepEqual(host.snapshot().services, before.services);
  });

  test("are those of a service that is made by hand, too", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", "services: []\n"));
    assert.deepEqual(await attached(director), []);
    const service = { address: parseAddress(VIP), port: 80, protocol: "tcp" as const };
    await director.ask("edit", [{ kind: "add-service", service: { ...service, scheduler: "rr" } }], {}, ME);
    assert.deepEqual(await attached(director), ["eth0"]);
    await director.kill();
    const again = await directorFor(t, host, `${host.directory}/evenkeel.yaml`);
    assert.equal((await again.told("configuration-applied")).at(-1)?.story.changes, 0);
    await again.ask("edit", [{ kind: "clear" }], {}, ME);
    assert.deepEqual(await attached(again), []);
    assert.deepEqual((await again.ask("status")).adopted, []);
  });
});

describe("a plan", () => {
  test("shows what others changed, and leaves it to be adopted", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", GOOD));
    const byHand = ["ipvsadm", "-e", "-t", `${VIP}:80`, "-r", "10.77.0.11", "-g", "-w", "8"];
    assert.equal(host.evenkeel(byHand, { environment: { EVENKEEL_SOCKET: "/nowhere" } }).status, 0);
    const plan = await director.ask("plan", HEAVIER, "heavier.yaml");
    const edit = (change: string) => `edit server 10.77.0.11:80 of tcp 192.0.2.10:80: weight ${change}`;
    assert.deepEqual([plan.configuration, plan.drift, plan.changes], [[edit("3 -> 5")], [edit("8 -> 3")], [edit("8 -> 5")]]);
    assert.deepEqual(await director.told("adopted"), []);
    await director.ask("reload", ME);
    assert.deepEqual((await director.told("adopted"))[0]?.story.changes, [edit("3 -> 8")]);
    assert.equal((await director.ask("servers", { server: "10.77.0.11" }))[0]?.weight, 8);
  });
});

describe("a drain", () => {
  test("at its deadline cuts the connections that are left, counting from the operator's word, also over a restart", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    // The server is the host itself, so that no other has to be built; the client is behind eth0.
    const servers = webServers(t, host, ["10.77.0.11"]);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", GOOD.replace(/ +- { address: 10.77.0.12 }\n/, "")));
    await servers.start(VIP);
    await connectedClient(t, host);
    await until("connected", async () => (await director.ask("servers", { server: "10.77.0.11" }))[0]?.counters?.active === 1);
    const startMs = Date.now();
    await director.ask("override", { server: "10.77.0.11" }, { kind: "drain", deadlineMs: 3000 }, ME);
    await director.kill();
    const again = await directorFor(t, host, `${host.directory}/evenkeel.yaml`);
    await until("cut", async () => (await again.told("drain-cut")).length === 1);
    const [cut] = await again.told("drain-cut");
    assert.ok((cut?.atMs ?? 0) >= startMs + 3000);
    assert.deepEqual([cut?.story.connections, cut?.cause.kind], [1, "deadline"]);
    const [view] = await again.ask("servers", { server: "10.77.0.11" });
    assert.deepEqual([view?.counters?.active, view?.weight], [0, 0]);
  });
});

const CLIENT = `
const { connect } = require("node:net");
const socket = connect(80, process.argv[1], () => process.stdout.write("connected"));
socket.on("error", () => process.exit());
`;

/** With one connection, that stays open and says nothing. */
async function connectedClient(t: TestContext, host: Host): Promise<void> {
  const name = `director-client-${process.pid}`;
  const path = createNamespace(name);
  t.after(() => deleteNamespace(name));
  host.ip(`link set eth0-peer netns ${name}`);
  inNamespace(path, () => {
    for (const command of [
      "link set lo up",
      "link set eth0-peer up",
      "address add 198.51.100.2/24 dev eth0-peer",
      "route add default via 198.51.100.1",
    ])
      assert.equal(spawnSync("ip", command.split(" ")).status, 0, command);
  });
  const child = spawn("nsenter", [`--net=${path}`, process.execPath, "-e", CLIENT, VIP], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
}
