/** `evenkeel drain SERVER`: no new connections; those there are may finish. */

import { type Command, Option } from "commander";
import { type MeantFlags, printServers, referenceTo, serverVerb } from "../director/servers-meant.ts";
import { parseDuration } from "../time-words.ts";

const TEXT = {
  verb: "give a server no new connections; those it has may finish",
  deadline: "cut what is left after that long (30s, 5m); left out: what the configuration says, else never",
  wait: "return when nothing is left of it",
  examples: `
Examples:
  evenkeel drain 10.0.0.11 --reason "new kernel"
  evenkeel drain 10.0.0.11 --deadline 30s --wait && ssh 10.0.0.11 reboot
  evenkeel drain 10.0.0.11 --service web

It stays so over reload and restart, until evenkeel undrain. Clients whom a persistence template leads there keep coming unless
expire_quiescent_template is set.
Exit codes: 0 done, 1 no such server, or (--wait) the drain was ended by somebody, 4 no director`,
};

interface Flags extends MeantFlags {
  readonly deadline?: number;
  readonly wait?: true;
}

export function register(program: Command): void {
  serverVerb(program, "drain", TEXT.verb)
    .addOption(new Option("--deadline <duration>", TEXT.deadline).argParser(parseDuration))
    .option("--wait", TEXT.wait)
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(server: string, flags: Flags): Promise<void> {
  const { director } = await import("../director-access.ts");
  const { deadline, wait, reason } = flags;
  const client = director();
  // From here on nothing of it can be missed.
  const [latest] = wait ? await client.events({ limit: 1 }) : [];
  const wish = { kind: "drain", ...(deadline === undefined ? {} : { deadlineMs: deadline }) } as const;
  const servers = await client.override(referenceTo(server, flags), wish, reason);
  if (wait) {
    const { untilDrained } = await import("../director/drained.ts");
    await untilDrained(client, servers, latest?.seq ?? 0);
  }
  await printServers(wait ? await client.servers(referenceTo(server, flags)) : servers, flags);
}
