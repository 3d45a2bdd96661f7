/**
 * Any sequence of calls of ipvsadm, played on a real packet path, saved, and restored into a fresh namespace, lists the same there. Beside
 * them runs the pure model of the edits, which says after each call what there is, and which calls are refused.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { systemNames } from "../src/cli/ipvsadm/names.ts";
import { parseCommand } from "../src/cli/ipvsadm/parse.ts";
import { runIpvsadm } from "../src/cli/ipvsadm/run.ts";
import { inspect } from "../src/director/apply.ts";
import type { Edit } from "../src/model/edit.ts";
import { type ActualState, DEFAULT_SETTINGS } from "../src/model/plane.ts";
import { judgeEdits } from "../src/reconcile/edits.ts";
import { addDevice, OwnNamespace } from "./ipvsadm/own-namespace.ts";
import { sequences } from "./ipvsadm/sequences.ts";
import { need } from "./need.ts";

const SEQUENCES = 100;

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function ipvsadm(args: readonly string[], input = ""): Promise<Ran> {
  let [stdout, stderr] = ["", ""];
  const exitCode = await runIpvsadm(args, {
    stdin: () => Buffer.from(input),
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
  });
  return { exitCode, stdout, stderr };
}

/** What a call printed that has to succeed, without a word of complaint. */
async function said(args: readonly string[], input?: string): Promise<string> {
  const ran = await ipvsadm(args, input);
  assert.deepEqual({ ...ran, stdout: "" }, { exitCode: 0, stdout: "", stderr: "" }, args.join(" "));
  return ran.stdout;
}

type ModelState = Required<Pick<ActualState, "services" | "settings" | "syncDaemons">>;
const EMPTY: ModelState = { services: [], settings: DEFAULT_SETTINGS, syncDaemons: [] };

/** What there is after the call, by the pure model; refused where it says so. */
function modelled(state: ModelState, edit: Edit): { readonly state: ModelState; readonly refused: boolean } {
  const { changes, services, refused } = judgeEdits([edit], { ...state, attachments: [] }, { interfaceMtu: () => 1500 });
  const settings = changes.find((change) => change.kind === "edit-settings")?.after ?? state.settings;
  return { state: { ...state, services, settings }, refused: refused.length > 0 };
}

/** Plays the calls one after the other, and looks after each. */
async function play(calls: readonly (readonly string[])[]): Promise<void> {
  let state = EMPTY;
  for (const args of calls) {
    const command = parseCommand(args, systemNames());
    assert.ok(command.kind === "edit", args.join(" "));
    const expected = modelled(state, command.edit);
    const { exitCode, stdout, stderr } = await ipvsadm(args);
    assert.deepEqual(
      [exitCode, stdout, stderr === ""],
      [expected.refused ? 255 : 0, "", !expected.refused],
      `${args.join(" ")}: ${stderr}`,
    );
    state = expected.state;
    const { services, settings } = (await inspect((plane) => plane.read())) ?? EMPTY;
    assert.deepEqual({ services, settings }, { services: state.services, settings: state.settings }, args.join(" "));
  }
}

/** Sequences like these, with what ipvsadm 1.31 answered on Linux 6.1: each call, its exit code and its complaint; and the lists in the end. */
interface Recorded {
  readonly calls: readonly (readonly [line: string, exitCode: number, stderr: string])[];
  readonly lists: Readonly<Record<string, string>>;
}
const RECORDED = JSON.parse(readFileSync(new URL("golden/ipvsadm/sequences.json", import.meta.url), "utf8")) as readonly Recorded[];

test("Sequences that the real one was asked are answered as it answered, and list the same", { timeout: 120_000 }, async (t) => {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
  const namespace = OwnNamespace.make();
  try {
    for (const { calls, lists: listed } of RECORDED) {
      for (const args of [["-C"], ["--set", "900", "120", "300"]]) await said(args);
      for (const [line, exitCode, stderr] of calls)
        assert.deepEqual(await ipvsadm(line.split(" ")), { exitCode, stdout: "", stderr }, line);
      for (const [line, text] of Object.entries(listed))
        assert.equal(await said(line.split(" ")), text, calls.map(([each]) => each).join("\n"));
    }
  } finally {
    await namespace.leave();
  }
});

const LISTS = [["-Ln"], ["-Ln", "--persistent-conn"], ["-Ln", "--tun-info"], ["-Ln", "--stats"], ["-Sn"]] as const;
const THRESHOLDS = ["-Ln", "--thresholds"] as const;

async function lists(): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const args of [...LISTS, THRESHOLDS]) all[args.join(" ")] = await said(args);
  return all;
}

/** ipvsadm does not save thresholds. */
function withoutThresholds(all: Record<string, string>): Record<string, string> {
  const key = THRESHOLDS.join(" ");
  const text = all[key] ?? "";
  return { ...all, [key]: text.replaceAll(/^( {2}-> .{28}) \d+ +\d+ +(?=\d+ +\d+ *$)/gm, `$1 ${"0".padEnd(10)} ${"0".padEnd(10)} `) };
}

test("Any sequence of calls, saved and restored into a fresh namespace, lists the same", { timeout: 300_000 }, async (t) => {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
  const played = OwnNamespace.make();
  try {
    addDevice("eth0");
    const property = fc.asyncProperty(sequences, async (calls) => {
      played.enter();
      // Not torn down between: as on a director that has stood for long.
      for (const args of [["-C"], ["--set", "900", "120", "300"]]) await said(args);
      await play(calls);
      const before = await lists();
      const fresh = OwnNamespace.make();
      try {
        await said(["-R"], before["-Sn"]);
        assert.deepEqual(await lists(), withoutThresholds(before));
      } finally {
        await fresh.leave();
        played.enter();
      }
    });
    await fc.assert(property, { numRuns: SEQUENCES });
  } finally {
    await played.leave();
  }
});
