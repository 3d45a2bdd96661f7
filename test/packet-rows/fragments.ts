/** Fragments go where their first one went; one that comes before it waits; and what is too long and may be cut, is. */

import { parseAddress } from "../../src/model/address.ts";
import type { RealServer } from "../../src/model/service.ts";
import { IpProtocol } from "../../src/wire/ipv4.ts";
import {
  ACK,
  answeredByTc,
  asIfFrom,
  dropped,
  FAMILIES,
  hopped,
  left,
  opened,
  passed,
  reply,
  request,
  server,
  service,
  TUNNEL_SOURCES,
  towards,
} from "./cast.ts";
import { packetInTunnel } from "./forwarding.ts";
import { type Facts, fragment, fragments, icmpAnswer, packet, TRANSPORTS, transport } from "./packets.ts";
import type { Expectation, PacketStep, Row } from "./row.ts";
import { MTU } from "./stage.ts";

const METHODS = ["nat", "dr", "tun"] as const;
const LONG = Uint8Array.from({ length: 2500 }, (_, i) => i % 251);
const STEP = 1000;

/** Each piece as it comes, and as it must go on. */
function through(to: RealServer, facts: Facts): { readonly send: Uint8Array; readonly expect: Expectation }[] {
  const nat = to.method === "nat";
  const as = fragments(nat ? towards(to, facts) : hopped(facts), STEP);
  return fragments(facts, STEP).map((bytes, i) => {
    const inner = as[i] ?? bytes;
    const tunnelled = packetInTunnel(to, inner, { ...facts, dontFragment: to.address.family === "ipv6" });
    return { send: bytes, expect: { kind: "forwarded", server: to, as: to.method === "tun" ? tunnelled : inner } };
  });
}

function byTc(
  { send, expect }: { readonly send: Uint8Array; readonly expect: Expectation },
  arrives: "front" | "back" = "front",
): PacketStep {
  return { send, arrives, expect: answeredByTc(expect) };
}

const inOrder = FAMILIES.flatMap((family) =>
  METHODS.flatMap((method) =>
    TRANSPORTS.map((protocol): Row => {
      const to = server(family, method, { port: method === "nat" ? 8080 : 80 });
      const pieces = through(to, request(family, { protocol, payload: LONG }));
      return {
        name: `${method.toUpperCase()}, ${family}, ${protocol}: fragments, the first, one amidst and the last`,
        services: [service(family, [to], { protocol })],
        steps: pieces.map((piece) => byTc(piece)),
        left: { tc: [opened(to, protocol)], xdp: [] },
      };
    }),
  ),
);

const replies = FAMILIES.flatMap((family) =>
  TRANSPORTS.map((protocol): Row => {
    const to = server(family, "nat", { port: 8080 });
    const held = service(family, [to], { protocol });
    const there = request(family, { protocol });
    const back = reply(to, { protocol, payload: LONG });
    const as = fragments(asIfFrom(held, back), STEP);
    return {
      name: `NAT, ${family}, ${protocol}: the fragments of a reply`,
      services: [held],
      steps: [
        { send: packet(there), expect: { kind: "forwarded", server: to, as: packet(towards(to, there)) } },
        ...fragments(back, STEP).map((bytes, i) =>
          byTc({ send: bytes, expect: { kind: "replied", server: to, as: as[i] ?? bytes } }, "back"),
        ),
      ],
      left: [opened(to, protocol)],
    };
  }),
);

/** Both ends are rewritten, the client's port to one that shows in the first fragment only. */
const bothEnds = FAMILIES.flatMap((family) =>
  TRANSPORTS.map((protocol): Row => {
    const to = server(family, "nat", { port: 8080 });
    const own = TUNNEL_SOURCES[family];
    const held = service(family, [to], { protocol, fullNat: own });
    const there = request(family, { protocol, payload: LONG });
    let port = 0;
    const sent = () => fragments({ ...towards(to, there), source: own, sourcePort: port }, STEP);
    const back = () => reply(to, { protocol, payload: LONG, destination: own, destinationPort: port });
    const replied = () => fragments(asIfFrom(held, reply(to, { protocol, payload: LONG })), STEP);
    return {
      name: `full NAT, ${family}, ${protocol}: fragments there and back`,
      hooks: ["tc"],
      services: [held],
      steps: [
        ...fragments(there, STEP).map((bytes, i): PacketStep => {
          const as = (out: Uint8Array) => {
            if (i === 0) port = new DataView(out.buffer, out.byteOffset).getUint16(family === "ipv6" ? 48 : 20);
            return sent()[i] ?? bytes;
          };
          return { send: bytes, expect: { kind: "forwarded", server: to, as } };
        }),
        ...fragments(there, STEP).map(
          (bytes, i): PacketStep => ({
            get send() {
              return fragments(back(), STEP)[i] ?? bytes;
            },
            arrives: "back",
            expect: { kind: "replied", server: to, as: () => replied()[i] ?? bytes },
          }),
        ),
      ],
      left: [opened(to, protocol)],
    };
  }),
);

/** What waits is put aside: the row sees that it is kept, the lab that it comes again. */
const early = FAMILIES.map((family): Row => {
  const to = server(family, "dr");
  const [first, amidst, last] = through(to, request(family, { protocol: "udp", payload: LONG }));
  if (first === undefined || amidst === undefined || last === undefined) throw new Error("three pieces");
  return {
    name: `${family}: fragments before their first one wait, later ones do not`,
    hooks: ["tc"],
    services: [service(family, [to], { protocol: "udp" })],
    steps: [{ ...byTc(last), expect: dropped("FRAGMENT_WAITS") }, first, amidst],
    left: [opened(to, "udp")],
  };
});

const refused = FAMILIES.map((family): Row => {
  const to = server(family, "dr");
  const held = service(family, [to], { protocol: "udp" });
  const facts = request(family, { protocol: "udp", payload: LONG, ttl: 1 });
  const [first, amidst] = fragments(facts, STEP);
  const sound = through(to, request(family, { protocol: "udp", payload: LONG }));
  const [own] = sound;
  if (first === undefined || amidst === undefined || own === undefined) throw new Error("pieces");
  const elsewhere = request(family, { protocol: "udp", payload: LONG, destination: server(family, "dr", { n: 3 }).address });
  const unserved = request(family, {
    protocol: "udp",
    payload: LONG,
    destinationPort: 81,
    ...(family === "ipv4" ? { identification: 7 } : {}),
  });
  return {
    name: `${family}: the fragments of what is not sent on share its fate`,
    hooks: ["tc"],
    services: [held],
    steps: [
      ...fragments(elsewhere, STEP).map((bytes) => ({ send: bytes, expect: passed("PASS_FRAGMENT") })),
      { send: first, expect: { kind: "answered", server: to, with: quoted(facts, first), outcome: "ICMP_TIME_EXCEEDED" } },
      { send: amidst, expect: dropped("DROP_FRAGMENT") },
      // The same identification again, for one that goes; but a fragment of it that has no hop left does not.
      own,
      { send: amidst, expect: dropped("DROP_FRAGMENT") },
      ...fragments(unserved, STEP).map((bytes, i) => ({ send: bytes, expect: passed(i === 0 ? "PASS_NO_SERVICE" : "PASS_FRAGMENT") })),
    ],
    left: [opened(to, "udp")],
  };
});

/** As icmpAnswer, but of a fragment: its own headers are what is quoted. */
function quoted(facts: Facts, bytes: Uint8Array): Uint8Array {
  return icmpAnswer(facts, "timeExceeded", 0, bytes.subarray(0, facts.source.family === "ipv6" ? 40 + 8 + 8 : 28));
}

/** No DF and too long: it comes back as two fragments, of which the row sees the second; both go on as any. */
const cut = (["nat", "dr", "tun"] as const).flatMap((method) =>
  TRANSPORTS.map((protocol): Row => {
    const to = server("ipv4", method, { port: method === "nat" ? 8080 : 80 });
    const mtu = method === "tun" ? MTU - 20 : MTU;
    const head = protocol === "tcp" ? 20 : 8;
    const facts = request("ipv4", {
      protocol,
      dontFragment: false,
      flags: method === "dr" ? ACK | 2 : 2,
      payload: Uint8Array.from({ length: mtu + 1 - 20 - head }, (_, i) => i % 251),
    });
    const step = (mtu - 20) & ~7;
    const pieces = fragments(facts, step);
    const nat = method === "nat";
    const as = fragments(nat ? towards(to, facts) : hopped(facts), step);
    const [, second] = pieces;
    if (second === undefined) throw new Error("two pieces");
    return {
      name: `${method.toUpperCase()}, ipv4, ${protocol}: ${mtu + 1} bytes without DF are cut`,
      services: [service("ipv4", [to], { protocol })],
      steps: [
        { send: packet(facts), expect: answeredByTc({ kind: "returned", as: second, outcome: "FRAGMENTED" }) },
        ...pieces.map((bytes, i) => {
          const inner = as[i] ?? bytes;
          return byTc({
            send: bytes,
            expect: { kind: "forwarded", server: to, as: method === "tun" ? packetInTunnel(to, inner, facts) : inner },
          });
        }),
      ],
      left: { tc: [opened(to, protocol)], xdp: [left(to, 1, 0, 1)] },
    };
  }),
);

/** A reply too: its way is narrower than it. */
const cutReply = TRANSPORTS.map((protocol): Row => {
  const to = server("ipv4", "nat", { port: 8080 });
  const held = service("ipv4", [to], { protocol });
  const there = request("ipv4", { protocol });
  const head = protocol === "tcp" ? 20 : 8;
  const payload = Uint8Array.from({ length: MTU + 1 - 20 - head }, (_, i) => i % 251);
  const back = reply(to, { protocol, dontFragment: false, payload });
  const step = (MTU - 20) & ~7;
  const pieces = fragments(back, step);
  const as = fragments(asIfFrom(held, back), step);
  const [, second] = pieces;
  if (second === undefined) throw new Error("two pieces");
  return {
    name: `NAT, ipv4, ${protocol}: a reply of ${MTU + 1} bytes without DF is cut`,
    services: [held],
    steps: [
      { send: packet(there), expect: { kind: "forwarded", server: to, as: packet(towards(to, there)) } },
      { send: packet(back), arrives: "back", expect: answeredByTc({ kind: "returned", as: second, outcome: "FRAGMENTED" }) },
      ...pieces.map((bytes, i) => byTc({ send: bytes, expect: { kind: "replied", server: to, as: as[i] ?? bytes } }, "back")),
    ],
    left: [opened(to, protocol)],
  };
});

/** A fragment that is too long is cut in its turn, wherever it belongs. */
const cutAgain = ((): Row => {
  const to = server("ipv4", "tun");
  const facts = request("ipv4", {
    protocol: "udp",
    payload: Uint8Array.from({ length: 2000 }, (_, i) => i % 251),
    ipOptions: new Uint8Array(4),
  });
  const short = fragments(facts, 16);
  const long = fragments(facts, 1472).map((bytes) => bytes);
  const [first] = through(to, { ...facts, payload: facts.payload });
  if (first === undefined || long[0] === undefined || short[91] === undefined) throw new Error("pieces");
  return {
    name: "TUN, ipv4, udp: the first fragment, as long as the MTU, is cut",
    hooks: ["tc"],
    services: [service("ipv4", [to], { protocol: "udp" })],
    steps: [{ send: long[0], expect: { kind: "returned", as: cutFrom(facts, 1456, 16), outcome: "FRAGMENTED" } }, first],
    left: [opened(to, "udp")],
  };
})();

function cutFrom(facts: Facts, offset: number, length: number): Uint8Array {
  return fragment(facts, transport(facts).subarray(offset, offset + length), { offset, more: true });
}

/** What a sender on this machine left to its card cannot be cut here: it hears of it. */
const partial = ((): Row => {
  const to = server("ipv4", "tun");
  const facts = request("ipv4", { protocol: "udp", dontFragment: false, payload: new Uint8Array(MTU - 28) });
  const bytes = packet(facts);
  const view = new DataView(bytes.buffer);
  let sum = IpProtocol.UDP + (MTU - 20);
  for (let at = 12; at < 20; at += 2) sum += view.getUint16(at);
  view.setUint16(26, (sum & 0xffff) + (sum >> 16));
  return {
    name: "TUN, ipv4, udp: without DF, but with its checksum not yet summed",
    hooks: ["tc"],
    services: [service("ipv4", [to], { protocol: "udp" })],
    steps: [
      {
        send: bytes,
        expect: {
          kind: "answered",
          with: icmpAnswer(facts, "tooBig", MTU - 20, bytes.subarray(0, 28)),
          outcome: "ICMP_TOO_BIG",
        },
      },
    ],
    left: [left(to, 1, 0, 1)],
  };
})();

/** RFC 6946: a fragment that is the only one is a whole packet. */
const atomic = METHODS.map((method): Row => {
  const to = server("ipv6", method, { port: method === "nat" ? 8080 : 80 });
  const facts = request("ipv6", { protocol: "udp" });
  const [only] = through(to, facts);
  if (only === undefined) throw new Error("one piece");
  return {
    name: `${method.toUpperCase()}, ipv6, udp: a fragment that is the only one`,
    services: [service("ipv6", [to], { protocol: "udp" })],
    steps: [byTc(only)],
    left: { tc: [opened(to, "udp")], xdp: [] },
  };
});

const foreign = parseAddress("203.0.113.77");

/** Two who use the same identification at the same time. */
const twoSenders = ((): Row => {
  const [one, two] = [server("ipv4", "dr", { n: 1 }), server("ipv4", "dr", { n: 2 })];
  const mine = request("ipv4", { protocol: "udp", payload: LONG });
  const theirs = { ...mine, source: foreign };
  const [a, b] = [through(two, mine), through(one, theirs)];
  return {
    name: "ipv4: two senders with the same identification",
    hooks: ["tc"],
    services: [service("ipv4", [one, two], { protocol: "udp" })],
    steps: a.flatMap((piece, i) => [piece, b[i] ?? piece]),
    left: [opened(one, "udp"), opened(two, "udp")],
  };
})();

export const FRAGMENT_ROWS: readonly Row[] = [
  ...inOrder,
  ...replies,
  ...bothEnds,
  ...early,
  ...refused,
  ...cut,
  ...cutReply,
  cutAgain,
  partial,
  ...atomic,
  twoSenders,
];
