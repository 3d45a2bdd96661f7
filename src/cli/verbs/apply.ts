/** `evenkeel apply FILE`: makes the packet path of this network namespace what the file says; by the director, if one runs. */

import { type Command, InvalidArgumentError, Option } from "commander";
import type { ConfigurationText } from "../configuration-text.ts";
import { type OutputFlags, outputOption } from "../output.ts";
import type { Direct } from "../plan/direct.ts";
import { parseDuration } from "../time-words.ts";

const TEXT = {
  verb: "make the packet path what the configuration file says; again: only what differs",
  file: "the configuration (YAML); - is the standard input",
  dryRun: "only say what would change",
  confirm: "the configuration before it comes back by itself unless evenkeel confirm is said in time (60s, 5m); needs a director",
  reason: "why, for the journal",
  reload: "load the packet path's programs anew, keeping every connection (after an upgrade); a director does so when it starts",
  connections: "how many connections to hold at once; only when the packet path is made",
  nothing: "nothing to change",
  created: "loaded the packet path into this network namespace",
  changed: (count: number) =>
    count === 0 ? "applied; nothing of the packet path had to change" : `applied ${count} ${count === 1 ? "change" : "changes"}`,
  wouldChange: (count: number) => `${count} ${count === 1 ? "change" : "changes"} would be applied`,
  version: (id: number) => `this is configuration ${id}; evenkeel undo takes it back`,
  toConfirm: (until: string) => `it has to be confirmed ${until}`,
  ways: (count: number) => `found new ways to ${count} ${count === 1 ? "server" : "servers"}`,
  renewed: (count: number) => `put the present programs on ${count} ${count === 1 ? "interface" : "interfaces"}`,
  confirmNeedsDirector: "--confirm needs a director: without one nobody would take the configuration back",
  confirmCure: "evenkeel run starts one",
  directOnly: (option: string) => `${option} is for a packet path without a director, and one runs here`,
  directCure: "restart the director: evenkeel run takes --connections, and loads the programs anew",
  examples: `
Examples:
  evenkeel apply /etc/evenkeel/evenkeel.yaml
  evenkeel apply --dry-run evenkeel.yaml
  evenkeel apply --confirm 60s evenkeel.yaml && curl -sf http://192.0.2.10/ && evenkeel confirm
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
With a director (evenkeel run) the file becomes its configuration, checks and all. Without one the kernel is made what the file says, once.
Exit codes: 0 done, 1 failed (nothing was changed), 2 usage, 3 the file is wrong, 4 --confirm without a director, 5 not permitted`,
};

interface Flags extends OutputFlags {
  readonly dryRun?: boolean;
  readonly confirm?: number;
  readonly reason?: string;
  readonly reload?: boolean;
  readonly connections?: number;
}

export function register(program: Command): void {
  program
    .command("apply")
    .description(TEXT.verb)
    .argument("<file>", TEXT.file)
    .option("-n, --dry-run", TEXT.dryRun)
    .addOption(new Option("--confirm <duration>", TEXT.confirm).argParser(parseDuration))
    .option("--reason <text>", TEXT.reason)
    .option("--reload", TEXT.reload)
    .addOption(new Option("--connections <number>", TEXT.connections).argParser(parseCount))
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError("it must be a whole number above 0");
  return count;
}

async function run(file: string, flags: Flags): Promise<void> {
  const { readConfigurationText } = await import("../configuration-text.ts");
  const read = await readConfigurationText(file);
  if (await applyByDirector(read, flags)) return;
  if (flags.confirm !== undefined) {
    const { EvenkeelError } = await import("../../model/error.ts");
    throw new EvenkeelError("DIRECTOR_AWAY", TEXT.confirmNeedsDirector, { cure: TEXT.confirmCure });
  }
  await applyHere(read, flags);
}

/** false: none runs. */
async function applyByDirector(read: ConfigurationText, flags: Flags): Promise<boolean> {
  const [{ sendable }, { askDirector }, { EvenkeelError }] = await Promise.all([
    import("../configuration-text.ts"),
    import("../director-access.ts"),
    import("../../model/error.ts"),
  ]);
  const { dryRun = false, confirm, reason, output } = flags;
  const applied = await askDirector(async (director) => {
    const option = flags.reload ? "--reload" : flags.connections === undefined ? undefined : "--connections";
    if (option !== undefined) {
      // Whether there is one at all.
      await director.status();
      throw new EvenkeelError("BAD_ARGUMENT", TEXT.directOnly(option), { cure: TEXT.directCure });
    }
    const request = { ...(await sendable(read)), dryRun, ...(confirm === undefined ? {} : { confirmWithinMs: confirm }) };
    return await director.apply(request, reason);
  });
  if (applied === undefined) return false;
  const [{ isNothing, planText, printWarnings }, { printAs }, { untilWords }] = await Promise.all([
    import("../plan/text.ts"),
    import("../output.ts"),
    import("../director/director-text.ts"),
  ]);
  const { plan, version } = applied;
  if (output === "table" || output === "wide") printWarnings(plan);
  await printAs(output, { dryRun, ...applied }, () =>
    [
      planText(plan),
      ...(isNothing(plan) ? [] : [dryRun ? TEXT.wouldChange(plan.changes.length) : TEXT.changed(plan.changes.length)]),
      ...(dryRun ? [] : [TEXT.version(version.id)]),
      ...(version.state === "pending" && confirm !== undefined && !dryRun
        ? [TEXT.toConfirm(untilWords(version.appliedMs + confirm, Date.now()))]
        : []),
    ].join("\n"),
  );
  return true;
}

async function applyHere(read: ConfigurationText, { dryRun = false, reload = false, connections, output }: Flags): Promise<void> {
  const [{ applyDirectly }, { printWarnings }, { printAs }] = await Promise.all([
    import("../plan/direct.ts"),
    import("../plan/text.ts"),
    import("../output.ts"),
  ]);
  const applied = await applyDirectly(read, { dryRun, reload, ...(connections === undefined ? {} : { connectionsMax: connections }) });
  if (output === "table" || output === "wide") printWarnings(applied);
  await printAs(output, { dryRun, ...applied }, () => directText(applied, dryRun));
}

function directText({ created, changes, portsRenewed, waysChanged }: Direct, dryRun: boolean): string {
  const said = [
    ...(created ? [TEXT.created] : []),
    ...changes,
    ...(portsRenewed > 0 ? [TEXT.renewed(portsRenewed)] : []),
    ...(waysChanged > 0 ? [TEXT.ways(waysChanged)] : []),
  ];
  if (changes.length > 0) return [...said, dryRun ? TEXT.wouldChange(changes.length) : TEXT.changed(changes.length)].join("\n");
  return waysChanged === 0 && portsRenewed === 0 ? [...said, TEXT.nothing].join("\n") : said.join("\n");
}
