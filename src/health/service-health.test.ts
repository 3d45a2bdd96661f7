import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Advice, Verdict } from "../model/health.ts";
import type { OverrideWish } from "../model/override.ts";
import {
  checkIsUncertain,
  resumeServiceHealth,
  type ServiceHealth,
  type ServiceHealthAction,
  type ServiceHealthConfig,
  serviceHealth,
} from "./service-health.ts";

const twice = { rise: 2, fall: 2, initial: "up" } as const;
const plain = { weight: 10, inhibitOnFailure: false, checks: [twice] };

describe("a service's health", () => {
  test("takes a server out after its failures, and back after its passes", () => {
    const { told } = play(service([plain, plain]), [fails(0), fails(0), passes(0), passes(0)]);
    assert.deepEqual(told, ["server-fell 0", "line-up out 10", "server-rose 0", "line-up 10 10"]);
  });
  test("keeps an inhibited server in, with weight 0", () => {
    const { told } = play(service([{ ...plain, inhibitOnFailure: true }, plain]), [fails(0), fails(0)]);
    assert.deepEqual(told, ["server-fell 0", "line-up 0 10"]);
  });
  test("has a server down as long as one of its checks is", () => {
    const both = { ...plain, checks: [twice, twice] };
    const { told } = play(service([both, plain]), [fails(0, 0), fails(0, 1), fails(0, 0), fails(0, 1), passes(0, 0), passes(0, 0)]);
    assert.deepEqual(told, ["server-fell 0", "line-up out 10"]);
  });
  test("calls the sorry server when the quorum is lost, and lets the well servers finish what they have", () => {
    const config = { ...service([plain, plain, plain]), quorum: { quorum: 20, hysteresis: 0 }, hasSorryServer: true };
    const { told } = play(config, [fails(0), fails(0), fails(1), fails(1), passes(0), passes(0)]);
    assert.deepEqual(told, [
      "server-fell 0",
      "line-up out 10 10",
      "server-fell 1",
      "quorum-lost",
      "line-up out out 0 sorry",
      "server-rose 0",
      "quorum-gained",
      "line-up 10 out 10",
    ]);
  });
  test("goes on with too few where there is no sorry server", () => {
    const config = { ...service([plain, plain]), quorum: { quorum: 20, hysteresis: 0 } };
    assert.deepEqual(play(config, [fails(0), fails(0)]).told, ["server-fell 0", "quorum-lost", "line-up out 10"]);
  });
  test("starts with nobody when nothing is known, and the first passes bring them in", () => {
    const unknown = { ...plain, checks: [{ ...twice, initial: "unknown" as const }] };
    const { told, state } = play(service([unknown, unknown]), [passes(0), passes(1)]);
    assert.deepEqual(told, ["server-rose 0", "quorum-gained", "line-up 10 out", "server-rose 1", "line-up 10 10"]);
    assert.equal(checkIsUncertain(state, 0, 0), false);
  });
  test("follows the weight that a server names, until it names another", () => {
    const half = { weight: { kind: "percent", percent: 50 } } as const;
    const { told } = play(service([plain, plain]), [
      passes(0, 0, half),
      passes(0),
      passes(0, 0, { weight: { kind: "absolute", weight: 3 } }),
    ]);
    assert.deepEqual(told, ["line-up 5 10", "line-up 3 10"]);
  });
  test("drains a server that asks for it until it is ready, whatever weight it names", () => {
    const { told } = play(service([plain]), [
      passes(0, 0, { mode: "drain" }),
      passes(0, 0, { weight: { kind: "percent", percent: 100 } }),
      passes(0, 0, { mode: "ready" }),
    ]);
    assert.deepEqual(told, ["quorum-lost", "line-up 0", "quorum-gained", "line-up 10"]);
  });
  test("learns nothing from a check that could not be made", () => {
    const unable: Step = {
      kind: "verdict",
      server: 0,
      check: 0,
      verdict: { outcome: "unable", phase: "connect", durationMs: 1, details: {}, reason: "" },
    };
    assert.deepEqual(play(service([plain]), [fails(0), unable, unable, unable]).told, []);
  });
  test("obeys an operator above the configuration and the checks, but makes no sick server well", () => {
    const { told } = play(service([plain, plain]), [
      orders(0, { kind: "drain" }),
      orders(0, { kind: "weight", weight: 4 }),
      orders(0, { kind: "disable" }),
      orders(0, undefined),
      orders(1, { kind: "weight", weight: 4 }),
      fails(1),
      fails(1),
    ]);
    assert.deepEqual(told, [
      "line-up 0 10",
      "line-up 4 10",
      "line-up out 10",
      "line-up 10 10",
      "line-up 10 4",
      "server-fell 1",
      "line-up 10 out",
    ]);
  });
  test("counts no drained and no disabled server for the quorum", () => {
    const config = { ...service([plain, plain]), quorum: { quorum: 20, hysteresis: 0 }, hasSorryServer: true };
    const { told } = play(config, [orders(0, { kind: "drain" }), orders(0, undefined), orders(1, { kind: "disable" })]);
    assert.deepEqual(told, ["quorum-lost", "line-up 0 0 sorry", "quorum-gained", "line-up 10 10", "quorum-lost", "line-up 0 out sorry"]);
  });
  test("goes on with what is known, and takes a check's first word for the weight that was read off the kernel", () => {
    const config = service([plain]);
    const known = {
      opinion: { condition: "up", against: 1 },
      wishes: { weight: { kind: "absolute", weight: 3 } },
      borrowed: true,
    } as const;
    let state = resumeServiceHealth(config, { servers: [{ checks: [known], order: undefined }] });
    assert.deepEqual(state.lineUp.servers, [{ kind: "in", weight: 3 }]);
    ({ state } = serviceHealth.step(config, state, fails(0)));
    assert.equal(state.servers[0]?.condition, "down");
    ({ state } = serviceHealth.step(config, state, passes(0)));
    ({ state } = serviceHealth.step(config, state, passes(0)));
    assert.deepEqual(state.lineUp.servers, [{ kind: "in", weight: 10 }]);
  });
  test("always has the line-up that its conditions ask for", () => {
    const steps = fc.array(
      fc
        .record({ server: fc.nat({ max: 3 }), passed: fc.boolean() })
        .map(({ server, passed }) => (passed ? passes(server) : fails(server))),
    );
    fc.assert(
      fc.property(steps, fc.boolean(), fc.integer({ min: 1, max: 40 }), (script, hasSorryServer, needed) => {
        const config = { ...service([plain, plain, plain, plain]), quorum: { quorum: needed, hysteresis: 0 }, hasSorryServer };
        const { state } = play(config, script);
        const up = state.servers.filter(({ condition }) => condition === "up").length;
        assert.equal(state.quorum === "up", up * 10 >= needed);
        assert.equal(state.lineUp.sorry, hasSorryServer && up * 10 < needed);
        for (const [i, { condition }] of state.servers.entries()) {
          const weight = state.lineUp.sorry ? 0 : 10;
          assert.deepEqual(state.lineUp.servers[i], condition === "up" ? { kind: "in", weight } : { kind: "out" });
        }
      }),
    );
  });
});

function orders(server: number, order: OverrideWish | undefined): Step {
  return { kind: "order", server, order };
}

type Step = Parameters<typeof serviceHealth.step>[2];

function service(servers: ServiceHealthConfig["servers"]): ServiceHealthConfig {
  return { servers, quorum: { quorum: 1, hysteresis: 0 }, hasSorryServer: false };
}

function passes(server: number, check = 0, advice?: Advice): Step {
  const verdict: Verdict = { outcome: "pass", phase: "match", durationMs: 1, details: {}, ...(advice === undefined ? {} : { advice }) };
  return { kind: "verdict", server, check, verdict };
}

function fails(server: number, check = 0): Step {
  return {
    kind: "verdict",
    server,
    check,
    verdict: { outcome: "fail", phase: "connect", durationMs: 1, details: {}, reason: "connection refused" },
  };
}

function play(config: ServiceHealthConfig, steps: readonly Step[]): { state: ServiceHealth; told: string[] } {
  let state: ServiceHealth = serviceHealth.start(config);
  const told: string[] = [];
  for (const event of steps) {
    const step = serviceHealth.step(config, state, event);
    state = step.state;
    told.push(...step.actions.map(describeAction));
  }
  return { state, told };
}

function describeAction(action: ServiceHealthAction): string {
  if ("server" in action) return `${action.kind} ${action.server}`;
  if (!("lineUp" in action)) return action.kind;
  const { servers, sorry } = action.lineUp;
  return ["line-up", ...servers.map((each) => (each.kind === "in" ? String(each.weight) : "out")), ...(sorry ? ["sorry"] : [])].join(" ");
}
