/** `evenkeel lab exec`: a command inside a node, as if one sat there; its exit code is ours. */

import { constants } from "node:os";
import type { Command } from "commander";
import { EvenkeelError } from "../../../model/error.ts";
import { type NameOption, nameOption } from "./options.ts";

const TEXT = {
  description: "run a command on a node: client, router, director, switch, rs1, …",
  noCommand: "no command is given",
  noCommandCure: (node: string) => `evenkeel lab exec ${node} -- ip addr`,
  examples: `
Examples:
  evenkeel lab exec client -- curl -s http://203.0.113.80/
  evenkeel lab exec rs1 -- ip addr
  evenkeel lab exec director -- evenkeel status
  evenkeel lab exec router -- bash                        a shell there`,
};

export function addExec(lab: Command): void {
  lab
    .command("exec")
    .description(TEXT.description)
    .argument("<node>", "where")
    .argument("<command...>", "what, after --")
    .addOption(nameOption())
    .passThroughOptions()
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(node: string, words: string[], { name }: NameOption): Promise<void> {
  // With pass-through options the "--" comes through as well.
  const command = words[0] === "--" ? words.slice(1) : words;
  if (command.length === 0) throw new EvenkeelError("BAD_ARGUMENT", TEXT.noCommand, { cure: TEXT.noCommandCure(node) });
  const { openNode } = await import("../../../lab/lab.ts");
  const { cannotRun, spawnInside } = await import("../../../lab/commands.ts");
  const child = spawnInside(name, openNode(name, node), command, { stdio: "inherit" });
  // The terminal sends Ctrl-C to both; what it means is the command's affair.
  const ignore = () => undefined;
  process.on("SIGINT", ignore);
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once("error", (error) => reject(cannotRun("nsenter", error)));
    child.once("close", (status, signal) => resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  process.off("SIGINT", ignore);
}
