/** `evenkeel apply FILE`: makes the packet path of this network namespace what the file says. */

import { type Command, InvalidArgumentError, Option } from "commander";
import type { Applied } from "../../director/apply.ts";

const TEXT = {
  verb: "make the packet path what the configuration file says; again: only what differs",
  file: "the configuration (YAML); - is the standard input",
  dryRun: "only say what would change",
  reload: "load the packet path's programs anew, keeping every connection (after an upgrade)",
  connections: "how many connections to hold at once; only when the packet path is made",
  output: "form of the answer",
  nothing: "nothing to change",
  created: "loaded the packet path into this network namespace",
  changed: (count: number) => `applied ${count} ${count === 1 ? "change" : "changes"}`,
  wouldChange: (count: number) => `${count} ${count === 1 ? "change" : "changes"} would be applied`,
  ways: (count: number) => `found new ways to ${count} ${count === 1 ? "server" : "servers"}`,
  renewed: (count: number) => `put the present programs on ${count} ${count === 1 ? "interface" : "interfaces"}`,
  warning: (text: string) => `warning: ${text}`,
  examples: `
Examples:
  evenkeel apply /etc/evenkeel.yaml
  evenkeel apply --dry-run evenkeel.yaml
  ip netns exec director evenkeel apply evenkeel.yaml
  generate-it | evenkeel apply -

A configuration:
  services:
    - address: 192.0.2.10
      port: 80
      scheduler: wrr            # rr wrr lc wlc sed nq sh dh lblc lblcr mh fo ovf twos
      method: nat               # nat | dr | tun
      servers:
        - { address: 10.0.0.11, port: 8080, weight: 3 }
        - { address: 10.0.0.12, port: 8080 }

docs/packet-path.md and examples/every-key.yaml show all the rest.
Exit codes: 0 done, 1 failed (nothing was changed), 2 usage, 3 the file is wrong, 5 not permitted`,
};

interface Flags {
  readonly dryRun?: boolean;
  readonly reload?: boolean;
  readonly connections?: number;
  readonly output: "text" | "json";
}

export function register(program: Command): void {
  program
    .command("apply")
    .description(TEXT.verb)
    .argument("<file>", TEXT.file)
    .option("-n, --dry-run", TEXT.dryRun)
    .option("--reload", TEXT.reload)
    .addOption(new Option("--connections <number>", TEXT.connections).argParser(parseCount))
    .addOption(new Option("-o, --output <form>", TEXT.output).choices(["text", "json"]).default("text"))
    .addHelpText("after", TEXT.examples)
    .action(run);
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError("it must be a whole number above 0");
  return count;
}

async function run(file: string, flags: Flags): Promise<void> {
  const [{ readConfigurationFile }, { applyConfiguration }, { describeChange }] = await Promise.all([
    import("../configuration-file.ts"),
    import("../../director/apply.ts"),
    import("../../reconcile/describe-change.ts"),
  ]);
  const { configuration, source } = await readConfigurationFile(file);
  const { dryRun = false, reload = false, connections } = flags;
  const applied = await applyConfiguration(configuration, source, {
    dryRun,
    reload,
    ...(connections === undefined ? {} : { connectionsMax: connections }),
  });
  const lines = applied.changes.map(describeChange);
  if (flags.output === "json") console.log(JSON.stringify({ dryRun, ...applied, changes: lines }, null, 2));
  else printText(applied, lines, dryRun);
}

function printText(applied: Applied, lines: readonly string[], dryRun: boolean): void {
  for (const warning of applied.warnings) console.error(TEXT.warning(warning));
  if (applied.created) console.log(TEXT.created);
  for (const line of lines) console.log(line);
  if (applied.portsRenewed > 0) console.log(TEXT.renewed(applied.portsRenewed));
  if (applied.waysChanged > 0) console.log(TEXT.ways(applied.waysChanged));
  if (lines.length > 0) console.log(dryRun ? TEXT.wouldChange(lines.length) : TEXT.changed(lines.length));
  else if (applied.waysChanged === 0 && applied.portsRenewed === 0) console.log(TEXT.nothing);
}
