/** Interface addresses in netlink's words: RTM_*ADDR (include/uapi/linux/if_addr.h). */

import { type Address, addressFromBytes, packetBytes } from "../model/address.ts";
import { type Attribute, concatenate, decodeAttributes, encodeAttributes, headView, u32Attribute, u32Of } from "./netlink.ts";
import { familyNumber } from "./netlink-family.ts";

export const AddressMessage = Object.freeze({ NEW: 20, DELETE: 21, GET: 22 } as const);

export type AddressScope = "global" | "link" | "host";

export interface InterfaceAddress {
  readonly interfaceIndex: number;
  readonly address: Address;
  readonly prefixLength: number;
  readonly scope: AddressScope;
  /** IPv6: used at once, without asking the neighbours whether they have it (duplicate address detection). */
  readonly noDad: boolean;
  /** IPv6: the neighbours are still being asked; it cannot be used yet. */
  readonly tentative: boolean;
  /** IPv6: a neighbour had it. */
  readonly duplicate: boolean;
}

export interface NewAddress
  extends Pick<InterfaceAddress, "interfaceIndex" | "address" | "prefixLength">,
    Partial<Pick<InterfaceAddress, "scope" | "noDad">> {
  /** IPv6: never chosen as the source of what this host begins itself (RFC 4862 5.5.4); answers from it are as good as ever. */
  readonly deprecated?: boolean;
}

const HEAD_BYTES = 8;
/** IFA_* */
const A = Object.freeze({ ADDRESS: 1, LOCAL: 2, CACHEINFO: 6, FLAGS: 8 });
const F = Object.freeze({ NODAD: 0x02, DADFAILED: 0x08, TENTATIVE: 0x40 });
const SCOPES = { global: 0, link: 253, host: 254 } as const satisfies Record<AddressScope, number>;

export function encodeAddressQuery(): Uint8Array {
  return new Uint8Array(HEAD_BYTES);
}

export function encodeAddress(address: NewAddress): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, familyNumber(address.address.family));
  view.setUint8(1, address.prefixLength);
  view.setUint8(3, SCOPES[address.scope ?? "global"]);
  view.setUint32(4, address.interfaceIndex, true);
  const value = packetBytes(address.address);
  const attributes: Attribute[] = [
    { type: A.LOCAL, value },
    { type: A.ADDRESS, value },
  ];
  // struct ifa_cacheinfo: preferred for no time, valid for ever; the two stamps are the kernel's.
  if (address.deprecated === true)
    attributes.push({ type: A.CACHEINFO, value: new Uint8Array(Uint32Array.of(0, 0xffffffff, 0, 0).buffer) });
  if (address.noDad === true) attributes.push(u32Attribute(A.FLAGS, F.NODAD));
  return concatenate([bytes, encodeAttributes(attributes)]);
}

/** undefined: of a family that is not ours. */
export function decodeAddress(payload: Uint8Array): InterfaceAddress | undefined {
  const head = headView(payload, HEAD_BYTES, "address message");
  const attributes = decodeAttributes(payload.subarray(HEAD_BYTES));
  // On a point-to-point interface ADDRESS is the other end's.
  const bytes = attributes.get(A.LOCAL) ?? attributes.get(A.ADDRESS);
  if (bytes === undefined || (bytes.length !== 4 && bytes.length !== 16)) return undefined;
  const flags = u32Of(attributes.get(A.FLAGS)) ?? head.getUint8(2);
  const scope = head.getUint8(3);
  return {
    interfaceIndex: head.getUint32(4, true),
    address: addressFromBytes(bytes),
    prefixLength: head.getUint8(1),
    scope: scope === SCOPES.link ? "link" : scope === SCOPES.host ? "host" : "global",
    noDad: (flags & F.NODAD) !== 0,
    tentative: (flags & F.TENTATIVE) !== 0,
    duplicate: (flags & F.DADFAILED) !== 0,
  };
}
