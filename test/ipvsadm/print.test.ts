/** What ipvsadm prints from a state, compared byte for byte with what the real one printed from the same state. */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Names } from "../../src/cli/ipvsadm/command.ts";
import { listConnections } from "../../src/cli/ipvsadm/list-connections.ts";
import { listDaemons } from "../../src/cli/ipvsadm/list-daemons.ts";
import { listServices } from "../../src/cli/ipvsadm/list-services.ts";
import { listTimeouts } from "../../src/cli/ipvsadm/list-timeouts.ts";
import { procConnections, procConnectionsSync, procServices, procStats, procStatsPerCpu } from "../../src/cli/ipvsadm/proc-files.ts";
import { save } from "../../src/cli/ipvsadm/save.ts";
import type { Connection } from "../../src/director/connection-reader.ts";
import { parseAddress } from "../../src/model/address.ts";
import type { StandingSyncDaemon } from "../../src/model/edit.ts";
import type { TrafficCounters } from "../../src/model/plane.ts";
import { serviceName, type VirtualService } from "../../src/model/service.ts";
import { BIG, formatOf, listed, type Recording, recording, SALT, type Seen, smallAt, stateOf } from "./recorded-states.ts";
import { BULK, connection, connectionsAfter, LATE_ROW, LATER, RESET, RESET_ONE, TRAFFIC } from "./recorded-traffic.ts";

/** What Debian's /etc/services calls the ports of the recordings; nobody knows the hosts. */
const PORT_NAMES: Readonly<Record<string, string>> = {
  "80/tcp": "http",
  "443/tcp": "https",
  "8080/tcp": "http-alt",
  "53/udp": "domain",
  "5060/udp": "sip",
  "5061/udp": "sip-tls",
};
const NAMES: Names = {
  hostAddress: () => undefined,
  hostName: () => undefined,
  portOf: () => undefined,
  serviceOf: (port, protocol) => PORT_NAMES[`${port}/${protocol}`],
};

function each(numbers: readonly string[], compare: (recorded: Recording) => void): void {
  for (const number of numbers) {
    const recorded = recording(number);
    test(`${recorded.name}: ${recorded.command}`, () => compare(recorded));
  }
}

/** The recordings from one to another. */
function range(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`.padStart(3, "0"));
}

interface Listing {
  readonly services: readonly VirtualService[];
  readonly seen?: Seen;
  readonly salt: number;
}

function listing({ services, seen, salt }: Listing): (recorded: Recording) => void {
  return ({ command, printed }) => {
    const name = /(?:-t|-u|--sctp-service|-f) .*$/.exec(command)?.[0];
    const wanted = name === undefined ? undefined : serviceName(stateOf([`-A ${name}`])[0] ?? assert.fail());
    const chosen = services.filter((service) => wanted === undefined || serviceName(service) === wanted);
    const one = wanted !== undefined;
    assert.equal(listServices(listed(chosen, seen), { format: formatOf(command), names: NAMES, one, salt }), printed);
  };
}

suite("lists of services", () => {
  each([...range(1, 2), ...range(4, 5), ...range(8, 9)], listing({ services: [], salt: 0 }));
  each([...range(17, 30), ...range(40, 46), "048", "050"], listing({ services: BIG, salt: SALT.big }));
  each(["058"], listing({ services: BIG, salt: SALT.big }));
  each([...range(61, 71), ...range(76, 83)], listing({ services: BIG, seen: TRAFFIC, salt: SALT.traffic }));
  each(["089", "090", "091"], listing({ services: BIG, seen: BULK, salt: SALT.traffic }));
  each(["093"], listing({ services: BIG, seen: RESET_ONE, salt: SALT.traffic }));
  each(["095"], listing({ services: BIG, seen: RESET, salt: SALT.traffic }));
  const quiesced = BIG.map((service) => ({
    ...service,
    servers: service.servers.map((server) => (server.weight === 3 && server.method === "nat" ? { ...server, weight: 0 } : server)),
  }));
  each(["097"], listing({ services: quiesced, seen: LATER, salt: SALT.traffic }));
  for (const number of ["254", "258", "261", "262", "281", "283", "284"]) {
    each([number], listing({ services: smallAt(Number(number)), salt: SALT.small }));
  }

  test("only one of IPVS's 256 orders is that of the recordings, and of the last ones it is ours", () => {
    const fits = (numbers: readonly string[], servicesAt: (number: number) => readonly VirtualService[]) =>
      Array.from({ length: 256 }, (_, salt) => salt).filter((salt) =>
        numbers.every((number) => {
          const { command, printed } = recording(number);
          const services = listed(servicesAt(Number(number)));
          return (
            listServices(services, { format: formatOf(command), names: NAMES, salt }).replaceAll(/^ .*/gm, "") ===
            printed.replaceAll(/^ .*/gm, "")
          );
        }),
      );
    assert.deepEqual(
      fits(["029"], () => BIG),
      [SALT.big],
    );
    assert.deepEqual(
      fits(["071"], () => BIG),
      [SALT.traffic],
    );
    // The walk alone leaves 0 as well; what the sort makes of 224.0.0.1 does not.
    assert.deepEqual(fits(["258"], smallAt), [0, SALT.small]);
    assert.deepEqual(fits(["258", "281"], smallAt), [SALT.small]);
  });
});

suite("what is saved", () => {
  const saving =
    (services: readonly VirtualService[], salt: number) =>
    ({ command, printed }: Recording) =>
      assert.equal(save(services, { salt, ...(command === "ipvsadm -S" ? { names: NAMES } : {}) }), printed);
  each(["010"], saving([], 0));
  each(["039", "049", "051", "059"], saving(BIG, SALT.big));
  for (const number of ["282", "286", "288"]) each([number], saving(smallAt(Number(number)), SALT.small));
});

suite("connections", () => {
  const list = (connections: readonly Connection[], command: string) =>
    [...listConnections(connections, { format: formatOf(command), names: NAMES })].join("");
  const listingOf = (connections: readonly Connection[]) => (recorded: Recording) =>
    assert.deepEqual(list(connections, recorded.command).split("\n").sort(), recorded.printed.split("\n").sort());
  each(["003", ...range(31, 34)], listingOf([]));
  each(range(72, 75), listingOf(connectionsAfter(3)));
  each(["099"], listingOf([...connectionsAfter(15), connection(LATE_ROW, 2)]));
  each(["101"], listingOf([...connectionsAfter(15), connection(LATE_ROW, 3)]));
});

suite("timeouts and sync daemons", () => {
  for (const [numbers, timeouts] of [
    [["006"], { tcp: 900, tcpFin: 120, udp: 300 }],
    [["035", "036", "060"], { tcp: 600, tcpFin: 60, udp: 200 }],
  ] as const) {
    each(numbers, ({ printed }) => assert.equal(listTimeouts(timeouts), printed));
  }

  const daemon = { interfaceName: "ds", port: 8848, ttl: 1, group: parseAddress("224.0.0.81"), maxLength: 1472 } as const;
  const master: StandingSyncDaemon = { ...daemon, role: "master", syncId: 7 };
  const backup: StandingSyncDaemon = {
    ...daemon,
    role: "backup",
    syncId: 9,
    maxLength: 1400,
    group: parseAddress("239.1.2.3"),
    port: 9999,
    ttl: 4,
  };
  const ipv6: StandingSyncDaemon = { ...daemon, role: "master", syncId: 0, maxLength: 1452, group: parseAddress("ff02::81") };
  for (const [numbers, daemons] of [
    [["007", "037", "038", "127"], []],
    [["112"], [master]],
    [
      ["115", "116"],
      [backup, master],
    ],
    [["119"], [backup]],
    [["123"], [ipv6]],
  ] as const) {
    each(numbers, ({ printed }) => assert.equal(listDaemons(daemons), printed));
  }
});

suite("the files of /proc/net", () => {
  const jiffiesPerSecond = 250;
  each(["052"], ({ printed }) => assert.equal(procServices(listed(BIG), { jiffiesPerSecond, salt: SALT.big }), printed));
  each(["084"], ({ printed }) => assert.equal(procServices(listed(BIG, TRAFFIC), { jiffiesPerSecond, salt: SALT.traffic }), printed));

  const none = { traffic: counted(0, 0, 0, 0, 0), rates: { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 } };
  each(["053"], ({ printed }) => assert.equal(procStats(none), printed));
  each(["056"], ({ printed }) => assert.equal(procStatsPerCpu([none.traffic], none), printed));
  const rates = { connections: 1, packetsIn: 3, packetsOut: 2, bytesIn: 0xfa, bytesOut: 0x13c };
  const some = { traffic: counted(20, 57, 35, 4732, 5988), rates };
  each(["085"], ({ printed }) => assert.equal(procStats(some), printed));
  each(["088"], ({ printed }) => assert.equal(procStatsPerCpu([some.traffic], some), printed));

  const sameLines = (chunks: Iterable<string>, printed: string) =>
    assert.deepEqual([...chunks].join("").split("\n").sort(), printed.split("\n").sort());
  each(["054"], ({ printed }) => sameLines(procConnections([]), printed));
  each(["055"], ({ printed }) => sameLines(procConnectionsSync([]), printed));
  each(["086"], ({ printed }) => sameLines(procConnections(connectionsAfter(8)), printed));
  each(["087"], ({ printed }) => sameLines(procConnectionsSync(connectionsAfter(8)), printed));
});

function counted(...numbers: readonly [number, number, number, number, number]): TrafficCounters {
  const [connections, packetsIn, packetsOut, bytesIn, bytesOut] = numbers.map(BigInt) as [bigint, bigint, bigint, bigint, bigint];
  return { connections, packetsIn, packetsOut, bytesIn, bytesOut };
}
