/** `evenkeel reload`: the director reads its file again, as at SIGHUP; here what is wrong with it is seen by whoever asks. */

import type { Command } from "commander";
import { type OutputFlags, outputOption, printAs } from "../output.ts";

const TEXT = {
  verb: "have the director read its configuration file again",
  reason: "why, for the journal",
  done: (id: number, file: string) => `this is configuration ${id}, of ${file}`,
  examples: `
Examples:
  evenkeel reload
  systemctl reload evenkeel      # the same; complaints go to the journal

A file that is wrong changes nothing. Exit codes: 0 done, 3 the file is wrong, 4 no director`,
};

export function register(program: Command): void {
  program
    .command("reload")
    .description(TEXT.verb)
    .option("--reason <text>", TEXT.reason)
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run({ reason, output }: OutputFlags & { readonly reason?: string }): Promise<void> {
  const [{ director }, { planText, printWarnings }] = await Promise.all([import("../director-access.ts"), import("../plan/text.ts")]);
  const applied = await director().reload(reason);
  if (output === "table" || output === "wide") printWarnings(applied.plan);
  await printAs(output, applied, () => `${planText(applied.plan)}\n${TEXT.done(applied.version.id, applied.version.file)}`);
}
