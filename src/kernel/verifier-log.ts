/** Of a verifier's log, which may run to hundreds of thousands of lines, the ones that say what was wrong. */

const LINES_KEPT = 30;
/** Statistics that close every log, refused or not. */
const NOISE = /^(processed \d+ insns|verification time|stack depth|insns processed|mark_precise: |parent (didn't|already)|last_idx|regs=)/;

/** The last lines that are not statistics; the verdict is the last of them. */
export function tellingLines(log: string, linesKept = LINES_KEPT): string {
  const lines = log.split("\n").map((line) => line.trimEnd());
  const telling = lines.filter((line) => line !== "" && !NOISE.test(line));
  const left = telling.length - linesKept;
  return [...(left > 0 ? [`... (${left} lines before)`] : []), ...telling.slice(-linesKept)].join("\n");
}
