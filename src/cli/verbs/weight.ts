/** `evenkeel weight SERVER N`: another weight than the configured one, until said otherwise. */

import { type Command, InvalidArgumentError } from "commander";
import { endOverride, type MeantFlags, printServers, referenceTo, serverVerb } from "../director/servers-meant.ts";

const CONFIGURED = "configured";
const WEIGHT_MAX = 65_535;

const TEXT = {
  verb: "give a server another weight than its configuration says",
  weight: `0 to ${WEIGHT_MAX}; ${CONFIGURED}: what the configuration says again`,
  bad: `it must be a whole number from 0 to ${WEIGHT_MAX}, or: ${CONFIGURED}`,
  examples: `
Examples:
  evenkeel weight 10.0.0.11 1 --reason "let it warm up"
  evenkeel weight 10.0.0.11 configured

It counts in the place of the configured weight and of the one that a check names; a server that its checks find down stays down. It stays so over
reload and restart.
Exit codes: 0 done, 1 no such server, or it has the configured weight, 4 no director`,
};

export function register(program: Command): void {
  serverVerb(program, "weight", TEXT.verb).argument("<weight>", TEXT.weight, parseWeight).addHelpText("after", TEXT.examples).action(run);
}

function parseWeight(text: string): number | typeof CONFIGURED {
  if (text === CONFIGURED) return CONFIGURED;
  const weight = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(weight <= WEIGHT_MAX)) throw new InvalidArgumentError(TEXT.bad);
  return weight;
}

async function run(server: string, weight: number | typeof CONFIGURED, flags: MeantFlags): Promise<void> {
  if (weight === CONFIGURED) return await endOverride(server, "weight", flags);
  const { director } = await import("../director-access.ts");
  const servers = await director().override(referenceTo(server, flags), { kind: "weight", weight }, flags.reason);
  await printServers(servers, flags);
}
