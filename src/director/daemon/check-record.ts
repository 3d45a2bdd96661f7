/** What one check has said: the last, and the last few that were different from the one before. */

import type { Finding } from "../../model/journal.ts";

export type DatedFinding = Finding & { readonly atMs: number };

const HISTORY_MAX = 10;

export class CheckRecord {
  /** What it asks: the same after a reload is the same check. */
  readonly question: string;
  readonly name: string;
  #last: DatedFinding | undefined;
  /** Newest last. */
  readonly #history: { finding: DatedFinding; repeated: number }[] = [];

  constructor(question: string, name: string) {
    this.question = question;
    this.name = name;
  }

  get last(): DatedFinding | undefined {
    return this.#last;
  }

  get history(): readonly (DatedFinding & { readonly repeated: number })[] {
    return this.#history.toReversed().map(({ finding, repeated }) => ({ ...finding, repeated }));
  }

  /** How often it had said the other thing before, if this is news. That a server is well at first is none. */
  heard(finding: Finding, atMs: number): { readonly repeated: number } | undefined {
    const dated = { ...finding, atMs };
    const first = this.#last === undefined;
    this.#last = dated;
    const newest = this.#history.at(-1);
    if (newest !== undefined && sameFinding(newest.finding, finding)) {
      newest.repeated++;
      return undefined;
    }
    this.#history.push({ finding: dated, repeated: 1 });
    if (this.#history.length > HISTORY_MAX) this.#history.shift();
    return first && finding.outcome === "pass" ? undefined : { repeated: newest?.repeated ?? 0 };
  }
}

/** "no connection within 503 ms" says the same as with 501. */
function sameFinding(one: Finding, other: Finding): boolean {
  return one.outcome === other.outcome && one.phase === other.phase && withoutTime(one.reason) === withoutTime(other.reason);
}

function withoutTime(reason = ""): string {
  return reason.replace(/ within \d+ ms$/, "");
}
