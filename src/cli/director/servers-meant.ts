/** The server that a verb is about, as people name it, and what they are told afterwards. */

import type { Command } from "commander";
import type { ServerReply } from "../../api/types.ts";
import type { ServerReference } from "../../director/director.ts";
import type { OverrideWish } from "../../model/override.ts";
import { type OutputFlags, outputOption, printAs } from "../output.ts";

const STATES: Readonly<Record<OverrideWish["kind"], string>> = {
  drain: "draining",
  disable: "disabled",
  weight: "given another weight than the configured one",
};

const TEXT = {
  server: "a server by its address: 10.0.0.11, or 10.0.0.11:80; it is meant in each service that has it",
  service: "only in this service: its name, 192.0.2.10:80, tcp 192.0.2.10:80, mark 1",
  nothing: (server: string, kind: OverrideWish["kind"]) => `${server} is not ${STATES[kind]}: nothing was changed`,
  nothingCure: "evenkeel servers --overridden lists the servers that are",
  reason: "why, for the journal and for whoever looks",
};

export interface MeantFlags extends OutputFlags {
  readonly service?: string;
  readonly reason?: string;
}

/** `VERB SERVER [--service S] [--reason T] [-o FORM]` */
export function serverVerb(program: Command, verb: string, description: string): Command {
  return program
    .command(verb)
    .description(description)
    .argument("<server>", TEXT.server)
    .option("-s, --service <service>", TEXT.service)
    .option("--reason <text>", TEXT.reason)
    .addOption(outputOption());
}

export function referenceTo(server: string, { service }: MeantFlags): ServerReference {
  return { server, ...(service === undefined ? {} : { service }) };
}

/** Ends an override of that kind, and shows the servers that had one. Throws CONFLICT where none had. */
export async function endOverride(server: string, kind: OverrideWish["kind"], flags: MeantFlags): Promise<void> {
  const { director } = await import("../director-access.ts");
  const servers = await director().clearOverride(referenceTo(server, flags), kind, flags.reason);
  if (servers.length === 0) {
    const { EvenkeelError } = await import("../../model/error.ts");
    throw new EvenkeelError("CONFLICT", TEXT.nothing(server, kind), { cure: TEXT.nothingCure });
  }
  await printServers(servers, flags);
}

export async function printServers(servers: readonly ServerReply[], { output }: OutputFlags): Promise<void> {
  const { serverTable } = await import("./server-table.ts");
  await printAs(output, servers, (wide) => serverTable(servers, Date.now(), wide));
}
