/** A terminal whose whole screen is drawn anew at an interval, until q, Ctrl-C or a signal; left as it was found. */

import type { Size } from "./frame.ts";

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const TO_LINE_END = "\u001b[K";
const TO_SCREEN_END = "\u001b[J";
/** Ctrl-C, which does not come as a signal while the terminal is raw. */
const INTERRUPT = "\u0003";
const ROWS = 24;
const COLUMNS = 80;

/** Throws what `draw` throws, with the terminal as it was. */
export async function liveScreen(draw: (size: Size) => Promise<string>, everyMs: number): Promise<void> {
  const { stdin, stdout } = process;
  const end = new AbortController();
  let wake = (): void => undefined;
  const stop = (): void => {
    end.abort();
    wake();
  };
  const onKeys = (keys: string): void => {
    if (keys.includes("q") || keys.includes("Q") || keys.includes(INTERRUPT)) stop();
    else wake();
  };
  const onResize = (): void => wake();
  const raw = stdin.isTTY;
  if (raw) stdin.setRawMode(true);
  stdin.setEncoding("utf8").on("data", onKeys).resume();
  stdout.on("resize", onResize);
  process.once("SIGTERM", stop).once("SIGINT", stop).once("SIGHUP", stop);
  stdout.write(ENTER);
  try {
    while (!end.signal.aborted) {
      // A terminal may not know its size.
      const text = await draw({ rows: stdout.rows || ROWS, columns: stdout.columns || COLUMNS });
      stdout.write(`${HOME}${text.replaceAll("\n", `${TO_LINE_END}\n`)}${TO_LINE_END}${TO_SCREEN_END}`);
      if (end.signal.aborted) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, everyMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    stdout.write(LEAVE);
    stdout.off("resize", onResize);
    stdin.off("data", onKeys).pause();
    if (raw) stdin.setRawMode(false);
    process.off("SIGTERM", stop).off("SIGINT", stop).off("SIGHUP", stop);
  }
}
