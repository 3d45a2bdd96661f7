/**
 * What every DataPlane promises, in memory or in the kernel. The virtual addresses are of 192.0.2.0/24 and 2001:db8::/64, the
 * servers' of 10.77.0.0/24 and fd77::/64: a plane that needs a way to them gets it from whoever opens it here.
 */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { type ActualState, type Change, CUT_EXTENTS, type DataPlane, DEFAULT_SETTINGS, type DesiredState } from "../model/plane.ts";
import { type RealServer, serverName, serviceName, type VirtualService } from "../model/service.ts";
import { diff, headOf, satisfies } from "../reconcile/diff.ts";
import { outspoken, rules, server, service, service6, someState } from "./data-plane-cases.ts";

export interface OpenPlane {
  /** Empty: no services, nothing attached. Whoever opened it closes it (t.after). */
  readonly plane: DataPlane;
  /** Two interfaces that the plane can attach to. */
  readonly interfaces: readonly [string, string];
}

/** Opens an empty plane for one test; undefined when the machine cannot (the opener has then skipped the test). */
export type Opener = (t: TestContext) => OpenPlane | undefined | Promise<OpenPlane | undefined>;

export function dataPlaneContract(name: string, open: Opener): void {
  const check = (promise: string, body: (open: OpenPlane) => void | Promise<void>, options: { timeout?: number } = {}): void =>
    void test(`${name} ${promise}`, options, async (t) => {
      const opened = await open(t);
      if (opened !== undefined) await body(opened);
    });

  check("holds nothing when it is opened empty", ({ plane }) => {
    assert.deepEqual(plane.read(), { services: [], settings: DEFAULT_SETTINGS, marks: [], attachments: [], syncDaemons: [] });
    assert.deepEqual(plane.counters().services, []);
    assert.deepEqual(plane.counters().servers, []);
  });

  check("holds a service with its servers as it was added, in the order of addition", ({ plane }) => {
    plane.apply({ kind: "add-service", service: service() });
    plane.apply({ kind: "add-service", service: service6 });
    assert.deepEqual(normal(plane.read()).services, normal({ services: [service(), service6], attachments: [] }).services);
  });

  check("holds everything that can be said of a service", ({ plane }) => {
    for (const each of outspoken) plane.apply({ kind: "add-service", service: each });
    assert.deepEqual(byName(plane.read().services, serviceName), byName(outspoken, serviceName));
  });

  check("edits everything of a service but its name, and of a server but its address and port", ({ plane }) => {
    const plain = service({ port: 0, protocol: "udp", servers: [server(1), server(2)] });
    const edited = service({
      ...plain,
      scheduler: "wrr",
      schedulerFlags: ["fallback", "port"],
      persistence: { timeoutSeconds: 17, clientMask: parseAddress("255.255.254.0") },
      onePacket: true,
      sloppy: true,
      fullNat: parseAddress("10.77.0.254"),
      timeouts: { udp: 9 },
      servers: [
        server(1, { weight: 0, method: "tun", tunnel: { type: "gue", port: 1 }, upperThreshold: 9, lowerThreshold: 2 }),
        server(2, { method: "dr" }),
      ],
    });
    plane.apply({ kind: "add-service", service: plain });
    for (const wanted of [edited, plain, edited]) {
      for (const change of diff({ services: [wanted], attachments: [] }, plane.read())) plane.apply(change);
      assert.deepEqual(plane.read().services, [wanted]);
    }
  });

  check("gives services timeouts of their own, and everybody else the director's", ({ plane }) => {
    const own = [{ tcp: 5 }, { udp: 5 }, { tcp: 900 }, { tcp: 5 }, undefined, { tcp: 7, tcpFin: 8, udp: 9 }];
    const services = own.map((timeouts, i) => service({ port: i + 1, servers: [], ...(timeouts === undefined ? {} : { timeouts }) }));
    const settings = { ...DEFAULT_SETTINGS, timeouts: { tcp: 800, tcpFin: 1, udp: 100 }, expireNodest: true, connectionReuse: 3 };
    for (const each of services) plane.apply({ kind: "add-service", service: each });
    plane.apply({ kind: "edit-settings", before: DEFAULT_SETTINGS, after: settings });
    assert.deepEqual(normal(plane.read()), normal({ services, settings, marks: [], attachments: [], syncDaemons: [] }));
    const [first = service()] = services;
    plane.apply({ kind: "edit-service", before: headOf(first), after: { ...headOf(first), timeouts: { tcp: 6 } } });
    assert.deepEqual(
      byName(plane.read().services, serviceName).map(({ timeouts }) => timeouts),
      [{ tcp: 6 }, ...own.slice(1)],
    );
  });

  check("holds mark rules in their order, and counts for each", ({ plane, interfaces: [one] }) => {
    for (const after of [rules(one), rules(one).toReversed(), [{ mark: 9 }], []]) {
      plane.apply({ kind: "edit-marks", before: plane.read().marks ?? [], after });
      assert.deepEqual(plane.read().marks, after);
      assert.deepEqual(
        plane.counters().marks,
        after.map((rule) => ({ rule, packets: 0n })),
      );
    }
  });

  check("resets the counters of one service, and of all", ({ plane }) => {
    plane.apply({ kind: "add-service", service: service() });
    plane.resetCounters(headOf(service()));
    plane.resetCounters();
    const { services, servers } = plane.counters();
    assert.ok([...services, ...servers].every((each) => each.connections === 0n && each.rates.connections === 0));
    assert.throws(() => plane.resetCounters(headOf(service({ port: 81 }))), EvenkeelError);
  });

  check("cuts nothing where no connection leads, whoever is named", async ({ plane }) => {
    const held = service();
    plane.apply({ kind: "add-service", service: held });
    const [gone] = held.servers;
    assert.ok(gone !== undefined);
    plane.apply({ kind: "delete-server", service: headOf(held), server: gone });
    for (const what of CUT_EXTENTS)
      for (const [named, { address, port }] of [
        [headOf(held), server(2)],
        [headOf(held), gone],
        [headOf(held), server(9)],
        [headOf(service({ port: 81 })), server(2)],
      ] as const)
        assert.equal(await plane.cutConnections({ service: named, server: { address, port }, what }), 0);
    assert.deepEqual(plane.read().services, [{ ...held, servers: held.servers.slice(1) }]);
  });

  check("keeps TCP and UDP of one address and port apart", ({ plane }) => {
    const udp = service({ protocol: "udp", servers: [server(9)] });
    plane.apply({ kind: "add-service", service: service() });
    plane.apply({ kind: "add-service", service: udp });
    plane.apply({ kind: "delete-service", service: headOf(service()) });
    assert.deepEqual(plane.read().services, [udp]);
  });

  check("holds a service without servers", ({ plane }) => {
    plane.apply({ kind: "add-service", service: service({ servers: [] }) });
    assert.deepEqual(plane.read().services, [service({ servers: [] })]);
  });

  check("adds, edits and deletes one server and leaves the others", ({ plane }) => {
    plane.apply({ kind: "add-service", service: service() });
    const head = headOf(service());
    plane.apply({ kind: "add-server", service: head, server: server(4) });
    plane.apply({ kind: "edit-server", service: head, before: server(1), after: server(1, { weight: 0, method: "tun" }) });
    plane.apply({ kind: "delete-server", service: head, server: server(2, { weight: 2 }) });
    const servers = [server(1, { weight: 0, method: "tun" }), server(3, { method: "dr" }), server(4)];
    assert.deepEqual(plane.read().services, [service({ servers })]);
  });

  check("puts a server that was deleted and comes back behind the others", ({ plane }) => {
    plane.apply({ kind: "add-service", service: service({ servers: [server(1), server(2)] }) });
    plane.apply({ kind: "delete-server", service: headOf(service()), server: server(1) });
    plane.apply({ kind: "add-server", service: headOf(service()), server: server(1, { weight: 7 }) });
    assert.deepEqual(plane.read().services, [service({ servers: [server(2), server(1, { weight: 7 })] })]);
  });

  check("changes the scheduler and keeps the servers", ({ plane }) => {
    plane.apply({ kind: "add-service", service: service() });
    plane.apply({ kind: "edit-service", before: headOf(service()), after: headOf(service({ scheduler: "wrr" })) });
    assert.deepEqual(plane.read().services, [service({ scheduler: "wrr" })]);
  });

  check("attaches, attaches again without harm, and detaches", ({ plane, interfaces: [one, other] }) => {
    plane.apply({ kind: "attach", attachment: { interfaceName: one, hook: "tc" } });
    plane.apply({ kind: "attach", attachment: { interfaceName: other, hook: "auto" } });
    plane.apply({ kind: "attach", attachment: { interfaceName: one, hook: "tc" } });
    const attached = normal(plane.read()).attachments;
    assert.deepEqual(
      attached.map((each) => each.interfaceName),
      [one, other].toSorted(),
    );
    for (const attachment of attached) plane.apply({ kind: "detach", attachment });
    assert.deepEqual(plane.read().attachments, []);
  });

  check("refuses a change that does not fit what it holds, and changes nothing", ({ plane }) => {
    plane.apply({ kind: "add-service", service: service() });
    const absent = headOf(service({ port: 81 }));
    const head = headOf(service());
    const misfits: Change[] = [
      { kind: "add-service", service: service() },
      { kind: "add-service", service: service({ port: 82, servers: [server(1), server(1)] }) },
      { kind: "edit-service", before: absent, after: { ...absent, scheduler: "wrr" } },
      { kind: "delete-service", service: absent },
      { kind: "add-server", service: head, server: server(1) },
      { kind: "add-server", service: absent, server: server(1) },
      { kind: "edit-server", service: head, before: server(9), after: server(9, { weight: 2 }) },
      { kind: "delete-server", service: head, server: server(9) },
    ];
    for (const change of misfits) assert.throws(() => plane.apply(change), EvenkeelError, `${change.kind} was not refused`);
    assert.deepEqual(plane.read().services, [service()]);
  });

  check("refuses what IPVS refuses, and changes nothing", ({ plane }) => {
    const held = service();
    plane.apply({ kind: "add-service", service: held });
    const servers: Partial<RealServer>[] = [
      { weight: -1 },
      { weight: 2 ** 31 },
      { weight: 1.5 },
      { port: 65536 },
      { upperThreshold: 5, lowerThreshold: 6 },
      { upperThreshold: 2_147_483_648 },
      { method: "tun", tunnel: { type: "gue" } },
      { method: "tun", tunnel: { type: "gue", port: 0 } },
      { address: parseAddress("224.0.0.1") },
      { address: parseAddress("255.255.255.255") },
      { address: parseAddress("0.0.0.0") },
      { address: parseAddress("fd77::1") },
      { address: parseAddress("fd77::1"), method: "dr" },
      { address: parseAddress("ff02::1"), method: "tun" },
      { address: parseAddress("febf::1"), method: "tun" },
      { address: parseAddress("::ffff:10.77.0.9"), method: "tun" },
    ];
    const services: Partial<VirtualService>[] = [
      { port: 65536 },
      { persistence: { timeoutSeconds: 0 } },
      { persistence: { timeoutSeconds: 1, clientMask: parseAddress("ffff::") } },
      { fullNat: parseAddress("fd77::fe") },
      { timeouts: { tcp: 0 } },
      { timeouts: { udp: 31_536_001 } },
      { schedulerFlags: ["port", "port"] },
      { mark: 1 },
      { mark: 4_294_967_296, address: parseAddress("0.0.0.0"), port: 0 },
    ];
    const head = headOf(held);
    const wrong: Change[] = [
      ...servers.map((facts): Change => ({ kind: "add-server", service: head, server: server(9, facts) })),
      ...servers.map((facts): Change => ({ kind: "edit-server", service: head, before: server(1), after: server(1, facts) })),
      ...servers.map((facts): Change => ({ kind: "add-service", service: service({ port: 81, servers: [server(9, facts)] }) })),
      ...services.map((facts): Change => ({ kind: "add-service", service: service({ protocol: "sctp", ...facts }) })),
      { kind: "edit-marks", before: [], after: [{ mark: 2 ** 32 }] },
      { kind: "edit-marks", before: [], after: [{ mark: 1, ports: { first: 2, last: 1 } }] },
    ];
    for (const change of wrong) assert.throws(() => plane.apply(change), EvenkeelError, `not refused: ${JSON.stringify(change)}`);
    assert.deepEqual(plane.read().services, [held]);
    assert.deepEqual(plane.read().marks, []);
  });

  check("counts for every service and server it holds, from zero", ({ plane }) => {
    plane.apply({ kind: "add-service", service: service() });
    const { services, servers } = plane.counters();
    assert.deepEqual(
      services.map((each) => [serviceName(each.service), each.connections]),
      [[serviceName(service()), 0n]],
    );
    const counted = servers.map((each) => [serverName(each.server), each.connections, each.active, each.inactive] as const);
    assert.deepEqual(
      counted.toSorted(([one], [other]) => (one < other ? -1 : 1)),
      service().servers.map((each) => [serverName(each), 0n, 0, 0]),
    );
  });

  check("gets from any state to any other by the changes of diff, and then nothing is left to change", ({ plane, interfaces }) => {
    fc.assert(
      fc.property(someState(interfaces), (desired) => {
        for (const change of diff(desired, plane.read())) plane.apply(change);
        assertHolds(plane.read(), desired);
        assert.deepEqual(diff(desired, plane.read()), []);
      }),
      { numRuns: 40 },
    );
  });
}

/** That a plane holds what is desired; the order of servers that were there before is their own. */
export function assertHolds(actual: ActualState, desired: DesiredState): void {
  const sorted = (services: readonly VirtualService[]) =>
    byName(services, serviceName).map((each) => ({ ...each, servers: byName(each.servers, serverName) }));
  assert.deepEqual(sorted(actual.services), sorted(desired.services));
  assert.deepEqual(actual.settings, desired.settings ?? DEFAULT_SETTINGS);
  assert.deepEqual(actual.marks, desired.marks ?? []);
  assert.equal(actual.attachments.length, desired.attachments.length);
  for (const wanted of desired.attachments)
    assert.ok(
      actual.attachments.some((present) => satisfies(present, wanted)),
      `${wanted.interfaceName} is not attached`,
    );
}

/** The order of services and attachments means nothing. */
function normal(state: ActualState): ActualState {
  return { ...state, services: byName(state.services, serviceName), attachments: byName(state.attachments, (each) => each.interfaceName) };
}

function byName<Thing>(things: readonly Thing[], nameOf: (thing: Thing) => string): Thing[] {
  return things.toSorted((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
}
