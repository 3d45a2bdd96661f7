/** `evenkeel selftest schedulers DIR`: replays recordings of the kernel's own IPVS and counts where we decide otherwise. */

import { type Command, Option } from "commander";
import type { Engines } from "../../scheduler/recording/replay-recording.ts";

const TEXT = {
  verb: "compare what this program decides with recordings of the kernel's IPVS",
  schedulers: "replay every recording below a directory",
  directory: "where the recordings are: .json, .json.gz or .json.br, in any folder below",
  engine: "who decides: the reference in TypeScript, or the program in the kernel",
  quiet: "print nothing but differences and the last line",
  file: (file: string, decisions: number, differences: number) => `${file}: ${decisions} decisions, ${differences} differences`,
  difference: (file: string, part: string, event: number, expected: string, chosen: string) =>
    `${file}: ${part}, event ${event}: expected ${expected}, chosen ${chosen}`,
  more: (count: number) => `... and ${count} more differences`,
  bad: (file: string, reason: string) => `${file}: cannot be replayed: ${reason}`,
  passedOver: (file: string) => `${file}: not a recording of schedulers, passed over`,
  total: (decisions: number, differences: number) => `${decisions} decisions, ${differences} differences`,
  nothing: (directory: string) => `no recording of schedulers was found in ${directory}`,
  nothingCure: "name the directory that holds the recordings, such as test/golden",
  examples: `
Examples:
  evenkeel selftest schedulers test/golden
  evenkeel selftest schedulers test/golden/kernel --quiet

The last line is "N decisions, D differences". A recording that is broken counts as a difference.
Exit codes: 0 something was replayed and nothing differs, 1 otherwise`,
};

const DIFFERENCES_PRINTED_MAX = 50;

interface Options {
  readonly engine: "ts" | "bpf";
  readonly quiet?: true;
}

export function register(program: Command): void {
  const selftest = program.command("selftest").description(TEXT.verb);
  selftest
    .command("schedulers")
    .description(TEXT.schedulers)
    .argument("<DIR>", TEXT.directory)
    .addOption(new Option("--engine <engine>", TEXT.engine).choices(["ts", "bpf"]).default("ts"))
    .option("-q, --quiet", TEXT.quiet)
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(directory: string, { engine, quiet }: Options): Promise<void> {
  const { recordingsBelow, readRecording } = await import("../recordings.ts");
  const { referenceEngines, replayRecording } = await import("../../scheduler/recording/replay-recording.ts");

  let decisions = 0;
  let differences = 0;
  const report = (line: string) => {
    differences++;
    if (differences <= DIFFERENCES_PRINTED_MAX) console.log(line);
  };
  const replay = (file: string, engines: Engines) => {
    try {
      const result = replayRecording(readRecording(file), engines);
      if (result === undefined) {
        console.error(TEXT.passedOver(file));
        return;
      }
      decisions += result.decisions;
      for (const { part, event, expected, chosen } of result.differences) report(TEXT.difference(file, part, event, expected, chosen));
      if (!quiet) console.log(TEXT.file(file, result.decisions, result.differences.length));
    } catch (error) {
      if (!(error instanceof Error) || !["BadRecording", "UnreadableRecording"].includes(error.name)) throw error;
      report(TEXT.bad(file, error.message));
    }
  };
  const files = recordingsBelow(directory);
  if (engine === "ts") for (const file of files) replay(file, referenceEngines());
  else {
    const [{ requireBpf }, { withKernelEngines }] = await Promise.all([
      import("../../kernel/capability.ts"),
      import("../../director/replay/kernel-engines.ts"),
    ]);
    requireBpf("replay on the program in the kernel");
    withKernelEngines("selftest", (engines) => {
      for (const file of files) replay(file, engines);
    });
  }
  if (differences > DIFFERENCES_PRINTED_MAX) console.log(TEXT.more(differences - DIFFERENCES_PRINTED_MAX));
  if (decisions === 0 && differences === 0) {
    console.error(`evenkeel: ${TEXT.nothing(directory)}\n  cure: ${TEXT.nothingCure}`);
  }
  console.log(TEXT.total(decisions, differences));
  if (decisions === 0 || differences > 0) process.exitCode = 1;
}
