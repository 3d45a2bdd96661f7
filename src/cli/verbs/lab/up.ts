/** `evenkeel lab up` */

import { styleText } from "node:util";
import { type Command, Option } from "commander";
import type { LabOptions } from "../../../lab/topology.ts";
import { HOOK_CHOICES, type HookChoice } from "../../../model/plane.ts";
import {
  FORWARDING_METHODS,
  type ForwardingMethod,
  SCHEDULERS,
  type SchedulerName,
  TUNNEL_TYPES,
  type Tunnel,
  WEIGHT_MAX,
} from "../../../model/service.ts";
import { asCalled } from "../../called-as.ts";
import { interruptible } from "./interruption.ts";
import { type NameOption, nameOption, weightList, wholeNumber } from "./options.ts";

const TEXT = {
  description: "build a cluster and make it serve",
  examples: `
Examples:
  evenkeel lab up                                         three real servers behind NAT
  evenkeel lab up --method dr --ipv6 --servers 5
  evenkeel lab up --method tun --tunnel gre
  evenkeel lab up --scheduler wrr --weights 3,2,1
  evenkeel lab up --persistent 60 --clients 5             then: evenkeel lab curl --from 198.51.100.3
  evenkeel lab up --name other --hook xdp                 a second lab, the packet path at XDP`,
  up: (lab: LabOptions, seconds: string) =>
    `lab "${lab.name}" is up in ${seconds} s: ${lab.servers} real servers, ${lab.method.toUpperCase()}, ${lab.scheduler}`,
  next: (name: string) => `  try: evenkeel lab curl${name}      then: evenkeel lab status${name}, evenkeel lab down${name}`,
};

interface UpOptions extends NameOption {
  readonly method: ForwardingMethod;
  readonly ipv6?: true;
  readonly servers: number;
  readonly clients: number;
  readonly persistent: number;
  readonly hook: HookChoice;
  readonly scheduler?: SchedulerName;
  readonly weights?: number[];
  readonly tunnel: Tunnel["type"];
  readonly offload: boolean;
}

export function addUp(lab: Command): void {
  lab
    .command("up")
    .description(TEXT.description)
    .addOption(nameOption())
    .addOption(new Option("--method <method>", "how the director forwards").choices(FORWARDING_METHODS).default("nat"))
    .option("--ipv6", "requests go to the IPv6 VIP; both VIPs are always served")
    .addOption(new Option("--servers <n>", "real servers").argParser(wholeNumber(1, 50)).default(3))
    .addOption(new Option("--clients <n>", "addresses that the client has").argParser(wholeNumber(1, 200)).default(1))
    .addOption(new Option("--hook <hook>", "where the packet path listens").choices(HOOK_CHOICES).default("auto"))
    .addOption(new Option("--scheduler <scheduler>", "how servers are chosen (rr; with --weights wrr)").choices(SCHEDULERS))
    .addOption(new Option("--weights <list>", "of rs1,rs2,… as in 3,2,1").argParser(weightList(WEIGHT_MAX)))
    .addOption(
      new Option("--persistent <seconds>", "a client stays with its server for so long; 0: not at all")
        .argParser(wholeNumber(0, 86_400))
        .default(0),
    )
    .addOption(new Option("--tunnel <type>", "what tun puts around the packets").choices(TUNNEL_TYPES).default("ipip"))
    .option("--no-offload", "devices finish checksums and segments at once, as real cables need it")
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(given: UpOptions): Promise<void> {
  const { up } = await import("../../../lab/lab.ts");
  const startMs = performance.now();
  const progress = (step: string) => process.stderr.write(styleText("dim", `  ${step}\n`, { stream: process.stderr }));
  const lab = await interruptible(given.name, (signal) => up(wanted(given), { signal, progress }));
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(
    `${styleText("green", TEXT.up(lab, seconds))}\n${asCalled(TEXT.next(lab.name === "lab" ? "" : ` --name ${lab.name}`))}\n`,
  );
}

function wanted(given: UpOptions): Partial<LabOptions> {
  const { name, method, servers, clients, persistent, hook, offload, tunnel, weights = [] } = given;
  const scheduler = given.scheduler ?? (weights.length > 0 ? "wrr" : "rr");
  return { name, method, servers, clients, persistent, hook, offload, tunnel, weights, scheduler, family: given.ipv6 ? "ipv6" : "ipv4" };
}
