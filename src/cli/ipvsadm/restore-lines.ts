/**
 * What `-R` reads, cut into lines and words as the real one cuts it: by blanks, without quotes, escapes or comments. A line may begin with
 * "ipvsadm", which is passed over wherever it stands; a line without words is none.
 */

export interface RestoreLine {
  /** From 1, as an editor counts. */
  readonly number: number;
  readonly words: readonly string[];
}

/** A longer word goes on as the next one. */
const WORD_MAX = 4096;

export function* restoreLines(text: string): Generator<RestoreLine> {
  let number = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    number++;
    const words = wordsOf(text.slice(start, end));
    if (words.length > 0) yield { number, words };
    start = end + 1;
  }
}

function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const run of line.split(/[ \t\r]+/)) {
    for (let start = 0; start < run.length; start += WORD_MAX) {
      const word = untilNul(run.slice(start, start + WORD_MAX));
      if (word !== "ipvsadm") words.push(word);
    }
  }
  return words;
}

/** C's strings end there. */
function untilNul(word: string): string {
  const nul = word.indexOf("\0");
  return nul < 0 ? word : word.slice(0, nul);
}
