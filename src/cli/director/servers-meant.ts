/** The server that a verb is about, as people name it, and what they are told afterwards. */

import type { Command } from "commander";
import type { ServerReply } from "../../api/types.ts";
import type { ServerReference } from "../../director/director.ts";
import { type OutputFlags, outputOption, printAs } from "../output.ts";

const TEXT = {
  server: "a server by its address: 10.0.0.11, or 10.0.0.11:80; it is meant in each service that has it",
  service: "only in this service: its name, 192.0.2.10:80, tcp 192.0.2.10:80, mark 1",
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

export async function printServers(servers: readonly ServerReply[], { output }: OutputFlags): Promise<void> {
  const { serverTable } = await import("./server-table.ts");
  await printAs(output, servers, (wide) => serverTable(servers, Date.now(), wide));
}
