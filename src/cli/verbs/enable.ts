/** `evenkeel enable SERVER`: what disable took away. */

import type { Command } from "commander";
import { endOverride, type MeantFlags, serverVerb } from "../director/servers-meant.ts";

const TEXT = {
  verb: "take a server back in after disable, as its checks say",
  examples: `
Examples:
  evenkeel enable 10.0.0.11

Exit codes: 0 done, 1 no such server, or it is not disabled, 4 no director`,
};

export function register(program: Command): void {
  serverVerb(program, "enable", TEXT.verb).addHelpText("after", TEXT.examples).action(run);
}

async function run(server: string, flags: MeantFlags): Promise<void> {
  await endOverride(server, "disable", flags);
}
