/** Packets that may not make another hop, or do not fit: the client hears of it by ICMP. XDP leaves that to tc. */

import type { Family } from "../../src/model/address.ts";
import type { ForwardingMethod } from "../../src/model/service.ts";
import { ACK, answeredByTc, asIfFrom, FAMILIES, hopped, left, opened, passed, reply, request, server, service, towards } from "./cast.ts";
import { inTunnel } from "./forwarding.ts";
import { type Facts, icmpAnswer, packet, TRANSPORTS, type Transport } from "./packets.ts";
import type { Left, Row } from "./row.ts";
import { type Hook, MTU } from "./stage.ts";

const METHODS = ["nat", "dr", "tun"] as const satisfies readonly ForwardingMethod[];
const OVERHEAD = { ipv4: 20, ipv6: 40 } as const;

/** XDP gave the packet on: the connection was made, but nothing of it was sent yet. */
function begun(of: Left["server"], protocol: Transport): Readonly<Record<Hook, readonly Left[]>> {
  return { tc: [opened(of, protocol)], xdp: [left(of, 1, 0, 1)] };
}

/** Data so long that the whole packet has this length. */
export function ofLength(length: number, family: Family, facts: Partial<Facts>): Facts {
  const { protocol = "tcp", ipOptions = new Uint8Array(0) } = facts;
  const headers = (family === "ipv4" ? 20 + ipOptions.length : 40) + (protocol === "tcp" ? 20 : 8);
  return request(family, { ...facts, payload: Uint8Array.from({ length: length - headers }, (_, i) => i % 251) });
}

const lastHop = FAMILIES.flatMap((family) =>
  METHODS.flatMap((method) =>
    TRANSPORTS.map((protocol): Row => {
      const to = server(family, method);
      const facts = request(family, { protocol, ttl: 1 });
      const answer = icmpAnswer(facts, "timeExceeded");
      return {
        name: `${method.toUpperCase()}, ${family}, ${protocol}: the last hop was the one to us`,
        services: [service(family, [to], { protocol })],
        steps: [
          { send: packet(facts), expect: answeredByTc({ kind: "answered", server: to, with: answer, outcome: "ICMP_TIME_EXCEEDED" }) },
        ],
        left: begun(to, protocol),
      };
    }),
  ),
);

const lastHopWithOptions = [1, 10].map((words): Row => {
  const to = server("ipv4", "dr");
  const facts = request("ipv4", { ttl: 1, ipOptions: new Uint8Array(words * 4).fill(1) });
  return {
    name: `DR, ipv4, tcp: the last hop, of a header of ${5 + words} words, which is quoted whole`,
    hooks: ["tc"],
    services: [service("ipv4", [to])],
    steps: [
      {
        send: packet(facts),
        expect: { kind: "answered", server: to, with: icmpAnswer(facts, "timeExceeded"), outcome: "ICMP_TIME_EXCEEDED" },
      },
    ],
    left: [opened(to, "tcp")],
  };
});

/** The stack, which has the packet to route, tells the server so. */
const lastHopOfReply = FAMILIES.map((family): Row => {
  const to = server(family, "nat");
  const held = service(family, [to]);
  const there = request(family);
  const back = reply(to, { ttl: 1 });
  return {
    name: `NAT, ${family}: a reply's last hop was the one to us`,
    services: [held],
    steps: [
      { send: packet(there), expect: { kind: "forwarded", server: to, as: packet(towards(to, there)) } },
      { send: packet(back), arrives: "back", expect: { tc: passed("ICMP_TIME_EXCEEDED"), xdp: passed("PASS_TO_TC") } },
    ],
    left: [opened(to, "tcp")],
  };
});

const tunnelMtu = FAMILIES.flatMap((inner) =>
  FAMILIES.flatMap((outer) =>
    TRANSPORTS.map((protocol): Row => {
      const to = server(outer, "tun");
      const fits = MTU - OVERHEAD[outer];
      const whole = ofLength(fits, inner, { protocol });
      const over = ofLength(fits + 1, inner, { protocol, flags: ACK });
      const answer = icmpAnswer(over, "tooBig", fits);
      return {
        name: `TUN, ${inner} in ${outer}, ${protocol}: ${fits} bytes fit, one more does not`,
        services: [service(inner, [to], { protocol })],
        steps: [
          { send: packet(whole), expect: { kind: "forwarded", server: to, as: inTunnel(to, whole) } },
          { send: packet(over), expect: answeredByTc({ kind: "answered", server: to, with: answer, outcome: "ICMP_TOO_BIG" }) },
        ],
        left: [opened(to, protocol)],
      };
    }),
  ),
);

const plainMtu = FAMILIES.flatMap((family) =>
  (["nat", "dr"] as const).map((method): Row => {
    const to = server(family, method);
    const whole = ofLength(MTU, family, {});
    const over = ofLength(MTU + 1, family, { flags: ACK });
    const as = method === "nat" ? towards(to, whole) : hopped(whole);
    const answer = icmpAnswer(over, "tooBig", MTU);
    return {
      name: `${method.toUpperCase()}, ${family}: ${MTU} bytes fit, one more does not`,
      services: [service(family, [to])],
      steps: [
        { send: packet(whole), expect: { kind: "forwarded", server: to, as: packet(as) } },
        { send: packet(over), expect: answeredByTc({ kind: "answered", server: to, with: answer, outcome: "ICMP_TOO_BIG" }) },
      ],
      left: [opened(to, "tcp")],
    };
  }),
);

const replyMtu = FAMILIES.map((family): Row => {
  const to = server(family, "nat");
  const held = service(family, [to]);
  const there = request(family);
  const headers = family === "ipv4" ? 40 : 60;
  const whole = reply(to, { payload: new Uint8Array(MTU - headers) });
  const over = reply(to, { payload: new Uint8Array(MTU - headers + 1) });
  return {
    name: `NAT, ${family}: a reply of ${MTU} bytes fits, one more is the stack's to refuse`,
    services: [held],
    steps: [
      { send: packet(there), expect: { kind: "forwarded", server: to, as: packet(towards(to, there)) } },
      { send: packet(whole), arrives: "back", expect: { kind: "replied", server: to, as: packet(asIfFrom(held, whole)) } },
      { send: packet(over), arrives: "back", expect: { tc: passed("ICMP_TOO_BIG"), xdp: passed("PASS_TO_TC") } },
    ],
    left: [opened(to, "tcp")],
  };
});

/** What the kernel carries as one packet becomes several on the wire: each must fit, each is counted. */
const segmented = FAMILIES.flatMap((family): Row[] => {
  const headers = family === "ipv4" ? 40 : 60;
  const facts = request(family, { flags: ACK, payload: new Uint8Array(1200) });
  const first = request(family);
  const tunnel = server("ipv4", "tun");
  const tunnelled = { size: MTU - headers, segments: 3 };
  const rows = (["nat", "dr"] as const).map((method): Row => {
    const to = server(family, method);
    const as = (one: Facts) => packet(method === "nat" ? towards(to, one) : hopped(one));
    const gso = { size: MTU - headers, segments: 3 };
    const over = { size: MTU - headers + 1, segments: 3 };
    return {
      name: `${method.toUpperCase()}, ${family}: a GSO packet is measured and counted by its segments`,
      hooks: ["tc"],
      services: [service(family, [to])],
      steps: [
        { send: packet(first), expect: { kind: "forwarded", server: to, as: as(first) } },
        { send: packet(facts), gso, expect: { kind: "forwarded", server: to, as: as(facts) } },
        {
          send: packet(facts),
          gso: over,
          expect: { kind: "answered", server: to, with: icmpAnswer(facts, "tooBig", MTU), outcome: "ICMP_TOO_BIG" },
        },
      ],
      left: [opened(to, "tcp")],
    };
  });
  return [
    ...rows,
    {
      name: `TUN, ${family} in ipv4: segments that fill the MTU do not fit into the tunnel`,
      hooks: ["tc"],
      services: [service(family, [tunnel])],
      steps: [
        { send: packet(first), expect: { kind: "forwarded", server: tunnel, as: inTunnel(tunnel, first) } },
        {
          send: packet(facts),
          gso: tunnelled,
          expect: { kind: "answered", server: tunnel, with: icmpAnswer(facts, "tooBig", MTU - 20), outcome: "ICMP_TOO_BIG" },
        },
      ],
      left: [opened(tunnel, "tcp")],
    },
  ];
});

export const LIMIT_ROWS: readonly Row[] = [
  ...lastHop,
  ...lastHopWithOptions,
  ...lastHopOfReply,
  ...tunnelMtu,
  ...plainMtu,
  ...replyMtu,
  ...segmented,
];
