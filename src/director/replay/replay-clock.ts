/**
 * Time under replay: it passes only when it is told to. The packet path counts kernel ticks, so instead of the clock the stamps in the
 * connection table are moved: back, to let time pass; ahead, as far as the kernel's clock went on by itself meanwhile.
 */

import { jiffiesPerSecond } from "../../kernel/clock.ts";
import type { MappedArray } from "../../kernel/mapped-array.ts";
import { connectionCodec, Life, Limits } from "../../wire/abi.ts";
import type { PacketPath } from "../packet-path.ts";

const SLOT_WORDS = connectionCodec.size / 4;
const LIFE_WORD = connectionCodec.offsets.life / 4;
const EXPIRES_WORD = LIFE_WORD + 1;
/** A template's own time, in ticks. */
const LINGER_WORD = connectionCodec.offsets.parent / 4;
const TEMPLATE_BITS = Life.PHASE_MASK | Life.TEMPLATE;
const TEMPLATE_LIVES = Life.LIVE | Life.TEMPLATE;

/**
 * An entry is over when it has no more than this left. A stamp is rounded up to ticks, by up to two; and a packet stamps with the kernel's
 * clock, which may have gone on unseen since we held it. Recordings and courses ask no question within a second of an answer's change.
 */
const UNCERTAIN_MS = 850;
/** Longer at once, and things would expire out of order. */
const STEP_MS = 1000;
/** How far the kernel's clock may run on unseen. */
const UNSEEN_MS = 5;
/** lblc and lblcr look at minutes; to rewrite their map for less would cost more than it tells. */
const LOCALITY_TICKS_MIN = 64;

export class ReplayClock {
  readonly #path: PacketPath;
  readonly #words: Uint32Array;
  readonly #ticksPerMs = jiffiesPerSecond() / 1000 / 2 ** Limits.TICK_SHIFT;
  readonly #uncertainTicks = Math.floor(UNCERTAIN_MS * this.#ticksPerMs);
  /** The kernel's tick that is our time 0. */
  #zero: number;
  /** The kernel's tick when it was last held. */
  #stoppedTick: number;
  #nowMs = 0;
  #seenMs: number;
  /** By how much the stamps of localities are behind. */
  #localityTicks = 0;

  /** `connections`: the table, mapped into memory; empty. */
  constructor(path: PacketPath, connections: MappedArray<unknown>) {
    this.#path = path;
    const { buffer, byteOffset, byteLength } = connections.view;
    this.#words = new Uint32Array(buffer, byteOffset, byteLength / 4);
    this.#zero = path.nowTicks();
    this.#stoppedTick = this.#zero;
    this.#seenMs = performance.now();
  }

  /** Lets time pass up to this moment, in steps, and what is over by then expire. */
  advance(toMs: number): void {
    this.#stop();
    while (this.#nowMs < toMs) {
      this.#nowMs = Math.min(toMs, this.#nowMs + STEP_MS);
      this.#stop();
      const { live } = this.#sweep();
      // Nothing that could expire out of order.
      if (live === 0) this.#nowMs = toMs;
    }
    this.#stop();
  }

  /** Takes back what the kernel's clock went on since it was looked at, if that may be a tick. To be called before each packet. */
  hold(): void {
    if (performance.now() - this.#seenMs > UNSEEN_MS) this.#stop();
  }

  /** Frees what is over, or so nearly that it may be. */
  #sweep(): { readonly live: number } {
    this.#move(-this.#uncertainTicks);
    const due = this.#dueTemplates();
    // Connections before the templates that led them, where both are over at one time: so IPVS's timers run.
    if (due.length > 0) {
      this.#postpone(due, STEP_MS * this.#ticksPerMs);
      this.#path.sweep();
      this.#postpone(due, -STEP_MS * this.#ticksPerMs);
    }
    const swept = this.#path.sweep();
    this.#move(this.#uncertainTicks);
    // A template that leads connections got another minute: from our now on, not from when the kernel came to it.
    const words = this.#words;
    for (const at of due) words[at + EXPIRES_WORD] = this.#stoppedTick + (words[at + LINGER_WORD] ?? 0);
    return swept;
  }

  #postpone(entries: readonly number[], ticks: number): void {
    for (const at of entries) this.#words[at + EXPIRES_WORD] = (this.#words[at + EXPIRES_WORD] ?? 0) + Math.trunc(ticks);
  }

  #dueTemplates(): number[] {
    const words = this.#words;
    const due: number[] = [];
    for (let at = 0; at < words.length; at += SLOT_WORDS) {
      if (((words[at + LIFE_WORD] ?? 0) & TEMPLATE_BITS) !== TEMPLATE_LIVES) continue;
      if ((((words[at + EXPIRES_WORD] ?? 0) - this.#stoppedTick) | 0) <= 0) due.push(at);
    }
    return due;
  }

  /** Moves the stamps by as much as the kernel's clock differs from ours. */
  #stop(): void {
    this.#seenMs = performance.now();
    const is = this.#path.nowTicks();
    const shouldBe = this.#zero + Math.floor(this.#nowMs * this.#ticksPerMs);
    this.#zero += is - shouldBe;
    this.#stoppedTick = is;
    this.#move(is - shouldBe);
  }

  /** Positive: every entry has so many ticks more. */
  #move(ticks: number): void {
    if (ticks === 0) return;
    const words = this.#words;
    for (let at = 0; at < words.length; at += SLOT_WORDS) {
      // Only the stamp's half of the life word is written, so that the packet path may change the other one at the same time.
      if (((words[at + LIFE_WORD] ?? 0) & Life.PHASE_MASK) === Life.LIVE)
        words[at + EXPIRES_WORD] = (words[at + EXPIRES_WORD] ?? 0) + ticks;
    }
    this.#localityTicks += ticks;
    if (Math.abs(this.#localityTicks) >= LOCALITY_TICKS_MIN) this.#moveLocalities();
  }

  #moveLocalities(): void {
    const { localities } = this.#path.maps;
    const later = (stamp: number) => (stamp + this.#localityTicks) >>> 0;
    const all = Array.from(localities.entries());
    for (const [key, locality] of all) {
      localities.update(key, { ...locality, lastUse: later(locality.lastUse), lastChange: later(locality.lastChange) });
    }
    this.#localityTicks = 0;
  }
}
