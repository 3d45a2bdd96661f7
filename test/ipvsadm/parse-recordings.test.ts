/** Each command line of the recordings is refused with the words and the exit code of the real one, or understood as it was. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { HELP, VERSION } from "../../src/cli/ipvsadm/help.ts";
import { cannotInitialize, NOT_ROOT } from "../../src/cli/ipvsadm/messages.ts";
import { parseCommand } from "../../src/cli/ipvsadm/parse.ts";
import { possibleAnswers, possibleAnswersOfRestore } from "./judge.ts";
import { RECORDED_NAMES } from "./recorded-names.ts";

const FOLDER = new URL("../golden/ipvsadm/", import.meta.url);
const RECORDING = /^(?<command>.*)\n# rc=(?<rc>\d+) (?<state>.*)\n--- stdout\n(?<out>.*?)--- stderr\n(?<err>.*)$/s;

const recordings = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".txt"))
  .map((file) => {
    const { command = "", rc, state = "", out = "", err = "" } = RECORDING.exec(readFileSync(new URL(file, FOLDER), "utf8"))?.groups ?? {};
    const stdin = /stdin=(".*")$/.exec(state)?.[1];
    return { file, command, rc: Number(rc), out, err, isRoot: !state.includes("user="), ...(stdin === undefined ? {} : { stdin }) };
  })
  .filter(({ command }) => /^ipvsadm( |$)/.test(command));

suite("as recorded:", () => {
  for (const { file, command, rc, out, err, isRoot, stdin } of recordings) {
    const args = command
      .split(" ")
      .slice(1)
      .map((word) => (word === "''" ? "" : word));
    test(`${file}: ${command}`, () => {
      if (!isRoot) {
        const { message, exitCode } = cannotInitialize(NOT_ROOT);
        assert.deepEqual([`${message}\n`, exitCode], [err, rc]);
      } else if (stdin === undefined) {
        assert.ok(
          possibleAnswers(args, RECORDED_NAMES).some((answer) => answer.rc === rc && answer.err === err),
          `${rc} ${err}`,
        );
      } else {
        assert.deepEqual(parseCommand(args, RECORDED_NAMES), { kind: "restore", keepGoing: false, replace: false });
        const lines = possibleAnswersOfRestore(JSON.parse(stdin) as string, RECORDED_NAMES);
        assert.ok(
          lines.at(-1)?.some((answer) => answer.rc === rc && err.endsWith(answer.err)),
          `${rc} ${err}`,
        );
      }
      if (out.startsWith("ipvsadm v")) {
        const { kind } = parseCommand(args, RECORDED_NAMES);
        assert.ok(kind === "help" || kind === "version");
        assert.equal(kind === "help" ? HELP : VERSION, out);
      }
    });
  }
  test("are all 281 of them", () => assert.equal(recordings.length, 281));
});
