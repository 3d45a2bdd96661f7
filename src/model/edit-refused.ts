/** What edits by hand answer: all that was asked for was done, or which edit was not possible, and why. */

import type { EvenkeelError } from "./error.ts";

export interface EditOptions {
  /** What is not possible is passed over and told; else it is thrown, and nothing is changed. */
  readonly keepGoing?: boolean;
  /** The services become what the edits make of none: what is so already is not touched, and others go. */
  readonly replace?: boolean;
  /** Only whether it is possible. */
  readonly judgeOnly?: boolean;
}

export interface Edited {
  readonly refused: readonly Refusal[];
  /** Interfaces that packets cannot be taken from, and rules of netfilter's that would mark packets and cannot be taken over; with the reason. */
  readonly warnings: readonly string[];
}

/** What is not possible, by the place of its edit. */
export interface Refusal {
  readonly index: number;
  readonly error: EvenkeelError;
}

/** Of one edit that was not possible: `index` says which. */
export class EditRefused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.error.message, { cause: refusal.error });
    this.refusal = refusal;
  }
}
