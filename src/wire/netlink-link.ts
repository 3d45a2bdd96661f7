/** Network interfaces in netlink's words: RTM_*LINK (include/uapi/linux/if_link.h). */

import { type Address, packetBytes } from "../model/address.ts";
import {
  type Attribute,
  concatenate,
  decodeAttributes,
  encodeAttributes,
  headView,
  textAttribute,
  textOf,
  u8Attribute,
  u16Attribute,
  u32Attribute,
  u32Of,
} from "./netlink.ts";

export const LinkMessage = Object.freeze({ NEW: 16, DELETE: 17, GET: 18, SET: 19 } as const);

export type XdpMode = "native" | "generic" | "offload" | "several";

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Empty where the device has none (tunnels). */
  readonly mac: Uint8Array;
  readonly mtu: number;
  /** "veth", "bridge", "ipip", ...; undefined for devices that no `ip link add` made: physical ones and lo. */
  readonly kind: string | undefined;
  /** Administratively. */
  readonly up: boolean;
  /** And with a carrier. */
  readonly running: boolean;
  readonly loopback: boolean;
  /** The bridge or bond it is a port of. */
  readonly masterIndex: number | undefined;
  /** veth: the other end; tunnel, vlan, macvlan: the device below. */
  readonly linkedIndex: number | undefined;
  /** Where linkedIndex is, when not here: a number private to this namespace. */
  readonly linkedNamespaceId: number | undefined;
  /** "pci", "virtio", "usb", "vmbus", ...; undefined for virtual devices. */
  readonly bus: string | undefined;
  readonly xdp: { readonly mode: XdpMode; readonly programId: number } | undefined;
}

interface NewLinkBase {
  readonly name: string;
  readonly mtu?: number;
  readonly mac?: Uint8Array;
  /** Make it in that namespace (an open descriptor) instead of the current one. */
  readonly namespaceFd?: number;
}

export type NewLink =
  | (NewLinkBase & { readonly kind: "veth"; readonly peer: Omit<NewLinkBase, "kind"> })
  | (NewLinkBase & { readonly kind: "bridge" })
  | (NewLinkBase & { readonly kind: "ipip" | "sit" | "ip6tnl"; readonly local?: Address; readonly remote?: Address; readonly ttl?: number })
  | (NewLinkBase & { readonly kind: "macvlan"; readonly parentIndex: number });

export interface LinkChange {
  readonly up?: boolean;
  readonly mtu?: number;
  readonly name?: string;
  readonly mac?: Uint8Array;
  /** 0 takes it out of its bridge. */
  readonly masterIndex?: number;
  /** Move it there (an open descriptor). */
  readonly namespaceFd?: number;
}

const HEAD_BYTES = 16;
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_LOWER_UP = 0x10000;

/** IFLA_* */
const A = Object.freeze({
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  LINKINFO: 18,
  NET_NS_FD: 28,
  EXT_MASK: 29,
  LINK_NETNSID: 37,
  XDP: 43,
  PARENT_DEV_BUS_NAME: 57,
});
const INFO_KIND = 1;
const INFO_DATA = 2;
const XDP_ATTACHED = 2;
const XDP_PROGRAM_ID = 4;
/** Counters make a dump several times as long, and nobody here reads them. */
const SKIP_STATISTICS = 1 << 3;
const VETH_INFO_PEER = 1;
const MACVLAN_MODE = 1;
const MACVLAN_MODE_BRIDGE = 4;
/** IFLA_IPTUN_* */
const TUNNEL = Object.freeze({ LOCAL: 2, REMOTE: 3, TTL: 4, FLAGS: 8, PROTO: 9 });
/** Inner packets of either family. */
const IP6TNL_ANY_PROTOCOL = 0;
const XDP_MODES: Readonly<Record<number, XdpMode>> = { 1: "native", 2: "generic", 3: "offload", 4: "several" };

export function encodeLinkQuery(which: { index?: number; name?: string } = {}): Uint8Array {
  const name = which.name === undefined ? [] : [textAttribute(A.IFNAME, which.name)];
  return linkPayload({ index: which.index ?? 0 }, [...name, u32Attribute(A.EXT_MASK, SKIP_STATISTICS)]);
}

export function encodeNewLink(link: NewLink): Uint8Array {
  const data = linkData(link);
  const info: Attribute[] = [textAttribute(INFO_KIND, link.kind)];
  if (data.length > 0) info.push({ type: INFO_DATA, value: data });
  const parent = link.kind === "macvlan" ? [u32Attribute(A.LINK, link.parentIndex)] : [];
  return linkPayload({ index: 0 }, [...baseAttributes(link), ...parent, { type: A.LINKINFO, value: info }]);
}

export function encodeLinkChange(index: number, change: LinkChange): Uint8Array {
  const head = change.up === undefined ? { index } : { index, flags: change.up ? IFF_UP : 0, changed: IFF_UP };
  const attributes: Attribute[] = [];
  if (change.mtu !== undefined) attributes.push(u32Attribute(A.MTU, change.mtu));
  if (change.name !== undefined) attributes.push(textAttribute(A.IFNAME, change.name));
  if (change.mac !== undefined) attributes.push({ type: A.ADDRESS, value: change.mac });
  if (change.masterIndex !== undefined) attributes.push(u32Attribute(A.MASTER, change.masterIndex));
  if (change.namespaceFd !== undefined) attributes.push(u32Attribute(A.NET_NS_FD, change.namespaceFd));
  return linkPayload(head, attributes);
}

export function decodeLink(payload: Uint8Array): Link {
  const head = headView(payload, HEAD_BYTES, "link message");
  const flags = head.getUint32(8, true);
  const attributes = decodeAttributes(payload.subarray(HEAD_BYTES));
  const info = attributes.get(A.LINKINFO);
  const kind = info === undefined ? undefined : decodeAttributes(info).get(INFO_KIND);
  const name = attributes.get(A.IFNAME);
  const bus = attributes.get(A.PARENT_DEV_BUS_NAME);
  return {
    index: head.getInt32(4, true),
    name: name === undefined ? "" : textOf(name),
    mac: attributes.get(A.ADDRESS)?.slice() ?? new Uint8Array(0),
    mtu: u32Of(attributes.get(A.MTU)) ?? 0,
    kind: kind === undefined ? undefined : textOf(kind),
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_LOWER_UP) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    masterIndex: u32Of(attributes.get(A.MASTER)),
    linkedIndex: u32Of(attributes.get(A.LINK)),
    linkedNamespaceId: u32Of(attributes.get(A.LINK_NETNSID)),
    bus: bus === undefined ? undefined : textOf(bus),
    xdp: decodeXdp(attributes.get(A.XDP)),
  };
}

function decodeXdp(value: Uint8Array | undefined): Link["xdp"] {
  if (value === undefined) return undefined;
  const attributes = decodeAttributes(value);
  const mode = XDP_MODES[attributes.get(XDP_ATTACHED)?.[0] ?? 0];
  return mode === undefined ? undefined : { mode, programId: u32Of(attributes.get(XDP_PROGRAM_ID)) ?? 0 };
}

function linkPayload(head: { index: number; flags?: number; changed?: number }, attributes: readonly Attribute[]): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, head.index, true);
  view.setUint32(8, head.flags ?? 0, true);
  view.setUint32(12, head.changed ?? 0, true);
  return concatenate([bytes, encodeAttributes(attributes)]);
}

function baseAttributes(link: NewLinkBase): readonly Attribute[] {
  const attributes: Attribute[] = [textAttribute(A.IFNAME, link.name)];
  if (link.mtu !== undefined) attributes.push(u32Attribute(A.MTU, link.mtu));
  if (link.mac !== undefined) attributes.push({ type: A.ADDRESS, value: link.mac });
  if (link.namespaceFd !== undefined) attributes.push(u32Attribute(A.NET_NS_FD, link.namespaceFd));
  return attributes;
}

function linkData(link: NewLink): readonly Attribute[] {
  switch (link.kind) {
    case "bridge":
      return [];
    case "veth":
      return [{ type: VETH_INFO_PEER, value: linkPayload({ index: 0 }, baseAttributes(link.peer)) }];
    case "macvlan":
      return [u32Attribute(MACVLAN_MODE, MACVLAN_MODE_BRIDGE)];
    case "ipip":
    case "sit":
    case "ip6tnl":
      return tunnelData(link);
  }
}

function tunnelData(link: Extract<NewLink, { kind: "ipip" | "sit" | "ip6tnl" }>): readonly Attribute[] {
  const attributes: Attribute[] = [];
  if (link.local !== undefined) attributes.push({ type: TUNNEL.LOCAL, value: packetBytes(link.local) });
  if (link.remote !== undefined) attributes.push({ type: TUNNEL.REMOTE, value: packetBytes(link.remote) });
  if (link.ttl !== undefined) attributes.push(u8Attribute(TUNNEL.TTL, link.ttl));
  if (link.kind === "ip6tnl") attributes.push(u8Attribute(TUNNEL.PROTO, IP6TNL_ANY_PROTOCOL));
  if (link.kind === "sit") attributes.push(u16Attribute(TUNNEL.FLAGS, 0));
  return attributes;
}
