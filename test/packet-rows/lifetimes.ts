/** What becomes of connections: their states, and what happens to them when their server does not stay as it was. */

import type { RealServer } from "../../src/model/service.ts";
import { headOf } from "../../src/reconcile/diff.ts";
import {
  ACK,
  answeredByTc,
  apply,
  asIfFrom,
  dropped,
  FAMILIES,
  FIN,
  hopped,
  left,
  opened,
  passed,
  RST,
  reply,
  request,
  SYN,
  server,
  service,
  towards,
} from "./cast.ts";
import { inTunnel } from "./forwarding.ts";
import { type Facts, icmpAnswer, packet } from "./packets.ts";
import type { PacketStep, Row } from "./row.ts";

/** No server takes it: the client hears so. */
function refused(facts: Facts) {
  return answeredByTc({ kind: "answered", with: icmpAnswer(facts, "portUnreachable"), outcome: "ICMP_UNREACHABLE" });
}

/** The client says something to the server that it has, or gets. */
function says(to: RealServer, facts: Facts): PacketStep {
  const as = { nat: packet(towards(to, facts)), dr: packet(hopped(facts)), tun: inTunnel(to, facts) }[to.method];
  return { send: packet(facts), expect: { kind: "forwarded", server: to, as } };
}

function answers(from: RealServer, vip: ReturnType<typeof service>, facts: Facts): PacketStep {
  return { send: packet(facts), arrives: "back", expect: { kind: "replied", server: from, as: packet(asIfFrom(vip, facts)) } };
}

const nobody = FAMILIES.flatMap((family): Row[] => {
  const quiesced = server(family, "nat", { weight: 0 });
  return [[], [quiesced]].flatMap((servers) =>
    (["rr", "wrr"] as const).map(
      (scheduler): Row => ({
        name: `${family}, ${scheduler}: a service ${servers.length === 0 ? "without servers" : "whose servers have weight 0"} says so`,
        services: [service(family, servers, { scheduler })],
        steps: [
          { send: packet(request(family)), expect: refused(request(family)) },
          { send: packet(request(family)), expect: refused(request(family)) },
        ],
        left: [],
      }),
    ),
  );
});

const departures = FAMILIES.flatMap((family): Row[] => {
  const [first, second] = [server(family, "nat", { n: 1 }), server(family, "nat", { n: 2 })];
  const held = service(family, [first]);
  const head = headOf(held);
  const more = request(family, { flags: ACK });
  const other = request(family, { sourcePort: 40_001 });
  return [
    {
      name: `${family}: a deleted server's connections are dropped, its replies still come, and when it is back they go on`,
      services: [held],
      steps: [
        says(first, request(family)),
        apply("the server goes", { kind: "delete-server", service: head, server: first }),
        { send: packet(more), expect: dropped("DROP_SERVER_GONE") },
        answers(first, held, reply(first)),
        { send: packet(other), expect: refused(other) },
        apply("the server comes back", { kind: "add-server", service: head, server: first }),
        says(first, more),
      ],
      left: [opened(first, "tcp")],
    },
    {
      name: `${family}: a deleted service's connections are nobody's`,
      services: [held, service(family, [second], { port: 81 })],
      steps: [
        says(first, request(family)),
        apply("the service goes", { kind: "delete-service", service: head }),
        { send: packet(more), expect: dropped("DROP_SERVER_GONE") },
        { send: packet(other), expect: passed("PASS_NO_SERVICE") },
      ],
      left: [],
      gone: [first],
    },
    {
      name: `${family}: a server of weight 0 keeps its connections and gets no new one`,
      services: [held],
      steps: [
        says(first, request(family)),
        apply(
          "the weight becomes 0, another server comes",
          { kind: "edit-server", service: head, before: first, after: { ...first, weight: 0 } },
          { kind: "add-server", service: head, server: second },
        ),
        says(first, more),
        says(second, other),
        says(second, request(family, { sourcePort: 40_002 })),
      ],
      left: [opened(first, "tcp"), left(second, 2, 2, 0)],
    },
  ];
});

/** The forwarding method is the connection's: what was begun by NAT is ended by NAT. */
const conversions = FAMILIES.flatMap((family) =>
  (["dr", "tun"] as const).map((method): Row => {
    const before = server(family, "nat");
    const after = server(family, method);
    const held = service(family, [before]);
    return {
      name: `${family}: a server that turns from NAT to ${method.toUpperCase()} goes on by NAT with the connections it has`,
      services: [held],
      steps: [
        says(before, request(family)),
        apply("the method changes", { kind: "edit-server", service: headOf(held), before, after }),
        says(after, request(family, { sourcePort: 40_001 })),
        says(before, request(family, { flags: ACK })),
        answers(before, held, reply(before)),
      ],
      left: [left(before, 2, 2, 0)],
    };
  }),
);

const states = FAMILIES.flatMap((family): Row[] => {
  const nat = server(family, "nat");
  const held = service(family, [nat]);
  const client = (flags: number) => says(nat, request(family, { flags }));
  const from = (flags: number) => answers(nat, held, reply(nat, { flags }));
  const handshake = [client(SYN), from(SYN | ACK), client(ACK)];
  const row = (name: string, steps: Row["steps"], active: number): Row => ({
    name: `NAT, ${family}: ${name}`,
    services: [held],
    steps,
    left: [left(nat, 1, active, 1 - active)],
  });
  return [
    row("a connection is active from its SYN on", [client(SYN)], 1),
    row("and when it is established", handshake, 1),
    row("inactive when the client has finished", [...handshake, client(FIN | ACK)], 0),
    row("inactive when the server has finished", [...handshake, from(FIN | ACK)], 0),
    row("inactive when both have", [...handshake, client(FIN | ACK), from(FIN | ACK), client(ACK)], 0),
    row("inactive after the client's RST", [...handshake, client(RST)], 0),
    row("inactive after the server's RST", [...handshake, from(RST | ACK)], 0),
    row("a SYN in an established connection changes nothing", [...handshake, client(SYN)], 1),
    row("a segment without any flag closes", [...handshake, client(0)], 0),
    ...(["dr", "tun"] as const).flatMap((method): Row[] => {
      const to = server(family, method);
      const steps = (...flags: number[]) => flags.map((one) => says(to, request(family, { flags: one })));
      const seen = (name: string, flags: number[], active: number): Row => ({
        name: `${method.toUpperCase()}, ${family}: ${name}`,
        services: [service(family, [to])],
        steps: steps(...flags),
        left: [left(to, 1, active, 1 - active)],
      });
      return [
        seen("established by the client's side alone", [SYN, ACK], 1),
        seen("inactive when the client has finished", [SYN, ACK, FIN | ACK], 0),
        seen("inactive after RST", [SYN, ACK, RST], 0),
        seen("a SYN+ACK begins a connection too (active FTP)", [SYN | ACK], 1),
      ];
    }),
  ];
});

const reuse = FAMILIES.flatMap((family): Row[] => {
  const [one, two] = [server(family, "nat", { n: 1 }), server(family, "nat", { n: 2 })];
  const held = service(family, [one, two]);
  // Newest first: the first connection goes to server 2.
  const client = (to: RealServer, flags: number) => says(to, request(family, { flags }));
  const from = (of: RealServer, flags: number) => answers(of, held, reply(of, { flags }));
  const handshake = [client(two, SYN), from(two, SYN | ACK), client(two, ACK)];
  const row = (name: string, steps: Row["steps"], lefts: Row["left"]): Row => ({
    name: `${family}: ${name}`,
    services: [held],
    steps,
    left: lefts,
  });
  const timeWait = [...handshake, client(two, FIN | ACK), from(two, FIN | ACK)];
  return [
    row(
      "a SYN in TIME_WAIT is a new connection, and the old one is counted down",
      [...timeWait, client(one, SYN)],
      [left(two, 1, 0, 0), opened(one, "tcp")],
    ),
    row("so is a SYN after RST", [...handshake, client(two, RST), client(one, SYN)], [left(two, 1, 0, 0), opened(one, "tcp")]),
    row("an ACK in TIME_WAIT is not", [...timeWait, client(two, ACK)], [left(two, 1, 0, 1)]),
    row(
      "nor is a SYN while the server's side is still open",
      [...handshake, client(two, FIN | ACK), client(two, SYN)],
      [left(two, 1, 1, 0)],
    ),
  ];
});

const spread = FAMILIES.map((family): Row => {
  const servers = [3, 2, 1].map((weight, i) => server(family, "dr", { n: i + 1, weight }));
  const [a, b, c] = servers as [RealServer, RealServer, RealServer];
  // Newest first. The list grew from one server, whose weight was its own divisor: so IPVS's walk begins at weight 1.
  const order = [c, b, a, a, b, a];
  return {
    name: `${family}: wrr spreads connections 3:2:1, packets of one stay together`,
    services: [service(family, servers, { scheduler: "wrr" })],
    steps: [...order, ...order].flatMap((to, i) => [SYN, ACK].map((flags) => says(to, request(family, { flags, sourcePort: 41_000 + i })))),
    left: [left(a, 6, 6, 0), left(b, 4, 4, 0), left(c, 2, 2, 0)],
  };
});

/** XDP passes what it cannot do on to tc: together they make one connection of it. */
const relay = FAMILIES.map((family): Row => {
  const to = server(family, "tun");
  const facts = request(family);
  return {
    name: `${family}: what XDP leaves to tc is one connection`,
    hooks: ["xdp"],
    services: [service(family, [to])],
    steps: [
      { send: packet({ ...facts, ttl: 1 }), expect: passed("PASS_TO_TC") },
      { ...says(to, facts), hook: "tc" },
      says(to, request(family, { flags: ACK })),
    ],
    left: [opened(to, "tcp")],
  };
});

export const LIFETIME_ROWS: readonly Row[] = [...nobody, ...departures, ...conversions, ...states, ...reuse, ...spread, ...relay];
