import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Cause, JournalEntry, Severity, Story } from "../../model/journal.ts";
import { type LogOptions, logLines, usualLogFormat } from "./log-lines.ts";
import { severityOf } from "./severity.ts";

const HEALTH: Cause = { kind: "health" };
const entry = (story: Story, cause: Cause = HEALTH): JournalEntry => ({
  seq: 7,
  atMs: 1_795_395_472_000,
  severity: severityOf(story),
  cause,
  because: 6,
  story,
});
const finding = { check: "http :80/healthz", outcome: "fail", phase: "response", durationMs: 12.4, reason: "HTTP status 503" } as const;
const down: Story = { event: "server-down", service: "tcp 192.0.2.1:80", label: "web", server: "10.0.0.1:80", after: [finding] };

function written(options: Omit<LogOptions, "sink">, ...entries: readonly JournalEntry[]): string {
  const lines: string[] = [];
  const log = logLines({ ...options, sink: { write: (line) => lines.push(line) } });
  entries.forEach(log);
  return lines.join("");
}

describe("logLines()", () => {
  it("writes JSON with the story's fields, its number, its cause and its text", () => {
    assert.deepEqual(JSON.parse(written({ format: "json" }, entry(down))), {
      level: "warning",
      time: "2026-11-23T00:57:52.000Z",
      seq: 7,
      event: "server-down",
      cause: { kind: "health" },
      because: 6,
      service: "tcp 192.0.2.1:80",
      label: "web",
      server: "10.0.0.1:80",
      after: [finding],
      msg: "web tcp 192.0.2.1:80, 10.0.0.1:80: down: http :80/healthz failed after 12.4 ms: response: HTTP status 503",
    });
  });

  it("writes a line for people, and one with a priority for systemd", () => {
    const text = "web tcp 192.0.2.1:80, 10.0.0.1:80: down: http :80/healthz failed after 12.4 ms: response: HTTP status 503\n";
    assert.equal(written({ format: "text" }, entry(down)), `2026-11-23T00:57:52.000Z warning ${text}`);
    assert.equal(written({ format: "text", priorities: true }, entry(down)), `<4>${text}`);
    assert.match(written({ format: "json", priorities: true }, entry(down)), /^<4>\{"level":"warning"/);
  });

  it("lets nobody write a line of his own into it", () => {
    const forged = entry({ event: "warning", text: "one\n<0>two\u001b[2J" });
    assert.equal(written({ format: "text", priorities: true }, forged), "<4>one <0>two [2J\n");
  });

  it("leaves out what matters less than it was asked for", () => {
    const severities: Severity[] = ["debug", "info", "notice", "warning", "error"];
    const entries = severities.map((severity) => ({ ...entry(down), severity }));
    assert.equal(written({ format: "text", least: "warning" }, ...entries).split("\n").length - 1, 2);
    assert.equal(written({ format: "json", least: "debug" }, ...entries).split("\n").length - 1, 5);
  });

  it("is text on a terminal and under systemd, JSON elsewhere", () => {
    assert.deepEqual(
      [usualLogFormat({}, true), usualLogFormat({ JOURNAL_STREAM: "8:12" }, false), usualLogFormat({}, false)],
      ["text", "text", "json"],
    );
  });
});
