/** What became of each statement of a file that was imported: kept as it is, nearly as it is, or not at all; and how that is told. */

import { type Complaint, printable } from "./complaint.ts";

export const FATES = ["exact", "approximated", "dropped"] as const;
export type Fate = (typeof FATES)[number];

export interface ReportEntry {
  readonly fileName: string;
  readonly line: number;
  readonly fate: Fate;
  /** The statement as it stands, in short. */
  readonly statement: string;
  /** What became of it, or why nothing did; may be empty. */
  readonly note: string;
}

export interface Imported {
  /** A configuration as YAML would have it; undefined where the file is too broken to say one. */
  readonly value: Readonly<Record<string, unknown>> | undefined;
  /** Where parts of the value come from. */
  readonly origins: ReadonlyMap<object, string>;
  readonly entries: readonly ReportEntry[];
  /** Why there is no value. */
  readonly mistakes: readonly Complaint[];
  /** What the other program passes over, and its author can hardly have meant. */
  readonly remarks: readonly Complaint[];
}

const WORDS = { exact: "exact", approximated: "approximated", dropped: "not carried" } as const satisfies Record<Fate, string>;
const STATEMENT_MAX = 48;

const TEXT = {
  head: (fileName: string, count: number, parts: string) => `${fileName}: ${count} statements: ${parts}`,
};

/** A line for each, in the order of the file; the first sums them up. */
export function formatReport(fileName: string, { entries }: Pick<Imported, "entries">): string {
  const counts = FATES.map((fate) => `${entries.filter((entry) => entry.fate === fate).length} ${WORDS[fate]}`);
  const rows = merged(entries);
  const where = rows.map((entry) => `${entry.fileName}:${entry.line}`);
  const shown = rows.map(({ statement }) => short(printable(statement)));
  const width = (texts: readonly string[], most: number) =>
    Math.min(
      most,
      texts.reduce((longest, text) => Math.max(longest, text.length), 0),
    );
  const [placeWidth, statementWidth] = [width(where, 60), width(shown, STATEMENT_MAX)];
  const lines = rows.map(({ fate, note }, i) =>
    `${(where[i] ?? "").padEnd(placeWidth)}  ${WORDS[fate].padEnd(12)}  ${(shown[i] ?? "").padEnd(statementWidth)}  ${printable(note)}`.trimEnd(),
  );
  return [TEXT.head(fileName, entries.length, counts.join(", ")), ...lines].map((line) => `${line}\n`).join("");
}

/** A line of a definition says the same each time that it is used. */
function merged(entries: readonly ReportEntry[]): readonly ReportEntry[] {
  const groups = new Map<string, { readonly entry: ReportEntry; times: number }>();
  for (const entry of entries) {
    const key = JSON.stringify([entry.fileName, entry.line, entry.fate, entry.statement, entry.note]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { entry, times: 1 });
    else group.times++;
  }
  return [...groups.values()].map(({ entry, times }) =>
    times === 1 ? entry : { ...entry, note: `${entry.note}${entry.note === "" ? "" : "; "}${times} times` },
  );
}

function short(text: string): string {
  return text.length <= STATEMENT_MAX ? text : `${text.slice(0, STATEMENT_MAX - 3)}...`;
}
