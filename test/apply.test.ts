/** `evenkeel apply`, `status` and `teardown` with the real program: what differs is changed and nothing else, whatever happened meanwhile. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { libbpf } from "../src/kernel/libbpf.ts";
import { libc } from "../src/kernel/libc.ts";
import { openMap } from "../src/kernel/maps.ts";
import { Host, type Run, VIP, VIP6 } from "./apply/host.ts";
import { compileKillAtBpf } from "./apply/programs.ts";
import { need } from "./need.ts";

const GOOD = `
services:
  - address: ${VIP}
    port: 80
    method: dr
    servers:
      - { address: 10.77.0.11, weight: 3 }
      - { address: 10.77.0.12 }
`;

/** Differs from GOOD in everything that can differ: hooks, services, scheduler, servers, weights, methods. */
const OTHER = `
interfaces:
  - { name: eth0, hook: xdp-generic }
  - { name: eth1, hook: tc }
services:
  - address: ${VIP}
    port: 80
    scheduler: rr
    method: nat
    servers:
      - { address: 10.77.0.12, weight: 7 }
      - { address: 10.77.0.13 }
  - address: "${VIP6}"
    port: 53
    protocol: udp
    method: tun
    servers:
      - { address: 10.77.0.14 }
`;

const NOTHING = "nothing to change\n";
const REMOVED = "removed the packet path from this network namespace\n";
const WITHOUT = "there was no packet path in this network namespace; nothing was changed\n";

function hostFor(t: TestContext): Host {
  const host = new Host();
  t.after(() => host.remove());
  return host;
}

function apply(host: Host, text: string, ...flags: readonly string[]): Run {
  return host.evenkeel(["apply", ...flags, "-"], { input: text });
}

function mustApply(host: Host, text: string, ...flags: readonly string[]): string {
  const run = apply(host, text, ...flags);
  assert.equal(run.status, 0, run.stderr);
  return run.stdout;
}

/** What a file makes of a host that had nothing. */
function expected(host: Host, text: string): unknown {
  mustApply(host, text);
  const services = host.services();
  host.evenkeel(["teardown"]);
  return services;
}

describe("apply", () => {
  test("twice does nothing the second time: not a link, a program or a byte is another", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    for (const text of [GOOD, OTHER]) {
      assert.match(mustApply(host, text), /applied \d+ changes\n$/);
      const standing = host.snapshot();
      assert.equal(mustApply(host, text), NOTHING);
      assert.deepEqual(JSON.parse(mustApply(host, text, "-o", "json")), {
        dryRun: false,
        changes: [],
        warnings: warningsOf(host, text),
        waysChanged: 0,
        portsRenewed: 0,
        created: false,
      });
      assert.deepEqual(host.snapshot(), standing);
    }
  });

  test("of another weight changes that weight alone", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    mustApply(host, GOOD);
    const { pins, devices } = host.held();
    const said = mustApply(host, GOOD.replace("weight: 3", "weight: 5"));
    assert.match(said, /^[^\n]*10\.77\.0\.11:80[^\n]*5[^\n]*\napplied 1 change\n$/);
    assert.deepEqual(host.held(), { pins, devices });
  });

  test("with --dry-run says what would change and changes nothing, not even the machine's mounts", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const bare = host.snapshot();
    const said = mustApply(host, GOOD, "--dry-run");
    assert.match(said, /\n2 changes would be applied\n$/);
    assert.deepEqual(host.snapshot(), bare);
    mustApply(host, GOOD);
    const standing = host.snapshot();
    assert.match(mustApply(host, OTHER, "--dry-run"), /changes would be applied\n$/);
    assert.deepEqual(host.snapshot(), standing);
  });

  test("with --reload changes programs and keeps maps, links and what they hold", (t) => {
    if (!need(t, "root", "command:ip", "tcx")) return;
    const host = hostFor(t);
    mustApply(host, OTHER);
    const before = host.snapshot();
    mustApply(host, OTHER, "--reload");
    const after = host.snapshot();
    assert.deepEqual(after.services, before.services);
    for (const [name, id] of Object.entries(before.pins)) {
      if (name.startsWith("programs/")) assert.notEqual(after.pins[name], id, name);
      else assert.equal(after.pins[name], id, name);
    }
    assert.ok(after.devices.some((device) => device.includes(`tcx [${after.pins["programs/director_tc"]}]`)));
  });

  test("says that a standing connection table keeps its size", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    mustApply(host, GOOD, "--connections", "1000");
    assert.equal(apply(host, GOOD, "--connections", "1000").stderr, "");
    assert.match(
      apply(host, GOOD, "--connections", "100000").stderr,
      /^warning: the packet path stands and keeps its room for \d+ connections/,
    );
  });

  test("loses nobody else's pins in the namespace, nor does teardown", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    mustApply(host, GOOD);
    const pins = host.pins();
    const map = pins.open("maps", "plans");
    assert.ok(map !== undefined);
    pins.pin("maps", "decap_vips", map);
    libc.close(map);
    assert.equal(host.evenkeel(["teardown"]).stdout, REMOVED);
    assert.deepEqual(pins.names("maps"), ["decap_vips"]);
    mustApply(host, GOOD);
    assert.ok(pins.names("maps").includes("decap_vips"));
    host.evenkeel(["teardown"]);
    pins.unpin("maps", "decap_vips");
    pins.prune();
    assert.equal(existsSync(pins.path), false);
  });
});

describe("apply after a change by hand", () => {
  const prepared = (t: TestContext, text: string): { host: Host; before: unknown } => {
    const host = hostFor(t);
    mustApply(host, text);
    return { host, before: host.services() };
  };

  test("attaches again what was detached", (t) => {
    if (!need(t, "root", "command:ip", "tcx")) return;
    const { host, before } = prepared(t, OTHER);
    for (const name of host.pins().names("links")) {
      const link = host.pins().open("links", name);
      assert.ok(link !== undefined);
      assert.equal(libbpf.bpf_link_detach(link), 0);
      libc.close(link);
      assert.notDeepEqual(host.services(), before);
      assert.match(mustApply(host, OTHER), /^attach to eth[01] [^\n]*\napplied 1 change\n$/);
      assert.deepEqual(host.services(), before);
    }
  });

  test("adds again a service that was deleted from the map", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const { host, before } = prepared(t, OTHER);
    const fd = host.pins().open("maps", "services");
    assert.ok(fd !== undefined);
    const services = openMap("services", fd);
    const [first] = services.entries();
    assert.ok(first !== undefined && services.delete(first[0]));
    libc.close(fd);
    assert.match(mustApply(host, OTHER), /^add service [^\n]*\napplied 1 change\n$/);
    assert.deepEqual(host.services(), before);
    assert.equal(mustApply(host, OTHER), NOTHING);
  });

  test("finds the new way to a server whose route is another", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const text = GOOD.replace("10.77.0.12", "10.99.0.12");
    host.ip("route add 10.99.0.0/16 via 10.77.0.250");
    mustApply(host, text);
    host.ip("route replace 10.99.0.0/16 via 10.77.0.251");
    assert.equal(mustApply(host, text), "found new ways to 1 server\n");
    assert.equal(mustApply(host, text), NOTHING);
    host.ip("route del 10.99.0.0/16");
    const run = apply(host, text);
    assert.equal(run.stdout, "found new ways to 1 server\n");
    assert.equal(run.stderr, "warning: there is no route to the server 10.99.0.12:80: packets for it are dropped (DROP_NO_ROUTE)\n");
  });

  test("attaches to an interface that went and came back, and forgets the one that went", (t) => {
    if (!need(t, "root", "command:ip", "tcx")) return;
    const { host, before } = prepared(t, OTHER);
    const links = host.pins().names("links");
    host.ip("link delete eth1");
    host.ip("link add eth1 type veth peer name eth1-peer");
    for (const name of ["eth1", "eth1-peer"]) host.ip(`link set ${name} up`);
    host.ip("address add 10.77.0.1/16 dev eth1");
    assert.match(mustApply(host, OTHER), /^attach to eth1 \(hook tc\)\n(found new ways to 3 servers\n)?applied 1 change\n$/);
    assert.deepEqual(host.services(), before);
    assert.equal(host.pins().names("links").length, links.length);
    assert.equal(mustApply(host, OTHER), NOTHING);
  });

  test("knows the MAC address that an interface was given", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const { host } = prepared(t, OTHER);
    host.ip("link set eth0 address 02:00:00:00:00:77");
    assert.equal(mustApply(host, OTHER), NOTHING);
    const index = Number(host.command("cat", "/sys/class/net/eth0/ifindex"));
    const fd = host.pins().open("maps", "ports");
    assert.ok(fd !== undefined);
    const port = openMap("ports", fd).lookup(index);
    libc.close(fd);
    assert.equal(Buffer.from(port?.mac ?? []).toString("hex"), "020000000077");
  });
});

function warningsOf(host: Host, text: string): readonly string[] {
  return (JSON.parse(mustApply(host, text, "-n", "-o", "json")) as { warnings: readonly string[] }).warnings;
}

describe("apply that is killed", () => {
  const TIMES = 20;
  const PLACES = 12;

  /** After whatever happened: one apply reaches what is wanted, the next does nothing, and nothing is left that nobody needs. */
  function checkHealed(host: Host, text: string, services: unknown, when: string): void {
    const run = apply(host, text);
    assert.equal(run.status, 0, `${when}: ${run.stderr}`);
    assert.deepEqual(host.services(), services, when);
    assert.equal(mustApply(host, text), NOTHING, when);
    assert.equal(serversHeld(host), text === OTHER ? 3 : 2, when);
  }

  function checkGone(host: Host, bare: ReturnType<Host["held"]>, when: string): void {
    host.evenkeel(["teardown"]);
    assert.deepEqual(host.held(), bare, when);
    assert.equal(existsSync(host.pins().path), false, when);
    assert.equal(host.evenkeel(["teardown"]).stdout, WITHOUT, when);
  }

  test("at random moments of creation is healed by the next one, and teardown leaves nothing", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const random = seeded(t);
    const services = expected(host, OTHER);
    const bare = host.held();
    const file = host.write("other.yaml", OTHER);
    for (let i = 0; i < TIMES; i++) {
      const afterMs = 20 + random() * 280;
      await startAndKill(host, ["apply", file], afterMs);
      const when = `killed after ${afterMs.toFixed(0)} ms`;
      if (i % 2 === 0) checkHealed(host, OTHER, services, when);
      checkGone(host, bare, when);
    }
  });

  test("at random moments of a change is healed by the next one, and maps are never lost", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const random = seeded(t);
    // "auto" would be content with the hook that stands.
    const texts = [`interfaces: [{ name: eth0, hook: tc }]${GOOD}`, OTHER];
    const services = texts.map((text) => expected(host, text));
    const files = texts.map((text, i) => host.write(`${i}.yaml`, text));
    const bare = host.held();
    mustApply(host, texts[0] ?? "");
    const connections = host.held().pins["maps/connections"];
    for (let i = 0; i < TIMES; i++) {
      const to = i % 2 === 0 ? 1 : 0;
      const afterMs = 20 + random() * 280;
      await startAndKill(host, ["apply", files[to] ?? "", ...(i % 4 > 1 ? ["--reload"] : [])], afterMs);
      checkHealed(host, texts[to] ?? "", services[to], `killed after ${afterMs.toFixed(0)} ms`);
      assert.equal(host.held().pins["maps/connections"], connections);
    }
    checkGone(host, bare, "at the end");
  });

  for (const [what, from, flags] of [
    ["creation", undefined, []],
    ["a change", GOOD, []],
    ["a change with reload", GOOD, ["--reload"]],
    ["teardown", OTHER, undefined],
  ] as const) {
    test(`before each of ${PLACES} system calls spread over ${what} is healed by the next one`, (t) => {
      if (!need(t, "root", "command:ip", "command:clang")) return;
      const host = hostFor(t);
      const services = expected(host, OTHER);
      const bare = host.held();
      const environment = { LD_PRELOAD: compileKillAtBpf(host.directory) };
      const countTo = join(host.directory, "count");
      const begin = () => {
        host.evenkeel(["teardown"]);
        if (from !== undefined) mustApply(host, from);
        return host.held().pins["maps/connections"];
      };
      const run = (more: Readonly<Record<string, string>>) =>
        host.evenkeel(flags === undefined ? ["teardown"] : ["apply", ...flags, "-"], {
          input: OTHER,
          environment: { ...environment, ...more },
        });
      begin();
      assert.equal(run({ COUNT_TO: countTo }).status, 0);
      const calls = Number(readFileSync(countTo, "utf8"));
      rmSync(countTo);
      assert.ok(calls >= PLACES, `${calls} system calls`);
      for (let i = 0; i < PLACES; i++) {
        const at = 1 + Math.floor((i * calls) / PLACES);
        const connections = begin();
        run({ KILL_AT: String(at) });
        const when = `killed before call ${at} of ${calls}`;
        if (flags === undefined && i % 2 === 0) {
          checkGone(host, bare, when);
          continue;
        }
        checkHealed(host, OTHER, services, when);
        if (flags !== undefined && from !== undefined) assert.equal(host.held().pins["maps/connections"], connections, when);
      }
      checkGone(host, bare, "at the end");
    });
  }
});

describe("many at once", () => {
  test("20 applies of different files take turns, and what stands is exactly what one of them says", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const texts = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? GOOD : OTHER).replace(/10\.77\.0\.12/, `10.77.1.${i + 1}`));
    const running = texts.map((text, i) => host.start(["apply", host.write(`${i}.yaml`, text)]));
    const looking = Array.from({ length: 5 }, () => host.start(["status"]));
    const ends = await Promise.all(
      [...running, ...looking].map(async (child) => {
        let said = "";
        child.stderr?.on("data", (piece) => (said += piece));
        const [status] = await once(child, "close");
        return { status, said };
      }),
    );
    assert.deepEqual(
      ends.slice(0, 20).filter(({ status }) => status !== 0),
      [],
    );
    for (const { status, said } of ends.slice(20)) assert.ok(status === 0 || said.startsWith("evenkeel: no packet path"), said);
    const nothing = texts.filter((text) => apply(host, text, "--dry-run").stdout === NOTHING);
    assert.equal(nothing.length, 1);
    assert.equal(serversHeld(host), nothing[0]?.includes("udp") ? 3 : 2);
  });
});

describe("status and teardown", () => {
  test("status fails where there is no packet path, and says what makes one", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const without = {
      status: 1,
      stdout: "",
      stderr: "evenkeel: no packet path in this network namespace\n  cure: evenkeel apply FILE makes one\n",
    };
    assert.deepEqual(host.evenkeel(["status"]), without);
    assert.deepEqual(host.evenkeel(["status", "-o", "json"]), without);
    assert.equal(existsSync(host.pins().path), false);
  });

  test("teardown a second time says that there was nothing", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const bare = host.snapshot();
    mustApply(host, OTHER);
    assert.deepEqual(host.evenkeel(["teardown"]), { status: 0, stdout: REMOVED, stderr: "" });
    assert.deepEqual(host.snapshot(), bare);
    assert.equal(existsSync(host.pins().path), false);
    assert.deepEqual(host.evenkeel(["teardown"]), { status: 0, stdout: WITHOUT, stderr: "" });
  });

  test("each tells of itself with --help, and colours only where they are wanted", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    for (const verb of ["apply", "status", "teardown"]) {
      const run = host.evenkeel([verb, "--help"]);
      assert.equal(run.status, 0);
      assert.match(run.stdout, new RegExp(`^Usage: evenkeel ${verb} `));
      assert.match(run.stdout, /\nExamples:\n/);
    }
    const coloured = host.evenkeel(["status"], { environment: { FORCE_COLOR: "1", NO_COLOR: "" } });
    assert.ok(coloured.stderr.includes("\u001b["), coloured.stderr);
    assert.ok(!host.evenkeel(["status"]).stderr.includes("\u001b["));
  });
});

/** Entries that are in use: more than the lists name would be a leak. */
function serversHeld(host: Host): number {
  const fd = host.pins().open("maps", "servers");
  assert.ok(fd !== undefined);
  try {
    return [...openMap("servers", fd).entries()].filter(([, { flags }]) => flags !== 0).length;
  } finally {
    libc.close(fd);
  }
}

async function startAndKill(host: Host, args: readonly string[], afterMs: number): Promise<void> {
  const child = host.start(args);
  const ended = once(child, "exit");
  await sleep(afterMs);
  child.kill("SIGKILL");
  await ended;
}

/** mulberry32; its seed is told so that a failure can be had again. */
function seeded(t: TestContext): () => number {
  let state = Number(process.env["TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`TEST_SEED=${state}`);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
