import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EvenkeelError } from "../model/error.ts";
import { describeError, exitCodeOf } from "./report.ts";

describe("describeError()", () => {
  test("says what happened and what would help", () => {
    const error = new EvenkeelError("NOT_PERMITTED", "cannot load the packet path", { cure: "run it as root" });
    assert.equal(describeError(error), "evenkeel: cannot load the packet path\n  cure: run it as root");
  });
  test("leaves out a cure that nobody knows", () => {
    assert.equal(describeError(new EvenkeelError("TIMEOUT", "no answer")), "evenkeel: no answer");
  });
  test("shows what lies behind it, unless the message says it already", () => {
    const cause = new Error("bpf_map_create failed", { cause: new Error("EPERM") });
    const error = new EvenkeelError("BPF_UNAVAILABLE", "no maps here (EPERM)", { cause });
    assert.equal(describeError(error), "evenkeel: no maps here (EPERM)\n  because: bpf_map_create failed");
  });
  test("shows facts of several lines, such as a verifier's log", () => {
    const error = new EvenkeelError("VERIFIER_REJECTED", "the kernel refused director", {
      cure: "report it",
      facts: { program: "director", log: "12: (85) call\nR1 invalid\n" },
    });
    assert.equal(describeError(error), "evenkeel: the kernel refused director\n  | 12: (85) call\n  | R1 invalid\n  cure: report it");
  });
  test("shows where a bug is", () => {
    assert.match(
      describeError(new TypeError("x is not a function")),
      /should not have happened.*\nTypeError: x is not a function\n {4}at /,
    );
  });
  test("copes with what is no error at all", () => {
    assert.match(describeError("boom"), /\nboom$/);
  });
});

describe("exitCodeOf()", () => {
  test("tells usage, configuration, permission and failure apart", () => {
    const codes = ["BAD_ARGUMENT", "BAD_CONFIGURATION", "NOT_PERMITTED", "TIMEOUT"] as const;
    assert.deepEqual(
      codes.map((code) => exitCodeOf(new EvenkeelError(code, "x"))),
      [2, 3, 5, 1],
    );
    assert.equal(exitCodeOf(new Error("x")), 1);
  });
});
