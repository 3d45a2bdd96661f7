/** `evenkeel run` on a host whose network changes, with scripts that are told: by its log, which is the journal's. */

import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, type TestContext, test } from "node:test";
import { GOOD } from "./apply/configurations.ts";
import { type Host, hostFor } from "./apply/host.ts";
import { need } from "./need.ts";

const WAIT_MS = 20_000;

interface Line {
  readonly event: string;
  readonly msg: string;
  readonly cause: { readonly kind: string; readonly what?: string };
}

interface Running {
  readonly lines: readonly Line[];
  /** The first line after the last that was waited for. */
  line(what: RegExp): Promise<Line>;
  stop(): Promise<void>;
}

async function runOn(t: TestContext, host: Host, text: string, ...flags: readonly string[]): Promise<Running> {
  const child = host.start([
    "run",
    ...flags,
    "--log-format",
    "json",
    "--state",
    join(host.directory, "state"),
    host.write("evenkeel.yaml", text),
  ]);
  const ended = new Promise((done) => child.once("exit", done));
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const lines: Line[] = [];
  let read = 0;
  let look = (): void => undefined;
  assert.ok(child.stderr !== null);
  createInterface(child.stderr).on("line", (line) => {
    if (!line.startsWith("{")) t.diagnostic(line);
    else lines.push(JSON.parse(line) as Line);
    look();
  });
  const running: Running = {
    lines,
    line: (what) =>
      new Promise((found, fail) => {
        const deadline = setTimeout(() => fail(new Error(`not told: ${what}; but:\n${lines.map(({ msg }) => msg).join("\n")}`)), WAIT_MS);
        look = () => {
          const at = lines.findIndex(({ msg }, i) => i >= read && what.test(msg));
          const line = lines[at];
          if (line === undefined) return;
          read = at + 1;
          clearTimeout(deadline);
          found(line);
        };
        look();
      }),
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
  await running.line(/configuration \d+ applied/);
  return running;
}

/** A file that scripts, who run as nobody, may write. */
function output(host: Host, name: string): string {
  const path = join(host.directory, name);
  writeFileSync(path, "");
  chmodSync(path, 0o666);
  return path;
}

const appending = (words: string, path: string) => JSON.stringify(["/bin/sh", "-c", `echo "${words}" >> ${path}`]);

describe("evenkeel run", { timeout: 120_000 }, () => {
  test("attaches to an interface whenever it appears, and tells why", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await runOn(t, host, `interfaces: [{ name: eth0 }, { name: late0, hook: tc }]\n${GOOD}`);
    for (let round = 0; round < 2; round++) {
      host.ip("link add late0 type veth peer name late0-peer");
      host.ip("link set late0 up");
      await director.line(/late0 appeared/);
      const { cause } = await director.line(/^attach to late0/);
      assert.match(cause.what ?? "", /late0 appeared/);
      host.ip("link delete late0");
      await director.line(/late0 is gone/);
    }
    assert.deepEqual(
      director.lines.filter(({ event }) => event === "change-failed" || event === "warning").map(({ msg }) => msg),
      [],
    );
    await director.stop();
  });

  test("keeps the next hops of its servers resolved, also on their way after a route changed, and tells of those who are silent", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    host.ip("route add 10.88.0.0/24 via 10.77.0.9 dev eth1");
    const director = await runOn(t, host, GOOD.replace("method: dr", "method: tun").replace("10.77.0.12", "10.88.0.12"));
    await director.line(/10\.77\.0\.\d+, 10\.77\.0\.\d+ cannot be resolved on eth1: nobody answers/);
    host.ip("route replace 10.88.0.0/24 via 198.51.100.9 dev eth0");
    await director.line(/198\.51\.100\.9 cannot be resolved on eth0: nobody answers/);
    host.ip("neighbour replace 198.51.100.9 lladdr 02:00:00:00:00:09 dev eth0 nud permanent");
    await director.line(/198\.51\.100\.9 resolved again on eth0/);
    await director.stop();
  });

  test("tells its scripts that it starts and ends, and with omega, before it takes its services away, that they go", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const log = output(host, "log");
    const quorum = output(host, "quorum");
    const text = `notify: [{ command: ${appending("$EVENKEEL_EVENT $EVENKEEL_SERVER", log)} }]
${GOOD}    name: web
    omega: true
    quorum: { weight: 1, down: ${appending("$EVENKEEL_LABEL $EVENKEEL_EVENT $EVENKEEL_CAUSE", quorum)} }
`;
    const director = await runOn(t, host, text, "--teardown");
    await director.stop();
    const told = readFileSync(log, "utf8").split("\n");
    assert.equal(told[0], "director-started ");
    assert.deepEqual(told.slice(-5), ["server-down 10.77.0.11:80", "server-down 10.77.0.12:80", "quorum-lost ", "director-stopped ", ""]);
    assert.equal(readFileSync(quorum, "utf8"), "web quorum-lost stop\n");
  });
});
