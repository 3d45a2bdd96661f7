/** `evenkeel undo [ID]`: back to an earlier configuration. */

import { type Command, InvalidArgumentError } from "commander";
import { type OutputFlags, outputOption, printAs } from "../output.ts";

const TEXT = {
  verb: "go back to the configuration before the present one, or to a given one",
  id: "its number, as evenkeel history lists it",
  badId: "it must be a configuration's number, as evenkeel history lists it",
  reason: "why, for the journal",
  done: (id: number, file: string) => `this is configuration ${id}, of ${file}`,
  examples: `
Examples:
  evenkeel undo
  evenkeel undo 12
  evenkeel undo --reason "the new servers answer slowly"

The configuration comes back as a new version, so that an undo can be undone. The file on disk stays as it is: the next reload reads it again.
Exit codes: 0 done, 1 failed (nothing was changed), 4 no director`,
};

interface Flags extends OutputFlags {
  readonly reason?: string;
}

export function register(program: Command): void {
  program
    .command("undo")
    .description(TEXT.verb)
    .argument("[id]", TEXT.id, parseId)
    .option("--reason <text>", TEXT.reason)
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

export function parseId(text: string): number {
  const id = Number(text);
  if (!Number.isInteger(id) || id < 1) throw new InvalidArgumentError(TEXT.badId);
  return id;
}

async function run(id: number | undefined, { reason, output }: Flags): Promise<void> {
  const [{ director }, { planText, printWarnings }] = await Promise.all([import("../director-access.ts"), import("../plan/text.ts")]);
  const applied = await director().undo(id, reason);
  if (output === "table" || output === "wide") printWarnings(applied.plan);
  await printAs(output, applied, () => `${planText(applied.plan)}\n${TEXT.done(applied.version.id, applied.version.file)}`);
}
