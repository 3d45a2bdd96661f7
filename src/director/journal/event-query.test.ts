import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { JournalEntry, Severity, Story } from "../../model/journal.ts";
import type { EventQuery } from "../director.ts";
import { matches } from "./event-query.ts";
import { openJournalFile } from "./journal-file.ts";

const SERVICES = ["tcp 192.0.2.1:80", "tcp 192.0.2.1:8", "mark 1 ipv4"];
const SERVERS = ["10.0.0.1:80", "10.0.0.1:8080", "10.0.0.11:80", "[2001:db8::1]:80", "[2001:db8::1]:443"];

const story: fc.Arbitrary<Story> = fc.oneof(
  fc.record({
    event: fc.constantFrom("server-up" as const, "server-down" as const),
    service: fc.constantFrom(...SERVICES),
    server: fc.constantFrom(...SERVERS),
    after: fc.constant([]),
  }),
  fc.record({ event: fc.constant("quorum-lost" as const), service: fc.constantFrom(...SERVICES), label: fc.constantFrom("web", "dns") }),
  fc.record({ event: fc.constant("network" as const), what: fc.string() }),
  fc.record({ event: fc.constant("change" as const), change: fc.constant("attach"), text: fc.string() }),
);

const query: fc.Arbitrary<EventQuery> = fc.record(
  {
    after: fc.nat(60),
    sinceMs: fc.nat(60),
    severity: fc.constantFrom<Severity[]>("debug", "info", "notice", "warning", "error"),
    events: fc.subarray<Story["event"]>(["server-up", "server-down", "network", "verdict"]),
    service: fc.constantFrom(...SERVICES, "web", "no such"),
    server: fc.constantFrom(...SERVERS, "10.0.0.1", "2001:db8::1", "[2001:db8::1]", "10.0.0"),
  },
  { requiredKeys: [] },
);

describe("an event query", () => {
  it("means the same entries in memory and on disk", () => {
    const severity = fc.constantFrom<Severity[]>("debug", "info", "notice", "warning", "error");
    fc.assert(
      fc.property(
        fc.array(fc.tuple(story, severity, fc.nat(60)), { maxLength: 60 }),
        query,
        fc.integer({ min: 1, max: 60 }),
        (told, asked, limit) => {
          const entries: JournalEntry[] = told.map(([each, how, atMs], i) => ({
            seq: i + 1,
            atMs,
            severity: how,
            cause: { kind: "start" },
            story: each,
          }));
          const file = openJournalFile(":memory:", 0);
          file.append(entries, entries.length + 1);
          assert.deepEqual(file.read(asked, 1000, limit), structuredClone(entries.filter((entry) => matches(asked, entry)).slice(-limit)));
          file.close(entries.length + 1);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("names a server with its port or without", () => {
    const entry: JournalEntry = {
      seq: 1,
      atMs: 0,
      severity: "info",
      cause: { kind: "start" },
      story: { event: "server-up", service: "tcp 192.0.2.1:80", server: "[2001:db8::1]:80", after: [] },
    };
    const found = ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80", "2001:db8::", "[2001:db8::1]:8"].map((server) =>
      matches({ server }, entry),
    );
    assert.deepEqual(found, [true, true, true, false, false]);
  });
});
