/** Thousands of command lines that the real ipvsadm was asked, one after the other: the same words, exit codes and states. */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ASKED_SALT, type AskedGroup, linesWithout, NOT_OURS, readAsked, STATE_LISTS } from "./asked.ts";
import { MemoryMachine } from "./memory-machine.ts";
import { RECORDED_NAMES } from "./recorded-names.ts";

function machineWith(setup: AskedGroup["setup"]): MemoryMachine {
  const machine = new MemoryMachine(RECORDED_NAMES, ASKED_SALT);
  for (const args of setup) assert.deepEqual(machine.ipvsadm(args), { rc: 0, out: "", err: "" }, args.join(" "));
  return machine;
}

function stateOf(machine: MemoryMachine): string {
  return STATE_LISTS.map((list) => machine.ipvsadm(list).out).join("");
}

suite("as the real one answered:", () => {
  for (const { group, setup, state: before, asked } of readAsked()) {
    test(`${group} (${asked.length})`, () => {
      const machine = { now: machineWith(setup) };
      assert.equal(stateOf(machine.now), before);
      const wrong: unknown[] = [];
      for (const { args, stdin, ...expected } of asked) {
        const { rc: status, out: stdout, err: stderr } = machine.now.ipvsadm(args, stdin);
        const after = stateOf(machine.now);
        const found = { status, stdout, stderr, gone: linesWithout(before, after), came: linesWithout(after, before) };
        if (after !== before) machine.now = machineWith(setup);
        const differs = JSON.stringify(found) !== JSON.stringify(expected);
        if (differs !== Object.hasOwn(NOT_OURS, args.join(" ")))
          wrong.push({ args, ...(stdin === undefined ? {} : { stdin }), found, expected });
      }
      assert.equal(wrong.length, 0, `${wrong.length} differ, as ${JSON.stringify(wrong.slice(0, 3), undefined, 1)}`);
    });
  }
});
