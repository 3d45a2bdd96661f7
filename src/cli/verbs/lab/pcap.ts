/** `evenkeel lab pcap`: what passes an interface of a node, as a file for wireshark. */

import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { type NameOption, nameOption, wholeNumber } from "./options.ts";

const TEXT = {
  description: "capture what passes an interface of a node into a file",
  examples: `
Examples:
  evenkeel lab pcap director way.pcap                        for 10 seconds, all interfaces
  evenkeel lab pcap rs1 tun.pcap --interface eth0 --seconds 3
  evenkeel lab pcap router vip.pcap --count 100 -- host 203.0.113.80 and tcp`,
  listening: (node: string, device: string) => `capturing on ${node} ${device} …`,
  done: (packets: number, file: string) => `${packets} packets in ${file}`,
};

/** Each ends the capture, not only us: tcpdump would go on without anybody who ends it. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

interface PcapOptions extends NameOption {
  readonly interface: string;
  readonly count: number;
  readonly seconds: number;
}

export function addPcap(lab: Command): void {
  lab
    .command("pcap")
    .description(TEXT.description)
    .argument("<node>", "where")
    .argument("<file>", "the pcap file to write")
    .argument("[filter...]", "as for tcpdump, after --")
    .addOption(nameOption())
    .option("--interface <name>", "which interface", "any")
    .addOption(new Option("--count <n>", "end after so many packets").argParser(wholeNumber(1, 10_000_000)).default(100_000))
    .addOption(new Option("--seconds <n>", "end after so many seconds").argParser(wholeNumber(1, 3600)).default(10))
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(node: string, file: string, filter: string[], given: PcapOptions): Promise<void> {
  const { openNode } = await import("../../../lab/lab.ts");
  const { capture } = await import("../../../lab/capture.ts");
  openNode(given.name, node);
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  for (const name of SIGNALS) process.once(name, interrupt);
  const ready = () => process.stderr.write(`${TEXT.listening(node, given.interface)}\n`);
  const wishes = { file: resolve(file), device: given.interface, filter, packets: given.count, seconds: given.seconds };
  const packets = await capture(given.name, node, { ...wishes, signal: stop.signal, ready });
  for (const name of SIGNALS) process.off(name, interrupt);
  process.stdout.write(`${TEXT.done(packets, file)}\n`);
}
