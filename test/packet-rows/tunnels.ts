/** TUN through GRE and GUE: both families inside and outside, with and without a checksum; and ways that a router called narrow. */

import assert from "node:assert/strict";
import type { Family } from "../../src/model/address.ts";
import type { RealServer, Tunnel } from "../../src/model/service.ts";
import type { Server } from "../../src/wire/abi.ts";
import { ACK, answeredByTc, FAMILIES, left, opened, request, server, service } from "./cast.ts";
import { inTunnel } from "./forwarding.ts";
import { type Facts, GUE_PORT, icmpAnswer, packet, TRANSPORTS } from "./packets.ts";
import type { Bytes, Row, Step } from "./row.ts";
import { MTU, type Stage } from "./stage.ts";

const TUNNELS = [
  { type: "gre" },
  { type: "gre", checksum: true },
  { type: "gue", port: GUE_PORT },
  { type: "gue", port: GUE_PORT, checksum: true },
] as const satisfies readonly Tunnel[];

function overhead(outer: Family, { type, checksum = false }: Tunnel): number {
  const header = { ipip: 0, gre: checksum ? 8 : 4, gue: 12 }[type];
  return (outer === "ipv4" ? 20 : 40) + header;
}

function named(tunnel: Tunnel): string {
  return `${tunnel.type.toUpperCase()}${tunnel.checksum ? " with a checksum" : ""}`;
}

function tunnelServer(outer: Family, tunnel: Tunnel): RealServer {
  return server(outer, "tun", { tunnel });
}

/** Data so long that the whole packet has this length. */
function ofLength(length: number, family: Family, facts: Partial<Facts>): Facts {
  const headers = (family === "ipv4" ? 20 : 40) + ((facts.protocol ?? "tcp") === "tcp" ? 20 : 8);
  return request(family, { ...facts, payload: Uint8Array.from({ length: length - headers }, (_, i) => (i * 7) % 251) });
}

function forwarded(to: RealServer, facts: Facts): Step {
  return { send: packet(facts), expect: { kind: "forwarded", server: to, as: inTunnel(to, facts) } };
}

const each = TUNNELS.flatMap((tunnel) => FAMILIES.flatMap((inner) => FAMILIES.map((outer) => ({ tunnel, inner, outer }))));

const thereAndOn = each.flatMap(({ tunnel, inner, outer }) =>
  TRANSPORTS.map((protocol): Row => {
    const to = tunnelServer(outer, tunnel);
    const first = request(inner, { protocol });
    const second = request(inner, { protocol, flags: ACK, payload: Uint8Array.of(1, 2, 3), dontFragment: inner === "ipv6", tos: 0x2b });
    return {
      name: `${named(tunnel)}, ${inner} in ${outer}, ${protocol}`,
      services: [service(inner, [to], { protocol })],
      steps: [forwarded(to, first), forwarded(to, second)],
      left: [opened(to, protocol)],
    };
  }),
);

const size = each.map(({ tunnel, inner, outer }): Row => {
  const to = tunnelServer(outer, tunnel);
  const fits = MTU - overhead(outer, tunnel);
  const over = ofLength(fits + 1, inner, { flags: ACK });
  return {
    name: `${named(tunnel)}, ${inner} in ${outer}: ${fits} bytes fit, one more does not`,
    services: [service(inner, [to])],
    steps: [
      forwarded(to, ofLength(fits, inner, {})),
      {
        send: packet(over),
        expect: answeredByTc({ kind: "answered", server: to, with: icmpAnswer(over, "tooBig", fits), outcome: "ICMP_TOO_BIG" }),
      },
    ],
    left: [opened(to, "tcp")],
  };
});

/** Where the inner packet says nothing of its bytes, all of them are summed. */
const summed = each
  .filter(({ tunnel }) => "checksum" in tunnel)
  .map(({ tunnel, inner, outer }): Row => {
    const to = tunnelServer(outer, tunnel);
    const lengths = [29, 63, 64, 65, 127, 128, 129, 1001, MTU - overhead(outer, tunnel)].filter(
      (length) => inner === "ipv4" || length > 48,
    );
    return {
      name: `${named(tunnel)}, ${inner} in ${outer}: of datagrams without a checksum`,
      services: [service(inner, [to], { protocol: "udp" })],
      // Over IPv6 those of other tunnels have none (RFC 6935).
      steps: lengths.map((length) => forwarded(to, ofLength(length, inner, { protocol: "udp", udpChecksum: false }))),
      left: [opened(to, "udp")],
    };
  });

const withOptions = FAMILIES.flatMap((outer) =>
  TUNNELS.map((tunnel): Row => {
    const to = tunnelServer(outer, tunnel);
    return {
      name: `${named(tunnel)}, in ${outer}: of packets with IP options, and padded frames`,
      services: [service("ipv4", [to])],
      steps: [
        forwarded(to, request("ipv4", { ipOptions: Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0) })),
        { ...forwarded(to, request("ipv4", { payload: new Uint8Array(0) })), padding: 6 } as Step,
      ],
      left: [opened(to, "tcp")],
    };
  }),
);

/** What fits is the lab's to show: a test run's frame has no kind of GSO, and the kernel lets none such grow. */
const segmented = each.map(({ tunnel, inner, outer }): Row => {
  const to = tunnelServer(outer, tunnel);
  const facts = request(inner, { flags: ACK, payload: new Uint8Array(1200) });
  const headers = inner === "ipv4" ? 40 : 60;
  const segment = MTU - overhead(outer, tunnel) - headers;
  return {
    name: `${named(tunnel)}, ${inner} in ${outer}: a GSO packet is measured by its segments`,
    hooks: ["tc"],
    services: [service(inner, [to])],
    steps: [
      forwarded(to, request(inner)),
      {
        send: packet(facts),
        gso: { size: segment + 1, segments: 3 },
        expect: {
          kind: "answered",
          server: to,
          with: icmpAnswer(facts, "tooBig", MTU - overhead(outer, tunnel)),
          outcome: "ICMP_TOO_BIG",
        },
      },
    ],
    left: [opened(to, "tcp")],
  };
});

/** GUE's source port: one a flow, another for another. */
const flows = FAMILIES.map((outer): Row => {
  const to = tunnelServer(outer, TUNNELS[2]);
  const ports: number[] = [];
  const noting =
    (facts: Facts): Bytes =>
    (out) => {
      ports.push(new DataView(out.buffer, out.byteOffset).getUint16(outer === "ipv6" ? 40 : 20));
      const expected = inTunnel(to, facts);
      return typeof expected === "function" ? expected(out) : expected;
    };
  const clients = Array.from({ length: 8 }, (_, i) => request("ipv4", { sourcePort: 41_000 + i }));
  return {
    name: `GUE in ${outer}: a flow keeps its source port, others have others`,
    services: [service("ipv4", [to])],
    steps: [
      ...[...clients, ...clients].map(
        (facts): Step => ({ send: packet(facts), expect: { kind: "forwarded", server: to, as: noting(facts) } }),
      ),
      {
        deed: "the ports are compared",
        perform: () => {
          const [first, second] = [ports.splice(0, 8), ports.splice(0, 8)];
          assert.deepEqual(first, second);
          assert.ok(new Set(first).size >= 6, `ports ${first.join(" ")}`);
        },
      },
    ],
    left: [left(to, 8, 8, 0)],
  };
});

function learn(stage: Stage, change: (entry: Server) => Partial<Server>): void {
  const entry = stage.path.servers.read(0);
  stage.path.servers.write(0, { ...entry, ...change(entry) });
}

/** As the packet path would note it: until so many ticks from now. */
function pathMtu(mtu: number, ticks: number): Step {
  return {
    deed: `the way's MTU is ${mtu} for ${ticks} ticks`,
    perform: (stage) => {
      const { nowTicks } = stage.path.sweep();
      learn(stage, () => ({ pathMtu: mtu, pathMtuUntil: (nowTicks + ticks) >>> 0 }));
    },
  };
}

const narrow = FAMILIES.flatMap((outer) =>
  [{ type: "ipip" } as const, ...TUNNELS].map((tunnel): Row => {
    const to = tunnelServer(outer, tunnel);
    const fits = 1400 - overhead(outer, tunnel);
    const whole = ofLength(fits, "ipv4", {});
    const over = ofLength(fits + 1, "ipv4", { flags: ACK });
    const answer = answeredByTc({ kind: "answered", server: to, with: icmpAnswer(over, "tooBig", fits), outcome: "ICMP_TOO_BIG" });
    return {
      name: `${named(tunnel)} in ${outer}: what a router said of the way counts for a while`,
      services: [service("ipv4", [to])],
      steps: [
        forwarded(to, ofLength(fits + 1, "ipv4", {})),
        pathMtu(1400, 1000),
        forwarded(to, whole),
        { send: packet(over), expect: answer },
        pathMtu(1400, -1),
        forwarded(to, over),
        pathMtu(9000, 1000),
        forwarded(to, over),
        {
          send: packet(ofLength(MTU, "ipv4", { flags: ACK })),
          expect: answeredByTc({
            kind: "answered",
            server: to,
            with: icmpAnswer(ofLength(MTU, "ipv4", { flags: ACK }), "tooBig", MTU - overhead(outer, tunnel)),
            outcome: "ICMP_TOO_BIG",
          }),
        },
      ],
      left: [opened(to, "tcp")],
    };
  }),
);

export const TUNNEL_ROWS: readonly Row[] = [...thereAndOn, ...size, ...summed, ...withOptions, ...segmented, ...flows, ...narrow];
