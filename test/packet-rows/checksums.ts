/** NAT's checksums where they are easy to get wrong, and headers of every length. */

import type { RealServer } from "../../src/model/service.ts";
import { encodeUdp } from "../../src/wire/udp.ts";
import { ACK, asIfFrom, FAMILIES, hopped, left, opened, reply, request, server, service, towards } from "./cast.ts";
import { inTunnel } from "./forwarding.ts";
import { type Facts, packet } from "./packets.ts";
import type { Row } from "./row.ts";

const METHODS = ["nat", "dr", "tun"] as const;

/** The same facts with two bytes of data so chosen that the given way of looking at them yields `wanted`. */
function tuned(facts: Facts, look: (facts: Facts) => number, wanted: number): Facts {
  for (let word = 0; word <= 0xffff; word++) {
    const tried = { ...facts, payload: Uint8Array.of(word >> 8, word & 0xff, ...facts.payload.subarray(2)) };
    if (look(tried) === wanted) return tried;
  }
  throw new Error("no data leads to that checksum");
}

function udpChecksum(facts: Facts): number {
  const { sourcePort, destinationPort, payload } = facts;
  return new DataView(encodeUdp({ sourcePort, destinationPort, payload }, facts).buffer).getUint16(6);
}

/** Of the IPv4 header. */
function headerChecksum(facts: Facts): number {
  const bytes = packet(facts);
  return new DataView(bytes.buffer).getUint16(10);
}

function identified(facts: Facts, look: (facts: Facts) => number, wanted: number): Facts {
  for (let identification = 0; identification <= 0xffff; identification++) {
    const tried = { ...facts, identification };
    if (look(tried) === wanted) return tried;
  }
  throw new Error("no identification leads to that checksum");
}

const absent = (["nat", "dr"] as const).map((method): Row => {
  const to = server("ipv4", method, { port: method === "nat" ? 8080 : 80 });
  const held = service("ipv4", [to], { protocol: "udp" });
  const there = request("ipv4", { protocol: "udp", udpChecksum: false });
  const back = reply(to, { protocol: "udp", udpChecksum: false });
  const as = method === "nat" ? towards(to, there) : hopped(there);
  return {
    name: `${method.toUpperCase()}, ipv4, udp: where there is no checksum there is none afterwards`,
    services: [held],
    steps: [
      { send: packet(there), expect: { kind: "forwarded", server: to, as: packet(as) } },
      ...(method === "nat"
        ? [
            {
              send: packet(back),
              arrives: "back" as const,
              expect: { kind: "replied" as const, server: to, as: packet(asIfFrom(held, back)) },
            },
          ]
        : []),
    ],
    left: [opened(to, "udp")],
  };
});

/** Which of the two steps of tc's rewriting, address and port, yields the zero makes a difference there. */
const twin = FAMILIES.flatMap((family) =>
  [80, 8080].flatMap((port): Row[] => {
    const to = server(family, "nat", { port });
    const held = service(family, [to], { protocol: "udp" });
    const there = tuned(request(family, { protocol: "udp" }), (facts) => udpChecksum(towards(to, facts)), 0xffff);
    const halfway = tuned(
      request(family, { protocol: "udp" }),
      (facts) => udpChecksum({ ...towards(to, facts), destinationPort: 80 }),
      0xffff,
    );
    const back = tuned(reply(to, { protocol: "udp" }), (facts) => udpChecksum(asIfFrom(held, facts)), 0xffff);
    const from = tuned(request(family, { protocol: "udp" }), udpChecksum, 0xffff);
    return [
      {
        name: `NAT${port === 80 ? "" : " with another port"}, ${family}, udp: a checksum that becomes zero is written as 0xffff`,
        services: [held],
        steps: [
          { send: packet(there), expect: { kind: "forwarded", server: to, as: packet(towards(to, there)) } },
          { send: packet(back), arrives: "back", expect: { kind: "replied", server: to, as: packet(asIfFrom(held, back)) } },
          { send: packet(halfway), expect: { kind: "forwarded", server: to, as: packet(towards(to, halfway)) } },
          { send: packet(from), expect: { kind: "forwarded", server: to, as: packet(towards(to, from)) } },
        ],
        left: [opened(to, "udp")],
      },
    ];
  }),
);

const headers = METHODS.flatMap((method): Row[] => {
  const to = server("ipv4", method);
  const as = (facts: Facts) => ({ nat: packet(towards(to, facts)), dr: packet(hopped(facts)), tun: inTunnel(to, facts) })[method];
  const after = (facts: Facts) => headerChecksum(method === "nat" ? towards(to, facts) : hopped(facts));
  const becomesZero = identified(request("ipv4"), after, 0);
  const wasZero = identified(request("ipv4"), headerChecksum, 0);
  const carries = identified(request("ipv4"), headerChecksum, 0xff00);
  return [
    {
      name: `${method.toUpperCase()}, ipv4: a header checksum that is zero, becomes zero, or overflows by the hop`,
      services: [service("ipv4", [to])],
      steps: [becomesZero, wasZero, carries].map((facts) => ({
        send: packet(facts),
        expect: { kind: "forwarded", server: to, as: as(facts) },
      })),
      left: [opened(to, "tcp")],
    },
  ];
});

/** Record route: a real option, with room for any number of words. */
function recordRoute(words: number): Uint8Array {
  const options = new Uint8Array(words * 4);
  if (words > 0) options.set([7, words * 4 - 1, 4]);
  return options;
}

const ipOptions = METHODS.flatMap((method) =>
  (["tcp", "udp"] as const).map((protocol): Row => {
    const to = server("ipv4", method, { port: method === "nat" ? 8080 : 80 });
    const as = (facts: Facts) => ({ nat: packet(towards(to, facts)), dr: packet(hopped(facts)), tun: inTunnel(to, facts) })[method];
    const all = Array.from({ length: 10 }, (_, i) => request("ipv4", { protocol, ipOptions: recordRoute(i + 1), sourcePort: 50_000 + i }));
    return {
      name: `${method.toUpperCase()}, ipv4, ${protocol}: headers of six to fifteen words`,
      services: [service("ipv4", [to], { protocol })],
      steps: all.map((facts) => ({ send: packet(facts), expect: { kind: "forwarded", server: to, as: as(facts) } })),
      left: [left(to, 10, protocol === "tcp" ? 10 : 0, protocol === "tcp" ? 0 : 10)],
    };
  }),
);

const replyWithIpOptions = (["tcp", "udp"] as const).map((protocol): Row => {
  const to = server("ipv4", "nat", { port: 8080 });
  const held = service("ipv4", [to], { protocol });
  const there = request("ipv4", { protocol });
  const back = reply(to, { protocol, ipOptions: recordRoute(10) });
  return {
    name: `NAT, ipv4, ${protocol}: a reply with a header of fifteen words`,
    services: [held],
    steps: [
      { send: packet(there), expect: { kind: "forwarded", server: to, as: packet(towards(to, there)) } },
      { send: packet(back), arrives: "back", expect: { kind: "replied", server: to, as: packet(asIfFrom(held, back)) } },
    ],
    left: [opened(to, protocol)],
  };
});

const tcpOptions = FAMILIES.flatMap((family) =>
  METHODS.map((method): Row => {
    const to: RealServer = server(family, method);
    const facts = request(family, { tcpOptions: Uint8Array.of(2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 0, 0), payload: new Uint8Array(0) });
    const data = request(family, { flags: ACK, payload: Uint8Array.from({ length: 1200 }, (_, i) => i & 0xff) });
    const as = (one: Facts) => ({ nat: packet(towards(to, one)), dr: packet(hopped(one)), tun: inTunnel(to, one) })[method];
    return {
      name: `${method.toUpperCase()}, ${family}, tcp: options, and a long segment`,
      services: [service(family, [to])],
      steps: [facts, data].map((one) => ({ send: packet(one), expect: { kind: "forwarded", server: to, as: as(one) } })),
      left: [opened(to, "tcp")],
    };
  }),
);

export const CHECKSUM_ROWS: readonly Row[] = [...absent, ...twin, ...headers, ...ipOptions, ...replyWithIpOptions, ...tcpOptions];
