/**
 * A reporter for node:test that writes each verdict, as it falls, as one line of JSON to descriptor 3, where tools/run-tests.ts
 * reads. Written at once and synchronously: what a test file had to say survives its crash.
 */

import { AssertionError } from "node:assert";
import { writeSync } from "node:fs";
import { inspect } from "node:util";

export interface TestVerdict {
  readonly verdict: "passed" | "failed" | "skipped";
  /** The name, after the names of what it stands in. */
  readonly name: string;
  /** Why it was skipped, or how it failed. */
  readonly reason: string;
  readonly durationMs: number;
}

interface ReporterEvent {
  readonly type: string;
  readonly data: {
    readonly name: string;
    readonly nesting: number;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly details: {
      readonly duration_ms: number;
      readonly type?: "suite" | "test";
      readonly error?: Error & { readonly failureType?: string; readonly cause?: unknown };
    };
  };
}

const VERDICTS = 3;
const COLORS = process.env["EVENKEEL_TEST_COLORS"] === "1";

export default async function* report(source: AsyncIterable<ReporterEvent>): AsyncGenerator<string> {
  const path: string[] = [];
  for await (const { type, data } of source) {
    // A name is known at its start, its verdict after those of all that stands in it.
    if (type === "test:start") path.splice(data.nesting, Number.POSITIVE_INFINITY, data.name);
    if (type !== "test:pass" && type !== "test:fail") continue;
    const verdict = judge(type, data);
    if (verdict === undefined) continue;
    const name = [...path.slice(0, data.nesting), data.name].join(" > ");
    const line: TestVerdict = { ...verdict, name, durationMs: data.details.duration_ms };
    writeSync(VERDICTS, `${JSON.stringify(line)}\n`);
  }
  yield "";
}

/** Undefined where the tests within speak for it. */
function judge(type: string, { skip, todo, details }: ReporterEvent["data"]): Pick<TestVerdict, "verdict" | "reason"> | undefined {
  if (skip !== undefined && skip !== false) return { verdict: "skipped", reason: skip === true ? "" : skip };
  if (todo !== undefined && todo !== false) return { verdict: "skipped", reason: todo === true ? "to do" : `to do: ${todo}` };
  if (type === "test:pass") return details.type === "suite" ? undefined : { verdict: "passed", reason: "" };
  const { error } = details;
  if (error?.failureType === "subtestsFailed") return undefined;
  return { verdict: "failed", reason: error === undefined ? "" : explain(error) };
}

function explain(error: NonNullable<ReporterEvent["data"]["details"]["error"]>): string {
  // node:test wraps what was thrown; timeouts and the like have nothing inside.
  const thrown = error.cause ?? error.message;
  if (typeof thrown === "string") return thrown;
  // An assertion's message shows the difference already; its fields would show it twice.
  const text = thrown instanceof AssertionError ? (thrown.stack ?? thrown.message) : inspect(thrown, { colors: COLORS, depth: 8 });
  const lines = text.split("\n");
  return lines.filter((line) => !/^\s+at .*node:internal\//.test(line)).join("\n");
}
