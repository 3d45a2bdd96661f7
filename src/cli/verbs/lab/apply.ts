/** `evenkeel lab apply` */

import { resolve } from "node:path";
import type { Command } from "commander";
import { type NameOption, nameOption } from "./options.ts";

const TEXT = {
  description: "make the lab's director forward as a configuration of yours says",
  file: "the configuration (YAML); the lab's own is evenkeel.yaml in its directory under /run/evenkeel/lab",
  examples: `
Examples:
  evenkeel lab apply my.yaml
  evenkeel lab apply /run/evenkeel/lab/lab/evenkeel.yaml      back to how the lab was

The director has the interfaces eth0 (front) and eth1 (LAN), the VIPs 203.0.113.80 and 2001:db8::80, and real servers from 10.0.0.11 and
2001:db8:3::11 on. They answer on TCP 80, 8080 and 8081, and on UDP 9000.`,
};

export function addApply(lab: Command): void {
  lab
    .command("apply")
    .description(TEXT.description)
    .argument("<file>", TEXT.file)
    .addOption(nameOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(file: string, { name }: NameOption): Promise<void> {
  const [{ openLab }, { runOnDirector }] = await Promise.all([import("../../../lab/lab.ts"), import("../../../lab/director.ts")]);
  openLab(name);
  process.stdout.write(await runOnDirector(name, ["apply", resolve(file)]));
}
