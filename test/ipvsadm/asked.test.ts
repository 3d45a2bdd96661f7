/** Thousands of command lines that the real ipvsadm was asked, one after the other: the same words, exit codes and states. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { MemoryMachine } from "./memory-machine.ts";
import { RECORDED_NAMES } from "./recorded-names.ts";

type Text = string | number;

interface Asked {
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly rc: number;
  readonly out?: Text;
  readonly err?: Text;
  readonly gone?: readonly string[];
  readonly came?: readonly string[];
}

interface Group {
  readonly group: string;
  readonly setup: readonly (readonly string[])[];
  readonly state: Text;
  readonly asked: readonly Asked[];
}

const { groups, texts } = JSON.parse(readFileSync(new URL("../golden/ipvsadm/asked.json", import.meta.url), "utf8")) as {
  readonly groups: readonly Group[];
  readonly texts: readonly string[];
};

/** Answers that are not ours, each with the reason. */
const NOT_OURS: Readonly<Record<string, string>> = {
  "-A -t 10.9.9.9:80 -s twos": "a scheduler that came after Linux 6.1",
  "-A -t 10.9.9.9:80 -s none": "a service that sends nobody anywhere",
  "--start-daemon master --mcast-interface lo --mcast-group ff02::1": "no route for it, which a memory does not know",
  "--start-daemon master --mcast-interface lo --mcast-group ff05::5": "likewise",
};

/** Of the memory of the machine that was asked: its order of --nosort. */
const SALT = 128;

const textOf = (text: Text = ""): string => (typeof text === "number" ? (texts[text] ?? "") : text);

function machineWith(setup: Group["setup"]): MemoryMachine {
  const machine = new MemoryMachine(RECORDED_NAMES, SALT);
  for (const args of setup) assert.deepEqual(machine.ipvsadm(args), { rc: 0, out: "", err: "" }, args.join(" "));
  return machine;
}

function stateOf(machine: MemoryMachine): string {
  return ["-Sn", "-Ln --thresholds", "-Ln --timeout", "-Ln --daemon"].map((line) => machine.ipvsadm(line.split(" ")).out).join("");
}

/** Lines that are in one and not in the other, as often as they are. */
function without(one: string, other: string): string[] {
  const counts = Map.groupBy(linesOf(other), (line) => line);
  return linesOf(one).filter((line) => counts.get(line)?.pop() === undefined);
}

function linesOf(text: string): string[] {
  return text.split("\n").slice(0, -1);
}

suite("as the real one answered:", () => {
  for (const { group, setup, state, asked } of groups) {
    test(`${group} (${asked.length})`, () => {
      const before = textOf(state);
      const machine = { now: machineWith(setup) };
      assert.equal(stateOf(machine.now), before);
      const wrong: unknown[] = [];
      for (const { args, stdin, rc, out, err, gone = [], came = [] } of asked) {
        const expected = { rc, out: textOf(out), err: textOf(err), gone, came };
        const answer = machine.now.ipvsadm(args, stdin);
        const after = stateOf(machine.now);
        const found = { ...answer, gone: without(before, after), came: without(after, before) };
        if (after !== before) machine.now = machineWith(setup);
        const differs = JSON.stringify(found) !== JSON.stringify(expected);
        if (differs !== Object.hasOwn(NOT_OURS, args.join(" ")))
          wrong.push({ args, ...(stdin === undefined ? {} : { stdin }), found, expected });
      }
      assert.equal(wrong.length, 0, `${wrong.length} differ, as ${JSON.stringify(wrong.slice(0, 3), undefined, 1)}`);
    });
  }
});
