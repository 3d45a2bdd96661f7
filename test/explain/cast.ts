/** Clients of `evenkeel explain`'s tests: each can be asked about, and can then really send its packet. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { explainOn } from "../../src/director/explain.ts";
import type { Explanation, Question } from "../../src/director/explanation.ts";
import type { PacketPath } from "../../src/director/packet-path.ts";
import type { MappedArray } from "../../src/kernel/mapped-array.ts";
import { type Address, addressFromBytes, formatAddress, formatEndpoint } from "../../src/model/address.ts";
import type { Protocol } from "../../src/model/service.ts";
import { MAPS, type MapName } from "../../src/wire/abi.ts";
import { ETHERNET_BYTES, EtherType, encodeEthernet } from "../../src/wire/ethernet.ts";
import { SYN } from "../packet-rows/cast.ts";
import { packet, USUAL } from "../packet-rows/packets.ts";
import type { Stage } from "../packet-rows/stage.ts";

const REDIRECT = 7;

/** One client's packet: where from and where to. */
export interface Caller {
  readonly protocol: Exclude<Protocol, "sctp">;
  readonly client: Address;
  readonly clientPort: number;
  readonly destination: { readonly address: Address; readonly port: number };
}

export function ask(stage: Stage, question: Question): Explanation {
  return explainOn(stage.path, question);
}

/** By NAT: the server's address and port as the packet has them; undefined: it was not sent on. */
export function send(stage: Stage, { protocol, client, clientPort, destination }: Caller, flags: number = SYN): string | undefined {
  // Tests are faster than any budget foresees.
  stage.path.maps.icmp_budget.update(0, { tick: 0, sent: 0 });
  const ends = { source: client, destination: destination.address, sourcePort: clientPort, destinationPort: destination.port };
  const payload = packet({ ...USUAL, ...ends, protocol, flags });
  const type = client.family === "ipv4" ? EtherType.IPV4 : EtherType.IPV6;
  const arrived = encodeEthernet({ destination: stage.macs.front, source: stage.macs.front, type, payload });
  const { verdict, frame } = stage.run({ hook: "tc", side: "front", frame: arrived });
  if (verdict !== REDIRECT) return undefined;
  const ip = frame.subarray(ETHERNET_BYTES);
  const v6 = client.family === "ipv6";
  const to = addressFromBytes(v6 ? ip.slice(24, 40) : ip.slice(16, 20));
  // An answer to the client.
  if (formatAddress(to) === formatAddress(client)) return undefined;
  const transport = ip.subarray(v6 ? 40 : 20);
  return formatEndpoint(to, ((transport[2] ?? 0) << 8) | (transport[3] ?? 0));
}

/** The server that an explanation ends at, as send() names it. */
export function explained({ end }: Explanation): string | undefined {
  if (end.kind === "open") throw new assert.AssertionError({ message: `nobody knows: by ${end.by}` });
  return end.kind === "server" ? formatEndpoint(end.to.server.address, end.port) : undefined;
}

/** What a choice depends on and what it could move, as one text. `plan`: the service's. */
export function glance({ maps, serverLoad }: PacketPath, plan: number): string {
  const hash = createHash("sha256");
  const tried = [maps.plans.lookup(plan), maps.plans.lookup(maps.plans.maxEntries - 1), maps.locality_tried.lookup(0)];
  hash.update(JSON.stringify([...tried, ...entriesOf(maps.localities), ...entriesOf(maps.outcomes), maps.mark_hits.lookup(0)], plain));
  hash.update(serverLoad.view);
  hash.update(memoryOf(maps.connections.map()));
  return hash.digest("hex");
}

/** These are quicker to read as memory. */
const MAPPED: ReadonlySet<MapName> = new Set([
  "candidates",
  "candidate_groups",
  "buckets",
  "servers",
  "server_load",
  "connections",
  "overflow",
]);

/** All that stands in all maps, as one text. */
export function everything(path: PacketPath): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(MAPS) as MapName[]) {
    const map = path.maps[name];
    hash.update(name);
    hash.update(MAPPED.has(name) ? memoryOf(map.map()) : JSON.stringify(entriesOf(map)));
  }
  return hash.digest("hex");
}

/** Hashes have no order that means anything. */
function entriesOf(map: { entries(): Iterable<readonly [unknown, unknown]> }): string[] {
  return Array.from(map.entries(), (entry) => JSON.stringify(entry, plain)).toSorted();
}

/** Closes it. */
function memoryOf(map: MappedArray<unknown>): Uint8Array {
  try {
    return new Uint8Array(map.view.buffer, map.view.byteOffset, map.view.byteLength).slice();
  } finally {
    map.close();
  }
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}
