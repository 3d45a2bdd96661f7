/** Lines of keepalived.conf -> a tree of statements: a keyword, its words, and perhaps a block of statements between braces. */

import { quote } from "../complaint.ts";
import type { ComplainAt, Line } from "./lines.ts";
import { cutLine, type FilePlace, type Word } from "./words.ts";

export interface Statement {
  readonly keyword: string;
  readonly place: FilePlace;
  readonly words: readonly Word[];
  /** undefined: there are no braces. */
  readonly block?: readonly Statement[];
}

const DEPTH_MAX = 16;

const TEXT = {
  unended: "a quote begins here and does not end on this line",
  surplus: "a } too many: no block is open here",
  unclosed: (keyword: string) => `the block of ${quote(keyword)} is not closed: its } is missing`,
  nameless: "a { without a keyword before it",
  deep: `blocks are within each other more than ${DEPTH_MAX} deep`,
};

interface Growing extends Statement {
  block?: Growing[];
}

export function readTree(lines: readonly Line[], complain: ComplainAt): readonly Statement[] {
  const top: Growing[] = [];
  /** The statements whose blocks are open. */
  const open: Growing[] = [];
  const here = (): Growing[] => open.at(-1)?.block ?? top;
  for (const { text, place } of lines) {
    const { tokens, unended } = cutLine(text, place);
    if (unended !== undefined) complain(unended, TEXT.unended);
    let words: Word[] = [];
    let isFirst = true;
    const end = (): Growing | undefined => {
      const [first, ...rest] = words;
      words = [];
      if (first === undefined) return undefined;
      const statement: Growing = { keyword: first.text, place: first.place, words: rest };
      here().push(statement);
      return statement;
    };
    for (const token of tokens) {
      if (token.kind === "word") words.push(token);
      else if (token.kind === "open") {
        // A brace may stand on a line of its own, below its keyword.
        const before = isFirst ? here().at(-1) : undefined;
        const statement = end() ?? (before?.block === undefined ? before : undefined);
        if (statement === undefined) complain(token.place, TEXT.nameless);
        if (open.length >= DEPTH_MAX) {
          complain(token.place, TEXT.deep);
          return top;
        }
        const opened = statement ?? { keyword: "", place: token.place, words: [] };
        opened.block = [];
        open.push(opened);
      } else {
        end();
        if (open.pop() === undefined) complain(token.place, TEXT.surplus);
      }
      isFirst = false;
    }
    end();
  }
  for (const { keyword, place } of open) complain(place, TEXT.unclosed(keyword));
  return top;
}
