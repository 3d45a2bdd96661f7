/**
 * Keeps the packet path open between changes. Each turn happens under the lock that all writers take; where another process has written since the last
 * one, or when all is to be compared, the plane is opened anew, what it holds is read from the kernel, and what others have made of it is noticed
 * before anything else happens. A turn that only looks leaves that to the next one.
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
  /** The ways to servers, looked up once in a turn. */
  readonly waysTo: WaysTo;
  /** A change failed halfway: the next turn reads anew, and takes nothing that it finds for somebody else's doing. */
  readonly distrust: () => void;
}

interface Opened {
  readonly path: PacketPath;
  readonly plane: BpfPlane;
  readonly stamp: string | undefined;
  /** Which packet path it is: one that was made anew has another. */
  readonly identity: string;
}

/** What others have done to it. */
interface Notice {
  /** What was held at the end of the last turn, and what is held now, which may be something else. */
  readonly read: (before: ActualState, held: ActualState) => void;
  /** It was taken away, and made anew by this turn or by somebody else: what is missing now nobody has deleted. */
  readonly lost: () => void;
}

interface TurnOptions {
  /** Read from the kernel whoever wrote. */
  readonly anew?: boolean;
  /** Nothing is written. */
  readonly look?: boolean;
}

const NOTHING: ActualState = { services: [], attachments: [] };

export class PlaneKeeper {
  readonly #options: PacketPathOptions;
  #opened: Opened | undefined;
  #held = NOTHING;
  #waysTo = rememberedWays();
  /** Somebody who only looked has seen it; what others did is still to be noticed. */
  #unnoticed = false;
  #distrusted = false;
  #identity: string | undefined;
  #notice: Notice = { read: () => undefined, lost: () => undefined };

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

  /** Somebody has written since it was opened, or is about to. Without a turn. */
  get othersWrote(): boolean {
    return this.#opened !== undefined && packetPathStamp() !== this.#opened.stamp;
  }

  /** At the end of the last turn. */
  get held(): ActualState {
    return this.#held;
  }

  /** Who is told of what others did. */
  noticing(notice: Notice): void {
    this.#notice = notice;
  }

  /** The packet path is made where there is none. */
  async turn<T>(work: (turn: PlaneTurn) => T | Promise<T>, { anew = false, look = false }: TurnOptions = {}): Promise<T> {
    return await withPacketPathLock(async () => {
      this.#waysTo = rememberedWays();
      const known = this.#opened !== undefined && !this.#distrusted;
      const stale = anew || this.#distrusted || this.#unnoticed || this.#opened === undefined || packetPathStamp() !== this.#opened.stamp;
      const before = this.#held;
      const { plane, identity } = stale ? this.#open() : (this.#opened ?? this.#open());
      const held = stale ? plane.read() : before;
      const distrust = (): void => {
        this.#distrusted = true;
      };
      const turn = { plane, held, waysTo: this.#waysTo, distrust };
      if (look) {
        this.#unnoticed = stale;
        return await work(turn);
      }
      this.#unnoticed = false;
      this.#distrusted = false;
      this.#held = held;
      const lost = this.#identity !== undefined && this.#identity !== identity;
      this.#identity = identity;
      if (lost) {
        // Whoever made it may have listened everywhere, as ipvsadm does; here the configuration says where.
        plane.everyInterface = false;
        this.#notice.lost();
      } else if (stale && known) this.#notice.read(before, held);
      try {
        return await work(turn);
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
    this.#opened = { path, plane, stamp: packetPathStamp(), identity: path.settings().hashSeed.join(" ") };
    return this.#opened;
  }
}
