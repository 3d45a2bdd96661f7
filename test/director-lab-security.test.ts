/** Who may do what: the API's socket, the director's own capabilities, and what a script check is allowed. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { directorFile } from "../src/lab/director.ts";
import { down, up } from "../src/lab/lab.ts";
import { configurationText } from "./director-lab/configuration.ts";
import { evenkeelDone, eventsAfter, socketOf, startDirector, until } from "./director-lab/running.ts";
import { need } from "./need.ts";

const NOBODY = 65_534;
/** A group that every Debian has and nobody is in. */
const GROUP = "games";
/** What a director has to hold, at the most: maps and programs, links and sockets, and another user for scripts. */
const ALLOWED = [
  "CAP_BPF",
  "CAP_PERFMON",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_SETUID",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_KILL",
  // Only where the program lies in a directory that is closed to others.
  "CAP_DAC_READ_SEARCH",
];

test("the socket refuses strangers, every thread holds only what is listed, and a script check has no rights", {
  timeout: 120_000,
}, async (t) => {
  if (!need(t, "root", "command:ip", "command:curl")) return;
  const lab = await up({ name: "secure", method: "nat", servers: 1 });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-script-"));
  t.after(() => rmSync(directory, { recursive: true }));
  chmodSync(directory, 0o777);
  const [script, seen] = [join(directory, "check.sh"), join(directory, "seen")];
  writeFileSync(
    script,
    `#!/bin/sh\ncat /proc/self/status > ${seen}.new\necho "$PATH" >> ${seen}.new\nls /proc/self/fd >> ${seen}.new\nmv ${seen}.new ${seen}\n`,
    {
      mode: 0o755,
    },
  );
  const checks = `[{ script: { command: [${script}] }, interval: 500ms, timeout: 400ms }]`;
  writeFileSync(directorFile(lab.name), configurationText(lab, { checks, file: ["api:", `  group: ${GROUP}`] }));
  const director = await startDirector(lab.name, directorFile(lab.name));
  t.after(() => director.end("SIGKILL"));

  await t.test("the socket: mode 0660, its group may, others may not", () => {
    const { mode, uid } = statSync(director.socket);
    assert.equal((mode & 0o7777).toString(8), "660");
    assert.equal(uid, 0);
    assert.equal(asUser(NOBODY, [], director.socket), "");
    const gid = Number(/^games:[^:]*:(\d+):/m.exec(readFileSync("/etc/group", "utf8"))?.[1]);
    assert.equal(asUser(NOBODY, [gid], director.socket), "200");
    assert.equal(asUser(0, [], director.socket), "200");
  });

  await t.test("nothing listens on TCP", () => {
    const listening = readFileSync(`/proc/${director.pid}/net/tcp`, "utf8") + readFileSync(`/proc/${director.pid}/net/tcp6`, "utf8");
    assert.doesNotMatch(listening, /^\s*\d+: \S+ \S+ 0A /m);
  });

  await t.test("every thread holds what the director lists, and no more than it may need", async () => {
    const started = (await eventsAfter(lab.name)).map(({ story }) => story).find(({ event }) => event === "director-started");
    assert.ok(started?.event === "director-started");
    const excess = started.capabilities.filter((capability) => !ALLOWED.includes(capability));
    assert.deepEqual(excess, []);
    const listed = JSON.parse(await evenkeelDone(lab.name, "status", "-o", "json")) as {
      director?: { capabilities: string[] };
      capabilities?: string[];
    };
    assert.deepEqual(listed.capabilities ?? listed.director?.capabilities, started.capabilities);
    t.diagnostic(`held: ${started.capabilities.join(", ")}`);
    const threads = readdirSync(`/proc/${director.pid}/task`);
    for (const thread of threads) {
      const status = readFileSync(`/proc/${director.pid}/task/${thread}/status`, "utf8");
      for (const set of ["CapPrm", "CapEff", "CapBnd"])
        assert.equal(countOf(status, set), started.capabilities.length, `${set} of thread ${thread} of ${threads.length}`);
    }
  });

  await t.test("a script check runs as nobody, without capabilities and without the director's descriptors", async () => {
    await until("the script ran", () => existsSync(seen), 5000);
    const status = readFileSync(seen, "utf8");
    assert.match(status, new RegExp(`^Uid:\\t${NOBODY}\\t${NOBODY}\\t${NOBODY}\\t${NOBODY}$`, "m"));
    assert.match(status, new RegExp(`^Gid:\\t${NOBODY}\\t`, "m"));
    assert.match(status, /^Groups:\s*(65534)?\s*$/m);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) assert.equal(countOf(status, set), 0, set);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    const descriptors = status
      .slice(status.lastIndexOf("PATH"))
      .split("\n")
      .map(Number)
      .filter((fd) => fd > 3);
    assert.deepEqual(descriptors, []);
  });
  assert.equal(socketOf(lab.name), director.socket);
});

/** The HTTP status, or nothing when there was no way in. */
function asUser(uid: number, groups: readonly number[], socket: string): string {
  const as = [`--reuid=${uid}`, `--regid=${uid}`, ...(groups.length === 0 ? ["--clear-groups"] : [`--groups=${groups.join(",")}`])];
  const curl = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", socket, "http://director/v1/status"];
  return spawnSync("setpriv", [...as, ...curl], { encoding: "utf8" }).stdout.replace("000", "");
}

/** How many capabilities are in a set. */
function countOf(status: string, set: string): number {
  const mask = BigInt(`0x${new RegExp(`^${set}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1]}`);
  return mask.toString(2).replaceAll("0", "").length;
}
