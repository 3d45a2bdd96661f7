/** `evenkeel apply`, `status` and `teardown` with the real program: what differs is changed and nothing else, whatever happened meanwhile. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import { libbpf } from "../src/kernel/libbpf.ts";
import { libc } from "../src/kernel/libc.ts";
import { getLink } from "../src/kernel/links.ts";
import { openMap } from "../src/kernel/maps.ts";
import { GOOD, OTHER } from "./apply/configurations.ts";
import { type Host, hostFor } from "./apply/host.ts";
import { need } from "./need.ts";

const NOTHING = "nothing to change\n";
const REMOVED = "removed the packet path from this network namespace\n";
const WITHOUT = "there was no packet path in this network namespace; nothing was changed\n";

describe("apply", () => {
  test("twice does nothing the second time: not a link, a program or a byte is another", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    for (const text of [GOOD, OTHER]) {
      assert.match(host.mustApply(text), /applied \d+ changes\n$/);
      const standing = host.snapshot();
      assert.equal(host.mustApply(text), NOTHING);
      assert.deepEqual(JSON.parse(host.mustApply(text, "-o", "json")), {
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

  test("of everything that can be said finds it all again, and takes it all back", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    for (const address of ["192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13", "10.0.0.254"])
      host.ip(`address replace ${address}/32 dev eth0`);
    // Its programs, files and accounts are no host's. Tokens are for nobody else's eyes.
    const secret = host.write("secret", "a token that nobody guesses\n");
    chmodSync(secret, 0o600);
    const everything = readFileSync("examples/every-key.yaml", "utf8")
      .replaceAll(/\/usr\/local\/bin\/[\w-]+/g, process.execPath)
      .replaceAll(/\/etc\/evenkeel\/\S+/g, secret)
      .replace("group: adm", "group: root");
    host.mustApply(GOOD);
    assert.match(host.mustApply(everything, "--dry-run"), /set mark rules: mark 1: tcp to 192\.0\.2\.10\/32 port 80; .*\n/);
    host.mustApply(everything);
    assert.equal(host.mustApply(everything), NOTHING);
    assert.match(host.evenkeel(["status"]).stdout, /^mark 1 ipv4 .* persistence 300 s$/m);
    assert.match(
      host.mustApply(everything.replace("tcp: 900", "tcp: 901")),
      /^edit settings: timeout tcp 900 s -> 901 s\napplied 1 change\n$/m,
    );
    host.mustApply(GOOD);
    assert.equal(host.mustApply(GOOD), NOTHING);
    assert.match(host.mustApply(everything), /^add service mark 1 ipv4 scheduler wrr, persistence 300 s, servers: /m);
  });

  test("of hairpin is full NAT by the address on the way to the servers", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const text = GOOD.replace("method: dr", "method: nat\n    hairpin: true");
    host.mustApply(text);
    assert.equal(host.mustApply(text.replace("hairpin: true", "full_nat: 10.77.0.1")), NOTHING);
    assert.notEqual(host.mustApply(text.replace("hairpin: true", "")), NOTHING);
  });

  test("of checks says that nobody makes them here", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const run = hostFor(t).apply(GOOD.replace("method: dr", "method: dr\n    checks: [tcp]"));
    assert.equal(run.status, 0);
    assert.equal(run.stderr, "warning: no director runs here that could make the checks, so every server counts as well: evenkeel run\n");
  });

  test("of another weight changes that weight alone", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    host.mustApply(GOOD);
    const { pins, devices } = host.held();
    const said = host.mustApply(GOOD.replace("weight: 3", "weight: 5"));
    assert.match(said, /^[^\n]*10\.77\.0\.11:80[^\n]*5[^\n]*\napplied 1 change\n$/);
    assert.deepEqual(host.held(), { pins, devices });
  });

  test("with --dry-run says what would change and changes nothing, not even the machine's mounts", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const bare = host.snapshot();
    const said = host.mustApply(GOOD, "--dry-run");
    assert.match(said, /\n2 changes would be applied\n$/);
    assert.deepEqual(host.snapshot(), bare);
    host.mustApply(GOOD);
    const standing = host.snapshot();
    assert.match(host.mustApply(OTHER, "--dry-run"), /changes would be applied\n$/);
    assert.deepEqual(host.snapshot(), standing);
  });

  test("with --reload changes programs and keeps maps, links and what they hold", (t) => {
    if (!need(t, "root", "command:ip", "tcx")) return;
    const host = hostFor(t);
    host.mustApply(OTHER);
    const before = host.snapshot();
    host.mustApply(OTHER, "--reload");
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
    host.mustApply(GOOD, "--connections", "1000");
    assert.equal(host.apply(GOOD, "--connections", "1000").stderr, "");
    assert.match(
      host.apply(GOOD, "--connections", "100000").stderr,
      /^warning: the packet path stands and keeps its room for \d+ connections/,
    );
  });

  test("loses nobody else's pins in the namespace, nor does teardown", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    host.mustApply(GOOD);
    const pins = host.pins();
    const map = pins.open("maps", "plans");
    assert.ok(map !== undefined);
    pins.pin("maps", "decap_vips", map);
    libc.close(map);
    assert.equal(host.evenkeel(["teardown"]).stdout, REMOVED);
    assert.deepEqual(pins.names("maps"), ["decap_vips"]);
    host.mustApply(GOOD);
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
    host.mustApply(text);
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
      assert.match(host.mustApply(OTHER), /^attach to eth[01] [^\n]*\napplied 1 change\n$/);
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
    assert.match(host.mustApply(OTHER), /^add service [^\n]*\napplied 1 change\n$/);
    assert.deepEqual(host.services(), before);
    assert.equal(host.mustApply(OTHER), NOTHING);
  });

  test("finds the new way to a server whose route is another", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const text = GOOD.replace("10.77.0.12", "10.99.0.12, method: tun");
    host.ip("route add 10.99.0.0/16 via 10.77.0.250");
    host.mustApply(text);
    host.ip("route replace 10.99.0.0/16 via 10.77.0.251");
    assert.equal(host.mustApply(text), "found new ways to 1 server\n");
    assert.equal(host.mustApply(text), NOTHING);
    host.ip("route del 10.99.0.0/16");
    const run = host.apply(text);
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
    assert.match(host.mustApply(OTHER), /^attach to eth1 \(hook tc\)\n(found new ways to 3 servers\n)?applied 1 change\n$/);
    assert.deepEqual(host.services(), before);
    assert.equal(host.pins().names("links").length, links.length);
    assert.equal(host.mustApply(OTHER), NOTHING);
  });

  test("knows the MAC address that an interface was given", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const { host } = prepared(t, OTHER);
    host.ip("link set eth0 address 02:00:00:00:00:77");
    assert.equal(host.mustApply(OTHER), NOTHING);
    const { index } = host.inside(() => getLink("eth0"));
    const fd = host.pins().open("maps", "ports");
    assert.ok(fd !== undefined);
    const port = openMap("ports", fd).lookup(index);
    libc.close(fd);
    assert.equal(Buffer.from(port?.mac ?? []).toString("hex"), "020000000077");
  });
});

function warningsOf(host: Host, text: string): readonly string[] {
  return (JSON.parse(host.mustApply(text, "-n", "-o", "json")) as { warnings: readonly string[] }).warnings;
}

describe("warnings", () => {
  test("one_packet with NAT: nobody knows the replies", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const alone = (method: string): string =>
      `services: [{ address: 192.0.2.10, port: 53, protocol: udp, one_packet: true, method: ${method}, servers: [{ address: 10.77.0.11 }] }]`;
    assert.match(warningsOf(host, alone("nat")).join("\n"), /^udp 192\.0\.2\.10:53: one_packet remembers no connection, so replies/m);
    assert.doesNotMatch(warningsOf(host, alone("dr")).join("\n"), /one_packet/);
  });
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
    const nothing = texts.filter((text) => host.apply(text, "--dry-run").stdout === NOTHING);
    assert.equal(nothing.length, 1);
    assert.equal(host.serversHeld(), nothing[0]?.includes("udp") ? 3 : 2);
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
    host.mustApply(OTHER);
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
