import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Configuration, ConfiguredServer, ConfiguredService } from "../config/configuration.ts";
import { parseConfiguration } from "../config/parse.ts";
import type { LineUp } from "../health/line-up.ts";
import type { EffectiveWeight } from "../health/weight.ts";
import { formatAddress, parseAddress } from "../model/address.ts";
import type { Edit } from "../model/edit.ts";
import { DEFAULT_SETTINGS } from "../model/plane.ts";
import { serverName, serviceName } from "../model/service.ts";
import { compacted, condensed, editsOf, editsOfConfigured, withEdits } from "./adopted.ts";
import { desiredAttachments, desiredService, desiredState } from "./desired.ts";
import { diff } from "./diff.ts";

const NOWHERE = { automatic: [], interfaces: new Set<string>(), sourceTo: () => undefined };

function configuration(text: string): Configuration {
  const result = parseConfiguration(text, "test.yaml");
  assert.ok("configuration" in result, JSON.stringify(result));
  return result.configuration;
}

const WEB = configuration(`
services:
  - name: web
    address: 192.0.2.1
    port: 80
    method: nat
    persistent: 60
    sorry_server: { address: 10.0.0.9 }
    checks: [tcp]
    servers: [{ address: 10.0.0.1, weight: 3 }, { address: 10.0.0.2 }, { address: 10.0.0.3 }]
`);

const web = (): ConfiguredService => {
  const [service] = WEB.services;
  assert.ok(service !== undefined);
  return service;
};

const all = (service: ConfiguredService): LineUp => ({
  servers: service.servers.map(({ weight }) => ({ kind: "in", weight })),
  sorry: false,
});

const shown = (service: ConfiguredService, lineUp: LineUp): string =>
  desiredService(service, lineUp, NOWHERE)
    .servers.map((server) => `${formatAddress(server.address)} ${server.weight}`)
    .join(", ");

describe("what is desired of a service", () => {
  test("is its servers that serve, each with its weight of now, and the sorry server while it serves", () => {
    const weights: EffectiveWeight[] = [{ kind: "in", weight: 5 }, { kind: "out" }, { kind: "in", weight: 0 }];
    assert.equal(shown(web(), { servers: weights, sorry: false }), "10.0.0.1 5, 10.0.0.3 0");
    assert.equal(shown(web(), { servers: weights, sorry: true }), "10.0.0.1 5, 10.0.0.3 0, 10.0.0.9 1");
  });

  test("has a sorry server that is one of its servers once, as the sorry server", () => {
    const [first] = web().servers;
    assert.ok(first !== undefined);
    const service = { ...web(), sorryServer: { ...first, weight: 7 } };
    assert.equal(shown(service, { servers: [{ kind: "in", weight: 0 }, { kind: "out" }, { kind: "out" }], sorry: true }), "10.0.0.1 7");
  });

  test("goes a hairpin from the director's own address on the way to its servers, or from the one that is configured", () => {
    const own = parseAddress("10.0.0.254");
    const sourceTo = () => own;
    const hairpin = { ...web(), hairpin: true };
    assert.equal(desiredService(hairpin, all(hairpin), { sourceTo }).fullNat, own);
    assert.equal(desiredService(hairpin, all(hairpin), { sourceTo: () => undefined }).fullNat, undefined);
    const other = parseAddress("10.0.0.253");
    assert.equal(desiredService({ ...hairpin, fullNat: other }, all(hairpin), { sourceTo }).fullNat, other);
    assert.equal(desiredService(web(), all(web()), { sourceTo }).fullNat, undefined);
  });

  test("knows nothing that the packet path does not know", () => {
    const known = new Set(Object.keys(desiredService(web(), all(web()), NOWHERE)));
    for (const key of ["name", "quorum", "sorryServer", "alpha", "omega", "hairpin", "checks"]) assert.ok(!known.has(key), key);
  });
});

test("an interface that is configured is wanted once it is there", () => {
  const listed = {
    ...WEB,
    interfaces: [
      { interfaceName: "eth0", hook: "tc" as const },
      { interfaceName: "eth1", hook: "xdp" as const },
    ],
  };
  const on = (...interfaces: string[]) =>
    desiredAttachments(listed, { ...NOWHERE, interfaces: new Set(interfaces) }).map((each) => each.interfaceName);
  assert.deepEqual([on(), on("eth1", "eth7"), on("eth0", "eth1")], [[], ["eth1"], ["eth0", "eth1"]]);
});

const NAME = { address: parseAddress("192.0.2.1"), port: 80, protocol: "tcp" as const };
const real = (host: number, weight: number) => ({ address: parseAddress(`10.0.0.${host}`), port: 80, weight, method: "nat" as const });

describe("edits by hand", () => {
  test("change what is configured of the packet path, and leave the rest: names, checks, quorum, sorry server", () => {
    const edited = withEdits(WEB, [
      { kind: "edit-server", service: NAME, server: real(1, 8) },
      { kind: "delete-server", service: NAME, server: real(2, 1) },
      { kind: "add-server", service: NAME, server: real(4, 2) },
      { kind: "edit-service", service: { ...NAME, scheduler: "rr" } },
      { kind: "set-timeouts", timeouts: { tcp: 77 } },
    ]);
    const [service] = edited.services;
    assert.ok(service !== undefined);
    assert.deepEqual([service.name, service.quorum, service.sorryServer], ["web", web().quorum, web().sorryServer]);
    assert.deepEqual([service.scheduler, service.persistence], ["rr", undefined]);
    assert.deepEqual(
      service.servers.map((server) => [serverName(server), server.weight, server.checks.length]),
      [
        ["10.0.0.1:80", 8, 1],
        ["10.0.0.3:80", 1, 1],
        ["10.0.0.4:80", 2, 0],
      ],
    );
    assert.deepEqual(edited.settings, { ...DEFAULT_SETTINGS, timeouts: { ...DEFAULT_SETTINGS.timeouts, tcp: 77 } });
  });

  test("that the configuration has overtaken are passed over", () => {
    assert.deepEqual(withEdits(WEB, [{ kind: "add-server", service: NAME, server: real(1, 9) }]).services, WEB.services);
    assert.deepEqual(withEdits(WEB, [{ kind: "delete-service", service: { ...NAME, port: 81 } }]).services, WEB.services);
  });
});

const services = fc.constantFrom(80, 81, 82).map((port) => ({ ...NAME, port }));
const servers = fc
  .record({ host: fc.integer({ min: 1, max: 4 }), weight: fc.integer({ min: 0, max: 3 }) })
  .map(({ host, weight }) => real(host, weight));
const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc
    .record({
      kind: fc.constantFrom("add-service" as const, "edit-service" as const),
      service: services,
      scheduler: fc.constantFrom("rr" as const, "wlc" as const),
    })
    .map(({ kind, service, scheduler }) => ({ kind, service: { ...service, scheduler } })),
  fc.record({ kind: fc.constant("delete-service" as const), service: services }),
  fc.record({
    kind: fc.constantFrom("add-server" as const, "edit-server" as const, "delete-server" as const),
    service: services,
    server: servers,
  }),
  fc.constant<Edit>({ kind: "clear" }),
);

describe("whatever the edits", () => {
  test("fewer of them make the same", () => {
    fc.assert(
      fc.property(fc.array(edits, { maxLength: 30 }), (list) => {
        const few = compacted(list);
        assert.ok(few.length <= list.length);
        assert.deepEqual(withEdits(WEB, few).services, withEdits(WEB, list).services);
        const effective = withEdits(WEB, list);
        const state = (each: Configuration) => ({ ...desiredState(each, all, NOWHERE), attachments: [] });
        assert.deepEqual(diff(state(withEdits(WEB, condensed(few, WEB, effective))), state(effective)), []);
      }),
    );
  });

  test("a server that is configured, and out for its health, is edited by being added", () => {
    const add: Edit = { kind: "add-server", service: NAME, server: real(1, 9) };
    const weight = (edits: readonly Edit[]) =>
      withEdits(WEB, editsOfConfigured(edits, WEB)).services[0]?.servers.find((server) => serverName(server) === serverName(add.server))
        ?.weight;
    assert.equal(weight([add]), 9);
    assert.equal(weight([{ kind: "delete-server", service: NAME, server: real(1, 1) }, add]), 9);
  });

  test("servers that come and go all day leave no list behind", () => {
    const list = Array.from({ length: 200 }, (_, i): Edit => {
      const kind = i % 2 === 0 ? "add-server" : "delete-server";
      return { kind, service: NAME, server: real(7, 1) };
    });
    assert.deepEqual(condensed(compacted(list), WEB, withEdits(WEB, list)), []);
  });

  test("those that come later may be played over what earlier ones made", () => {
    fc.assert(
      fc.property(fc.array(edits, { maxLength: 20 }), fc.array(edits, { maxLength: 20 }), (former, later) => {
        assert.deepEqual(withEdits(WEB, later, withEdits(WEB, former)).services, withEdits(WEB, [...former, ...later]).services);
      }),
    );
  });

  test("changes that somebody made are edits that make them again", () => {
    fc.assert(
      fc.property(fc.array(edits, { maxLength: 20 }), fc.array(edits, { maxLength: 20 }), (former, later) => {
        const before = withEdits(WEB, former);
        const after = withEdits(WEB, later, before);
        const state = (each: Configuration) => ({ ...desiredState(each, all, NOWHERE), attachments: [] });
        const again = withEdits(WEB, editsOf(diff(state(after), state(before))), before);
        assert.deepEqual(diff(state(after), { ...state(again), attachments: [] }), []);
      }),
    );
  });
});

describe("whatever health says", () => {
  const lineUps = fc.record({
    servers: fc.array(
      fc.oneof(
        fc.constant<EffectiveWeight>({ kind: "out" }),
        fc.integer({ min: 0, max: 9 }).map((weight) => ({ kind: "in" as const, weight })),
      ),
      {
        minLength: 3,
        maxLength: 3,
      },
    ),
    sorry: fc.boolean(),
  });

  test("the packet path gets exactly those that serve, and no server twice", () => {
    fc.assert(
      fc.property(lineUps, (lineUp) => {
        const { servers: wanted } = desiredService(web(), lineUp, NOWHERE);
        const names = wanted.map(serverName);
        assert.equal(new Set(names).size, names.length);
        for (const [i, server] of web().servers.entries() satisfies Iterable<[number, ConfiguredServer]>) {
          const weight = lineUp.servers[i];
          const found = wanted.find((each) => serverName(each) === serverName(server));
          assert.equal(found?.weight, weight?.kind === "in" ? weight.weight : undefined);
        }
        assert.equal(names.includes("10.0.0.9:80"), lineUp.sorry);
      }),
    );
  });

  test("two line-ups one after the other differ by edits of their servers only", () => {
    fc.assert(
      fc.property(lineUps, lineUps, (one, other) => {
        const state = (lineUp: LineUp) => desiredState(WEB, () => lineUp, NOWHERE);
        for (const change of diff(state(other), { ...state(one), attachments: [] })) {
          assert.match(change.kind, /^(add|edit|delete)-server$/);
          assert.ok("service" in change && serviceName(change.service) === "tcp 192.0.2.1:80");
        }
      }),
    );
  });
});
