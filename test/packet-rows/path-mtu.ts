/** What a router says of a tunnel's way: too long for it. The client hears of it, and longer packets are refused from then on. */

import { parseAddress } from "../../src/model/address.ts";
import type { RealServer } from "../../src/model/service.ts";
import { ACK, answeredByTc, FAMILIES, hopped, opened, passed, request, server, service, TUNNEL_SOURCES } from "./cast.ts";
import { packetInTunnel } from "./forwarding.ts";
import { ofLength } from "./limits.ts";
import { type Facts, GUE_PORT, icmpAnswer, icmpError, packet, USUAL } from "./packets.ts";
import type { PacketStep, Row } from "./row.ts";
import { MTU } from "./stage.ts";

const ROUTERS = { ipv4: parseAddress("10.77.0.100"), ipv6: parseAddress("fd77::100") } as const;
const NARROW = 1400;

/** With what each kind of tunnel puts in front. */
const TUNNELS = {
  ipip: { tunnel: {}, header: 0 },
  gre: { tunnel: { tunnel: { type: "gre", checksum: false } }, header: 4 },
  "gre with a checksum": { tunnel: { tunnel: { type: "gre", checksum: true } }, header: 8 },
  gue: { tunnel: { tunnel: { type: "gue", port: GUE_PORT, checksum: false } }, header: 12 },
} as const satisfies Record<string, { readonly tunnel: Partial<RealServer>; readonly header: number }>;

function overheadOf(to: RealServer, header: number): number {
  return (to.address.family === "ipv6" ? 40 : 20) + header;
}

function opening(to: RealServer, facts: Facts): PacketStep {
  return { send: packet(facts), expect: { kind: "forwarded", server: to, as: packetInTunnel(to, packet(hopped(facts)), facts) } };
}

/** A packet of ours as the router had it; its source port or flow label are not looked at. */
function sent(to: RealServer, facts: Facts): Uint8Array {
  const bytes = packetInTunnel(to, packet(hopped(facts)), facts);
  return typeof bytes === "function" ? bytes(forged(to)) : bytes;
}

/** What chance decides of a tunnel's header, decided. */
function forged(to: RealServer): Uint8Array {
  const bytes = new Uint8Array(128);
  const ipv6 = to.address.family === "ipv6";
  bytes[0] = ipv6 ? 0x60 : 0x45;
  if (!ipv6) bytes[3] = 128;
  bytes[ipv6 ? 40 : 20] = 0xc1;
  return bytes;
}

function tooBig(to: RealServer, quote: Uint8Array, mtu = NARROW): Uint8Array {
  const { family } = to.address;
  return icmpError({ ...USUAL, source: ROUTERS[family], destination: TUNNEL_SOURCES[family], ttl: 60 }, "tooBig", quote, mtu);
}

/** The longest that still goes, and one more byte. */
function bound(to: RealServer, family: "ipv4" | "ipv6", mtu: number): PacketStep[] {
  const whole = ofLength(mtu, family, { flags: ACK });
  const over = ofLength(mtu + 1, family, { flags: ACK });
  return [
    opening(to, whole),
    {
      send: packet(over),
      expect: answeredByTc({ kind: "answered", server: to, with: icmpAnswer(over, "tooBig", mtu), outcome: "ICMP_TOO_BIG" }),
    },
  ];
}

const told = FAMILIES.flatMap((family) =>
  Object.entries(TUNNELS).map(([name, { tunnel, header }]): Row => {
    const to = server(family, "tun", tunnel);
    const mtu = NARROW - overheadOf(to, header);
    const facts = request(family);
    const long = ofLength(1420, family, { flags: ACK });
    return {
      name: `TUN by ${name}, ${family}: the client of a packet that was too long for the way is told`,
      services: [service(family, [to])],
      steps: [
        opening(to, facts),
        {
          send: tooBig(to, sent(to, long)),
          arrives: "back",
          // XDP leaves every error to tc, and heeds what that noted.
          hook: "tc",
          expect: { kind: "answered", with: icmpAnswer(hopped(long), "tooBig", mtu), outcome: "ICMP_TOO_BIG" },
        },
        ...bound(to, family, mtu),
      ],
      left: [opened(to, "tcp")],
    };
  }),
);

const short = FAMILIES.map((family): Row => {
  const to = server(family, "tun");
  const overhead = overheadOf(to, 0);
  const long = ofLength(1420, family, { flags: ACK });
  return {
    name: `TUN, ${family}: a quote that ends in the tunnel's header says enough to be noted`,
    hooks: ["tc"],
    services: [service(family, [to])],
    steps: [
      opening(to, request(family)),
      { send: tooBig(to, sent(to, long).subarray(0, overhead + 8)), arrives: "back", expect: passed("PASS_ICMP") },
      ...bound(to, family, NARROW - overhead),
    ],
    left: [opened(to, "tcp")],
  };
});

const untrue = FAMILIES.map((family): Row => {
  const to = server(family, "tun");
  const overhead = overheadOf(to, 0);
  const long = ofLength(1420, family, { flags: ACK });
  const others = ofLength(1420, family, { flags: ACK, sourcePort: 50_000 });
  const elsewhere = server(family, "tun", { n: 2 });
  const claims = [
    tooBig(to, sent(to, others)),
    tooBig(to, sent(elsewhere, long)),
    tooBig(to, sent(elsewhere, long).subarray(0, overhead + 8)),
    tooBig(to, sent(to, long), family === "ipv6" ? 1279 : 67),
    tooBig(to, sent(to, long), 0),
    tooBig(to, sent(to, long), MTU + 1),
  ];
  return {
    name: `TUN, ${family}: what cannot be true, or is about none of our packets, is not believed`,
    hooks: ["tc"],
    services: [service(family, [to])],
    steps: [
      opening(to, request(family)),
      ...claims.map((send): PacketStep => ({ send, arrives: "back", expect: passed("PASS_ICMP") })),
      ...bound(to, family, MTU - overhead),
    ],
    left: [opened(to, "tcp")],
  };
});

/** Clients believe no less than 552 (net.ipv4.route.min_pmtu); a forged error that was believed would end all that goes to a server. */
const tiny = [68, 551].map((claimed): Row => {
  const to = server("ipv4", "tun");
  const trusted = 552 - overheadOf(to, 0);
  const long = ofLength(1420, "ipv4", { flags: ACK });
  return {
    name: `TUN, ipv4: what says that only ${claimed} bytes go is taken for the least that anybody believes`,
    hooks: ["tc"],
    services: [service("ipv4", [to])],
    steps: [
      opening(to, request("ipv4")),
      {
        send: tooBig(to, sent(to, long), claimed),
        arrives: "back",
        expect: { kind: "answered", with: icmpAnswer(hopped(long), "tooBig", trusted), outcome: "ICMP_TOO_BIG" },
      },
      ...bound(to, "ipv4", trusted),
    ],
    left: [opened(to, "tcp")],
  };
});

/** From another end than ours: nobody who saw such a packet can have had it from us. */
const foreignEnd = FAMILIES.map((family): Row => {
  const to = server(family, "tun");
  const quote = sent(to, ofLength(1420, family, { flags: ACK }));
  quote[family === "ipv6" ? 23 : 15] = 1;
  return {
    name: `TUN, ${family}: an error about a tunnel that begins elsewhere is not believed`,
    hooks: ["tc"],
    services: [service(family, [to])],
    steps: [
      opening(to, request(family)),
      { send: tooBig(to, quote), arrives: "back", expect: passed("PASS_ICMP") },
      ...bound(to, family, MTU - overheadOf(to, 0)),
    ],
    left: [opened(to, "tcp")],
  };
});

export const PATH_MTU_ROWS: readonly Row[] = [...told, ...short, ...untrue, ...tiny, ...foreignEnd];
