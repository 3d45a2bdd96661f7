/** What every scheduler promises, and what those with a cursor do besides: fed by the table in index.test.ts. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressFromBytes } from "../model/address.ts";
import { type Candidate, type CursorScheduler, type Flow, mayServe, type Occasion, type Scheduler } from "./scheduler.ts";

/** A server that differs from the others by its last byte. */
export function candidate(host: number, facts: Partial<Candidate> = {}): Candidate {
  const weight = facts.weight ?? 1;
  return {
    address: addressFromBytes(Uint8Array.of(10, 0, host >> 8, host & 255)),
    port: 80,
    weight,
    lastWeight: weight,
    overloaded: false,
    active: 0,
    total: 0,
    ...facts,
  };
}

export const anyFlow: Flow = {
  client: addressFromBytes(Uint8Array.of(198, 51, 100, 7)),
  clientPort: 40000,
  destination: addressFromBytes(Uint8Array.of(192, 0, 2, 1)),
  destinationPort: 80,
};

/** No flags, at the beginning of time, and lots that come in a fixed order. */
export const anyOccasion: Occasion = {
  fallback: false,
  usePort: false,
  nowMs: 0,
  cacheExpirationMs: 24 * 3600 * 1000,
  chance: lots(1),
};

/** A source of chance that says the same each time (Park and Miller). */
export function lots(seed: number): Occasion["chance"] {
  let state = seed;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

/** The positions of the next choices. */
export function choices(scheduler: Scheduler, servers: readonly Candidate[], memory: object, count: number): (number | undefined)[] {
  return Array.from({ length: count }, () => scheduler.choose(servers, anyFlow, memory, anyOccasion));
}

/** Clients of all kinds. */
export const someFlows = fc
  .record({
    client: fc.uint8Array({ minLength: 4, maxLength: 4 }),
    clientPort: fc.integer({ min: 1, max: 65535 }),
    host: fc.nat({ max: 255 }),
  })
  .map(({ client, clientPort, host }) => ({
    client: addressFromBytes(client),
    clientPort,
    destination: addressFromBytes(Uint8Array.of(192, 0, 2, host)),
    destinationPort: 80,
  }));

const weights = fc.oneof(fc.nat({ max: 12 }), fc.integer({ min: 0, max: 65535 }));
const facts = fc.record({ weight: weights, overloaded: fc.boolean(), active: fc.nat({ max: 500 }), total: fc.nat({ max: 1000 }) });
export const someServers = fc.array(facts, { maxLength: 9 }).map((all) => all.map((each, i) => candidate(i + 1, each)));

type Edit =
  | { kind: "choose" }
  | { kind: "add"; weight: number }
  | { kind: "delete"; at: number }
  | { kind: "weigh"; at: number; weight: number };

const edits = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("choose" as const) }),
    fc.record({ kind: fc.constant("add" as const), weight: weights }),
    fc.record({ kind: fc.constant("delete" as const), at: fc.nat() }),
    fc.record({ kind: fc.constant("weigh" as const), at: fc.nat(), weight: weights }),
  ),
  { maxLength: 60 },
);

export function schedulerContract(name: string, scheduler: Scheduler): void {
  test(`${name} chooses nobody from an empty list`, () => {
    assert.equal(scheduler.choose([], anyFlow, scheduler.prepare([], 0), anyOccasion), undefined);
  });

  test(`${name} never chooses a server of weight 0 or an overloaded one`, () => {
    fc.assert(
      fc.property(someServers, (servers) => {
        for (const position of choices(scheduler, servers, scheduler.prepare(servers, 0), 30)) {
          if (position === undefined) continue;
          const chosen = servers[position];
          assert.ok(chosen !== undefined && mayServe(chosen));
        }
      }),
    );
  });

  test(`${name} goes on choosing from servers that may serve, through any changes of the list`, () => {
    fc.assert(
      fc.property(edits, (script) => {
        let servers: readonly Candidate[] = [];
        let memory = scheduler.prepare(servers, 0);
        for (const [i, edit] of script.entries()) {
          if (edit.kind === "choose") {
            const position = scheduler.choose(servers, anyFlow, memory, anyOccasion);
            if (position !== undefined) assert.ok((servers[position]?.weight ?? 0) > 0);
            continue;
          }
          const after = edited(servers, edit, i + 1);
          memory = scheduler.changed(memory, servers, after);
          servers = after;
        }
      }),
    );
  });

  test(`${name} always finds a server when all may serve`, () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), someFlows, (count, flow) => {
        const servers = Array.from({ length: count }, (_, i) => candidate(i + 1, { weight: (i % 3) + 1 }));
        assert.notEqual(scheduler.choose(servers, flow, scheduler.prepare(servers, 0), anyOccasion), undefined);
      }),
    );
  });

  test(`${name} refuses to be told of two changes at once`, () => {
    const servers = [candidate(1), candidate(2)];
    assert.throws(
      () => scheduler.changed(scheduler.prepare(servers, 0), servers, [candidate(3), candidate(4), ...servers]),
      /one added, deleted or edited server/,
    );
    assert.throws(
      () => scheduler.changed(scheduler.prepare(servers, 0), servers, [candidate(2), candidate(1)]),
      /one added, deleted or edited server/,
    );
  });
}

export function cursorContract(name: string, scheduler: CursorScheduler): void {
  test(`${name} decides the same after its cursor went through the packet path and back`, () => {
    fc.assert(
      fc.property(someServers, fc.nat({ max: 20 }), (servers, before) => {
        const memory = scheduler.prepare(servers);
        choices(scheduler, servers, memory, before);
        const resumed = scheduler.resume(servers, scheduler.cursor(memory));
        assert.deepEqual(choices(scheduler, servers, resumed, 20), choices(scheduler, servers, memory, 20));
      }),
    );
  });

  test(`${name} makes a new memory at a change and leaves the old one as it was`, () => {
    fc.assert(
      fc.property(someServers, fc.nat({ max: 20 }), (servers, before) => {
        const memory = scheduler.prepare(servers);
        choices(scheduler, servers, memory, before);
        const kept = structuredClone(memory);
        choices(scheduler, [candidate(999), ...servers], scheduler.changed(memory, servers, [candidate(999), ...servers]), 5);
        assert.deepEqual(memory, kept);
      }),
    );
  });
}

function edited(servers: readonly Candidate[], edit: Exclude<Edit, { kind: "choose" }>, host: number): readonly Candidate[] {
  if (edit.kind === "add") return [candidate(host, { weight: edit.weight }), ...servers];
  if (servers.length === 0) return servers;
  const at = edit.at % servers.length;
  if (edit.kind === "delete") return servers.toSpliced(at, 1);
  return servers.map((server, i) => (i === at ? reweighed(server, edit.weight) : server));
}

function reweighed(server: Candidate, weight: number): Candidate {
  return { ...server, weight, lastWeight: weight === 0 ? server.lastWeight : weight };
}
