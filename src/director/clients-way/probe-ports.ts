/**
 * Which port a check on the clients' way comes from. Each in its turn, so that one that was closed rests as long as can be: a server may
 * still speak to it, and the kernel holds a closed TCP connection's two ends together for a minute (TIME_WAIT).
 */

/** Net's TCP_TIMEWAIT_LEN, and a second. */
const REST_MS = 61_000;

export class ProbePorts {
  readonly #count: number;
  readonly #busy = new Set<number>();
  /** Since when they rest, in that order, by what they spoke to. */
  readonly #resting = new Map<string, Map<number, number>>();
  /** Somebody else has them, until then. */
  readonly #foreign = new Map<number, number>();
  #next = 0;

  constructor(count: number) {
    this.#count = count;
  }

  get busy(): number {
    return this.#busy.size;
  }

  /** For a conversation with `peer`; undefined: all are busy, or rest from that one. */
  take(peer: string, nowMs: number): number | undefined {
    const resting = this.#restingFrom(peer, nowMs);
    for (let i = 0; i < this.#count; i++) {
      const port = (this.#next + i) % this.#count;
      if (this.#busy.has(port) || resting.has(port) || this.#isForeign(port, nowMs)) continue;
      this.#next = (port + 1) % this.#count;
      this.#busy.add(port);
      return port;
    }
    return undefined;
  }

  release(port: number, peer: string, nowMs: number): void {
    this.#busy.delete(port);
    const resting = this.#restingFrom(peer, nowMs);
    // Behind the others again.
    resting.delete(port);
    this.#resting.set(peer, resting.set(port, nowMs));
  }

  /** It is in use by somebody else on this host: not to be tried again for a while. */
  leave(port: number, nowMs: number): void {
    this.#foreign.set(port, nowMs + REST_MS);
  }

  /** What has rested long enough is remembered no longer; from time to time. */
  tidy(nowMs: number): void {
    for (const peer of this.#resting.keys()) if (this.#restingFrom(peer, nowMs).size === 0) this.#resting.delete(peer);
  }

  #restingFrom(peer: string, nowMs: number): Map<number, number> {
    const resting = this.#resting.get(peer) ?? new Map<number, number>();
    for (const [port, sinceMs] of resting) {
      if (nowMs - sinceMs < REST_MS) break;
      resting.delete(port);
    }
    return resting;
  }

  #isForeign(port: number, nowMs: number): boolean {
    const untilMs = this.#foreign.get(port);
    if (untilMs === undefined) return false;
    if (nowMs < untilMs) return true;
    this.#foreign.delete(port);
    return false;
  }
}
