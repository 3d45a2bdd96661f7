/** `evenkeel run` as a process: what it holds, what signals do to it, what a service manager hears, and what stays when it is gone. */

import assert from "node:assert/strict";
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { runtimeDirectory, runtimePlaces } from "../src/director/places.ts";
import { CAPABILITY_NAMES } from "../src/kernel/capability-names.ts";
import { GOOD, HEAVIER } from "./apply/configurations.ts";
import { need } from "./need.ts";
import { directorsHostFor, Running, until } from "./run/running.ts";

const KEPT = ["CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_PERFMON", "CAP_BPF"];

function namesIn(bits: string): string[] {
  return CAPABILITY_NAMES.filter((_, number) => ((BigInt(`0x${bits}`) >> BigInt(number)) & 1n) === 1n);
}

describe("evenkeel run", () => {
  test("holds eight capabilities, in every thread, and no way to another; it says which", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const director = await Running.start(host, host.write("evenkeel.yaml", GOOD));
    const sets = new Set(director.threadsCapabilities());
    assert.deepEqual(
      [...sets]
        .toSorted()
        .map((line) => line.split(" "))
        .map(([set, bits = ""]) => [set, namesIn(bits)]),
      [
        ["CapAmb", []],
        ["CapBnd", KEPT],
        ["CapEff", KEPT],
        ["CapInh", []],
        ["CapPrm", KEPT],
      ],
    );
    const { director: status } = director.json<{ director: { capabilities: string[]; pid: number } }>("status");
    assert.deepEqual(status.capabilities, KEPT);
    assert.equal(status.pid, director.pid);
    await director.logged(/director 0\.1\.0 started as process \d+, with CAP_KILL, .*CAP_BPF\n/);
    assert.doesNotMatch(director.log, /could not give up|goes on with/);
  });

  test("tells the service manager that it is ready, reloads and stops; a broken file changes nothing and is told with its place", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const file = host.write("evenkeel.yaml", GOOD);
    const director = await Running.start(host, file);
    assert.equal(await director.manager.wait(/^STATUS=.* services/), "STATUS=1 services, 2 of 2 servers up");
    const before = host.services();

    writeFileSync(file, HEAVIER);
    director.signal("SIGHUP");
    await director.manager.wait(/^RELOADING=1$/);
    await director.ready(2);
    assert.notDeepEqual(host.services(), before);
    assert.match(JSON.stringify(host.services()), /10\.77\.0\.11 80 dr 5/);

    const standing = host.snapshot();
    writeFileSync(file, GOOD.replace("weight: 3", "weight: 70000"));
    director.signal("SIGHUP");
    await director.ready(3);
    assert.deepEqual(host.snapshot(), standing);
    assert.match(
      await director.manager.wait(/^STATUS=the reload failed/),
      /the configuration before it stays: .*evenkeel\.yaml:7:\d+: .*70000/,
    );
    await director.logged(/configuration .*evenkeel\.yaml refused: .*evenkeel\.yaml:7:\d+: .*70000/);

    assert.equal(await director.stop(), 0);
    await director.manager.wait(/^STOPPING=1$/);
    assert.deepEqual(host.services(), standing.services);
  });

  test("reads an equal file without one change", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const director = await Running.start(host, host.write("evenkeel.yaml", GOOD));
    const standing = host.snapshot();
    director.signal("SIGHUP");
    await director.ready(2);
    assert.deepEqual(host.snapshot(), standing);
    assert.equal(director.mustVerb("reload"), "nothing to change\nthis is configuration 1, of " + `${host.directory}/evenkeel.yaml\n`);
  });

  test("lets the watchdog know that it lives, at half of its interval", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const file = host.write("evenkeel.yaml", GOOD);
    const director = await Running.start(host, file, { environment: { WATCHDOG_USEC: "200000" } });
    const from = performance.now();
    await director.manager.wait(/^WATCHDOG=1$/, 6);
    assert.ok(performance.now() - from < 10_000);
  });

  test("takes the packet path along with --teardown, and leaves nothing in its runtime directory", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const director = await Running.start(host, host.write("evenkeel.yaml", GOOD), { flags: ["--teardown"] });
    const { directory, socket } = host.inside(() => runtimePlaces(false));
    assert.equal(statSync(socket).mode & 0o777, 0o660);
    assert.equal(await director.stop(), 0);
    assert.equal(existsSync(directory), false);
    assert.equal(host.evenkeel(["status"]).status, 1);
  });

  test("is one a network namespace: a second one says who is there and changes nothing", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const file = host.write("evenkeel.yaml", GOOD);
    const director = await Running.start(host, file);
    const second = host.evenkeel(["run", "--state", `${host.directory}/other`, file]);
    assert.equal(second.status, 1);
    assert.match(
      second.stderr,
      new RegExp(`^evenkeel: a director runs in this network namespace already: process ${director.pid}\n  cure: `),
    );
    assert.equal(director.mustVerb("plan", file), "nothing to change\n");
    assert.equal(director.verb("teardown").status, 1);
    assert.match(director.verb("teardown").stderr, /keeps this packet path, and would make it again/);
  });

  test("sweeps what killed ones left of other namespaces, while two start at once where they were killed before", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const hosts = [directorsHostFor(t), directorsHostFor(t)];
    const files = hosts.map((host) => host.write("evenkeel.yaml", GOOD));
    const killed = await Promise.all(hosts.map((host, i) => Running.start(host, files[i] ?? "")));
    for (const director of killed) await director.kill();
    const places = hosts.map((host) => host.inside(() => runtimePlaces(false)));
    for (const { lock } of places) assert.ok(existsSync(lock));

    // No namespace gets so far in a machine's life.
    const left = Array.from({ length: 200 }, (_, i) => runtimeDirectory(10n ** 15n + BigInt(process.pid) * 1000n + BigInt(i)));
    t.after(() => {
      for (const directory of left) rmSync(directory, { recursive: true, force: true });
    });
    for (const directory of left) {
      mkdirSync(directory);
      writeFileSync(`${directory}/director.lock`, "999999\n");
      symlinkSync("/nowhere/api.sock", `${directory}/api.sock`);
    }
    const directors = await Promise.all(hosts.map((host, i) => Running.start(host, files[i] ?? "")));
    assert.deepEqual(left.filter(existsSync), []);
    for (const [i, director] of directors.entries()) {
      assert.equal(director.mustVerb("plan", files[i] ?? ""), "nothing to change\n");
      assert.equal(readFileSync(places[i]?.lock ?? "", "utf8"), `${director.pid}\n`);
    }
  });

  test("is found by the commands wherever it listens", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const socket = `${host.directory}/other.sock`;
    const director = await Running.start(host, host.write("evenkeel.yaml", GOOD), { flags: ["--socket", socket] });
    assert.ok(statSync(socket).isSocket());
    assert.ok(lstatSync(host.inside(() => runtimePlaces(false)).socket).isSymbolicLink());
    assert.match(director.mustVerb("services"), /^tcp 192\.0\.2\.10:80 /m);
    assert.equal(host.evenkeel(["services"], { environment: { EVENKEEL_SOCKET: "/nowhere/api.sock" } }).status, 4);
  });

  test("starts after kill -9 as if nothing had been: zero changes, overrides there", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const file = host.write("evenkeel.yaml", GOOD);
    const first = await Running.start(host, file);
    first.mustVerb("weight", "10.77.0.11", "7", "--reason", "kept");
    await first.kill();
    const standing = host.snapshot();
    assert.match(JSON.stringify(standing.services), /10\.77\.0\.11 80 dr 7/);
    const second = await Running.start(host, file);
    assert.deepEqual(host.snapshot(), standing);
    await second.logged(/configuration 1 applied from .*, 0 changes/);
    assert.match(second.mustVerb("servers", "--overridden"), /10\.77\.0\.11:80 +up +7 of 3 .*weight 7 by an operator, by uid 0: kept/);
  });

  test("ends with the exit code of what kept it from starting, and touches nothing", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const bare = host.snapshot();
    const state = ["--state", `${host.directory}/state`];
    const broken = host.evenkeel(["run", ...state, host.write("broken.yaml", "services: 3")]);
    assert.equal(broken.status, 3);
    assert.match(broken.stderr, /broken\.yaml:1:11: services: /);
    const absent = host.evenkeel(["run", ...state, "/nowhere.yaml"]);
    assert.equal(absent.status, 3);
    assert.match(absent.stderr, /cannot read the configuration \/nowhere\.yaml/);
    const nobody = host.evenkeel(["run", ...state, host.write("good.yaml", GOOD)], {
      through: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
    });
    assert.equal(nobody.status, 5);
    assert.deepEqual(host.snapshot(), bare);
  });

  test("raises its bound of open files to what it may have", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const director = await Running.start(host, host.write("evenkeel.yaml", GOOD), { through: ["prlimit", "--nofile=256:4096"] });
    assert.match(readFileSync(`/proc/${director.pid}/limits`, "utf8"), /^Max open files +4096 +4096 /m);
  });

  test("goes on without the BPF file system of `ip netns exec`, where the machine has it", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const through = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/fs/bpf && exec "$@"', "sh"];
    const director = await Running.start(host, host.write("evenkeel.yaml", GOOD), { through });
    assert.ok(host.pins().names("programs").length > 0);
    assert.equal(await director.stop(), 0);
  });

  test("does with its few capabilities all that it has to: scripts as nobody, checks by ping, the socket for a group", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const script = host.write("script", "#!/bin/sh\nexec grep -qE '^CapBnd:.0+$' /proc/self/status && test $(id -u) = 65534\n");
    chmodSync(script, 0o755);
    // A real server's address on this host, so that somebody answers.
    host.ip("address add 10.77.0.11/32 dev lo");
    const checks = `checks: [{ script: { command: [${script}] }, interval: 1s }, { ping: {}, interval: 1s }]`;
    const text = `api: { group: "65534" }\n${GOOD.replace("    method: dr", `    method: dr\n    alpha: true\n    ${checks}`).replace("      - { address: 10.77.0.12 }\n", "")}`;
    const director = await Running.start(host, host.write("evenkeel.yaml", text));
    await until("both checks have passed", () => {
      const [server] = director.json<{ condition: string }[]>("servers");
      return server?.condition === "up";
    });
    const { socket } = host.inside(() => runtimePlaces(false));
    assert.deepEqual([statSync(socket).gid, statSync(socket).mode & 0o777], [65534, 0o660]);
    const member = host.evenkeel(["services"], { through: ["setpriv", "--reuid=1", "--regid=65534", "--clear-groups"] });
    assert.equal(member.status, 0, member.stderr);
    const stranger = host.evenkeel(["services"], { through: ["setpriv", "--reuid=1", "--regid=1", "--clear-groups"] });
    assert.equal(stranger.status, 5);
  });

  test("ends with an error where it has a bug, and the packet path forwards on", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const file = host.write("evenkeel.yaml", GOOD);
    const bug = host.write("bug.mjs", 'process.on("SIGUSR2", () => { throw new RangeError("this is the bug"); });');
    const director = await Running.start(host, file, { bug });
    const standing = host.snapshot();
    director.signal("SIGUSR2");
    assert.equal(await director.ended(), 1);
    await director.logged(/this should not have happened; please report it with these lines\nRangeError: this is the bug/);
    assert.deepEqual(host.snapshot(), standing);
  });
});
