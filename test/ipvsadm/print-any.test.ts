/** What ipvsadm prints of any state: whole lines in their columns, all of the state, and nothing twice. */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import type { ListFormat, Names } from "../../src/cli/ipvsadm/command.ts";
import { listServices } from "../../src/cli/ipvsadm/list-services.ts";
import { compareServers, inWalkOrder, sorted } from "../../src/cli/ipvsadm/order.ts";
import { procServices } from "../../src/cli/ipvsadm/proc-files.ts";
import { save } from "../../src/cli/ipvsadm/save.ts";
import { type Address, formatEndpoint } from "../../src/model/address.ts";
import {
  FORWARDING_METHODS,
  KEPT_SCHEDULER_FLAGS,
  PROTOCOLS,
  type RealServer,
  SCHEDULERS,
  serverName,
  serviceName,
  TUNNEL_TYPES,
  type Tunnel,
  type VirtualService,
} from "../../src/model/service.ts";
import { listed, stateOf } from "./recorded-states.ts";

const NOBODY: Names = { hostAddress: () => undefined, hostName: () => undefined, portOf: () => undefined, serviceOf: () => undefined };

const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((four): Address => {
  const bytes = new Uint8Array(16);
  bytes.set(four);
  return { family: "ipv4", bytes };
});
const ipv6 = fc
  .array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: 16, maxLength: 16 })
  .map((bytes): Address => ({ family: "ipv6", bytes: Uint8Array.from(bytes) }));
const address = fc.oneof(ipv4, ipv6);
const port = fc.integer({ min: 1, max: 65535 });

const tunnel = fc.record({ type: fc.constantFrom(...TUNNEL_TYPES), port, checksum: fc.boolean(), remoteChecksum: fc.boolean() }).map(
  ({ type, port: at, checksum, remoteChecksum }): Tunnel => ({
    type,
    ...(type === "gue" ? { port: at } : {}),
    ...(type === "ipip" ? {} : { checksum }),
    ...(type === "gue" ? { remoteChecksum } : {}),
  }),
);

const server = fc
  .record({ address, port, weight: fc.integer({ min: 0, max: 2 ** 31 - 1 }), method: fc.constantFrom(...FORWARDING_METHODS), tunnel })
  .map(({ tunnel: inside, ...rest }): RealServer => ({ ...rest, ...(rest.method === "tun" ? { tunnel: inside } : {}) }));
const servers = fc.uniqueArray(server, { selector: serverName, maxLength: 8 });

const rule = fc.record({
  scheduler: fc.constantFrom(...SCHEDULERS),
  schedulerFlags: fc.subarray(KEPT_SCHEDULER_FLAGS.slice(0, 2)),
  persistence: fc.option(fc.record({ timeoutSeconds: fc.integer({ min: 1, max: 2_678_400 }) }), { nil: undefined }),
  onePacket: fc.boolean(),
  engine: fc.boolean(),
});

const name = fc.oneof(
  fc.record({ address, port, protocol: fc.constantFrom(...PROTOCOLS) }),
  fc.record({ mark: fc.integer({ min: 1, max: 2 ** 31 - 1 }), family: fc.constantFrom("ipv4", "ipv6") }).map(({ mark, family }) => ({
    address: { family, bytes: new Uint8Array(16) },
    port: 0,
    protocol: "tcp" as const,
    mark,
  })),
);

const service = fc.tuple(name, rule, servers).map(
  ([identity, { persistence, engine, onePacket, ...how }, behind]): VirtualService => ({
    ...identity,
    ...how,
    ...(persistence === undefined ? {} : { persistence }),
    ...(engine ? { persistenceEngine: "sip" } : {}),
    ...(onePacket ? { onePacket } : {}),
    servers: behind,
  }),
);
const services = fc.uniqueArray(service, { selector: serviceName, maxLength: 20 });
const salt = fc.nat(255);

const format = fc.record<ListFormat>({
  numeric: fc.boolean(),
  stats: fc.boolean(),
  rate: fc.boolean(),
  exact: fc.boolean(),
  thresholds: fc.boolean(),
  persistentConnections: fc.boolean(),
  tunnelInfo: fc.boolean(),
  unsorted: fc.boolean(),
  json: fc.constant(false),
});

const SAVED =
  /^-(A|a) (-t|-u|--sctp-service|-f) \S+( -6)? (-s [a-z]+( -p \d+)?( --pe sip)?( -o)?( -b \S+)?|-r \S+ -[mgi] -w \d+( --tun-type (ipip|gre|gue)( --tun-port \d+)?( --tun-(no|rem)?csum)?)?)$/;

/** "TCP  " or "  -> ", and a name of 28. */
const NAMES_END = 33;

suite("of any state", () => {
  test("each line that is saved is one that ipvsadm understands, and what they make is saved the same", () => {
    fc.assert(
      fc.property(services, salt, (state, by) => {
        const text = save(state, { salt: by });
        const lines = text === "" ? [] : text.trimEnd().split("\n");
        for (const line of lines) assert.match(line, SAVED);
        assert.equal(lines.length, state.length + state.reduce((sum, { servers: each }) => sum + each.length, 0));
        const again = stateOf(lines);
        assert.deepEqual(again.map(serviceName).sort(), state.map(serviceName).sort());
        // Made in another order: where the sort contradicts itself, the list may be another. Unsorted by the same salt it has the same lines.
        assert.deepEqual(save(again, { salt: by }).split("\n").sort(), text.split("\n").sort());
      }),
    );
  });

  test("every service and every server stands in a list once, whatever the format, with a number in each column", () => {
    fc.assert(
      fc.property(services, format, salt, (state, how, by) => {
        const text = listServices(listed(state), { format: how, names: NOBODY, salt: by });
        assert.doesNotMatch(text, /undefined|NaN|null|\[object/);
        const lines = text.trimEnd().split("\n").slice(3);
        assert.equal(lines.length, state.length + state.reduce((sum, { servers: each }) => sum + each.length, 0));
        for (const line of lines) {
          if (how.stats || how.rate) {
            assert.match(line, /^( {2}-> \S+|(TCP {2}|UDP {2}|SCTP )\S+|FWM {2}\d+( IPv6)?) *( {8}0){5}$/);
            // Only a name that is longer than its column pushes the numbers to the right.
            if (line.slice(5, NAMES_END).includes(" ")) assert.equal(line.length, NAMES_END + 45);
          } else if (line.startsWith("  -> ")) assert.match(line, /^ {2}-> \S+ +((Masq|Route|Tunnel) +)?[\w:/+-]+( +\d+)+ *$/);
        }
      }),
    );
  });

  test("the kernel's file names all of them, too", () => {
    fc.assert(
      fc.property(services, salt, (state, by) => {
        const text = procServices(listed(state), { jiffiesPerSecond: 250, salt: by });
        assert.doesNotMatch(text, /undefined|NaN|null|\[object/);
        assert.equal(text.split("\n").length - 4, state.length + state.reduce((sum, { servers: each }) => sum + each.length, 0));
      }),
    );
  });
});

suite("orders", () => {
  test("walking loses nothing, whatever the salt; a service made later stands before an older one of its bucket", () => {
    fc.assert(
      fc.property(services, salt, (state, by) => {
        const walk = inWalkOrder(state, (each) => each, by);
        assert.deepEqual(walk.map(serviceName).sort(), state.map(serviceName).sort());
        const same = state.map((each) => ({
          ...each,
          address: state[0]?.address ?? each.address,
          port: 7,
          protocol: "udp" as const,
          mark: 0,
        }));
        assert.deepEqual(
          inWalkOrder(same, (each) => each, by),
          same.toReversed(),
        );
      }),
    );
  });

  test("sorting is stable, as the library's own where the comparison does not contradict itself", () => {
    const item = fc.record({ key: fc.nat(9), place: fc.nat() });
    fc.assert(
      fc.property(fc.array(item, { maxLength: 60 }), (items) => {
        const compare = (one: { key: number }, other: { key: number }) => one.key - other.key;
        assert.deepEqual(sorted(items, compare), items.toSorted(compare));
      }),
    );
  });

  test("below 128.0.0.0 a list does not depend on the order in which servers came", () => {
    const low = fc.record({ address: ipv4.map(({ family, bytes }) => ({ family, bytes: bytes.with(0, (bytes[0] ?? 0) & 127) })), port });
    fc.assert(
      fc.property(fc.uniqueArray(low, { selector: ({ address: at, port: of }) => formatEndpoint(at, of) }), (items) => {
        assert.deepEqual(sorted(items, compareServers), sorted(items.toReversed(), compareServers));
      }),
    );
  });
});
