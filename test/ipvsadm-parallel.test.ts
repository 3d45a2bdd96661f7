/**
 * Calls of ipvsadm at the same time, each a process of its own: they take turns, none is lost and none half done, also when some of them are
 * killed in the midst of their work; and what they do not touch does not notice.
 */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { SpreadResult } from "../src/lab/traffic.ts";
import { compileKillAtBpf } from "./apply/programs.ts";
import { type Answer, type Host, Hosts } from "./ipvsadm/hosts.ts";
import { natSite } from "./ipvsadm/sites.ts";
import { need } from "./need.ts";
import { randomFrom } from "./random.ts";

const CLIENT = fileURLToPath(new URL("../src/lab/client.ts", import.meta.url));
const SERVICE = ["-t", "192.168.1.110:8080"] as const;

const DONE: Answer = { status: 0, stdout: "", stderr: "" };
const refusedWith = (text: string): Answer => ({ status: 255, stdout: "", stderr: `${text}\n` });

const server = (number: number): string => `10.1.1.${100 + number}:8080`;
const add = (number: number, rule: readonly string[] = ["-m", "-w", "1"]): string[] => ["-a", ...SERVICE, "-r", server(number), ...rule];
const edit = (number: number, rule: readonly string[]): string[] => ["-e", ...SERVICE, "-r", server(number), ...rule];
const drop = (number: number): string[] => ["-d", ...SERVICE, "-r", server(number)];

/** Through another service of the same director, until `work` has ended: how many requests failed of how many. */
async function besideTraffic(client: Host, work: () => Promise<void>): Promise<void> {
  const target = { host: "192.168.1.110", port: 80 };
  const job = { kind: "http", target, requests: 300, concurrency: 2, firstPort: 20_000, keepAlive: false, patienceMs: 20_000 };
  let working = true;
  const traffic = async (): Promise<number> => {
    let requests = 0;
    do {
      const command = [process.execPath, "--disable-warning=ExperimentalWarning", CLIENT, JSON.stringify({ ...job, timeoutMs: 60_000 })];
      const { stdout, stderr } = await client.run(command);
      const result = JSON.parse(stdout || "{}") as Partial<SpreadResult>;
      assert.equal(result.failed, 0, `${stdout}${stderr}`);
      assert.deepEqual(Object.keys(result.servers ?? {}), ["rs1", "rs2", "rs3"]);
      requests += result.requests ?? 0;
    } while (working);
    return requests;
  };
  const ended = traffic();
  await work().finally(() => {
    working = false;
  });
  assert.ok((await ended) > 0);
}

/** The service that has traffic, and the one that is worked on. */
async function setUp(director: Host, servers: readonly number[]): Promise<void> {
  const lines = [
    "-A -t 192.168.1.110:80 -s rr",
    ...[1, 2, 3].map((number) => `-a -t 192.168.1.110:80 -r 10.1.1.1${number}:80 -m`),
    `-A ${SERVICE.join(" ")} -s wrr`,
    ...servers.map((number) => add(number).join(" ")),
  ];
  assert.deepEqual(await director.run(["ipvsadm", "-R"], { input: `${lines.join("\n")}\n` }), DONE);
}

/** The rules of the service's servers, as they are saved: "-m -w 1" by "10.1.1.100:80". */
async function rules(director: Host): Promise<Map<string, string>> {
  const saved = await director.type("ipvsadm -Sn");
  return new Map([...saved.matchAll(/^-a -t \S+:8080 -r (\S+) (.*)$/gm)].map(([, name = "", rule = ""]) => [name, rule]));
}

async function site(t: TestContext): Promise<{ client: Host; director: Host } | undefined> {
  if (!need(t, "root", "command:ip", "bpf", "bpf-loop", "syscall-programs")) return undefined;
  return natSite(Hosts.for(t));
}

/** For a hundred processes of this size on the few CPUs of a busy machine. */
const timeout = 240_000;

test("A hundred -a, -d and -e at once: every exit code is right, and so is the end", { timeout }, async (t) => {
  const { client, director } = (await site(t)) ?? {};
  if (client === undefined || director === undefined) return;
  const numbers = Array.from({ length: 100 }, (_, i) => i);
  await setUp(
    director,
    numbers.filter((i) => i % 5 !== 0),
  );
  // A fifth each: added, deleted, edited; and refused because it is there, or because it is not.
  const calls = numbers.map((i): readonly [args: readonly string[], expected: Answer] => {
    if (i % 5 === 0) return i % 10 === 0 ? [add(i, ["-g", "-w", "5"]), DONE] : [drop(i), refusedWith("No such destination")];
    if (i % 5 === 1) return [drop(i), DONE];
    if (i % 5 === 2) return [edit(i, ["-g", "-w", String(i)]), DONE];
    if (i % 5 === 3) return [add(i, ["-g", "-w", "9"]), refusedWith("Destination already exists")];
    return [["-a", "-t", "192.168.1.110:8081", "-r", server(i), "-m"], refusedWith("Service not defined")];
  });
  await besideTraffic(client, async () => {
    const answers = await Promise.all(calls.map(async ([args]) => director.run(["ipvsadm", ...args])));
    assert.deepEqual(
      answers,
      calls.map(([, expected]) => expected),
    );
  });
  const expected = numbers.flatMap((i): [string, string][] => {
    if (i % 10 === 0) return [[server(i), "-g -w 5"]];
    if (i % 5 === 0 || i % 5 === 1) return [];
    return [[server(i), i % 5 === 2 ? `-g -w ${i}` : "-m -w 1"]];
  });
  assert.deepEqual(await rules(director), new Map(expected));
});

test("Of many first -A at once one makes the packet path and the service, and the others find it there", { timeout }, async (t) => {
  const { director } = (await site(t)) ?? {};
  if (director === undefined) return;
  for (let round = 0; round < 2; round++) {
    const answers: Answer[] = await Promise.all(
      Array.from({ length: 20 }, async () => director.run(["ipvsadm", "-A", ...SERVICE, "-s", "rr"])),
    );
    const won = answers.filter(({ status }) => status === 0);
    assert.deepEqual(won, [DONE]);
    assert.deepEqual(
      answers.filter((answer) => answer !== won[0]),
      Array(19).fill(refusedWith("Service already exists")),
    );
    assert.equal(await director.type("ipvsadm -Sn"), `-A ${SERVICE.join(" ")} -s rr\n`);
    await director.type("evenkeel teardown");
  }
});

test("Calls killed at random moments are done or not, and the others do not notice", { timeout }, async (t) => {
  const { client, director } = (await site(t)) ?? {};
  if (client === undefined || director === undefined) return;
  const random = seeded(t);
  const numbers = Array.from({ length: 60 }, (_, i) => i);
  await setUp(
    director,
    numbers.filter((i) => i % 3 !== 0),
  );
  const plan = numbers.map((i) => {
    const name = server(i);
    const rule = ["-g", "-w", "7"];
    if (i % 3 === 0) return { name, args: add(i, rule), was: "none", becomes: "-g -w 7" };
    if (i % 3 === 1) return { name, args: drop(i), was: "-m -w 1", becomes: "none" };
    return { name, args: edit(i, rule), was: "-m -w 1", becomes: "-g -w 7" };
  });
  const check = async (): Promise<Map<string, string>> => {
    const found = await rules(director);
    for (const { name, was, becomes } of plan) {
      const present = found.get(name) ?? "none";
      assert.ok(present === was || present === becomes, `${name} was ${was}, becomes ${becomes}, and is ${present}`);
    }
    return found;
  };
  await besideTraffic(client, async () => {
    let working = true;
    const calls = plan.map(async ({ args }, at) =>
      // Node takes its time to start, most of all when many do.
      director.run(["ipvsadm", ...args], at % 2 === 0 ? { killAfterMs: Math.floor(200 + random() * 6000) } : {}),
    );
    const ended = Promise.all(calls).finally(() => {
      working = false;
    });
    do await check();
    while (working);
    const answers = await ended;
    const found = await check();
    for (const [at, { name, becomes }] of plan.entries()) {
      const { status, stderr } = answers[at] ?? { status: null, stderr: "" };
      if (status !== null || at % 2 === 1) assert.deepEqual([status, stderr], [0, ""], name);
      if (status === 0) assert.equal(found.get(name) ?? "none", becomes, name);
    }
    t.diagnostic(`${answers.filter(({ status }) => status === null).length} of ${answers.length} were killed`);
  });
});

/** A call is killed before each of its last system calls, where the work is, and before as many spread over the others. */
const PLACES = 5;
const WITHOUT = `-A ${SERVICE.join(" ")} -s rr\n`;
const WITH = (rule: string): string => `${WITHOUT}-a ${SERVICE.join(" ")} -r ${server(1)} ${rule}\n`;

for (const [args, was, becomes] of [
  [["-A", ...SERVICE, "-s", "rr"], "", WITHOUT],
  [["-D", ...SERVICE], WITH("-m -w 1"), ""],
  [["-E", ...SERVICE, "-s", "wlc", "-p", "60"], WITH("-m -w 1"), WITH("-m -w 1").replace("-s rr", "-s wlc -p 60")],
  [add(1, ["-g", "-w", "7"]), WITHOUT, WITH("-g -w 7")],
  [edit(1, ["-g", "-w", "7"]), WITH("-m -w 1"), WITH("-g -w 7")],
  [drop(1), WITH("-m -w 1"), WITHOUT],
] as const)
  test(`${args[0]}, killed before any of its system calls, is done or not, and the next goes on from there`, { timeout }, async (t) => {
    if (!need(t, "root", "command:ip", "command:clang", "bpf", "bpf-loop", "syscall-programs")) return;
    const { director } = (await site(t)) ?? {};
    if (director === undefined) return;
    const directory = mkdtempSync(join(tmpdir(), "evenkeel-killed-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const LD_PRELOAD = compileKillAtBpf(directory);
    const prepare = async () => {
      if (was === "") await director.type("evenkeel teardown");
      else assert.deepEqual(await director.run(["ipvsadm-restore"], { input: was }), DONE);
    };
    const saved = () => director.type("ipvsadm -Sn");
    const COUNT_TO = join(directory, "count");
    await prepare();
    assert.deepEqual(await director.run(["ipvsadm", ...args], { environment: { LD_PRELOAD, COUNT_TO } }), DONE);
    const calls = Number(readFileSync(COUNT_TO, "utf8"));
    t.diagnostic(`${calls} calls`);
    for (const at of new Set(
      Array.from({ length: PLACES }, (_, i) => [1 + Math.floor((i * calls) / PLACES), Math.max(1, calls - i)]).flat(),
    )) {
      const when = `killed before call ${at} of ${calls}`;
      await prepare();
      const { status }: Answer = await director.run(["ipvsadm", ...args], { environment: { LD_PRELOAD, KILL_AT: String(at) } });
      const found = await saved();
      // The kernel may have a call less to be asked this time: then it came to its end.
      if (status === 0) assert.equal(found, becomes, when);
      else {
        assert.equal(status, null, when);
        assert.ok(found === was || found === becomes, `${when}:\n${found}`);
      }
      assert.equal(
        (await director.run(["ipvsadm", ...args])).status,
        found === was || args[0] === "-e" || args[0] === "-E" ? 0 : 255,
        when,
      );
      assert.equal(await saved(), becomes, when);
      // Wherever its maker was killed, packets come in.
      if (args[0] === "-A") assert.match(await director.type("evenkeel status -o json"), /"interfaceName": "eth0"/, when);
    }
  });

/** Its seed is told so that a failure can be had again. */
function seeded(t: TestContext): () => number {
  const seed = Number(process.env["TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`TEST_SEED=${seed}`);
  return randomFrom(seed);
}
