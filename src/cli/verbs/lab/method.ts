/** `evenkeel lab method` */

import { styleText } from "node:util";
import { Argument, type Command } from "commander";
import { FORWARDING_METHODS, type ForwardingMethod } from "../../../model/service.ts";
import { type NameOption, nameOption } from "./options.ts";

const TEXT = {
  description: "switch director and real servers to another forwarding method",
  examples: `
Examples:
  evenkeel lab method dr
  evenkeel lab method tun --name other`,
  done: (name: string, method: string) => `lab "${name}" forwards by ${method.toUpperCase()}`,
};

export function addMethod(lab: Command): void {
  lab
    .command("method")
    .description(TEXT.description)
    .addArgument(new Argument("<method>", "the way packets take").choices(FORWARDING_METHODS))
    .addOption(nameOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(method: ForwardingMethod, { name }: NameOption): Promise<void> {
  const { setMethod } = await import("../../../lab/lab.ts");
  await setMethod(name, method);
  process.stdout.write(`${styleText("green", TEXT.done(name, method))}\n`);
}
