/**
 * What `-R` reads, cut into lines and words as the real one cuts it: by blanks, without quotes, escapes or comments. A line may begin with
 * "ipvsadm", which is passed over wherever it stands; a line without words is none.
 */

export interface RestoreLine {
  /** From 1, as an editor counts. */
  readonly number: number;
  readonly words: readonly string[];
}

export interface RestoreOptions {
  /** A line that begins with # is none, as for the script ipvsadm-restore, which Debian's /etc/ipvsadm.rules is read by. */
  readonly comments?: boolean;
}

/** A longer word goes on as the next one. */
const WORD_MAX = 4096;

export function* restoreLines(text: string, { comments = false }: RestoreOptions = {}): Generator<RestoreLine> {
  let number = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    number++;
    const words = comments && text[start] === "#" ? [] : wordsOf(text.slice(start, end));
    if (words.length > 0) yield { number, words: asMeant(words) };
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

const FLAGS_OPTION = "-b";
const THIRD_FLAG = "flag-3";
const MARK_OPTION = "-f";

/**
 * Two things that -S writes, the real one too, and that the real one cannot read: a mark of 2^31 and above, as a negative number; and no name
 * for the third flag of sh and mh.
 */
function asMeant(words: readonly string[]): readonly string[] {
  const mark = words[2] ?? "";
  const isCut = words[1] === MARK_OPTION && /^-[1-9]\d{0,9}$/.test(mark) && Number(mark) >= -(2 ** 31);
  const meant = isCut ? words.with(2, `${Number(mark) >>> 0}`) : words;
  return words.at(-1) === FLAGS_OPTION ? [...meant, THIRD_FLAG] : meant;
}
