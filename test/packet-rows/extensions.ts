/** IPv6 extension headers between the network and the transport header, and VLAN tags before both. XDP leaves the first to tc, all the second. */

import type { RealServer } from "../../src/model/service.ts";
import { EtherType } from "../../src/wire/ethernet.ts";
import { IpProtocol } from "../../src/wire/ipv4.ts";
import { ACK, answeredByTc, asIfFrom, FAMILIES, hopped, opened, passed, reply, request, server, service, towards, VIPS } from "./cast.ts";
import { packetInTunnel } from "./forwarding.ts";
import { type Facts, icmpAnswer, icmpError, network, packet, TRANSPORTS, transport, USUAL } from "./packets.ts";
import type { PacketStep, Row } from "./row.ts";

const METHODS = ["nat", "dr", "tun"] as const;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const DESTINATION_OPTIONS = 60;
const NO_NEXT_HEADER = 59;

/** A header of that kind, its length and what is at its beginning. */
interface Extension {
  readonly kind: number;
  readonly bytes: number;
  readonly head?: readonly number[];
}

/** Behind its next header and its length: options that only pad, or what is given. */
function encoded({ bytes, head = [1, bytes - 4] }: Extension, next: number): number[] {
  const header = Array<number>(bytes).fill(0);
  header[0] = next;
  header[1] = bytes / 8 - 1;
  for (const [i, byte] of head.entries()) header[2 + i] = byte;
  return header;
}

function extended(facts: Facts, extensions: readonly Extension[]): Uint8Array {
  const last = facts.protocol === "tcp" ? IpProtocol.TCP : IpProtocol.UDP;
  const headers = extensions.flatMap((extension, i) => encoded(extension, extensions[i + 1]?.kind ?? last));
  return network(facts, extensions[0]?.kind ?? last, Uint8Array.from([...headers, ...transport(facts)]));
}

const hop: Extension = { kind: HOP_BY_HOP, bytes: 8 };
const destination: Extension = { kind: DESTINATION_OPTIONS, bytes: 24 };
/** At its end: no segment is left. */
const routing: Extension = { kind: ROUTING, bytes: 24, head: [2, 0] };
const alone: Extension = { kind: IpProtocol.FRAGMENT, bytes: 8, head: [0, 0, 0, 1, 2, 3] };

const CHAINS = {
  "hop-by-hop options": [hop],
  "destination options": [destination],
  "a route that is at its end": [routing],
  "all of them": [hop, destination, routing, destination],
  "256 bytes of them": [hop, { ...destination, bytes: 248 }],
} as const satisfies Record<string, readonly Extension[]>;

function forwarded(to: RealServer, facts: Facts, chain: readonly Extension[]): PacketStep {
  const hoppedBytes = extended(hopped(facts), chain);
  const as = {
    nat: extended(towards(to, facts), chain),
    dr: hoppedBytes,
    tun: packetInTunnel(to, hoppedBytes, facts),
  }[to.method as (typeof METHODS)[number]];
  return { send: extended(facts, chain), expect: answeredByTc({ kind: "forwarded", server: to, as }) };
}

const sentOn = METHODS.flatMap((method) =>
  TRANSPORTS.flatMap((protocol) =>
    Object.entries(CHAINS).map(([name, chain]): Row => {
      const to = server("ipv6", method, { port: method === "nat" ? 8080 : 80 });
      const held = service("ipv6", [to], { protocol });
      const back = reply(to, { protocol });
      const returning: PacketStep = {
        send: extended(back, chain),
        arrives: "back",
        expect: answeredByTc({ kind: "replied", server: to, as: extended(asIfFrom(held, back), chain) }),
      };
      return {
        name: `${method.toUpperCase()}, ipv6, ${protocol}: ${name}`,
        services: [held],
        steps: [forwarded(to, request("ipv6", { protocol }), chain), ...(method === "nat" ? [returning] : [])],
        left: { tc: [opened(to, protocol)], xdp: [] },
      };
    }),
  ),
);

const notSentOn = ((): Row => {
  const to = server("ipv6", "dr");
  const facts = request("ipv6");
  const far: Extension = { kind: ROUTING, bytes: 24, head: [2, 1] };
  const step = (send: Uint8Array, outcome: string): PacketStep => ({ send, expect: answeredByTc(passed(outcome)) });
  const whole = extended(facts, [hop, destination]);
  return {
    name: "ipv6: extension headers that are nobody's here",
    services: [service("ipv6", [to])],
    steps: [
      step(extended(facts, [far]), "PASS_PROTOCOL"),
      step(extended(facts, [{ ...destination, bytes: 264 }]), "PASS_PROTOCOL"),
      step(extended(facts, Array<Extension>(8).fill(hop)), "PASS_PROTOCOL"),
      step(network(facts, HOP_BY_HOP, Uint8Array.from([...encoded(hop, NO_NEXT_HEADER), ...transport(facts)])), "PASS_PROTOCOL"),
      // An extension header that says it is longer than its packet, and packets that end amidst.
      ...[40, 44, 47, 48, 60, 72, 75, 91].map((length) => step(truncated(whole, length), "PASS_MALFORMED")),
      step(extended(request("ipv6", { flags: ACK }), [hop]), "PASS_NOT_NEW"),
      step(extended(request("ipv6", { destinationPort: 81 }), [hop]), "PASS_NO_SERVICE"),
    ],
    left: [],
  };
})();

/** So many bytes, and the length says so. */
function truncated(bytes: Uint8Array, length: number): Uint8Array {
  const copy = bytes.slice(0, length);
  new DataView(copy.buffer).setUint16(4, length - 40);
  return copy;
}

/** The answer quotes them too, as far as there is room. */
const lastHop = ((): Row => {
  const to = server("ipv6", "dr");
  const facts = request("ipv6", { protocol: "udp", ttl: 1 });
  const short = extended(facts, [hop, destination]);
  const long = extended({ ...facts, sourcePort: 50_000 }, [destination, { ...destination, bytes: 128 }]);
  const answer = (quote: Uint8Array): PacketStep["expect"] =>
    answeredByTc({ kind: "answered", server: to, with: icmpAnswer(facts, "timeExceeded", 0, quote), outcome: "ICMP_TIME_EXCEEDED" });
  return {
    name: "ipv6, udp: the last hop of a packet with extension headers",
    hooks: ["tc"],
    services: [service("ipv6", [to], { protocol: "udp" })],
    steps: [
      { send: short, expect: answer(short.subarray(0, 40 + 32 + 8)) },
      { send: long, expect: answer(long.subarray(0, 80)) },
    ],
    left: [{ server: to, connections: 2, active: 0, inactive: 2 }],
  };
})();

/** An error about a packet that had them, itself with some: its server hears of it. */
const quoted = ((): Row => {
  const to = server("ipv6", "nat", { port: 8080 });
  const facts = request("ipv6", { protocol: "udp" });
  const about = {
    ...USUAL,
    protocol: "udp",
    source: VIPS.ipv6,
    destination: facts.source,
    sourcePort: 80,
    destinationPort: USUAL.sourcePort,
    ttl: 40,
  } as const;
  const outer = { ...USUAL, source: server("ipv6", "nat", { n: 100 }).address, destination: VIPS.ipv6 };
  const behind = (bytes: Uint8Array) => {
    const copy = Uint8Array.from([...bytes.subarray(0, 40), ...encoded(hop, IpProtocol.ICMPV6), ...bytes.subarray(40)]);
    copy[6] = HOP_BY_HOP;
    new DataView(copy.buffer).setUint16(4, copy.length - 40);
    return copy;
  };
  return {
    name: "NAT, ipv6, udp: an error with extension headers, about a packet with some",
    services: [service("ipv6", [to], { protocol: "udp" })],
    steps: [
      { send: packet(facts), expect: { kind: "forwarded", server: to, as: packet(towards(to, facts)) } },
      {
        send: behind(icmpError(outer, "hostUnreachable", extended(about, [hop, alone, destination]))),
        expect: answeredByTc({
          kind: "forwarded",
          server: to,
          as: behind(
            icmpError(
              hopped({ ...outer, destination: to.address }),
              "hostUnreachable",
              extended({ ...about, source: to.address, sourcePort: 8080 }, [hop, alone, destination]),
            ),
          ),
          outcome: "ICMP_FORWARDED",
        }),
      },
    ],
    left: [opened(to, "udp")],
  };
})();

/** One tag and two, as a trunk has them: they come by again on the VLAN's interface, without. */
const tagged = FAMILIES.map((family): Row => {
  const inner = packet(request(family));
  const type = family === "ipv6" ? EtherType.IPV6 : EtherType.IPV4;
  const tag = (identifier: number, next: number) => [identifier >> 8, identifier & 0xff, next >> 8, next & 0xff];
  const step = (etherType: number, ...tags: number[][]): PacketStep => ({
    send: Uint8Array.from([...tags.flat(), ...inner]),
    etherType,
    expect: passed("PASS_NOT_IP"),
  });
  return {
    name: `${family}: frames with one tag and with two`,
    services: [service(family, [server(family, "dr")])],
    steps: [
      step(EtherType.VLAN, tag(100, type)),
      step(EtherType.VLAN, tag(0x6000 | 4094, type)),
      step(0x88a8, tag(100, EtherType.VLAN), tag(200, type)),
      step(EtherType.VLAN, tag(100, EtherType.VLAN), tag(200, type)),
    ],
    left: [],
  };
});

export const EXTENSION_ROWS: readonly Row[] = [...sentOn, notSentOn, lastHop, quoted, ...tagged];
