/** `evenkeel lab`: a whole cluster in network namespaces on this machine, standing, to try things in. */

import type { Command } from "commander";
import { addApply } from "./lab/apply.ts";
import { addBreak } from "./lab/break.ts";
import { addCurl } from "./lab/curl.ts";
import { addDown } from "./lab/down.ts";
import { addExec } from "./lab/exec.ts";
import { addMethod } from "./lab/method.ts";
import { addPcap } from "./lab/pcap.ts";
import { addStatus } from "./lab/status.ts";
import { addUp } from "./lab/up.ts";

const TEXT = {
  description: "a cluster in network namespaces on this machine: client, router, director, real servers",
  after: `
  client ── router ──front── director
               └──────LAN──────┴── rs1 … rsN

Examples:
  evenkeel lab up --method dr          build it, with three real servers
  evenkeel lab curl -n 30              send requests to the VIP: who answers?
  evenkeel lab method tun              the same cluster, another way
  evenkeel lab apply my.yaml           the same cluster, with services of yours
  evenkeel lab break decap             a classic mistake, to see how it looks
  evenkeel lab down                    nothing is left of it

Only namespaces of its own and /run/evenkeel/lab are touched. Two labs live side by side: --name.`,
};

export function register(program: Command): void {
  const lab = program.command("lab").description(TEXT.description).addHelpText("after", TEXT.after);
  for (const add of [addUp, addStatus, addCurl, addMethod, addApply, addExec, addPcap, addBreak, addDown]) add(lab);
}
