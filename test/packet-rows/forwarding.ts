/** Each forwarding method, in each family, for each protocol: the first packet of a connection and one that follows. */

import assert from "node:assert/strict";
import type { RealServer } from "../../src/model/service.ts";
import { decodeIpv4Header } from "../../src/wire/ipv4.ts";
import { decodeIpv6Header } from "../../src/wire/ipv6.ts";
import {
  ACK,
  asIfFrom,
  BEHIND_GATEWAY,
  FAMILIES,
  hopped,
  opened,
  PSH,
  reply,
  request,
  server,
  service,
  TUNNEL_SOURCES,
  towards,
} from "./cast.ts";

import { type Facts, inGre, inGue, packet, TRANSPORTS, tunnelled } from "./packets.ts";
import type { Bytes, Row } from "./row.ts";

/** What TUN makes of a packet. Chance has a part in the identification of what may be fragmented, and in the flow label. */
export function inTunnel(to: RealServer, facts: Facts): Bytes {
  return packetInTunnel(to, packet(hopped(facts)), facts);
}

/** The same of any packet that has made its hop, with the facts of its header as it came. */
export function packetInTunnel(to: RealServer, inner: Uint8Array, facts: Facts): Bytes {
  const congested = (facts.tos & 3) === 3;
  return (out) => {
    const ipv6 = to.address.family === "ipv6";
    const outer = {
      source: TUNNEL_SOURCES[to.address.family],
      destination: to.address,
      ttl: facts.ttl - 1,
      tos: congested ? facts.tos - 1 : facts.tos,
      dontFragment: facts.dontFragment,
      identification: facts.dontFragment || ipv6 ? 0 : decodeIpv4Header(out).identification,
      flowLabel: ipv6 ? decodeIpv6Header(out).flowLabel : 0,
    };
    const { type = "ipip", checksum = false } = to.tunnel ?? {};
    if (type === "gre") return inGre(inner, outer, { checksum });
    if (type === "gue") return inGue(inner, outer, { checksum, sourcePort: gueSourcePort(out, ipv6) });
    return tunnelled(inner, outer);
  };
}

/** A dynamic one (RFC 6335), whichever the flow's hash says. */
function gueSourcePort(out: Uint8Array, ipv6: boolean): number {
  const port = new DataView(out.buffer, out.byteOffset).getUint16(ipv6 ? 40 : 20);
  assert.ok(port >= 0xc000, `the source port ${port}`);
  return port;
}

const SECOND = { flags: ACK | PSH, payload: Uint8Array.of(1, 2, 3, 4), identification: 0x1235, flowLabel: 0x11111 } as const;

const nat = FAMILIES.flatMap((family) =>
  TRANSPORTS.flatMap((protocol): Row[] =>
    [80, 8080].map((port): Row => {
      const to = server(family, "nat", { port });
      const held = service(family, [to], { protocol });
      const first = request(family, { protocol });
      const second = request(family, { protocol, ...SECOND });
      const back = reply(to, { protocol });
      return {
        name: `NAT${port === 80 ? "" : " with another port"}, ${family}, ${protocol}: there and back`,
        services: [held],
        steps: [
          { send: packet(first), expect: { kind: "forwarded", server: to, as: packet(towards(to, first)) } },
          { send: packet(back), arrives: "back", expect: { kind: "replied", server: to, as: packet(asIfFrom(held, back)) } },
          { send: packet(second), expect: { kind: "forwarded", server: to, as: packet(towards(to, second)) } },
        ],
        left: [opened(to, protocol)],
      };
    }),
  ),
);

const direct = FAMILIES.flatMap((family) =>
  TRANSPORTS.map((protocol): Row => {
    const to = server(family, "dr");
    const first = request(family, { protocol });
    const second = request(family, { protocol, ...SECOND });
    return {
      name: `DR, ${family}, ${protocol}: nothing changes but the hops`,
      services: [service(family, [to], { protocol })],
      steps: [
        { send: packet(first), expect: { kind: "forwarded", server: to, as: packet(hopped(first)) } },
        { send: packet(second), expect: { kind: "forwarded", server: to, as: packet(hopped(second)) } },
      ],
      left: [opened(to, protocol)],
    };
  }),
);

const tunnel = FAMILIES.flatMap((inner) =>
  FAMILIES.flatMap((outer) =>
    TRANSPORTS.map((protocol): Row => {
      const to = server(outer, "tun");
      const first = request(inner, { protocol });
      const second = request(inner, { protocol, ...SECOND });
      return {
        name: `TUN, ${inner} in ${outer}, ${protocol}`,
        services: [service(inner, [to], { protocol })],
        steps: [
          { send: packet(first), expect: { kind: "forwarded", server: to, as: inTunnel(to, first) } },
          { send: packet(second), expect: { kind: "forwarded", server: to, as: inTunnel(to, second) } },
        ],
        left: [opened(to, protocol)],
      };
    }),
  ),
);

const tunnelFields = FAMILIES.flatMap((outer): Row[] => {
  const to = server(outer, "tun");
  const held = service("ipv4", [to]);
  const fragmentable = request("ipv4", { dontFragment: false });
  const congested = request("ipv4", { tos: 0x2b, sourcePort: 40_001 });
  const capable = request("ipv4", { tos: 0x29, sourcePort: 40_002 });
  return [
    {
      name: `TUN, ipv4 in ${outer}: what may be fragmented inside may be outside`,
      services: [held],
      steps: [{ send: packet(fragmentable), expect: { kind: "forwarded", server: to, as: inTunnel(to, fragmentable) } }],
      left: [opened(to, "tcp")],
    },
    {
      name: `TUN, ipv4 in ${outer}: congestion that was experienced is not said again outside, other ECN bits are`,
      services: [held],
      steps: [congested, capable].map((facts) => ({
        send: packet(facts),
        expect: { kind: "forwarded", server: to, as: inTunnel(to, facts) },
      })),
      left: [{ server: to, connections: 2, active: 2, inactive: 0 }],
    },
    {
      name: `TUN, ipv6 in ${outer}: congestion that was experienced is not said again outside`,
      services: [service("ipv6", [to])],
      steps: [request("ipv6", { tos: 0x2b })].map((facts) => ({
        send: packet(facts),
        expect: { kind: "forwarded", server: to, as: inTunnel(to, facts) },
      })),
      left: [opened(to, "tcp")],
    },
  ];
});

/** The client's side and the servers' on one interface: XDP sends back out of it. */
const oneArm = FAMILIES.flatMap((family) =>
  (["nat", "dr", "tun"] as const).map((method): Row => {
    const to = server(family, method);
    const facts = request(family);
    const as = { nat: packet(towards(to, facts)), dr: packet(hopped(facts)), tun: inTunnel(to, facts) }[method];
    return {
      name: `${method.toUpperCase()}, ${family}: out of the interface it came in by`,
      services: [service(family, [to])],
      steps: [{ send: packet(facts), arrives: "back", expect: { kind: "forwarded", server: to, as } }],
      left: [opened(to, "tcp")],
    };
  }),
);

const padded = FAMILIES.flatMap((family) =>
  (["nat", "dr", "tun"] as const).map((method): Row => {
    const to = server(family, method);
    const facts = request(family, { payload: new Uint8Array(0) });
    const as = { nat: packet(towards(to, facts)), dr: packet(hopped(facts)), tun: inTunnel(to, facts) }[method];
    return {
      name: `${method.toUpperCase()}, ${family}: a frame's padding is no part of the packet`,
      services: [service(family, [to])],
      steps: [{ send: packet(facts), padding: 6, expect: { kind: "forwarded", server: to, as } }],
      left: [opened(to, "tcp")],
    };
  }),
);

/** A server that is not on the link: the frame goes to the gateway. */
const behindGateway = (["dr", "nat", "tun"] as const).map((method): Row => {
  const to = { ...server("ipv4", method), address: BEHIND_GATEWAY };
  const facts = request("ipv4");
  const as = { nat: packet(towards(to, facts)), dr: packet(hopped(facts)), tun: inTunnel(to, facts) }[method];
  return {
    name: `${method.toUpperCase()}, ipv4: to a server behind a gateway`,
    services: [service("ipv4", [to])],
    steps: [{ send: packet(facts), expect: { kind: "forwarded", server: to, as } }],
    left: [opened(to, "tcp")],
  };
});

export const FORWARDING_ROWS: readonly Row[] = [...nat, ...direct, ...tunnel, ...tunnelFields, ...oneArm, ...padded, ...behindGateway];
