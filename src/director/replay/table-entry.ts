/** One entry of the connection table, by the packets of its client: read in place, among as few slots as a case needs. */

import type { MappedArray } from "../../kernel/mapped-array.ts";
import { packetBytes } from "../../model/address.ts";
import type { ClientPacket } from "../../scheduler/ipvs-model/ipvs-model.ts";
import { connectionCodec, Life } from "../../wire/abi.ts";
import { familyNumber } from "../server-value.ts";

const PROTOCOL_NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const;
/** Of a life word's lower half, what stays as long as the connection lives. */
const LASTING = (~((1 << Life.GENERATION_SHIFT) - 1) | Life.PHASE_MASK) >>> 0;
const { offsets, size } = connectionCodec;

/** An entry as it was when it was looked at. */
export interface TableEntry {
  readonly at: number;
  readonly lasting: number;
  readonly server: number;
  readonly active: boolean;
}

export class TableEntries {
  readonly #memory: MappedArray<unknown>;

  constructor(memory: MappedArray<unknown>) {
    this.#memory = memory;
  }

  find({ segment, client, clientPort, address, port }: ClientPacket): TableEntry | undefined {
    const { view } = this.#memory;
    const protocol = PROTOCOL_NUMBERS[segment.protocol];
    const family = familyNumber(client);
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    for (let at = 0; at < view.byteLength; at += size) {
      if ((view.getUint32(at, true) & Life.PHASE_MASK) !== Life.LIVE) continue;
      if (view.getUint16(at + offsets.clientPort) !== clientPort || view.getUint16(at + offsets.virtualPort) !== port) continue;
      if (view.getUint8(at + offsets.protocol) !== protocol || view.getUint8(at + offsets.family) !== family) continue;
      if (!holds(bytes, at + offsets.client, packetBytes(client)) || !holds(bytes, at + offsets.virtualAddress, packetBytes(address)))
        continue;
      const life = view.getUint32(at, true);
      return { at, lasting: (life & LASTING) >>> 0, server: view.getUint32(at + offsets.server, true), active: (life & Life.ACTIVE) !== 0 };
    }
    return undefined;
  }

  /** Does the same connection still live there? */
  stands({ at, lasting }: TableEntry): boolean {
    return (this.#memory.view.getUint32(at, true) & LASTING) >>> 0 === lasting;
  }
}

function holds(bytes: Uint8Array, at: number, part: Uint8Array): boolean {
  return part.every((byte, i) => bytes[at + i] === byte);
}
