/** `evenkeel servers [REFERENCE]`: the real servers, how they are, and why. */

import { type Command, Option } from "commander";
import type { DirectorClient } from "../../api/client.ts";
import type { ServerReply } from "../../api/types.ts";
import { isForPrograms, type OutputFlags, outputOption } from "../output.ts";

const TEXT = {
  verb: "the real servers: condition, weight, overrides, and why each is as it is",
  reference: "a server (10.0.0.11, 10.0.0.11:80), or all of a service (web, 192.0.2.10:80, mark 1)",
  service: "only in this service",
  condition: "only those in this condition",
  overridden: "only those with an operator's override",
  examples: `
Examples:
  evenkeel servers
  evenkeel servers 10.0.0.11
  evenkeel servers web -o wide
  evenkeel servers --condition down -o json
  evenkeel servers --overridden

WEIGHT is what counts now, and what of it the configuration says: "0 of 3" while it drains, "out of 3" while it is not in the service.
Exit codes: 0 read, 1 no such server or service, 4 no director`,
};

interface Flags extends OutputFlags {
  readonly service?: string;
  readonly condition?: ServerReply["condition"];
  readonly overridden?: true;
}

export function register(program: Command): void {
  program
    .command("servers")
    .description(TEXT.verb)
    .argument("[reference]", TEXT.reference)
    .option("-s, --service <service>", TEXT.service)
    .addOption(new Option("--condition <condition>", TEXT.condition).choices(["up", "down", "unknown"]))
    .option("--overridden", TEXT.overridden)
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(reference: string | undefined, flags: Flags): Promise<void> {
  const [{ director }, { printServers }] = await Promise.all([import("../director-access.ts"), import("../director/servers-meant.ts")]);
  await printServers(await meant(director(), reference, flags), flags);
}

/** A server's reference, or else a service's. */
async function meant(director: DirectorClient, reference: string | undefined, flags: Flags): Promise<readonly ServerReply[]> {
  const { service, condition, overridden, output } = flags;
  const query = {
    ...(service === undefined ? {} : { service }),
    ...(condition === undefined ? {} : { condition }),
    ...(overridden ? { overridden } : {}),
    ...(isForPrograms(output) ? { history: true } : {}),
  };
  if (reference === undefined) return await director.servers(query);
  const { EvenkeelError } = await import("../../model/error.ts");
  try {
    return await director.servers({ ...query, server: reference });
  } catch (error) {
    if (service !== undefined || !(error instanceof EvenkeelError) || !NOT_A_SERVER.has(error.code)) throw error;
    try {
      return await director.servers({ ...query, service: reference });
    } catch (neither) {
      if (!(neither instanceof EvenkeelError) || neither.code !== "NO_SUCH_SERVICE") throw neither;
      // An address may be meant as either; a name only as a service's.
      throw error.code === "NO_SUCH_SERVER" && /[.:]/.test(reference) ? error : neither;
    }
  }
}

const NOT_A_SERVER: ReadonlySet<string> = new Set(["NO_SUCH_SERVER", "BAD_ADDRESS", "BAD_ARGUMENT"]);
