/**
 * Lets time pass for a packet path without waiting: its clock goes on as it does, but all that it has stamped grows older at
 * once. For tests whose table nobody else works on meanwhile.
 */

import type { PacketPath } from "../src/director/packet-path.ts";
import { jiffiesPerSecond } from "../src/kernel/clock.ts";
import { connectionCodec, Life, Limits, serverCodec } from "../src/wire/abi.ts";

/** Where else than in connections there are stamps, which most tests need not move. */
export type Stamped = "neighbours" | "fragments" | "localities" | "paths";

const EVERYTHING: readonly Stamped[] = ["neighbours", "fragments", "localities", "paths"];

/** To the nearest tick; what is left over is lost. */
export function advanceSeconds(path: PacketPath, seconds: number, also: readonly Stamped[] = EVERYTHING): void {
  advanceTicks(path, Math.round((seconds * jiffiesPerSecond()) / 2 ** Limits.TICK_SHIFT), also);
}

export function advanceTicks(path: PacketPath, ticks: number, also: readonly Stamped[] = EVERYTHING): void {
  advanceConnections(path, ticks);
  for (const what of also) ADVANCE[what](path, ticks);
}

/** A stamp is 32 bits of ticks and compared by difference. */
const older = (stamp: number, ticks: number): number => (stamp - ticks) >>> 0;

function advanceConnections(path: PacketPath, ticks: number): void {
  const connections = path.maps.connections.map();
  try {
    const { view } = connections;
    for (let at = connectionCodec.offsets.life; at < view.byteLength; at += connectionCodec.size) {
      if ((view.getUint32(at, true) & Life.PHASE_MASK) !== Life.LIVE) continue;
      const expires = at + Life.EXPIRES_SHIFT / 8;
      view.setUint32(expires, older(view.getUint32(expires, true), ticks), true);
    }
  } finally {
    connections.close();
  }
}

const ADVANCE: Readonly<Record<Stamped, (path: PacketPath, ticks: number) => void>> = {
  neighbours: ({ maps: { neighbours } }, ticks) => {
    for (const [server, way] of neighbours.entries()) {
      if (way.validUntil !== 0) neighbours.update(server, { ...way, validUntil: older(way.validUntil, ticks) });
    }
  },
  fragments: ({ maps: { fragments } }, ticks) => {
    for (const [key, one] of fragments.entries()) fragments.update(key, { ...one, expires: older(one.expires, ticks) });
  },
  localities: ({ maps: { localities } }, ticks) => {
    for (const [key, one] of localities.entries()) {
      localities.update(key, { ...one, lastUse: older(one.lastUse, ticks), lastChange: older(one.lastChange, ticks) });
    }
  },
  paths: ({ servers }, ticks) => {
    const { view, stride, length } = servers;
    for (let server = 0; server < length; server++) {
      const at = server * stride + serverCodec.offsets.pathMtuUntil;
      const until = view.getUint32(at, true);
      if (until !== 0) view.setUint32(at, older(until, ticks), true);
    }
  },
};
