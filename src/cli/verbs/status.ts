/** `evenkeel status`: what the packet path of this network namespace holds and has counted. */

import { type Command, Option } from "commander";
import type { ActualState, Counters } from "../../model/plane.ts";

const TEXT = {
  verb: "services, servers, connections and counters of the packet path",
  output: "form of the answer",
  none: "no packet path in this network namespace",
  cure: "evenkeel apply FILE makes one",
  listens: (list: string) => `listens on ${list}`,
  nowhere: "listens on no interface",
  outcomes: "packets that were not sent on:",
  examples: `
Examples:
  evenkeel status
  evenkeel status -o json
  ip netns exec director evenkeel status

Exit codes: 0 there is a packet path, 1 there is none, 5 not permitted`,
};

type Output = "text" | "json";

export function register(program: Command): void {
  program
    .command("status")
    .description(TEXT.verb)
    .addOption(new Option("-o, --output <form>", TEXT.output).choices(["text", "json"]).default("text"))
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run({ output }: { readonly output: Output }): Promise<void> {
  const [{ inspect }, { EvenkeelError }] = await Promise.all([import("../../director/apply.ts"), import("../../model/error.ts")]);
  const found = await inspect((plane) => ({ state: plane.read(), counters: plane.counters() }));
  if (found === undefined) throw new EvenkeelError("NOT_RUNNING", TEXT.none, { cure: TEXT.cure });
  if (output === "json") await printJson(found.state, found.counters);
  else await printText(found.state, found.counters);
}

async function printText(state: ActualState, counters: Counters): Promise<void> {
  const { serverName, serviceName } = await import("../../model/service.ts");
  const { renderTable } = await import("../table.ts");
  const listens = state.attachments.map(({ interfaceName, hook }) => `${interfaceName} (${hook})`).join(", ");
  console.log(listens === "" ? TEXT.nowhere : TEXT.listens(listens));
  const number = { align: "right" } as const;
  const columns = [
    { title: "SERVICE / SERVER" },
    { title: "SCHEDULER / METHOD" },
    { title: "WEIGHT", ...number },
    { title: "ACTIVE", ...number },
    { title: "INACTIVE", ...number },
    { title: "CONNECTIONS", ...number },
    { title: "PACKETS IN", ...number },
    { title: "PACKETS OUT", ...number },
  ];
  const sorted = counters.services.toSorted((one, other) => serviceName(one.service).localeCompare(serviceName(other.service)));
  const rows = sorted.flatMap((counted) => [
    [
      serviceName(counted.service),
      counted.service.scheduler,
      "",
      "",
      "",
      `${counted.connections}`,
      `${counted.packetsIn}`,
      `${counted.packetsOut}`,
    ],
    ...counters.servers
      .filter((each) => serviceName(each.service) === serviceName(counted.service))
      .map(({ server, ...each }) => [
        `  ${serverName(server)}`,
        each.local ? `${server.method}, local` : server.method,
        `${server.weight}`,
        `${each.active}`,
        `${each.inactive}`,
        `${each.connections}`,
        `${each.packetsIn}`,
        `${each.packetsOut}`,
      ]),
  ]);
  console.log(renderTable(columns, rows));
  const outcomes = Object.entries(counters.outcomes).filter(([, count]) => count > 0n);
  if (outcomes.length === 0) return;
  console.log(TEXT.outcomes);
  for (const [name, count] of outcomes) console.log(`  ${name} ${count}`);
}

async function printJson(state: ActualState, counters: Counters): Promise<void> {
  const { formatAddress } = await import("../../model/address.ts");
  const { serviceName } = await import("../../model/service.ts");
  const traffic = (of: Counters["services"][number]) => ({
    connections: Number(of.connections),
    packetsIn: Number(of.packetsIn),
    bytesIn: Number(of.bytesIn),
    packetsOut: Number(of.packetsOut),
    bytesOut: Number(of.bytesOut),
  });
  const services = counters.services.map((counted) => ({
    address: formatAddress(counted.service.address),
    port: counted.service.port,
    protocol: counted.service.protocol,
    scheduler: counted.service.scheduler,
    ...traffic(counted),
    servers: counters.servers
      .filter((each) => serviceName(each.service) === serviceName(counted.service))
      .map((each) => ({
        address: formatAddress(each.server.address),
        port: each.server.port,
        method: each.server.method,
        ...(each.local ? { local: true } : {}),
        weight: each.server.weight,
        active: each.active,
        inactive: each.inactive,
        ...traffic(each),
      })),
  }));
  const outcomes = Object.fromEntries(Object.entries(counters.outcomes).map(([name, count]) => [name, Number(count)]));
  console.log(JSON.stringify({ attachments: state.attachments, services, outcomes }, null, 2));
}
