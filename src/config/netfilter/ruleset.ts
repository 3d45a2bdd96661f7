/** Netfilter's rules as far as they give marks, whichever tool printed them. */

import { common, EVERY_PACKET, type Packets } from "./packets.ts";

/** What is done to a packet for which a rule holds. */
export type Deed =
  /** The bits of the mask are cleared, those of the value turned over (net/netfilter/xt_mark.c, mark_tg()). */
  | { readonly kind: "mark"; readonly value: number; readonly mask: number }
  | { readonly kind: "jump" | "goto"; readonly chain: string }
  | { readonly kind: "accept" | "drop" | "return" }
  /** It may give any mark. */
  | { readonly kind: "unknown"; readonly what: string };

/** The mark that a packet has by then. */
export interface MarkCondition {
  readonly value: number;
  readonly mask: number;
  readonly not: boolean;
}

/** It holds for packets of one of `packets` and of none of `except`, if all of `marked` hold. */
export interface Rule {
  readonly text: string;
  readonly packets: readonly Packets[];
  readonly except: readonly Packets[];
  readonly marked: readonly MarkCondition[];
  /** Something more that has to hold, and that the packet path cannot tell. */
  readonly obstacle?: string;
  readonly deeds: readonly Deed[];
}

/** Where a packet enters; those of a hook are asked by priority, and those of prerouting before those of input. */
export interface BaseChain {
  readonly chain: string;
  readonly hook: "prerouting" | "input";
  readonly priority: number;
  readonly packets: Packets;
  readonly policy: "accept" | "drop";
}

export interface Ruleset {
  readonly bases: readonly BaseChain[];
  /** By names that no other table's chains have. */
  readonly chains: ReadonlyMap<string, readonly Rule[]>;
}

export const ALL_BITS = 0xffff_ffff;
const COMBINATIONS_MAX = 1024;

/** A rule while it is read, match by match. */
export class RuleDraft {
  readonly #text: string;
  #packets: readonly Packets[] = [EVERY_PACKET];
  readonly #except: Packets[] = [];
  readonly #marked: MarkCondition[] = [];
  readonly #obstacles: string[] = [];
  readonly #deeds: Deed[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  /** Another that goes on from here. */
  branch(): RuleDraft {
    const branch = new RuleDraft(this.#text);
    branch.#packets = this.#packets;
    branch.#except.push(...this.#except);
    branch.#marked.push(...this.#marked);
    branch.#obstacles.push(...this.#obstacles);
    branch.#deeds.push(...this.#deeds);
    return branch;
  }

  get acts(): boolean {
    return this.#deeds.length > 0;
  }

  /** It is about these alone, or about all but these. */
  only(packets: readonly Packets[], not = false): void {
    if (not) {
      this.#except.push(...packets);
      return;
    }
    if (this.#packets.length * packets.length > COMBINATIONS_MAX) {
      this.obstacle("too many combinations");
      return;
    }
    this.#packets = this.#packets.flatMap((one) => packets.flatMap((other) => common(one, other) ?? []));
  }

  /** What is true, or not, of every packet that may begin a connection: only those are asked for their mark. */
  constant(truth: boolean, not = false): void {
    if (truth === not) this.only([]);
  }

  marked(condition: MarkCondition): void {
    this.#marked.push(condition);
  }

  obstacle(what: string): void {
    if (!this.#obstacles.includes(what)) this.#obstacles.push(what);
  }

  act(deed: Deed): void {
    if (deed.kind === "unknown") this.obstacle(deed.what);
    this.#deeds.push(deed);
  }

  done(): Rule {
    return {
      text: this.#text,
      packets: this.#packets,
      except: this.#except,
      marked: this.#marked,
      ...(this.#obstacles.length === 0 ? {} : { obstacle: this.#obstacles.join(", ") }),
      deeds: this.#deeds,
    };
  }
}

/** A number as C's strtoul() takes it with base 0, of 32 bits. */
export function readNumber(text: string): number | undefined {
  const number = /^0x[0-9a-f]{1,8}$/i.test(text)
    ? Number(text)
    : /^0[0-7]{1,11}$/.test(text)
      ? Number.parseInt(text, 8)
      : /^(0|[1-9]\d{0,9})$/.test(text)
        ? Number(text)
        : Number.NaN;
  return number <= ALL_BITS ? number : undefined;
}

/** "0x1" or "0x1/0xff". */
export function readMasked(text: string): { readonly value: number; readonly mask?: number } | undefined {
  const [value, mask] = text.split("/").map(readNumber);
  if (value === undefined) return undefined;
  if (!text.includes("/")) return { value };
  return mask === undefined ? undefined : { value, mask };
}
