/** `evenkeel disable SERVER`: out of the service at once, until enable. */

import type { Command } from "commander";
import { type MeantFlags, printServers, referenceTo, serverVerb } from "../director/servers-meant.ts";

const TEXT = {
  verb: "take a server out at once, whatever its checks say; they go on",
  examples: `
Examples:
  evenkeel disable 10.0.0.11 --reason "broken disk"
  evenkeel disable 10.0.0.11 --service web

Its connections end as those of a removed server do; evenkeel drain lets them finish. It stays so over reload and restart.
Exit codes: 0 done, 1 no such server, 4 no director`,
};

export function register(program: Command): void {
  serverVerb(program, "disable", TEXT.verb).addHelpText("after", TEXT.examples).action(run);
}

async function run(server: string, flags: MeantFlags): Promise<void> {
  const { director } = await import("../director-access.ts");
  await printServers(await director().override(referenceTo(server, flags), { kind: "disable" }, flags.reason), flags);
}
