/** NAT that rewrites the client's end too: which port it becomes nobody can foretell, so each row reads it from what came out. */

import assert from "node:assert/strict";
import type { RealServer, VirtualService } from "../../src/model/service.ts";
import { encodeSctp, SctpChunk } from "../../src/wire/sctp.ts";
import { advanceSeconds } from "../advance-clock.ts";
import {
  ACK,
  answeredByTc,
  FAMILIES,
  FIN,
  left,
  opened,
  passed,
  RST,
  reply,
  request,
  server,
  service,
  TUNNEL_SOURCES,
  towards,
} from "./cast.ts";
import { census } from "./crowd.ts";
import { type Facts, icmpAnswer, network, packet, TRANSPORTS } from "./packets.ts";
import type { DeedStep, PacketStep, Row } from "./row.ts";
import { MTU } from "./stage.ts";

/** One connection, whose port shows in its first packet. */
class Conversation {
  readonly #to: RealServer;
  readonly #vip: VirtualService;
  readonly #client: Partial<Facts>;
  #port = 0;

  constructor(to: RealServer, vip: VirtualService, client: Partial<Facts> = {}) {
    this.#to = to;
    this.#vip = vip;
    this.#client = { protocol: vip.protocol as "tcp" | "udp", ...client };
  }

  get port(): number {
    return this.#port;
  }

  says(facts: Partial<Facts> = {}): PacketStep {
    const { family } = this.#vip.address;
    const sent = request(family, { ...this.#client, ...facts });
    const as = (out: Uint8Array) => {
      const header = family === "ipv6" ? 40 : ((out[0] ?? 0) & 15) * 4;
      const port = new DataView(out.buffer, out.byteOffset).getUint16(header);
      assert.ok((port >= 1024 && port < 32_768) || port >= 61_000, `the port ${port} is not the director's to give`);
      if (facts.flags === undefined && this.#port === 0) this.#port = port;
      return packet({ ...towards(this.#to, sent), source: TUNNEL_SOURCES[family], sourcePort: this.#port });
    };
    const expect = { kind: "forwarded" as const, server: this.#to, as };
    // XDP leaves the first packet to tc.
    return { send: packet(sent), ...(facts.flags === undefined ? { hook: "tc" as const } : {}), expect };
  }

  /** From the server, to the port that it saw. */
  answers(facts: Partial<Facts> = {}): PacketStep {
    const { address, port } = this.#vip;
    const seen = () => this.#answer(facts);
    const client = request(address.family, this.#client);
    const expect = {
      kind: "replied" as const,
      server: this.#to,
      as: () => {
        const sent = seen();
        const ends = { source: address, sourcePort: port, destination: client.source, destinationPort: client.sourcePort };
        return packet({ ...sent, ...ends, ttl: sent.ttl - 1 });
      },
    };
    return {
      get send() {
        return packet(seen());
      },
      arrives: "back",
      // XDP leaves what comes back to tc.
      hook: "tc",
      expect,
    };
  }

  /** The same, but it is no connection's. */
  answersInVain(facts: Partial<Facts> = {}): PacketStep {
    const seen = () => this.#answer(facts);
    return {
      get send() {
        return packet(seen());
      },
      arrives: "back",
      expect: passed("PASS_NO_SERVICE"),
    };
  }

  #answer(facts: Partial<Facts>): Facts {
    const { family } = this.#vip.address;
    const ends = { destination: TUNNEL_SOURCES[family], destinationPort: this.#port };
    return reply(this.#to, { ...ends, protocol: this.#vip.protocol as "tcp" | "udp", ...facts });
  }
}

function tableHolds(live: number): DeedStep {
  return { deed: `${live} entries live`, perform: (stage) => assert.equal(census(stage).live, live) };
}

const DATA = { flags: ACK, payload: Uint8Array.of(1, 2, 3, 4, 5), identification: 0x4321, flowLabel: 0x54321, tos: 0 } as const;

const each = FAMILIES.flatMap((family) => TRANSPORTS.flatMap((protocol) => [80, 8080].map((port) => ({ family, protocol, port }))));

const thereAndBack = each.map(({ family, protocol, port }): Row => {
  const to = server(family, "nat", { port });
  const held = service(family, [to], { protocol, fullNat: TUNNEL_SOURCES[family] });
  const talk = new Conversation(to, held);
  return {
    name: `full NAT${port === 80 ? "" : " with another port"}, ${family}, ${protocol}: there and back by an address of the director's`,
    services: [held],
    steps: [talk.says(), talk.answers(), talk.says(DATA), talk.answers(DATA), talk.says(DATA), tableHolds(2)],
    left: [opened(to, protocol)],
  };
});

/** A service without it beside one with it: the same server, the same port. */
const beside = FAMILIES.map((family): Row => {
  const to = server(family, "nat");
  const rewritten = service(family, [to], { fullNat: TUNNEL_SOURCES[family], port: 81 });
  const plain = service(family, [{ ...to, port: 8080 }]);
  const talk = new Conversation(to, rewritten, { destinationPort: 81 });
  const there = request(family);
  return {
    name: `full NAT, ${family}: is the service's affair and not its server's`,
    services: [plain, rewritten],
    steps: [
      talk.says(),
      {
        send: packet(there),
        expect: { kind: "forwarded", server: { ...to, port: 8080 }, as: packet(towards({ ...to, port: 8080 }, there)) },
      },
      talk.answers(),
    ],
    left: [opened(to, "tcp"), opened({ ...to, port: 8080 }, "tcp")],
  };
});

const ports = FAMILIES.map((family): Row => {
  const to = server(family, "nat");
  const held = service(family, [to], { fullNat: TUNNEL_SOURCES[family] });
  const talks = Array.from({ length: 30 }, (_, i) => new Conversation(to, held, { sourcePort: 40_000 + i }));
  return {
    name: `full NAT, ${family}: each connection has a port of its own`,
    services: [held],
    steps: [
      ...talks.map((talk) => talk.says()),
      ...talks.map((talk) => talk.answers()),
      {
        deed: "the ports are compared",
        perform: () => assert.equal(new Set(talks.map(({ port }) => port)).size, talks.length),
      },
      tableHolds(60),
    ],
    left: [left(to, 30, 30, 0)],
  };
});

const ends = FAMILIES.flatMap((family): Row[] => {
  const to = server(family, "nat");
  const held = service(family, [to], { fullNat: TUNNEL_SOURCES[family] });
  const talk = new Conversation(to, held);
  const again = new Conversation(to, held);
  const over = new Conversation(to, held);
  return [
    {
      name: `full NAT, ${family}: both entries live by the packets of either side, and end together`,
      hooks: ["tc"],
      services: [held],
      steps: [
        talk.says(),
        talk.answers(),
        talk.says(DATA),
        { deed: "ten minutes pass", perform: (stage) => advanceSeconds(stage.path, 600) },
        talk.answers(DATA),
        { deed: "ten minutes pass", perform: (stage) => advanceSeconds(stage.path, 600) },
        talk.says(DATA),
        { deed: "sixteen minutes pass", perform: (stage) => advanceSeconds(stage.path, 960) },
        talk.answersInVain(DATA),
        { deed: "it is swept", perform: (stage) => void stage.path.sweep() },
        tableHolds(0),
      ],
      left: [left(to, 1, 0, 0)],
    },
    {
      name: `full NAT, ${family}: a new connection in a closed one's place has a pair of its own`,
      hooks: ["tc"],
      services: [held],
      steps: [
        again.says(),
        again.answers(),
        again.says(DATA),
        again.answers({ flags: RST | ACK }),
        tableHolds(2),
        over.says(),
        over.answers(),
        tableHolds(2),
      ],
      left: [left(to, 2, 1, 0)],
    },
    {
      name: `full NAT, ${family}: its states are those of a connection whose both sides are seen`,
      hooks: ["tc"],
      services: [held],
      steps: (() => {
        const closing = new Conversation(to, held);
        return [
          closing.says(),
          closing.answers(),
          closing.says({ ...DATA, flags: FIN | ACK }),
          closing.answers({ ...DATA, flags: FIN | ACK }),
        ];
      })(),
      left: [left(to, 1, 0, 1)],
    },
  ];
});

/** What comes for the director itself from one of these servers is the director's. */
const own = FAMILIES.map((family): Row => {
  const to = server(family, "nat");
  const held = service(family, [to], { fullNat: TUNNEL_SOURCES[family] });
  const talk = new Conversation(to, held);
  const other = reply(to, { destination: TUNNEL_SOURCES[family], destinationPort: 45_000 });
  return {
    name: `full NAT, ${family}: a reply to the director's own connection goes up`,
    services: [held],
    steps: [talk.says(), { send: packet(other), arrives: "back", expect: passed("PASS_NO_SERVICE") }, talk.answers()],
    left: [opened(to, "tcp")],
  };
});

/** SCTP's checksum covers both ports. */
const sctp = FAMILIES.map((family): Row => {
  const to = server(family, "nat", { port: 8080 });
  const held = service(family, [to], { protocol: "sctp", fullNat: TUNNEL_SOURCES[family] });
  const bytes = (facts: Facts, chunk: number, length: number): Uint8Array => {
    const { sourcePort, destinationPort } = facts;
    const value = Uint8Array.from({ length }, (_, i) => i % 251);
    return network(facts, 132, encodeSctp({ sourcePort, destinationPort, verificationTag: 0x01020304, chunks: [{ type: chunk, value }] }));
  };
  let port = 0;
  const there = request(family);
  const back = () => reply(to, { destination: TUNNEL_SOURCES[family], destinationPort: port });
  const cookie = Array.from({ length: 4 }, (_, i) => 17 + i);
  return {
    name: `full NAT with another port, ${family}, sctp: there and back`,
    hooks: ["tc"],
    services: [held],
    steps: [
      {
        send: bytes(there, SctpChunk.INIT, 16),
        expect: {
          kind: "forwarded",
          server: to,
          as: (out) => {
            port = new DataView(out.buffer, out.byteOffset).getUint16(family === "ipv6" ? 40 : 20);
            return bytes({ ...towards(to, there), source: TUNNEL_SOURCES[family], sourcePort: port }, SctpChunk.INIT, 16);
          },
        },
      },
      ...cookie.map(
        (length): PacketStep => ({
          get send() {
            return bytes(back(), SctpChunk.DATA, length);
          },
          arrives: "back",
          expect: {
            kind: "replied",
            server: to,
            as: () => {
              const ends = { source: held.address, sourcePort: held.port, destination: there.source, destinationPort: there.sourcePort };
              return bytes({ ...back(), ...ends, ttl: back().ttl - 1 }, SctpChunk.DATA, length);
            },
          },
        }),
      ),
    ],
    left: [left(to, 1, 0, 1)],
  };
});

const leftToTc = FAMILIES.map((family): Row => {
  const to = server(family, "nat");
  return {
    name: `full NAT, ${family}: XDP leaves the first packet to tc`,
    hooks: ["xdp"],
    services: [service(family, [to], { fullNat: TUNNEL_SOURCES[family] })],
    steps: [{ send: packet(request(family)), expect: passed("PASS_TO_TC") }, tableHolds(0)],
    left: [],
  };
});

const bareUdp: Row = (() => {
  const to = server("ipv4", "nat", { port: 8080 });
  const held = service("ipv4", [to], { protocol: "udp", fullNat: TUNNEL_SOURCES.ipv4 });
  const talk = new Conversation(to, held);
  return {
    name: "full NAT, ipv4, udp: where there is no checksum there is none afterwards; with IP options",
    services: [held],
    steps: [
      talk.says({ udpChecksum: false, ipOptions: Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0) }),
      talk.says({ flags: 0, udpChecksum: false }),
      talk.answers({ udpChecksum: false }),
      talk.answers({ ipOptions: Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0) }),
    ],
    left: [opened(to, "udp")],
  };
})();

const limits = FAMILIES.map((family): Row => {
  const to = server(family, "nat");
  const held = service(family, [to], { fullNat: TUNNEL_SOURCES[family] });
  const talk = new Conversation(to, held);
  const last = request(family, { ...DATA, ttl: 1 });
  const headers = family === "ipv4" ? 40 : 60;
  const long = request(family, { ...DATA, payload: new Uint8Array(MTU + 1 - headers) });
  return {
    name: `full NAT, ${family}: the client hears of its last hop and of what is too long`,
    hooks: ["tc"],
    services: [held],
    steps: [
      talk.says(),
      {
        send: packet(last),
        expect: answeredByTc({ kind: "answered", server: to, with: icmpAnswer(last, "timeExceeded"), outcome: "ICMP_TIME_EXCEEDED" }),
      },
      {
        send: packet(long),
        expect: answeredByTc({ kind: "answered", server: to, with: icmpAnswer(long, "tooBig", MTU), outcome: "ICMP_TOO_BIG" }),
      },
    ],
    left: [opened(to, "tcp")],
  };
});

export const FULL_NAT_ROWS: readonly Row[] = [
  ...thereAndBack,
  ...beside,
  ...ports,
  ...ends,
  ...own,
  ...sctp,
  ...leftToTc,
  bareUdp,
  ...limits,
];
