/** `evenkeel services [SERVICE]`: the virtual services, and how they are. */

import type { Command } from "commander";
import { isForPrograms, type OutputFlags, outputOption, printAs } from "../output.ts";

const TEXT = {
  verb: "the virtual services: state, servers that are up, connections",
  service: "only this: its name, 192.0.2.10:80, tcp 192.0.2.10:80, mark 1; several when an address has several",
  examples: `
Examples:
  evenkeel services
  evenkeel services web
  evenkeel services 192.0.2.10:80 -o json | jq '.[].servers[].condition'

The state is up, quorum lost, sorry server (which serves while the quorum is lost), or starting (never up yet).
Exit codes: 0 read, 1 no such service, 4 no director`,
};

export function register(program: Command): void {
  program
    .command("services")
    .description(TEXT.verb)
    .argument("[service]", TEXT.service)
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(service: string | undefined, { output }: OutputFlags): Promise<void> {
  const [{ director }, { serviceTable }] = await Promise.all([import("../director-access.ts"), import("../director/service-table.ts")]);
  const services = await director().services(service, { history: isForPrograms(output) });
  await printAs(output, services, (wide) => serviceTable(services, Date.now(), wide));
}
