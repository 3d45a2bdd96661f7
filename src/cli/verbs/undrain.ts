/** `evenkeel undrain SERVER`: it gets new connections again. */

import type { Command } from "commander";
import { endOverride, type MeantFlags, serverVerb } from "../director/servers-meant.ts";

const TEXT = {
  verb: "end a drain: the server gets new connections again",
  examples: `
Examples:
  evenkeel undrain 10.0.0.11

Exit codes: 0 done, 1 no such server, or it is not draining, 4 no director`,
};

export function register(program: Command): void {
  serverVerb(program, "undrain", TEXT.verb).addHelpText("after", TEXT.examples).action(run);
}

async function run(server: string, flags: MeantFlags): Promise<void> {
  await endOverride(server, "drain", flags);
}
