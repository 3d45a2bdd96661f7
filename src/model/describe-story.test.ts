/** Entries of the journal, as people read them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { describeEntry, describeStory } from "./describe-story.ts";

const SERVER = { service: "tcp 192.0.2.10:80", label: "web", server: "10.0.0.11:80" } as const;

test("describeStory() says whom it is about, what happened, and what had led to it", () => {
  const finding = { check: "http :80/healthz", outcome: "fail", phase: "response", durationMs: 12.34, reason: "status 503" } as const;
  assert.equal(
    describeStory({ event: "server-down", ...SERVER, after: [finding] }),
    "web tcp 192.0.2.10:80, 10.0.0.11:80: down: http :80/healthz failed after 12.3 ms: response: status 503",
  );
  assert.equal(describeStory({ event: "quorum-lost", service: "mark 1 ipv4" }), "mark 1 ipv4: the quorum is lost");
  assert.equal(
    describeStory({ event: "drain-cut", ...SERVER, connections: 1 }),
    "web tcp 192.0.2.10:80, 10.0.0.11:80: the drain's deadline is over: 1 connection cut",
  );
});

test("describeStory() does not name the service twice where the text of a change does", () => {
  const text = "edit server 10.0.0.11:80 of tcp 192.0.2.10:80: weight 3 -> 0";
  assert.equal(describeStory({ event: "change", change: "edit-server", text, ...SERVER }), text);
});

test("describeEntry() adds who did it, and why", () => {
  const story = { event: "override-set", ...SERVER, wish: { kind: "drain", deadlineMs: 30_000 } } as const;
  const cause = { kind: "operator", by: "uid 0", reason: "new kernel" } as const;
  assert.equal(
    describeEntry({ seq: 1, atMs: 0, severity: "notice", cause, story }),
    "web tcp 192.0.2.10:80, 10.0.0.11:80: draining for at most 30 s (by uid 0: new kernel)",
  );
  const rolledBack = { event: "configuration-rolled-back", id: 3 } as const;
  assert.equal(
    describeEntry({ seq: 2, atMs: 0, severity: "warning", cause: { kind: "not-confirmed" }, story: rolledBack }),
    "configuration 3 rolled back (it was not confirmed in time)",
  );
});

test("describeStory() lists twenty of many", () => {
  const changes = Array.from({ length: 8000 }, (_, i) => `delete service ${i}`);
  assert.match(describeStory({ event: "adopted", changes }), /delete service 18; delete service 19; and 7980 more$/);
});
