/** States and their parts that every data plane is tried with (data-plane.contract.ts): named ones, and any that there may be. */

import fc from "fast-check";
import { formatAddress, parseAddress } from "../model/address.ts";
import type { DesiredState, MarkRule } from "../model/plane.ts";
import { PROTOCOLS, type RealServer, SCHEDULERS, serviceName, type VirtualService } from "../model/service.ts";

export const server = (host: number, facts: Partial<RealServer> = {}): RealServer => ({
  address: parseAddress(`10.77.0.${host}`),
  port: 80,
  weight: 1,
  method: "nat",
  ...facts,
});

export const service = (facts: Partial<VirtualService> = {}): VirtualService => ({
  address: parseAddress("192.0.2.1"),
  port: 80,
  protocol: "tcp",
  scheduler: "rr",
  servers: [server(1), server(2, { weight: 2 }), server(3, { method: "dr" })],
  ...facts,
});

export const service6 = service({
  address: parseAddress("2001:db8::1"),
  scheduler: "wrr",
  servers: [
    server(1, { address: parseAddress("fd77::1"), port: 8080, weight: 65535 }),
    server(2, { address: parseAddress("fd77::2"), method: "tun", weight: 0 }),
  ],
});

/** Services with everything that can be said of one. */
export const outspoken: readonly VirtualService[] = [
  service({
    port: 0,
    persistence: { timeoutSeconds: 300, clientMask: parseAddress("255.255.255.0") },
    timeouts: { tcp: 60 },
    servers: [server(1, { port: 0, upperThreshold: 100, lowerThreshold: 50 }), server(2, { upperThreshold: 7 })],
  }),
  service({
    protocol: "udp",
    onePacket: true,
    servers: [server(3, { method: "tun", tunnel: { type: "gue", port: 6080, checksum: true } })],
  }),
  service({ protocol: "sctp", sloppy: true, servers: [server(3, { method: "tun", tunnel: { type: "gre" } })] }),
  service({ port: 21, fullNat: parseAddress("10.77.0.254"), persistence: { timeoutSeconds: 1 } }),
  service({ address: parseAddress("0.0.0.0"), port: 0, mark: 4_000_000_001, persistence: { timeoutSeconds: 86_400 } }),
  service({
    address: parseAddress("::"),
    port: 0,
    mark: 1,
    persistence: { timeoutSeconds: 10, clientMask: parseAddress("ffff:ffff:ffff::") },
    timeouts: { tcp: 900, tcpFin: 1, udp: 31_536_000 },
    servers: [server(1, { address: parseAddress("fd77::1"), port: 0 })],
  }),
];

export const rules = (interfaceName: string): readonly MarkRule[] => [
  { mark: 1 },
  { mark: 2, family: "ipv6" },
  { mark: 0, protocol: "tcp" },
  {
    mark: 4_294_967_295,
    family: "ipv4",
    protocol: "udp",
    source: { address: parseAddress("198.51.100.0"), length: 22 },
    destination: { address: parseAddress("192.0.2.1"), length: 32 },
    ports: { first: 1000, last: 2000 },
    interfaceName,
  },
  { mark: 3, family: "ipv6", destination: { address: parseAddress("2001:db8::"), length: 33 }, ports: { first: 80, last: 80 } },
];

interface Drawn extends Omit<VirtualService, "persistence" | "timeouts"> {
  readonly persistence: VirtualService["persistence"] | undefined;
  readonly timeouts: VirtualService["timeouts"] | undefined;
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
        upperThreshold: fc.constantFrom(0, 5),
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
        mark: fc.constantFrom(0, 0, 0, 1),
        scheduler: fc.constantFrom(...SCHEDULERS),
        persistence: fc.constantFrom(undefined, { timeoutSeconds: 300 }),
        timeouts: fc.constantFrom(undefined, { tcp: 900 }, { tcp: 3, udp: 7 }),
        servers,
      },
      whole,
    ),
    { maxLength: 5, selector: ({ mark, ...each }) => (mark === 0 ? serviceName(each) : `mark ${mark}`) },
  );
  // As planes say it: what is as usual is left out. Only NAT can map ports.
  const canonical = ({ mark, persistence, timeouts, ...each }: Drawn): VirtualService => ({
    ...each,
    ...(mark === 0 ? {} : { mark, address: parseAddress("0.0.0.0"), port: 0, protocol: "tcp" }),
    ...(persistence === undefined ? {} : { persistence }),
    ...(timeouts === undefined ? {} : { timeouts }),
    servers: each.servers.map(({ upperThreshold = 0, ...server }) => ({
      ...server,
      ...(server.method === "nat" ? {} : { port: each.port }),
      ...(upperThreshold === 0 ? {} : { upperThreshold }),
    })),
  });
  const attachments = fc.subarray([...interfaces]).map((names) => names.map((interfaceName) => ({ interfaceName, hook: "auto" as const })));
  const settings = fc.record(
    {
      timeouts: fc.record({ tcp: fc.constantFrom(3, 900), tcpFin: fc.constant(120), udp: fc.constantFrom(7, 300) }, whole),
      expireNodest: fc.boolean(),
      expireQuiescentTemplate: fc.boolean(),
      connectionReuse: fc.constantFrom(0, 1, 3),
    },
    whole,
  );
  const marks = fc.array(fc.constantFrom(...rules(interfaces[0] ?? "lo")), { maxLength: 3 });
  return fc.record({ services: services.map((all) => all.map(canonical)), settings, marks, attachments }, whole);
}
