/** `evenkeel lab down` */

import { type Command, Option } from "commander";
import { type NameOption, nameOption, wholeNumber } from "./options.ts";

const TEXT = {
  description: "remove a lab and all that belongs to it, also what a crash left",
  examples: `
Examples:
  evenkeel lab down
  evenkeel lab down --name other
  evenkeel lab down --all`,
  nothing: "no lab, nothing to remove",
  gone: (name: string, namespaces: number, processes: number) => `lab "${name}" is gone: ${namespaces} namespaces, ${processes} processes`,
};

export function addDown(lab: Command): void {
  lab
    .command("down")
    .description(TEXT.description)
    .addOption(nameOption())
    .option("--all", "every lab of this machine")
    .addOption(new Option("--wait <seconds>", "for a command that is just changing the lab").argParser(wholeNumber(0, 600)).default(0))
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run({ name, all, wait }: NameOption & { all?: true; wait: number }): Promise<void> {
  const { down } = await import("../../../lab/lab.ts");
  const { labNames } = await import("../../../lab/state.ts");
  const present = labNames();
  const names = all ? present : [name];
  if (names.length === 0) process.stdout.write(`${TEXT.nothing}\n`);
  for (const one of names) {
    const { namespaces, processes } = await down(one, { waitMs: wait * 1000 });
    process.stdout.write(`${present.includes(one) ? TEXT.gone(one, namespaces.length, processes) : TEXT.nothing}\n`);
  }
}
