/** The director as one of its own real servers: its packets go up as they came, and are counted as sent. XDP leaves them to tc. */

import { parseAddress } from "../../src/model/address.ts";
import type { ForwardingMethod, RealServer } from "../../src/model/service.ts";
import { ACK, answeredByTc, FAMILIES, FIN, hopped, left, passed, request, server, service, TUNNEL_SOURCES } from "./cast.ts";
import { type Facts, packet, TRANSPORTS } from "./packets.ts";
import type { Left, Row, Step } from "./row.ts";
import { type Hook, MTU } from "./stage.ts";

const METHODS = ["nat", "dr", "tun"] as const satisfies readonly ForwardingMethod[];

function delivered(to: RealServer, facts: Facts): Step {
  return { send: packet(facts), expect: answeredByTc({ kind: "delivered", server: to }) };
}

function here(of: RealServer, connections: number, active: number, inactive: number): Left {
  return { ...left(of, connections, active, inactive), local: true };
}

/** XDP makes the connection and gives the packet on. */
function begun(of: RealServer, connections: number, active: number): Readonly<Record<Hook, readonly Left[]>> {
  return { tc: [here(of, connections, active, connections - active)], xdp: [here(of, connections, 0, connections)] };
}

const each = FAMILIES.flatMap((family) =>
  METHODS.flatMap((method) =>
    TRANSPORTS.map((protocol): Row => {
      const to = { ...server(family, method), address: TUNNEL_SOURCES[family] };
      const first = request(family, { protocol });
      const second = request(family, { protocol, flags: ACK, payload: new Uint8Array(1) });
      return {
        name: `local server, ${method}, ${family}, ${protocol}: up as it came`,
        services: [service(family, [to], { protocol })],
        steps: [delivered(to, first), delivered(to, second)],
        left: begun(to, 1, protocol === "tcp" ? 1 : 0),
      };
    }),
  ),
);

const whole = FAMILIES.map((family): Row => {
  const to = { ...server(family, "dr"), address: TUNNEL_SOURCES[family] };
  const last = request(family, { ttl: 1 });
  const long = request(family, { flags: ACK, payload: new Uint8Array(MTU) });
  return {
    name: `local server, ${family}: its last hop was the one to us, and no way is too narrow`,
    services: [service(family, [to])],
    steps: [delivered(to, last), delivered(to, long)],
    left: begun(to, 1, 1),
  };
});

const states = FAMILIES.map((family): Row => {
  const to = { ...server(family, "dr"), address: TUNNEL_SOURCES[family] };
  return {
    name: `local server, ${family}: its connections have states`,
    hooks: ["tc"],
    services: [service(family, [to])],
    steps: [
      delivered(to, request(family)),
      delivered(to, request(family, { flags: ACK })),
      delivered(to, request(family, { flags: FIN | ACK })),
      delivered(to, request(family, { sourcePort: 40_001 })),
    ],
    left: [here(to, 2, 1, 1)],
  };
});

/** Newest first: the director itself, the other, the director itself. */
const beside = FAMILIES.map((family): Row => {
  const other = server(family, "dr");
  const own = { ...server(family, "dr"), address: TUNNEL_SOURCES[family] };
  const clients = [0, 1, 2].map((n) => request(family, { sourcePort: 40_000 + n }));
  const turns = [own, other, own];
  return {
    name: `local server, ${family}: in turn with one that is not`,
    hooks: ["tc"],
    services: [service(family, [other, own])],
    steps: clients.map((facts, i): Step => {
      const to = turns[i] ?? own;
      if (to === own) return delivered(own, facts);
      return { send: packet(facts), expect: { kind: "forwarded", server: other, as: packet(hopped(facts)) } };
    }),
    left: [here(own, 2, 2, 0), left(other, 1, 1, 0)],
  };
});

const loopback: Row = (() => {
  const to = { ...server("ipv4", "nat"), address: parseAddress("127.0.0.1") };
  return {
    name: "local server, ipv4: by the loopback address",
    hooks: ["tc"],
    services: [service("ipv4", [to])],
    steps: [delivered(to, request("ipv4"))],
    left: [here(to, 1, 1, 0)],
  };
})();

const gone = FAMILIES.map((family): Row => {
  const to = { ...server(family, "dr"), address: TUNNEL_SOURCES[family] };
  const held = service(family, [to]);
  return {
    name: `local server, ${family}: nothing of the service's reaches it for another protocol`,
    services: [held],
    steps: [{ send: packet(request(family, { protocol: "udp" })), expect: passed("PASS_NO_SERVICE") }],
    left: [{ ...left(to, 0, 0, 0), local: true }],
  };
});

export const LOCAL_ROWS: readonly Row[] = [...each, ...whole, ...states, ...beside, loopback, ...gone];
