/** SCTP, which XDP leaves to tc: its checksum says nothing of addresses, but all of a port. */

import type { RealServer } from "../../src/model/service.ts";
import { encodeSctp, SctpChunk } from "../../src/wire/sctp.ts";
import { answeredByTc, asIfFrom, FAMILIES, hopped, left, reply, request, server, service, towards } from "./cast.ts";
import { packetInTunnel } from "./forwarding.ts";
import { type Facts, network } from "./packets.ts";
import type { PacketStep, Row } from "./row.ts";

const SCTP = 132;
const METHODS = ["nat", "dr", "tun"] as const;

function sctp(facts: Facts, type: number, bytes: number): Uint8Array {
  const { sourcePort, destinationPort } = facts;
  const value = Uint8Array.from({ length: bytes }, (_, i) => i % 251);
  return network(facts, SCTP, encodeSctp({ sourcePort, destinationPort, verificationTag: 0x01020304, chunks: [{ type, value }] }));
}

/** From one chunk to the next the number of bytes behind the port has other bits. */
const CHUNKS = [
  [SctpChunk.INIT, 16],
  [SctpChunk.COOKIE_ECHO, 17],
  ...[0, 1, 2, 3, 4, 31, 32, 63, 127, 128, 255, 511, 512, 1023, 1024, 1300, 1400].map((bytes) => [SctpChunk.DATA, bytes] as const),
] as const;

function there(to: RealServer, facts: Facts, [type, bytes]: readonly [number, number]): PacketStep {
  const send = sctp(facts, type, bytes);
  const as = {
    nat: sctp(towards(to, facts), type, bytes),
    dr: sctp(hopped(facts), type, bytes),
    tun: packetInTunnel(to, sctp(hopped(facts), type, bytes), facts),
  }[to.method as (typeof METHODS)[number]];
  return { send, expect: answeredByTc({ kind: "forwarded", server: to, as }) };
}

export const SCTP_ROWS: readonly Row[] = FAMILIES.flatMap((family) =>
  METHODS.flatMap((method) =>
    (method === "nat" ? [80, 8080] : [80]).map((port): Row => {
      const to = server(family, method, { port });
      const held = service(family, [to], { protocol: "sctp" });
      const back = reply(to);
      const replies = CHUNKS.map(
        ([type, bytes]): PacketStep => ({
          send: sctp(back, type, bytes),
          arrives: "back",
          expect: answeredByTc({ kind: "replied", server: to, as: sctp(asIfFrom(held, back), type, bytes) }),
        }),
      );
      return {
        name: `${method.toUpperCase()}${port === 80 ? "" : " with another port"}, ${family}, sctp: chunks of many lengths`,
        services: [held],
        steps: [...CHUNKS.map((chunk) => there(to, request(family), chunk)), ...(method === "nat" ? replies : [])],
        // Where only the client is heard its cookie is enough (INPUT_ONLY).
        left: { tc: [method === "nat" ? left(to, 1, 0, 1) : left(to, 1, 1, 0)], xdp: [] },
      };
    }),
  ),
);
