/**
 * Every recording of ipvsadm 1.31 on the kernel's IPVS, played again by ours on the packet path: the same text, byte for byte, and the same
 * exit code. What time, chance and the machine decide is named in ipvsadm/comparison.ts; what we do otherwise on purpose, here.
 */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { WALK_SALT } from "../src/cli/ipvsadm/view.ts";
import { difference } from "./ipvsadm/comparison.ts";
import { DirectorHost } from "./ipvsadm/director-host.ts";
import type { Printed } from "./ipvsadm/player.ts";
import { SALT } from "./ipvsadm/recorded-states.ts";
import { type Recording, recordings, stateCommands } from "./ipvsadm/recordings.ts";
import { need } from "./need.ts";

/** These are played by the real programs of bin, each in a process of its own: every kind of command, every exit code. */
const BY_PROGRAM: ReadonlySet<string> = new Set([
  "002-empty-noargs",
  "012-empty-Z",
  "014-version-long",
  "016-help-long",
  "020-big-Ln-exact",
  "051-big-save-cmd",
  "057-restore-R",
  "058-after-restore-Ln",
  "104-daemon-start-bad",
  "111-daemon-start-master",
  "112-daemon-list1",
  "113-daemon-start-again",
  "128-err-dup-service",
  "137-err-L-noservice",
  "139-err-S-noservice",
  "146-err-w-empty",
  "160-err-addr-noname",
  "163-err-addr6-noport",
  "201-err-nocmd-opt",
  "206-err-y-gt-x",
  "225-err-set-none",
  "266-err-unknown-short",
  "269-err-long-forms",
  "285-err-R-bad",
  "290-err-nonroot-L",
  "291-err-nonroot-A",
  "292-err-nonroot-v",
]);

interface Course {
  readonly first: number;
  readonly last: number;
  readonly walkSalt: number;
  /** What happens before a recording, by its name. */
  readonly before: Readonly<Record<string, (host: DirectorHost, recording: Recording) => Promise<unknown>>>;
  /** Instead of it. */
  readonly instead?: (host: DirectorHost, recording: Recording) => Promise<Printed> | undefined;
}

test("of an empty table, a large one, and it restored", (t) =>
  play(t, {
    first: 1,
    last: 60,
    walkSalt: SALT.big,
    before: {
      "017-big-Ln": (host) => make(host, "big"),
      "057-restore-R": (host) => host.ipvsadm(["-C"]),
      "060-after-C-timeout": (host) => host.ipvsadm(["-C"]),
    },
  }));

test("of a large table under traffic", (t) =>
  play(t, {
    first: 61,
    last: 101,
    walkSalt: SALT.traffic,
    before: {
      "061-traffic-Ln": async (host) => {
        await make(host, "big");
        await must(host, ["--set", "900", "120", "300"]);
        await host.order({ kind: "traffic" });
      },
      "089-bulk-stats": (host) => host.order({ kind: "bulk", rates: recordings(91, 91)[0]?.stdout ?? "" }),
    },
  }));

test("of sync daemons", (t) => play(t, { first: 102, last: 127, walkSalt: SALT.small, before: {} }));

test("of wrong invocations one after the other, and of users who are not root", (t) =>
  play(t, {
    first: 128,
    last: 292,
    walkSalt: SALT.small,
    before: { "128-err-dup-service": (host) => make(host, "small") },
    instead: (host, recording) => (recording.args[0] === "-R" ? restoreInBothManners(host, recording) : undefined),
  }));

/** Plays all of them and then tells of all that differ. */
async function play(t: TestContext, { first, last, walkSalt, before, instead }: Course): Promise<void> {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
  const host = new DirectorHost();
  t.after(() => host.close());
  const wanted = recordings(first, last);
  assert.equal(wanted.length, last - first + 1);
  const complaints: string[] = [];
  for (const recording of wanted) {
    await before[recording.name]?.(host, recording);
    const printed = await (instead?.(host, recording) ?? playOne(host, recording, walkSalt));
    const differs = difference(recording, printed);
    if (differs !== "") complaints.push(`${recording.name}: ${recording.program} ${recording.args.join(" ")}\n${differs}`);
  }
  t.diagnostic(`${wanted.length} recordings, ${complaints.length} differ`);
  assert.ok(complaints.length === 0, `${complaints.length} of ${wanted.length} recordings differ\n\n${complaints.join("\n\n")}`);
}

async function playOne(host: DirectorHost, recording: Recording, walkSalt: number): Promise<Printed> {
  const { name, program, args, input, user } = recording;
  if (program === "cat") return await procFile(host, args[0] ?? "", walkSalt);
  if (BY_PROGRAM.has(name)) return host.program(program, args, { input, ...(user === undefined ? {} : { user }) });
  const save = program === "ipvsadm-save" ? ["-S"] : [];
  return await host.ipvsadm([...save, ...args], { input, walkSalt });
}

/** `evenkeel proc` has no other salt than ours. */
async function procFile(host: DirectorHost, path: string, walkSalt: number): Promise<Printed> {
  const name = path.replace("/proc/net/", "");
  const printed = host.program("evenkeel", ["proc", name]);
  if (name !== "ip_vs") return printed;
  assert.deepEqual(await host.order({ kind: "proc-services", walkSalt: WALK_SALT }), printed);
  return await host.order({ kind: "proc-services", walkSalt });
}

/**
 * Where a line is wrong the real one goes on after what the kernel refuses, and says nothing of which line it was; `--keep-going` does as
 * it does. Ours without it names the line, changes nothing and fails.
 */
async function restoreInBothManners(host: DirectorHost, { args, input }: Recording): Promise<Printed> {
  const before = await must(host, ["-Sn"]);
  const strict = await host.ipvsadm(args, { input });
  assert.notEqual(strict.status, 0);
  assert.match(strict.stderr, /line \d/);
  assert.deepEqual(await must(host, ["-Sn"]), before);
  return host.program("ipvsadm", [...args, "--keep-going"], { input });
}

async function make(host: DirectorHost, state: "big" | "small"): Promise<void> {
  for (const args of stateCommands(state)) await must(host, args);
}

async function must(host: DirectorHost, args: readonly string[]): Promise<Printed> {
  const printed = await host.ipvsadm(args);
  assert.deepEqual([printed.status, printed.stderr], [0, ""], args.join(" "));
  return printed;
}
