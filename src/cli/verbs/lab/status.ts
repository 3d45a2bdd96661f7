/** `evenkeel lab status`: which nodes there are, where the VIP is, what runs, what is broken. */

import { styleText } from "node:util";
import type { Command } from "commander";
import type { LabStatus } from "../../../lab/status.ts";
import { type OutputFlags, outputOption, printAs } from "../../output.ts";
import { renderTable } from "../../table.ts";
import { type NameOption, nameOption } from "./options.ts";

const TEXT = {
  description: "show the nodes of a lab, its services and what is broken",
  examples: `
Examples:
  evenkeel lab status
  evenkeel lab status -o wide             also which processes
  evenkeel lab status --name other -o json`,
  columns: [
    { title: "NODE" },
    { title: "NAMESPACE" },
    { title: "ADDRESSES" },
    { title: "GATEWAY" },
    { title: "PROCESSES", align: "right" },
  ] as const,
  commands: "COMMANDS",
  process: (pid: number, command: string) => `${pid} ${command}`,
  head: ({ name, method, scheduler, hook, weights }: LabStatus) =>
    `lab "${name}"  ${method.toUpperCase()}  ${scheduler}${scheduler === "wrr" ? ` ${weights.join(":")}` : ""}  hook ${hook}`,
  vip: ({ vip }: LabStatus) => `VIP ${vip.ipv4} and ${vip.ipv6}: HTTP on 80 and 8080, UDP on 9000`,
  broken: (lab: string, name: string, node: string) => `broken: ${name} on ${node} (evenkeel lab mend --name ${lab})`,
  down: (lab: string, server: string) => `${server} serves nothing: its server process is gone (evenkeel lab down --name ${lab}, then up)`,
};

export function addStatus(lab: Command): void {
  lab
    .command("status")
    .description(TEXT.description)
    .addOption(nameOption())
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run({ name, output }: NameOption & OutputFlags): Promise<void> {
  const { labStatus } = await import("../../../lab/status.ts");
  const status = labStatus(name);
  await printAs(output, status, (wide) => describe(status, wide));
}

function describe(status: LabStatus, wide: boolean): string {
  const rows = status.nodes.map((node) => [
    node.name,
    node.namespace,
    node.addresses.join(" "),
    node.gateways.join(" "),
    `${node.processes.length}`,
    ...(wide ? [node.processes.map(({ pid, command }) => TEXT.process(pid, command)).join(", ")] : []),
  ]);
  const warnings = [
    ...status.broken.map(({ name, node }) => TEXT.broken(status.name, name, node)),
    ...status.nodes.filter(({ serves }) => serves === false).map(({ name }) => TEXT.down(status.name, name)),
  ];
  return [
    styleText("bold", TEXT.head(status)),
    TEXT.vip(status),
    "",
    renderTable(wide ? [...TEXT.columns, { title: TEXT.commands }] : TEXT.columns, rows),
    ...warnings.map((warning) => styleText("yellow", warning)),
  ].join("\n");
}
