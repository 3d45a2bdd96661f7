/** The account of an import while it is made: what becomes of each statement, what is wrong, and what its author can hardly have meant. */

import { type Complaint, quote } from "../complaint.ts";
import type { Fate, ReportEntry } from "../import-report.ts";
import { suggest } from "../suggest.ts";
import { type GrammarName, grammarOf, type KeywordRule } from "./keywords.ts";
import type { Statement } from "./tree.ts";
import type { FilePlace } from "./words.ts";

interface Judgement {
  readonly fate: Fate;
  readonly note: string;
}

const TEXT = {
  unknown: (keyword: string, block: string, meant: string | undefined) =>
    `keepalived passes over ${quote(keyword)}, which is no keyword ${block}${meant === undefined ? "" : `; did you mean "${meant}"?`}`,
  unknownNote: (meant: string | undefined) => `unknown keyword${meant === undefined ? "" : `; did you mean "${meant}"?`}`,
  inFile: "of the file",
  inBlock: (keyword: string) => `of ${keyword}`,
  surplus: (keyword: string, words: string) =>
    `keepalived passes over what stands here after ${keyword}: ${words}; give it a line of its own`,
  surplusNote: (words: string) => `passed over: ${words}`,
  noBlock: (keyword: string) => `${keyword} has a block in braces, which keepalived passes over`,
  inUnknown: "in a block that is not known",
};

export class Account {
  readonly mistakes: Complaint[] = [];
  readonly remarks: Complaint[] = [];
  readonly #told = new Set<string>();
  readonly #judgements = new Map<Statement, Judgement>();

  /** The import is not possible: there is no value. */
  mistake = (place: FilePlace, text: string): void => {
    this.#tell(this.mistakes, place, text);
  };

  remark(place: FilePlace, text: string): void {
    this.#tell(this.remarks, place, text);
  }

  /** Once, though it is read for each address of a group. */
  #tell(complaints: Complaint[], place: FilePlace, text: string): void {
    const key = `${place.fileName}:${place.line}:${place.column}: ${text}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    complaints.push({ ...place, path: "", text });
  }

  judge(statement: Statement, fate: Fate, note?: string): void {
    this.#judgements.set(statement, { fate, note: note ?? this.#judgements.get(statement)?.note ?? "" });
  }

  fateOf(statement: Statement): Fate | undefined {
    return this.#judgements.get(statement)?.fate;
  }

  /** It and all in it. */
  drop(statement: Statement, note: string): void {
    this.judge(statement, "dropped", note);
    for (const each of statement.block ?? []) this.drop(each, "");
  }

  /** By the table of keywords; `container` is the statement whose block this is. */
  classify(statements: readonly Statement[], grammarName: GrammarName, container?: Statement): void {
    const grammar = grammarOf(grammarName);
    const isList = grammarName === "list" || grammarName === "virtual_server_group";
    for (const statement of statements) {
      const rule = grammar.get(statement.keyword);
      if (rule !== undefined) this.#classifyKnown(statement, rule);
      else if (isList && statement.block === undefined) {
        const inherited = container === undefined ? undefined : this.fateOf(container);
        this.judge(statement, inherited ?? "exact", "");
      } else this.#unknown(statement, [...grammar.keys()], container);
    }
  }

  /** Every statement that the tree holds, in its order. */
  entries(statements: readonly Statement[]): ReportEntry[] {
    return statements.flatMap((statement) => {
      const { fate, note } = this.#judgements.get(statement) ?? { fate: "dropped", note: "" };
      const { fileName, line } = statement.place;
      const text = [statement.keyword, ...statement.words.map((word) => (word.quoted ? JSON.stringify(word.text) : word.text))].join(" ");
      const entry: ReportEntry = { fileName, line, fate, statement: text, note };
      return [entry, ...this.entries(statement.block ?? [])];
    });
  }

  #classifyKnown(statement: Statement, { fate, note, words, grammar }: KeywordRule): void {
    const { keyword, block } = statement;
    const surplus = statement.words.slice(words);
    const shown = surplus.map(({ text }) => text).join(" ");
    this.judge(statement, fate, surplus.length === 0 ? note : TEXT.surplusNote(shown));
    const [first] = surplus;
    if (first !== undefined) this.remark(first.place, TEXT.surplus(keyword, quote(shown)));
    if (block === undefined) return;
    if (grammar !== undefined) this.classify(block, grammar, statement);
    else {
      this.remark(statement.place, TEXT.noBlock(keyword));
      for (const each of block) this.drop(each, TEXT.inUnknown);
    }
  }

  #unknown(statement: Statement, known: readonly string[], container: Statement | undefined): void {
    const lower = suggest(
      statement.keyword,
      known.map((word) => word.toLowerCase()),
    );
    const meant = known.find((word) => word.toLowerCase() === lower);
    const where = container === undefined ? TEXT.inFile : TEXT.inBlock(container.keyword);
    this.remark(statement.place, TEXT.unknown(statement.keyword, where, meant));
    this.judge(statement, "dropped", TEXT.unknownNote(meant));
    for (const each of statement.block ?? []) this.drop(each, TEXT.inUnknown);
  }
}
