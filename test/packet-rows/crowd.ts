/** Many flows at once: frames of as many clients as are wanted, each flow told from every other, and where the director sent them. */

import type { RealServer, VirtualService } from "../../src/model/service.ts";
import { connectionCodec, Life, Limits } from "../../src/wire/abi.ts";
import { ETHERNET_BYTES, EtherType, encodeEthernet } from "../../src/wire/ethernet.ts";
import { FAMILIES, request, server, service } from "./cast.ts";
import { packet, TRANSPORTS, type Transport } from "./packets.ts";
import type { Stage } from "./stage.ts";

/** Of either family and either protocol a service with the same three servers. */
export const CROWD_SERVICES: readonly (VirtualService & { readonly protocol: Transport })[] = FAMILIES.flatMap((family) => {
  const servers: readonly RealServer[] = [1, 2, 3].map((n) => server(family, "nat", { n }));
  return TRANSPORTS.map((protocol) => ({ ...service(family, servers), protocol }));
});

/** Prime to the number of addresses, so that each flow has its own. */
const STRIDE = 2_654_435_761;
const TCP_FLAGS = { ipv4: ETHERNET_BYTES + 20 + 13, ipv6: ETHERNET_BYTES + 40 + 13 } as const;
const SOURCE = { ipv4: ETHERNET_BYTES + 12, ipv6: ETHERNET_BYTES + 8 + 12 } as const;
const SOURCE_PORT = { ipv4: ETHERNET_BYTES + 20, ipv6: ETHERNET_BYTES + 40 } as const;
/** The last byte of the destination tells the servers apart. */
const DESTINATION_END = { ipv4: ETHERNET_BYTES + 19, ipv6: ETHERNET_BYTES + 39 } as const;

export interface Crowd {
  /** The frame of a flow's packet. One buffer for each kind: valid until the next call. */
  frame(flow: number, tcpFlags: number): Uint8Array;
  /** To which of the three servers this frame went. */
  serverOf(flow: number, sent: Uint8Array): number;
}

/** The seed decides addresses and ports; checksums are left as they are, nobody looks. */
export function crowd(seed: number, mac: Uint8Array): Crowd {
  const kinds = CROWD_SERVICES.map(({ address, protocol }) => {
    const { family } = address;
    const payload = packet(request(family, { protocol, payload: new Uint8Array(0) }));
    const bytes = encodeEthernet({ destination: mac, source: mac, type: family === "ipv6" ? EtherType.IPV6 : EtherType.IPV4, payload });
    return { bytes, view: new DataView(bytes.buffer), family, protocol };
  });
  const kindOf = (flow: number) => {
    const kind = kinds[flow % kinds.length];
    if (kind === undefined) throw new Error("there is no such kind of flow");
    return kind;
  };
  return {
    frame: (flow, tcpFlags) => {
      const { bytes, view, family, protocol } = kindOf(flow);
      const scattered = Math.imul(flow + seed, STRIDE) >>> 0;
      view.setUint32(SOURCE[family], family === "ipv4" ? (0x64400000 | (scattered & 0x3fffff)) >>> 0 : scattered);
      view.setUint16(SOURCE_PORT[family], 1024 + ((scattered >>> 7) % 60_000));
      if (protocol === "tcp") bytes[TCP_FLAGS[family]] = tcpFlags;
      return bytes;
    },
    serverOf: (flow, sent) => sent[DESTINATION_END[kindOf(flow).family]] ?? 0,
  };
}

export interface Census {
  readonly live: number;
  readonly busy: number;
  /** Of the live ones, those that stand in another group than their first. */
  readonly moved: number;
  /** The sum of all overflow counts. */
  readonly overflow: number;
  /** Groups whose overflow count is not the number of live connections that passed them by. */
  readonly wrongGroups: number;
}

/** Counts the connection table itself, word by word. */
export function census(stage: Pick<Stage, "path">): Census {
  const connections = stage.path.maps.connections.map();
  const overflows = stage.path.maps.overflow.map();
  try {
    const { view, stride, length } = connections;
    const passedBy = new Uint32Array(length);
    let [live, busy, moved, overflow] = [0, 0, 0, 0];
    for (let group = 0; group < length; group++) {
      for (let slot = 0; slot < Limits.CONNECTION_GROUP_SLOTS; slot++) {
        const low = view.getUint32(group * stride + slot * connectionCodec.size + connectionCodec.offsets.life, true);
        const phase = low & Life.PHASE_MASK;
        if (phase === Life.BUSY) busy++;
        if (phase !== Life.LIVE) continue;
        live++;
        const distance = (low >>> Life.DISTANCE_SHIFT) & Life.DISTANCE_MASK;
        if (distance > 0) moved++;
        const step = 2 * (low >>> Life.TAG_SHIFT) + 1;
        for (let i = 1; i <= distance; i++) {
          const passed = (((group - i * step) % length) + length) % length;
          passedBy[passed] = (passedBy[passed] ?? 0) + 1;
        }
      }
    }
    let wrongGroups = 0;
    for (let group = 0; group < length; group++) {
      const counted = Number(overflows.view.getBigUint64(group * overflows.stride, true));
      overflow += counted;
      if (counted !== passedBy[group]) wrongGroups++;
    }
    return { live, busy, moved, overflow, wrongGroups };
  } finally {
    connections.close();
    overflows.close();
  }
}
