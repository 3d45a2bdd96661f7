/**
 * Keeps the packet path open between changes. Each turn happens under the lock that all writers take; where another process has written since the last
 * one, or when all is to be compared, the plane is opened anew and what it holds is read from the kernel.
 */

import { packetPathStamp, stampPacketPath, withPacketPathLock } from "../../kernel/packet-path-lock.ts";
import { removeStalePins } from "../../kernel/pins.ts";
import type { ActualState } from "../../model/plane.ts";
import { BpfPlane } from "../bpf-plane.ts";
import { PacketPath, type PacketPathOptions } from "../packet-path.ts";
import { rememberedWays, type WaysTo } from "../server-way.ts";

export interface PlaneTurn {
  readonly plane: BpfPlane;
  /** What it holds now. */
  readonly held: ActualState;
  /** What was held at the end of the last turn, when it may be something else now. */
  readonly before: ActualState | undefined;
  /** The ways to servers, looked up once in a turn. */
  readonly waysTo: WaysTo;
}

interface Opened {
  readonly path: PacketPath;
  readonly plane: BpfPlane;
  readonly stamp: string | undefined;
}

const NOTHING: ActualState = { services: [], attachments: [] };

export class PlaneKeeper {
  readonly #options: PacketPathOptions;
  #opened: Opened | undefined;
  #held = NOTHING;
  #waysTo = rememberedWays();

  constructor(options: PacketPathOptions) {
    this.#options = options;
  }

  /** Read without a turn: whole, but it may be between two changes of another process. */
  get plane(): BpfPlane | undefined {
    return this.#opened?.plane;
  }

  /** The ways to servers, looked up once in a turn. */
  get waysTo(): WaysTo {
    return this.#waysTo;
  }

  /** At the end of the last turn. */
  get held(): ActualState {
    return this.#held;
  }

  /** `anew`: read from the kernel whoever wrote. The packet path is made where there is none. */
  async turn<T>(work: (turn: PlaneTurn) => T | Promise<T>, { anew = false } = {}): Promise<T> {
    return await withPacketPathLock(async () => {
      this.#waysTo = rememberedWays();
      const known = this.#opened !== undefined;
      const stale = anew || this.#opened === undefined || packetPathStamp() !== this.#opened.stamp;
      const before = known && stale ? this.#held : undefined;
      const { plane } = stale ? this.#open() : (this.#opened ?? this.#open());
      if (stale) this.#held = plane.read();
      try {
        return await work({ plane, held: this.#held, before, waysTo: this.#waysTo });
      } finally {
        // It may have been closed by a teardown.
        if (this.#opened?.plane === plane) this.#held = plane.read();
      }
    });
  }

  /** Takes the packet path away, with the lock held by the caller's turn. */
  remove(): void {
    stampPacketPath();
    this.close();
    PacketPath.remove();
  }

  /** What is pinned stays and goes on forwarding. */
  close(): void {
    this.#opened?.path.close();
    this.#opened = undefined;
  }

  #open(): Opened {
    this.close();
    let path = PacketPath.open();
    if (path === undefined) {
      stampPacketPath();
      removeStalePins();
      path = PacketPath.create(this.#options);
    }
    const plane = new BpfPlane(path, { waysTo: (servers) => this.#waysTo(servers) });
    this.#opened = { path, plane, stamp: packetPathStamp() };
    return this.#opened;
  }
}
