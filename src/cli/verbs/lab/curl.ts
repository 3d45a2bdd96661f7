/** `evenkeel lab curl`: requests from the client to the VIP, and who answered. */

import { styleText } from "node:util";
import { type Command, Option } from "commander";
import type { SpreadResult } from "../../../lab/traffic.ts";
import { type OutputFlags, outputOption, printAs } from "../../output.ts";
import { renderTable } from "../../table.ts";
import { type NameOption, nameOption, wholeNumber } from "./options.ts";

const TEXT = {
  description: "send requests from the client to the VIP and count who answers",
  examples: `
Examples:
  evenkeel lab curl                       three requests, one after the other
  evenkeel lab curl -n 3000 -c 16         a connection for each
  evenkeel lab curl --port 8080           the second service; with NAT its port is mapped
  evenkeel lab curl --udp -n 10 --size 4000
  evenkeel lab curl --from 198.51.100.3
  evenkeel lab curl -n 100 -o wide        who answered one after the other, however many
  evenkeel lab curl -n 30 -o json

Exit code 1 when a request failed.`,
  columns: [{ title: "SERVER" }, { title: "ANSWERS", align: "right" }, { title: "" }] as const,
  total: (result: SpreadResult, target: string) =>
    `${result.requests} requests to ${target} in ${result.seconds} s, ${result.failed} failed; the servers saw ${Object.keys(result.clients).join(", ") || "nobody"}`,
  order: (order: readonly string[]) => `order: ${order.join(" ")}`,
  error: (error: string, times: number) => `failed: ${error} ×${times}`,
};

const BAR_CELLS = 40;
const ORDER_SHOWN_MAX = 30;

interface CurlOptions extends NameOption, OutputFlags {
  readonly requests: number;
  readonly concurrency: number;
  readonly maxTime: number;
  readonly port?: number;
  readonly udp?: true;
  readonly size: number;
  readonly from?: string;
  readonly ipv4?: true;
  readonly ipv6?: true;
}

export function addCurl(lab: Command): void {
  lab
    .command("curl")
    .description(TEXT.description)
    .addOption(nameOption())
    .addOption(new Option("-n, --requests <n>", "how many").argParser(wholeNumber(1, 1_000_000)).default(3))
    .addOption(new Option("-c, --concurrency <n>", "how many at a time").argParser(wholeNumber(1, 512)).default(1))
    .addOption(new Option("-m, --max-time <seconds>", "patience for one request").argParser(wholeNumber(1, 60)).default(3))
    .addOption(new Option("--port <port>", "the VIP's port (80; with --udp 9000)").argParser(wholeNumber(1, 65535)))
    .option("--udp", "datagrams instead of HTTP")
    .addOption(new Option("--size <bytes>", "of a datagram").argParser(wholeNumber(1, 60_000)).default(5))
    .option("--from <address>", "one of the client's addresses (lab up --clients)")
    .addOption(new Option("-4, --ipv4", "to the IPv4 VIP, whatever the lab prefers").conflicts("ipv6"))
    .option("-6, --ipv6", "to the IPv6 VIP")
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(given: CurlOptions): Promise<void> {
  const { openLab } = await import("../../../lab/lab.ts");
  const { sendHttp, sendUdp, vipTarget } = await import("../../../lab/traffic.ts");
  const { PORTS } = await import("../../../lab/topology.ts");
  const { options } = openLab(given.name);
  const family = given.ipv4 ? "ipv4" : given.ipv6 ? "ipv6" : options.family;
  const target = vipTarget({ family }, given.port ?? (given.udp ? PORTS.udp : PORTS.http));
  const from = given.from === undefined ? {} : { from: given.from };
  const wishes = { target, requests: given.requests, concurrency: given.concurrency, patienceMs: given.maxTime * 1000, ...from };
  const result = await (given.udp ? sendUdp(options, { ...wishes, bytes: given.size }) : sendHttp(options, wishes));
  if (result.failed > 0) process.exitCode = 1;
  const endpoint = family === "ipv6" ? `[${target.host}]:${target.port}` : `${target.host}:${target.port}`;
  // Scripts count on one line.
  if (given.output === "json") console.log(JSON.stringify(result));
  else await printAs(given.output, result, (wide) => describe(result, endpoint, wide));
}

function describe(result: SpreadResult, target: string, wide: boolean): string {
  const most = Math.max(...Object.values(result.servers), 1);
  const rows = Object.entries(result.servers).map(([server, answers]) => [
    server,
    String(answers),
    styleText("cyan", "▪".repeat(Math.max(1, Math.round((answers / most) * BAR_CELLS))), { stream: process.stdout }),
  ]);
  return [
    ...(rows.length > 0 ? [renderTable(TEXT.columns, rows)] : []),
    ...(result.order.length > 1 && (wide || result.order.length <= ORDER_SHOWN_MAX) ? [TEXT.order(result.order)] : []),
    ...Object.entries(result.errors).map(([error, times]) => styleText("red", TEXT.error(error, times), { stream: process.stdout })),
    TEXT.total(result, target),
  ].join("\n");
}
