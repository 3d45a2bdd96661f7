/** ICMP errors of others: about a packet that went to a client the server hears of it, about one that went to a NAT server the client. */

import { type Family, parseAddress } from "../../src/model/address.ts";
import type { RealServer } from "../../src/model/service.ts";
import type { IcmpKind } from "../../src/wire/icmp.ts";
import {
  ACK,
  answeredByTc,
  asIfFrom,
  FAMILIES,
  hopped,
  opened,
  PSH,
  passed,
  reply,
  request,
  server,
  service,
  TUNNEL_SOURCES,
  towards,
  VIPS,
} from "./cast.ts";
import { packetInTunnel } from "./forwarding.ts";
import { type Facts, icmpError, packet, TRANSPORTS, type Transport, USUAL } from "./packets.ts";
import type { Expectation, PacketStep, Row } from "./row.ts";
import { CLIENTS } from "./stage.ts";

type Kind = keyof typeof IcmpKind;

const ERRORS = ["tooBig", "timeExceeded", "portUnreachable", "hostUnreachable", "parameterProblem"] as const satisfies readonly Kind[];
const METHODS = ["nat", "dr", "tun"] as const;

/** Someone on the way. */
const ROUTERS = { ipv4: parseAddress("203.0.113.9"), ipv6: parseAddress("2001:db8:9::9") } as const;

/** What an error quotes at least: eight bytes behind the network header (RFC 792). */
function short(bytes: Uint8Array): Uint8Array {
  const ipv6 = (bytes[0] ?? 0) >> 4 === 6;
  return bytes.subarray(0, (ipv6 ? 40 : ((bytes[0] ?? 0) & 15) * 4) + 8);
}

function whole(bytes: Uint8Array): Uint8Array {
  return bytes;
}

const QUOTES = { short, whole } as const;

/** The header of an error; the rest of the facts is nobody's. */
function header(source: Facts["source"], destination: Facts["source"], facts: Partial<Facts> = {}): Facts {
  return { ...USUAL, source, destination, ttl: 55, tos: 0xc0, ...facts };
}

/** As the client's router sees an answer: from the virtual address, a few hops later. */
function answerSeen(family: Family, protocol: Transport, ttl = 44): Facts {
  const ends = { source: VIPS[family], destination: CLIENTS[family], sourcePort: 80, destinationPort: USUAL.sourcePort };
  return { ...USUAL, ...ends, protocol, ttl, flags: ACK | PSH };
}

function opening(to: RealServer, protocol: Transport): PacketStep {
  const facts = request(to.address.family, { protocol });
  const as = { nat: packet(towards(to, facts)), dr: packet(hopped(facts)), tun: packetInTunnel(to, packet(hopped(facts)), facts) };
  return { send: packet(facts), expect: { kind: "forwarded", server: to, as: as[to.method as (typeof METHODS)[number]] } };
}

/** The error about an answer, as it comes and as it goes on. */
function toServer(to: RealServer, protocol: Transport, kind: Kind, quote: keyof typeof QUOTES): PacketStep {
  const { family } = to.address;
  const cut = QUOTES[quote];
  const outer = header(ROUTERS[family], VIPS[family]);
  const about = answerSeen(family, protocol);
  const rest = kind === "tooBig" ? 1400 : 0;
  const known = { ...about, source: to.address, sourcePort: to.port };
  const same = icmpError(hopped(outer), kind, cut(packet(about)), rest);
  const as = {
    nat: icmpError(hopped({ ...outer, destination: to.address }), kind, cut(packet(known)), rest),
    dr: same,
    tun: packetInTunnel(to, same, outer),
  }[to.method as (typeof METHODS)[number]];
  return {
    send: icmpError(outer, kind, cut(packet(about)), rest),
    expect: answeredByTc({ kind: "forwarded", server: to, as, outcome: "ICMP_FORWARDED" }),
  };
}

const fromClientsSide = FAMILIES.flatMap((family) =>
  METHODS.flatMap((method) =>
    TRANSPORTS.map((protocol): Row => {
      const to = server(family, method, { port: method === "nat" ? 8080 : 80 });
      return {
        name: `${method.toUpperCase()}, ${family}, ${protocol}: an error about an answer goes to its server`,
        services: [service(family, [to], { protocol })],
        steps: [
          opening(to, protocol),
          ...ERRORS.flatMap((kind) => [toServer(to, protocol, kind, "short"), toServer(to, protocol, kind, "whole")]),
        ],
        left: [opened(to, protocol)],
      };
    }),
  ),
);

/** The error about a request, from its server or from anybody behind the director. */
function toClient(
  to: RealServer,
  protocol: Transport,
  facts: { kind: Kind; quote: keyof typeof QUOTES; from: Facts["source"] },
): PacketStep {
  const { family } = to.address;
  const { kind, quote, from } = facts;
  const cut = QUOTES[quote];
  const outer = header(from, CLIENTS[family]);
  const there = hopped(request(family, { protocol }));
  const rest = kind === "tooBig" ? 1400 : 0;
  return {
    send: icmpError(outer, kind, cut(packet({ ...there, destination: to.address, destinationPort: to.port })), rest),
    arrives: "back",
    expect: answeredByTc({
      kind: "replied",
      server: to,
      as: icmpError(hopped({ ...outer, source: VIPS[family] }), kind, cut(packet(there)), rest),
      outcome: "ICMP_FORWARDED",
    }),
  };
}

const fromServersSide = FAMILIES.flatMap((family) =>
  TRANSPORTS.flatMap((protocol) =>
    [80, 8080].map((port): Row => {
      const to = server(family, "nat", { port });
      const router = server(family, "nat", { n: 100 }).address;
      return {
        name: `NAT${port === 80 ? "" : " with another port"}, ${family}, ${protocol}: an error about a request goes to its client`,
        services: [service(family, [to], { protocol })],
        steps: [
          opening(to, protocol),
          ...ERRORS.flatMap((kind) =>
            (["short", "whole"] as const).flatMap((quote) =>
              [to.address, router].map((from) => toClient(to, protocol, { kind, quote, from })),
            ),
          ),
        ],
        left: [opened(to, protocol)],
      };
    }),
  ),
);

const TO_TC: Expectation = passed("PASS_ICMP");

function left(send: Uint8Array, arrives: "front" | "back" = "front"): PacketStep {
  return { send, arrives, expect: answeredByTc(TO_TC) };
}

const nobodys = FAMILIES.map((family): Row => {
  const to = server(family, "nat", { port: 8080 });
  const outer = header(ROUTERS[family], VIPS[family]);
  const about = packet(answerSeen(family, "tcp"));
  const network = family === "ipv4" ? 20 : 40;
  const fromServer = header(to.address, CLIENTS[family]);
  const there = packet(towards(to, request(family)));
  const others = packet(towards(server(family, "nat", { n: 2 }), request(family)));
  const laterFragment = about.slice();
  if (family === "ipv4") laterFragment[7] = 1;
  const otherVip = parseAddress(family === "ipv4" ? "192.0.2.2" : "2001:db8::2");
  const otherClient = parseAddress(family === "ipv4" ? "198.51.100.8" : "2001:db8:c::8");
  return {
    name: `${family}: what is about no connection, tells no error, or quotes too little, is the host's`,
    services: [service(family, [to]), service(family, [server(family, "nat", { n: 3 })], { address: otherVip })],
    steps: [
      opening(to, "tcp"),
      ...(["echoRequest", "echoReply"] as const).map((kind) => left(icmpError(outer, kind, about))),
      left(icmpError(outer, "portUnreachable", packet(answerSeen(family, "udp")))),
      left(icmpError(outer, "portUnreachable", packet({ ...answerSeen(family, "tcp"), destinationPort: 40_001 }))),
      left(icmpError(outer, "portUnreachable", packet({ ...answerSeen(family, "tcp"), sourcePort: 81 }))),
      ...[0, 1, network - 1, network, network + 4, network + 7].map((length) =>
        left(icmpError(outer, "portUnreachable", about.subarray(0, length))),
      ),
      // The quote goes on in what is only the frame's padding.
      { ...left(icmpError(outer, "portUnreachable", about.subarray(0, network + 4))), padding: 18 },
      ...(family === "ipv4" ? [left(icmpError(outer, "portUnreachable", laterFragment))] : []),
      left(icmpError({ ...outer, ttl: 1 }, "portUnreachable", about)),
      // Not addressed to who sent what it is about.
      left(icmpError(header(ROUTERS[family], otherVip), "portUnreachable", about)),
      left(icmpError(header(to.address, otherClient), "portUnreachable", there), "back"),
      left(icmpError(fromServer, "portUnreachable", others), "back"),
      left(icmpError({ ...fromServer, ttl: 1 }, "portUnreachable", there), "back"),
      left(icmpError(fromServer, "portUnreachable", there.subarray(0, network + 7)), "back"),
    ],
    left: [opened(to, "tcp")],
  };
});

/** A header with options in front of the error, and one in the quote. */
const withOptions = ((): Row => {
  const to = server("ipv4", "nat", { port: 8080 });
  const ipOptions = Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0);
  const outer = header(ROUTERS.ipv4, VIPS.ipv4, { ipOptions });
  const about = { ...answerSeen("ipv4", "udp"), ipOptions };
  const as = icmpError(
    hopped({ ...outer, destination: to.address }),
    "hostUnreachable",
    packet({ ...about, source: to.address, sourcePort: to.port }),
  );
  return {
    name: "NAT, ipv4, udp: options in the error's header and in the quoted one",
    services: [service("ipv4", [to], { protocol: "udp" })],
    steps: [
      opening(to, "udp"),
      {
        send: icmpError(outer, "hostUnreachable", packet(about)),
        expect: answeredByTc({ kind: "forwarded", server: to, as, outcome: "ICMP_FORWARDED" }),
      },
    ],
    left: [opened(to, "udp")],
  };
})();

/** UDP without a checksum has none in the quote either. */
const withoutChecksum = ((): Row => {
  const to = server("ipv4", "nat", { port: 8080 });
  const outer = header(ROUTERS.ipv4, VIPS.ipv4);
  const about = { ...answerSeen("ipv4", "udp"), udpChecksum: false };
  const as = icmpError(
    hopped({ ...outer, destination: to.address }),
    "tooBig",
    packet({ ...about, source: to.address, sourcePort: 8080 }),
    1300,
  );
  const held = service("ipv4", [to], { protocol: "udp" });
  const back = reply(to, { protocol: "udp" });
  return {
    name: "NAT, ipv4, udp: a quote without a checksum stays without",
    services: [held],
    steps: [
      opening(to, "udp"),
      {
        send: icmpError(outer, "tooBig", packet(about), 1300),
        expect: answeredByTc({ kind: "forwarded", server: to, as, outcome: "ICMP_FORWARDED" }),
      },
      // The connection goes on as if nothing had happened.
      { send: packet(back), arrives: "back", expect: { kind: "replied", server: to, as: packet(asIfFrom(held, back)) } },
    ],
    left: [opened(to, "udp")],
  };
})();

/** Both ends are another's on the server's side: the director's address, and a port that shows in the first packet. */
const fullNat = FAMILIES.map((family): Row => {
  const to = server(family, "nat", { port: 8080 });
  const own = TUNNEL_SOURCES[family];
  const held = service(family, [to], { protocol: "udp", fullNat: own });
  const there = request(family, { protocol: "udp" });
  const answer = answerSeen(family, "udp");
  const router = server(family, "nat", { n: 100 }).address;
  let port = 0;
  const seen = () => ({ ...towards(to, there), source: own, sourcePort: port });
  const said = () => ({ ...answer, source: to.address, sourcePort: 8080, destination: own, destinationPort: port });
  const fromClient = header(ROUTERS[family], VIPS[family]);
  return {
    name: `full NAT, ${family}, udp: errors in both directions`,
    hooks: ["tc"],
    services: [held],
    steps: [
      {
        send: packet(there),
        expect: {
          kind: "forwarded",
          server: to,
          as: (out) => {
            port = new DataView(out.buffer, out.byteOffset).getUint16(family === "ipv6" ? 40 : 20);
            return packet(seen());
          },
        },
      },
      ...(["short", "whole"] as const).flatMap((quote): PacketStep[] => [
        {
          send: icmpError(fromClient, "portUnreachable", QUOTES[quote](packet(answer))),
          expect: {
            kind: "forwarded",
            server: to,
            as: () =>
              icmpError(hopped({ ...fromClient, source: own, destination: to.address }), "portUnreachable", QUOTES[quote](packet(said()))),
            outcome: "ICMP_FORWARDED",
          },
        },
        ...[to.address, router].map(
          (from): PacketStep => ({
            get send() {
              return icmpError(header(from, own), "portUnreachable", QUOTES[quote](packet(seen())));
            },
            arrives: "back",
            expect: {
              kind: "replied",
              server: to,
              as: () => icmpError(hopped(header(VIPS[family], CLIENTS[family])), "portUnreachable", QUOTES[quote](packet(hopped(there)))),
              outcome: "ICMP_FORWARDED",
            },
          }),
        ),
      ]),
    ],
    left: [opened(to, "udp")],
  };
});

export const ICMP_ROWS: readonly Row[] = [...fromClientsSide, ...fromServersSide, ...fullNat, ...nobodys, withOptions, withoutChecksum];
