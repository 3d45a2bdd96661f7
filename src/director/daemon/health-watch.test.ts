import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { checkKinds } from "../../checker/check-kinds.ts";
import { directDial } from "../../checker/dial.ts";
import { Stalls } from "../../checker/stalls.ts";
import type { Configuration } from "../../config/configuration.ts";
import { parseConfiguration } from "../../config/parse.ts";
import { openJournal } from "../journal/journal.ts";
import { type CheckWatch, HealthWatch } from "./health-watch.ts";

const START = { kind: "start" } as const;
const NOBODY = () => undefined;

function configuration(port: number, check: string, more = "", weight = 1): Configuration {
  const text = `
services:
  - { address: 192.0.2.1, port: ${port}, method: dr, checks: [{ tcp: { address: 127.0.0.1 }, timeout: 50ms, ${check} }], servers: [{ address: 192.0.2.77, weight: ${weight} }${more}] }
`;
  const result = parseConfiguration(text, "test.yaml", checkKinds);
  assert.ok("configuration" in result, JSON.stringify(result));
  return result.configuration;
}

function watchFor(t: TestContext) {
  const journal = openJournal();
  const stalls = new Stalls();
  const changed: string[] = [];
  const counted: string[] = [];
  const watch = new HealthWatch({
    journal,
    stalls,
    dialOf: () => directDial,
    changed: (service) => changed.push(service),
    fell: (_service, server) => changed.push(`fell ${server.weight}`),
    checked: (_kind, { outcome }) => counted.push(outcome),
  });
  t.after(() => {
    watch.stop();
    stalls.stop();
    journal.close();
  });
  const adopt = (wanted: Configuration): string[] =>
    watch.adopt(
      watch.foresee(wanted, NOBODY, () => ({ servers: [] })),
      NOBODY,
      START,
    );
  const checks = (): CheckWatch[] => [...watch.services.values()].flatMap(({ servers }) => servers.flatMap((server) => server.checks));
  return { watch, adopt, checks, changed, counted, journal };
}

/** A port where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  server.close();
  await once(server, "close");
  return address.port;
}

describe("the watch of a configuration", () => {
  test("goes on with the checks that a new one leaves as they are, and ends and begins the others", async (t) => {
    const { adopt, checks } = watchFor(t);
    const port = await closedPort();
    adopt(configuration(port, "interval: 60s"));
    const [before] = checks();
    adopt(configuration(port, "interval: 60s", ", { address: 192.0.2.78 }", 7));
    const [same, added] = checks();
    assert.equal(same, before);
    assert.equal(before?.stop.signal.aborted, false);
    adopt(configuration(port, "interval: 30s"));
    const [other] = checks();
    assert.notEqual(other, before);
    assert.deepEqual([before?.stop.signal.aborted, added?.stop.signal.aborted], [true, true]);
    // What it has said stays known.
    assert.equal(other?.record, before?.record);
  });

  test("keeps its judgement over a reload, and tells a verdict once as long as it is the same", async (t) => {
    const { adopt, watch, changed, journal, counted } = watchFor(t);
    const port = await closedPort();
    const fast = "interval: 50ms, fast_interval: 50ms, fall: 2, rise: 2";
    adopt(configuration(port, fast));
    while (changed.length < 2) await sleep(10);
    assert.deepEqual(changed, ["fell 1", `tcp 192.0.2.1:${port}`]);
    adopt(configuration(port, fast, "", 5));
    const [service] = watch.services.values();
    assert.deepEqual(
      service?.health.servers.map(({ condition }) => condition),
      ["down"],
    );
    while (counted.length < 8) await sleep(10);
    assert.deepEqual(
      journal.events({}).map(({ story }) => story.event),
      ["verdict", "server-down", "quorum-lost"],
    );
  });
});
