/** Packets that look like what they are not: answers that are of no connection, requests that are answers, segments of no length. */

import { parseAddress } from "../../src/model/address.ts";
import type { MarkRule } from "../../src/model/plane.ts";
import { encodeSctp, SctpChunk } from "../../src/wire/sctp.ts";
import { ACK, apply, asIfFrom, FAMILIES, hopped, left, opened, passed, reply, request, server, service, towards } from "./cast.ts";
import { network, packet } from "./packets.ts";
import type { Row } from "./row.ts";

const SCTP = 132;

/** A client of a DR service speaks with the server itself too, from the same port; there is a NAT service on that host besides. */
const otherMethod = FAMILIES.map((family): Row => {
  const direct = server(family, "dr");
  const behind = server(family, "nat", { port: 81 });
  const there = request(family);
  const back = reply(direct);
  return {
    name: `${family}: what a DR server answers by itself is not altered`,
    services: [service(family, [direct]), service(family, [behind], { port: 81 })],
    steps: [
      { send: packet(there), expect: { kind: "forwarded", server: direct, as: packet(hopped(there)) } },
      { send: packet(back), arrives: "back", expect: passed("PASS_NO_SERVICE") },
    ],
    left: [opened(direct, "tcp")],
  };
});

/** Every TCP packet has a mark: answers of NAT servers too, which begin nothing. */
const everyMark = FAMILIES.map((family): Row => {
  const to = server(family, "nat");
  const held = service(family, [to], { address: parseAddress(family === "ipv4" ? "0.0.0.0" : "::"), port: 0, mark: 7 });
  const rule: MarkRule = { mark: 7, protocol: "tcp" };
  const there = request(family);
  const back = reply(to);
  const data = reply(to, { flags: ACK });
  return {
    name: `${family}: a mark for everything: a NAT server's answer goes to its client`,
    services: [held],
    steps: [
      apply("a rule gives marks", { kind: "edit-marks", before: [], after: [rule] }),
      { send: packet(there), expect: { kind: "forwarded", server: to, as: packet(towards(to, there)) } },
      ...[back, data].map(
        (one) =>
          ({
            send: packet(one),
            arrives: "back",
            expect: { kind: "replied", server: to, as: packet(asIfFrom({ address: there.destination, port: 80 }, one)) },
          }) as const,
      ),
      apply("the rule goes", { kind: "edit-marks", before: [rule], after: [] }),
    ],
    left: [opened(to, "tcp")],
  };
});

/** Segments of SCTP have lengths of their own (GSO_BY_FRAGS): the kernel says 0xffff. */
const bundled = FAMILIES.map((family): Row => {
  const to = server(family, "dr");
  const held = service(family, [to], { protocol: "sctp" });
  const facts = request(family);
  const of = (ttl: number, bytes: number) =>
    network(
      { ...facts, ttl },
      SCTP,
      encodeSctp({
        sourcePort: 40_000,
        destinationPort: 80,
        verificationTag: 1,
        chunks: [{ type: SctpChunk.INIT, value: new Uint8Array(bytes) }],
      }),
    );
  return {
    name: `DR, ${family}, sctp: what the kernel carries for several is of the length of none`,
    hooks: ["tc"],
    services: [held],
    steps: [
      {
        send: of(61, 2800),
        gso: { size: 0xffff, segments: 2 },
        expect: { kind: "forwarded", server: to, as: of(60, 2800) },
      },
    ],
    left: [left(to, 1, 0, 1)],
  };
});

export const DISGUISE_ROWS: readonly Row[] = [...otherMethod, ...everyMark, ...bundled];
