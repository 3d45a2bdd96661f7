/** `evenkeel lab break` and `evenkeel lab mend`: the classic mistakes, made on purpose. */

import { styleText } from "node:util";
import type { Command } from "commander";
import { asCalled } from "../../called-as.ts";
import { type NameOption, nameOption } from "./options.ts";

const TEXT = {
  break: "make a classic mistake on a real server, to see how it looks: arp, gateway, decap",
  breakHelp: `
Mistakes:
  arp        a real server announces the VIP that it should hide (DR, TUN)
  gateway    a real server's default gateway is the router instead of the director (NAT)
  decap      a real server does not take the outer header off (TUN)

Examples:
  evenkeel lab break gateway
  evenkeel lab break arp --node rs2
  evenkeel lab curl -n 6                  the symptom
  evenkeel lab mend`,
  mend: "set right what was broken",
  mendHelp: `
Example:
  evenkeel lab mend`,
  did: (what: string) => `did      ${what}`,
  symptom: (what: string) => `expect   ${what}`,
  next: (name: string) => `see it   evenkeel lab curl -n 6${name}      set it right: evenkeel lab mend${name}`,
  mended: (name: string, node: string) => `mended ${name} on ${node}`,
  whole: "nothing was broken; every real server was checked and set up as it should be",
};

export function addBreak(lab: Command): void {
  lab
    .command("break")
    .description(TEXT.break)
    .argument("<mistake>", "arp, gateway or decap")
    .addOption(nameOption())
    .option("--node <server>", "on which real server", "rs1")
    .addHelpText("after", TEXT.breakHelp)
    .action(breakLab);
  lab.command("mend").description(TEXT.mend).addOption(nameOption()).addHelpText("after", TEXT.mendHelp).action(mendLab);
}

async function breakLab(mistakeName: string, { name, node }: NameOption & { node: string }): Promise<void> {
  const { makeMistake } = await import("../../../lab/mishaps.ts");
  const mistake = await makeMistake(mistakeName, node, name);
  const lines = [
    styleText("red", TEXT.did(mistake.did(node))),
    styleText("yellow", TEXT.symptom(mistake.symptom(node))),
    asCalled(TEXT.next(name === "lab" ? "" : ` --name ${name}`)),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

async function mendLab({ name }: NameOption): Promise<void> {
  const { mend } = await import("../../../lab/mishaps.ts");
  const mended = await mend(name);
  const lines = mended.length === 0 ? [TEXT.whole] : mended.map((mishap) => styleText("green", TEXT.mended(mishap.name, mishap.node)));
  process.stdout.write(`${lines.join("\n")}\n`);
}
