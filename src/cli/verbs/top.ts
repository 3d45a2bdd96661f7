/** `evenkeel top`: what the director's services do now, drawn anew every second. */

import { type Command, InvalidArgumentError, Option } from "commander";
import { isForPrograms, type OutputFlags, outputOption, printAs } from "../output.ts";
import { parseDuration } from "../time-words.ts";

const TEXT = {
  verb: "a live table: rates, connections and states; q ends it",
  every: "how often it is drawn (200ms to 1h)",
  once: "one frame, as when the output is no terminal",
  badEvery: "it must be between 200ms and 1h",
  examples: `
Examples:
  evenkeel top
  evenkeel top --every 5s
  evenkeel top --once | head
  evenkeel top -o json

Keys: q, Ctrl-C end it; space draws at once. The busiest service stands first. Rates are averages of the last seconds.
-o json and -o yaml are one frame.
Exit codes: 0 ended, 4 no director`,
};

const EVERY_MS = { least: 200, most: 3_600_000 } as const;

interface Flags extends OutputFlags {
  readonly every: number;
  readonly once?: true;
}

export function register(program: Command): void {
  program
    .command("top")
    .description(TEXT.verb)
    .addOption(new Option("--every <duration>", TEXT.every).argParser(parseEvery).default(1000, "1s"))
    .option("--once", TEXT.once)
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

function parseEvery(text: string): number {
  const ms = parseDuration(text);
  if (ms < EVERY_MS.least || ms > EVERY_MS.most) throw new InvalidArgumentError(TEXT.badEvery);
  return ms;
}

async function run({ every, once, output }: Flags): Promise<void> {
  const [{ director }, { frame }] = await Promise.all([import("../director-access.ts"), import("../top/frame.ts")]);
  const client = director();
  const scene = async () => {
    const [status, services] = await Promise.all([client.status(), client.services()]);
    return { status, services, nowMs: Date.now() };
  };
  if (once || isForPrograms(output) || !process.stdout.isTTY) {
    const seen = await scene();
    await printAs(output, seen, () => frame(seen));
    return;
  }
  const { liveScreen } = await import("../top/screen.ts");
  await liveScreen(async (size) => frame(await scene(), size), every);
}
