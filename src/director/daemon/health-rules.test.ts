import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { checkKinds } from "../../checker/check-kinds.ts";
import type { ConfiguredService } from "../../config/configuration.ts";
import { parseConfiguration } from "../../config/parse.ts";
import { resumeServiceHealth, serviceHealth } from "../../health/service-health.ts";
import type { OverrideWish } from "../../model/override.ts";
import { serverName, serviceName } from "../../model/service.ts";
import { desiredService } from "../../reconcile/desired.ts";
import { diff } from "../../reconcile/diff.ts";
import { healthConfig, knownFromBefore, knownFromKernel } from "./health-rules.ts";

function service(
  more = "",
  servers = "{ address: 10.0.0.1, weight: 3 }, { address: 10.0.0.2 }, { address: 10.0.0.3, weight: 0 }",
): ConfiguredService {
  const text = `services: [{ address: 192.0.2.1, port: 80, method: dr, checks: [tcp]${more}, servers: [${servers}] }]`;
  const result = parseConfiguration(text, "test.yaml", checkKinds);
  assert.ok("configuration" in result, JSON.stringify(result));
  const [read] = result.configuration.services;
  assert.ok(read !== undefined);
  return read;
}

const SORRY = ", quorum: 2, sorry_server: { address: 10.0.0.9 }";
const NOBODY = () => undefined;
const PASS = { outcome: "pass", phase: "connect", durationMs: 1, details: {} } as const;
const FAIL = { outcome: "fail", reason: "no", phase: "connect", durationMs: 1, details: {} } as const;
const held = (rule: ConfiguredService, health: Parameters<typeof desiredService>[1]) =>
  desiredService(rule, health, { sourceTo: () => undefined });
const conditions = (rule: ConfiguredService, ...args: [Parameters<typeof knownFromKernel>[1], Parameters<typeof knownFromKernel>[2]]) =>
  resumeServiceHealth(healthConfig(rule), knownFromKernel(rule, ...args)).servers.map(({ condition }) => condition);

describe("at a director's start", () => {
  test("a service that the kernel has not is new: its servers are up, or unknown with alpha", () => {
    assert.deepEqual(conditions(service(), undefined, NOBODY), ["up", "up", "up"]);
    assert.deepEqual(conditions(service(", alpha: true"), undefined, NOBODY), ["unknown", "unknown", "unknown"]);
  });

  test("a server that the kernel has is up, one that it has not is down, a new one too", () => {
    const rule = service();
    const lineUp = { servers: [{ kind: "in", weight: 3 }, { kind: "out" }, { kind: "in", weight: 0 }], sorry: false } as const;
    assert.deepEqual(conditions(rule, held(rule, lineUp), NOBODY), ["up", "down", "up"]);
  });

  test("an agent's last weight stands until it speaks", () => {
    const rule = service("", "{ address: 10.0.0.1, weight: 10, checks: [{ agent: { port: 99 } }] }");
    const known = knownFromKernel(rule, held(rule, { servers: [{ kind: "in", weight: 4 }], sorry: false }), NOBODY);
    const config = healthConfig(rule);
    const health = resumeServiceHealth(config, known);
    assert.deepEqual(health.lineUp.servers, [{ kind: "in", weight: 4 }]);
    const verdict = { outcome: "pass", phase: "match", durationMs: 1, details: {} } as const;
    const { state } = serviceHealth.step(config, health, { kind: "verdict", server: 0, check: 0, verdict });
    assert.deepEqual(state.lineUp.servers, [{ kind: "in", weight: 10 }]);
  });

  test("servers that an agent has drained do not take the sorry server's place", () => {
    const rule = service(", sorry_server: { address: 10.0.0.9 }", "{ address: 10.0.0.1, weight: 10, checks: [{ agent: { port: 99 } }] }");
    const before = held(rule, { servers: [{ kind: "in", weight: 0 }], sorry: true });
    const health = resumeServiceHealth(healthConfig(rule), knownFromKernel(rule, before, NOBODY));
    assert.deepEqual(health.lineUp, { servers: [{ kind: "in", weight: 0 }], sorry: true });
  });

  test("nothing is to be changed, whatever happened before", () => {
    const happenings = fc.array(
      fc.oneof(
        fc.record({ server: fc.nat({ max: 2 }), pass: fc.boolean() }),
        fc.record({
          server: fc.nat({ max: 2 }),
          order: fc.constantFrom<(OverrideWish | undefined)[]>(
            undefined,
            { kind: "drain" },
            { kind: "disable" },
            { kind: "weight", weight: 5 },
            { kind: "weight", weight: 0 },
          ),
        }),
      ),
      { maxLength: 30 },
    );
    const rules = [
      service(),
      service(SORRY),
      service(", inhibit_on_failure: true"),
      service(`${SORRY}, inhibit_on_failure: true`),
      service(`${SORRY}, alpha: true`),
      service(SORRY.replace("quorum: 2", "quorum: { weight: 3, hysteresis: 1 }")),
    ];
    fc.assert(
      fc.property(happenings, fc.constantFrom(...rules), (list, rule) => {
        const orders = new Map<string, OverrideWish | undefined>();
        const config = healthConfig(rule);
        let health = serviceHealth.start(config);
        for (const each of list) {
          const { server } = each;
          const common = { phase: "connect", durationMs: 1, details: {} } as const;
          if ("order" in each) {
            const one = rule.servers[server];
            orders.set(`${serviceName(rule)} ${one === undefined ? "" : serverName(one)}`, each.order);
            health = serviceHealth.step(config, health, { kind: "order", server, order: each.order }).state;
          } else {
            const verdict = each.pass ? ({ ...common, outcome: "pass" } as const) : ({ ...common, outcome: "fail", reason: "no" } as const);
            health = serviceHealth.step(config, health, { kind: "verdict", server, check: 0, verdict }).state;
          }
        }
        const before = held(rule, health.lineUp);
        const known = knownFromKernel(rule, before, (name, server) => orders.get(`${name} ${server}`));
        const after = held(rule, resumeServiceHealth(config, known).lineUp);
        assert.deepEqual(diff({ services: [after], attachments: [] }, { services: [before], attachments: [] }), []);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("after a reload", () => {
  test("a check that asks the same goes on with what it knows, wherever its server stands now", () => {
    const before = service();
    const config = healthConfig(before);
    const fail = { outcome: "fail", reason: "no", phase: "connect", durationMs: 1, details: {} } as const;
    let health = serviceHealth.start(config);
    for (let i = 0; i < 3; i++) health = serviceHealth.step(config, health, { kind: "verdict", server: 0, check: 0, verdict: fail }).state;
    assert.equal(health.servers[0]?.condition, "down");
    const after = service("", "{ address: 10.0.0.7 }, { address: 10.0.0.1, weight: 9 }");
    const known = knownFromBefore(after, { rule: before, health }, NOBODY);
    assert.deepEqual(
      resumeServiceHealth(healthConfig(after), known).servers.map(({ condition }) => condition),
      ["up", "down"],
    );
  });

  test("a check that asks something else now begins with what is known of its server, with alpha too", () => {
    for (const alpha of ["", ", alpha: true"]) {
      const before = service(alpha);
      const config = healthConfig(before);
      let health = serviceHealth.start(config);
      for (const server of [0, 1])
        health = serviceHealth.step(config, health, { kind: "verdict", server, check: 0, verdict: server === 0 ? FAIL : PASS }).state;
      for (let i = 0; i < 2; i++)
        health = serviceHealth.step(config, health, { kind: "verdict", server: 0, check: 0, verdict: FAIL }).state;
      const after = service(alpha, "{ address: 10.0.0.1, checks: [{ tcp: { port: 81 } }] }, { address: 10.0.0.2, checks: [tcp, ping] }");
      const known = knownFromBefore(after, { rule: before, health }, NOBODY);
      assert.deepEqual(
        resumeServiceHealth(healthConfig(after), known).servers.map(({ condition }) => condition),
        ["down", "up"],
      );
    }
  });
});
