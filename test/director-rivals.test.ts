/** A director beside others that use its host: they take its packet path, hold its lock, or take away the files that its checks have read. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import { rootCertificates } from "node:tls";
import { parseAddress } from "../src/model/address.ts";
import { GOOD, HEAVIER } from "./apply/configurations.ts";
import { type Host, hostFor, VIP } from "./apply/host.ts";
import { directorFor, until } from "./director/director.ts";
import { need } from "./need.ts";

const ME = { by: "the test" };
const AWAY = { environment: { EVENKEEL_SOCKET: "/nowhere" } };
const ALL = ["10.77.0.11 80 dr 3", "10.77.0.12 80 dr 1"];

const servers = (host: Host): readonly string[] | undefined => {
  const held = host.services() as { services: readonly { servers: readonly string[] }[] } | undefined;
  return held?.services.flatMap((service) => service.servers);
};

const HOLDER = `
import { withPacketPathLock } from ${JSON.stringify(new URL("../src/kernel/packet-path-lock.ts", import.meta.url).href)};
await withPacketPathLock(() => new Promise(() => { process.stdout.write("holds"); setInterval(() => undefined, 1000); }));
`;

/** Another process that changes the packet path, and is slow. Returns how to end it. */
async function lockHolder(t: TestContext, host: Host): Promise<() => Promise<void>> {
  const child = host.spawn([process.execPath, "--input-type=module", "-e", HOLDER], { stdio: ["ignore", "pipe", "inherit"] });
  const release = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  t.after(release);
  assert.ok(child.stdout);
  await once(child.stdout, "data");
  return release;
}

describe("a packet path that somebody took away", () => {
  test("is made anew at once, and said; nobody deleted what went with it", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const file = host.write("evenkeel.yaml", GOOD);
    const director = await directorFor(t, host, file);
    assert.equal(host.evenkeel(["teardown"], AWAY).status, 0);
    await until("made anew", () => servers(host)?.length === 2, 5000);
    assert.deepEqual(servers(host), ALL);
    assert.match((await director.told("warning"))[0]?.story.text ?? "", /took the packet path away/);
    assert.deepEqual((await director.ask("status")).adopted, []);
    assert.deepEqual(await director.told("adopted"), []);

    // By somebody who made another one in its place, before the director could look.
    const { pid } = await director.ask("status");
    process.kill(pid, "SIGSTOP");
    assert.equal(host.evenkeel(["teardown"], AWAY).status, 0);
    assert.equal(host.evenkeel(["ipvsadm", "-A", "-t", "192.0.2.10:81"], AWAY).status, 0);
    process.kill(pid, "SIGCONT");
    await until("as configured", async () =>
      (await director.told("change")).some(({ story }) => story.text === "delete service tcp 192.0.2.10:81"),
    );
    assert.deepEqual(servers(host), ALL);
    await director.kill();
    const again = await directorFor(t, host, file);
    assert.equal((await again.told("configuration-applied")).at(-1)?.story.changes, 0);
  });
});

describe("while another process holds the packet path", () => {
  test("a drain is not over before the server has ceased to get new connections, nor told to be health's doing", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", GOOD));
    const release = await lockHolder(t, host);
    const drained = director.ask("override", { server: "10.77.0.11" }, { kind: "drain", deadlineMs: 100 }, ME);
    await until("heard", async () => (await director.told("override-set")).length === 1);
    await new Promise((done) => setTimeout(done, 1500));
    assert.deepEqual(await director.told("drain-finished"), []);
    await release();
    await drained;
    await until("drained", async () => (await director.told("drain-finished")).length === 1);
    const [change] = (await director.told("change")).filter(({ story }) => story.text.includes("weight 3 -> 0"));
    assert.deepEqual(change?.cause, { kind: "operator", by: "the test" });
    const [finished] = await director.told("drain-finished");
    assert.ok((change?.seq ?? Infinity) < (finished?.seq ?? 0));
  });
});

describe("a configuration that nobody confirmed", () => {
  test("goes back though it could not at first", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", GOOD));
    await director.ask("apply", { text: HEAVIER, file: "heavier.yaml", confirmWithinMs: 500 }, ME);
    // As when an address was taken off: the former configuration does not fit this host for a while.
    host.ip(`address del ${VIP}/32 dev eth0`);
    await until("said", async () => (await director.ask("status")).troubles.some((text) => /could not be taken back/.test(text)));
    host.ip(`address add ${VIP}/32 dev eth0`);
    await until("rolled back", async () => (await director.told("configuration-rolled-back")).length === 1);
    assert.deepEqual(servers(host), ALL);
    assert.deepEqual((await director.ask("status")).troubles, []);
  });
});

describe("a file that a check has read and that is gone", () => {
  test("keeps nobody from edits by hand", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const ca = host.write("ca.pem", rootCertificates[0] ?? "");
    const checked = GOOD.replace("    servers:", `    checks: [{ tls: { ca: ${ca} }, interval: 60s }]\n    servers:`);
    assert.notEqual(checked, GOOD);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", checked));
    rmSync(ca);
    const service = { address: parseAddress("192.0.2.10"), port: 80, protocol: "tcp" as const };
    const server = { address: parseAddress("10.77.0.13"), port: 80, method: "dr" as const, weight: 2 };
    await director.ask("edit", [{ kind: "add-server", service, server }], {}, ME);
    assert.deepEqual(servers(host), [...ALL, "10.77.0.13 80 dr 2"]);
    assert.equal((await director.ask("status")).adopted.length, 1);
    await director.ask("forgetAdopted", ME);
    assert.deepEqual(servers(host), ALL);
  });
});

describe("what was done by hand while no director ran", () => {
  test("is taken back by the next one, which keeps what the one before had adopted", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const file = host.write("evenkeel.yaml", GOOD);
    const director = await directorFor(t, host, file);
    const byHand = ["ipvsadm", "-a", "-t", "192.0.2.10:80", "-g", "-r"];
    assert.equal(host.evenkeel([...byHand, "10.77.0.13"], AWAY).status, 0);
    await until("adopted at once", async () => (await director.told("adopted")).length === 1, 5000);
    await director.kill();
    assert.equal(host.evenkeel([...byHand, "10.77.0.14"], AWAY).status, 0);
    const again = await directorFor(t, host, file);
    assert.equal((await again.told("configuration-applied")).at(-1)?.story.changes, 1);
    assert.deepEqual(servers(host), [...ALL, "10.77.0.13 80 dr 1"]);
  });
});
