/** Ethernet II frames, and MAC addresses as text. No VLAN tag and no frame check sequence: the kernel hands over neither. */

import { badPacket, copyOf, fits, headerView } from "./packet-view.ts";

export const EtherType = Object.freeze({ IPV4: 0x0800, ARP: 0x0806, VLAN: 0x8100, IPV6: 0x86dd } as const);

export const ETHERNET_BYTES = 14;

export interface EthernetFrame {
  /** Six bytes. */
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  readonly type: number;
  readonly payload: Uint8Array;
}

export function encodeEthernet(frame: EthernetFrame): Uint8Array {
  const bytes = new Uint8Array(ETHERNET_BYTES + frame.payload.length);
  bytes.set(sixBytes(frame.destination), 0);
  bytes.set(sixBytes(frame.source), 6);
  new DataView(bytes.buffer).setUint16(12, fits(frame.type, 16, "the EtherType"));
  bytes.set(frame.payload, ETHERNET_BYTES);
  return bytes;
}

/** The payload may end in padding: a frame on the wire has 60 bytes or more. */
export function decodeEthernet(bytes: Uint8Array): EthernetFrame {
  const view = headerView(bytes, ETHERNET_BYTES, "Ethernet frame");
  return {
    destination: copyOf(bytes, 0, 6),
    source: copyOf(bytes, 6, 12),
    type: view.getUint16(12),
    payload: copyOf(bytes, ETHERNET_BYTES),
  };
}

/** "02:00:5e:00:53:01" */
export function formatMac(mac: Uint8Array): string {
  return [...sixBytes(mac)].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) throw badPacket("MAC address", `"${text}"`);
  return Uint8Array.from(text.split(":"), (part) => Number.parseInt(part, 16));
}

function sixBytes(mac: Uint8Array): Uint8Array {
  if (mac.length !== 6) throw new RangeError(`a MAC address has 6 bytes, not ${mac.length}`);
  return mac;
}
