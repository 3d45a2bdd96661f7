/** `evenkeel confirm`: keeps the configuration that was applied with --confirm. */

import type { Command } from "commander";
import { type OutputFlags, outputOption, printAs } from "../output.ts";

const TEXT = {
  verb: "keep the configuration that apply --confirm has put to the test",
  reason: "why, for the journal",
  done: (id: number) => `configuration ${id} is confirmed`,
  examples: `
Examples:
  evenkeel apply --confirm 60s evenkeel.yaml
  evenkeel confirm

Exit codes: 0 confirmed, 1 nothing waits for it, 4 no director`,
};

export function register(program: Command): void {
  program
    .command("confirm")
    .description(TEXT.verb)
    .option("--reason <text>", TEXT.reason)
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run({ reason, output }: OutputFlags & { readonly reason?: string }): Promise<void> {
  const { director } = await import("../director-access.ts");
  const version = await director().confirm(reason);
  await printAs(output, version, () => TEXT.done(version.id));
}
