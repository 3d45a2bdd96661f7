/** `evenkeel run [FILE]`: the director, in the foreground. */

import { type Command, InvalidArgumentError, Option } from "commander";

const FILE = "/etc/evenkeel/evenkeel.yaml";

const TEXT = {
  verb: "run the director of this network namespace: checks, reconciles, answers; in the foreground",
  file: `the configuration (YAML); ${FILE} when left out`,
  socket: "where it answers; the configuration's api.socket, else below /run/evenkeel",
  state: "where overrides, versions and the journal are kept; else below /var/lib/evenkeel",
  teardown: "take the packet path away at the end, instead of leaving it forwarding",
  connections: "how many connections to hold at once; only when the packet path is made",
  logFormat: "the journal's lines on standard error: text, json, or none; text on a terminal and under systemd",
  badCount: "it must be a whole number above 0",
  examples: `
Examples:
  evenkeel run evenkeel.yaml
  systemctl start evenkeel                     packaging/evenkeel.service runs it so
  ip netns exec director evenkeel run --teardown evenkeel.yaml

Signals: HUP reads the file again (a file that is wrong changes nothing), TERM and INT end it and leave the packet path forwarding; a second
one ends it at once. It gives up every capability that it does not need; evenkeel status -o wide lists what is left. docs/director.md tells the rest.
Exit codes: 0 ended by a signal, 1 failed, 2 usage, 3 the file is wrong, 5 not permitted`,
};

export interface RunFlags {
  readonly socket?: string;
  readonly state?: string;
  readonly teardown?: true;
  readonly connections?: number;
  readonly logFormat?: "text" | "json" | "none";
}

export function register(program: Command): void {
  program
    .command("run")
    .description(TEXT.verb)
    .argument("[file]", TEXT.file, FILE)
    .option("--socket <path>", TEXT.socket)
    .option("--state <directory>", TEXT.state)
    .option("--teardown", TEXT.teardown)
    .addOption(new Option("--connections <number>", TEXT.connections).argParser(parseCount))
    .addOption(new Option("--log-format <form>", TEXT.logFormat).choices(["text", "json", "none"]))
    .addHelpText("after", TEXT.examples)
    .action(run);
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError(TEXT.badCount);
  return count;
}

async function run(file: string, flags: RunFlags): Promise<void> {
  // Before anything else is loaded: it may begin this process anew.
  const { keepNeededCapabilities } = await import("../run/capabilities.ts");
  const start = keepNeededCapabilities([file]);
  const { runDirector } = await import("../run/director-process.ts");
  try {
    await runDirector(file, flags, start);
    process.exit(0);
  } catch (error) {
    // Whatever is still open: the end has its time, and no more.
    process.exit((await import("../report.ts")).reportError(error));
  }
}
