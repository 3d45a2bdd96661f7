/** Neighbours (ARP and NDP entries) in netlink's words: RTM_*NEIGH (include/uapi/linux/neighbour.h). */

import { type Address, type Family, packetBytes } from "../model/address.ts";
import { type Attribute, concatenate, decodeAttributes, encodeAttributes, headView } from "./netlink.ts";
import { addressOf, familyNumber, familyOf } from "./netlink-family.ts";

export const NeighbourMessage = Object.freeze({ NEW: 28, DELETE: 29, GET: 30 } as const);

export type NeighbourState = "incomplete" | "reachable" | "stale" | "delay" | "probe" | "failed" | "noarp" | "permanent" | "none";

export interface Neighbour {
  readonly interfaceIndex: number;
  readonly address: Address;
  /** Known only in states that have been answered. */
  readonly mac: Uint8Array | undefined;
  readonly state: NeighbourState;
}

export type NewNeighbour = Pick<Neighbour, "interfaceIndex" | "address"> & {
  readonly mac?: Uint8Array;
  readonly state?: "permanent" | "reachable" | "stale" | "none";
  /** Answer for it as a proxy. */
  readonly proxy?: boolean;
  /** The kernel shall find out its MAC address now, as if a packet had to go there. */
  readonly resolve?: boolean;
};

const HEAD_BYTES = 12;
/** NDA_* */
const A = Object.freeze({ DST: 1, LLADDR: 2 });
const NTF_USE = 0x01;
const NTF_PROXY = 0x08;
/** NUD_* */
const STATES = {
  none: 0x00,
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  failed: 0x20,
  noarp: 0x40,
  permanent: 0x80,
} as const satisfies Record<NeighbourState, number>;
const STATE_NAMES: ReadonlyMap<number, NeighbourState> = new Map(
  Object.entries(STATES).map(([name, number]) => [number, name as NeighbourState]),
);

export function encodeNeighbourQuery(family?: Family): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES);
  if (family !== undefined) bytes[0] = familyNumber(family);
  return bytes;
}

export function encodeNeighbour(neighbour: NewNeighbour): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, familyNumber(neighbour.address.family));
  view.setInt32(4, neighbour.interfaceIndex, true);
  view.setUint16(8, STATES[neighbour.state ?? "permanent"], true);
  view.setUint8(10, (neighbour.proxy === true ? NTF_PROXY : 0) | (neighbour.resolve === true ? NTF_USE : 0));
  const attributes: Attribute[] = [{ type: A.DST, value: packetBytes(neighbour.address) }];
  if (neighbour.mac !== undefined) attributes.push({ type: A.LLADDR, value: neighbour.mac });
  return concatenate([bytes, encodeAttributes(attributes)]);
}

/** undefined: not an IP neighbour (a bridge's forwarding entry). */
export function decodeNeighbour(payload: Uint8Array): Neighbour | undefined {
  const head = headView(payload, HEAD_BYTES, "neighbour message");
  if (familyOf(head.getUint8(0)) === undefined) return undefined;
  const attributes = decodeAttributes(payload.subarray(HEAD_BYTES));
  const address = addressOf(attributes.get(A.DST));
  if (address === undefined) return undefined;
  return {
    interfaceIndex: head.getInt32(4, true),
    address,
    mac: attributes.get(A.LLADDR)?.slice(),
    state: STATE_NAMES.get(head.getUint16(8, true)) ?? "none",
  };
}
