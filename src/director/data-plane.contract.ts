/**
 * What every DataPlane promises, in memory or in the kernel. The virtual addresses are of 192.0.2.0/24 and 2001:db8::/64, the
 * servers' of 10.77.0.0/24 and fd77::/64: a plane that needs a way to them gets it from whoever opens it here.
 */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { formatAddress, parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import type { ActualState, Change, DataPlane, DesiredState } from "../model/plane.ts";
import { PROTOCOLS, type RealServer, SCHEDULERS, serverName, serviceName, type VirtualService } from "../model/service.ts";
import { diff, headOf, satisfies } from "../reconcile/diff.ts";

export interface OpenPlane {
  /** Empty: no services, nothing attached. Whoever opened it closes it (t.after). */
  readonly plane: DataPlane;
  /** Two interfaces that the plane can attach to. */
  readonly interfaces: readonly [string, string];
}

/** Opens an empty plane for one test; undefined when the machine cannot (the opener has then skipped the test). */
export type Opener = (t: TestContext) => OpenPlane | undefined | Promise<OpenPlane | undefined>;

const server = (host: number, facts: Partial<RealServer> = {}): RealServer => ({
  address: parseAddress(`10.77.0.${host}`),
  port: 80,
  weight: 1,
  method: "nat",
  ...facts,
});

const service = (facts: Partial<VirtualService> = {}): VirtualService => ({
  address: parseAddress("192.0.2.1"),
  port: 80,
  protocol: "tcp",
  scheduler: "rr",
  servers: [server(1), server(2, { weight: 2 }), server(3, { method: "dr" })],
  ...facts,
});

const service6 = service({
  address: parseAddress("2001:db8::1"),
  scheduler: "wrr",
  servers: [
    server(1, { address: parseAddress("fd77::1"), port: 8080, weight: 65535 }),
    server(2, { address: parseAddress("fd77::2"), method: "tun", weight: 0 }),
  ],
});

export function dataPlaneContract(name: string, open: Opener): void {
  const check = (promise: string, body: (open: OpenPlane) => void, options: { timeout?: number } = {}): void =>
    void test(`${name} ${promise}`, options, async (t) => {
      const opened = await open(t);
      if (opened !== undefined) body(opened);
    });

  check("holds nothing when it is opened empty", ({ plane }) => {
    assert.deepEqual(normal(plane.read()), { services: [], attachments: [] });
    assert.deepEqual(plane.counters().services, []);
    assert.deepEqual(plane.counters().servers, []);
  });

  check("holds a service with its servers as it was added, in the order of addition", ({ plane }) => {
    plane.apply({ kind: "add-service", service: service() });
    plane.apply({ kind: "add-service", service: service6 });
    assert.deepEqual(normal(plane.read()).services, normal({ services: [service(), service6], attachments: [] }).services);
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

/** Desired states that have much in common, so that there is something to keep, to edit, to add and to delete. */
export function someState(interfaces: readonly string[]): fc.Arbitrary<DesiredState> {
  const whole = { noNullPrototype: true };
  const servers = fc.uniqueArray(
    fc.record(
      {
        address: fc.integer({ min: 1, max: 6 }).map((host) => parseAddress(`10.77.0.${host}`)),
        port: fc.constantFrom(80, 8080),
        weight: fc.constantFrom(0, 1, 3, 65535),
        method: fc.constantFrom("nat" as const, "tun" as const),
      },
      whole,
    ),
    { maxLength: 6, selector: ({ address }) => formatAddress(address) },
  );
  const services = fc.uniqueArray(
    fc.record(
      {
        address: fc.constantFrom("192.0.2.1", "192.0.2.2").map(parseAddress),
        port: fc.constantFrom(80, 443),
        protocol: fc.constantFrom(...PROTOCOLS),
        scheduler: fc.constantFrom(...SCHEDULERS),
        servers,
      },
      whole,
    ),
    { maxLength: 5, selector: serviceName },
  );
  // Only NAT can map ports.
  const unmapped = (each: VirtualService): VirtualService => ({
    ...each,
    servers: each.servers.map((server) => (server.method === "nat" ? server : { ...server, port: each.port })),
  });
  const attachments = fc.subarray([...interfaces]).map((names) => names.map((interfaceName) => ({ interfaceName, hook: "auto" as const })));
  return fc.record({ services: services.map((all) => all.map(unmapped)), attachments }, whole);
}

/** That a plane holds what is desired; the order of servers that were there before is their own. */
export function assertHolds(actual: ActualState, desired: DesiredState): void {
  const sorted = (services: readonly VirtualService[]) =>
    byName(services, serviceName).map((each) => ({ ...each, servers: byName(each.servers, serverName) }));
  assert.deepEqual(sorted(actual.services), sorted(desired.services));
  assert.equal(actual.attachments.length, desired.attachments.length);
  for (const wanted of desired.attachments)
    assert.ok(
      actual.attachments.some((present) => satisfies(present, wanted)),
      `${wanted.interfaceName} is not attached`,
    );
}

/** The order of services and attachments means nothing. */
function normal(state: ActualState): ActualState {
  return { services: byName(state.services, serviceName), attachments: byName(state.attachments, (each) => each.interfaceName) };
}

function byName<Thing>(things: readonly Thing[], nameOf: (thing: Thing) => string): Thing[] {
  return things.toSorted((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
}
