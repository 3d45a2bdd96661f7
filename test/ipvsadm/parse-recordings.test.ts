/** Each command line of the recordings is refused with the words and the exit code of the real one, or understood as it was. */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { HELP, VERSION } from "../../src/cli/ipvsadm/help.ts";
import { cannotInitialize, NOT_ROOT } from "../../src/cli/ipvsadm/messages.ts";
import { parseCommand } from "../../src/cli/ipvsadm/parse.ts";
import { possibleAnswers, possibleAnswersOfRestore } from "./judge.ts";
import { RECORDED_NAMES } from "./recorded-names.ts";
import { recordings } from "./recordings.ts";

const RECORDED = recordings(1, 999).filter(({ program }) => program === "ipvsadm");

suite("as recorded:", () => {
  for (const { name, command, args, input, user, status: rc, stdout: out, stderr: err } of RECORDED) {
    test(`${name}: ${command}`, () => {
      if (user !== undefined) {
        const { message, exitCode } = cannotInitialize(NOT_ROOT);
        assert.deepEqual([`${message}\n`, exitCode], [err, rc]);
      } else if (input === "") {
        assert.ok(
          possibleAnswers(args, RECORDED_NAMES).some((answer) => answer.rc === rc && answer.err === err),
          `${rc} ${err}`,
        );
      } else {
        assert.deepEqual(parseCommand(args, RECORDED_NAMES), { kind: "restore", keepGoing: false, replace: false });
        const lines = possibleAnswersOfRestore(input, RECORDED_NAMES);
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
  test("are all 281 of them", () => assert.equal(RECORDED.length, 281));
});
