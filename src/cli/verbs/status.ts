/** `evenkeel status`: the director, if one runs, and what the packet path of this network namespace holds and has counted. */

import type { Command } from "commander";
import type { OutputForm } from "../output.ts";
import { type OutputFlags, outputOption } from "../output.ts";

const TEXT = {
  verb: "the director, services, servers, connections and counters of the packet path",
  rate: "what is counted a second now",
  none: "no packet path in this network namespace",
  cure: "evenkeel apply FILE makes one",
  examples: `
Examples:
  evenkeel status
  evenkeel status --rate
  evenkeel status -o wide
  evenkeel status -o json
  ip netns exec director evenkeel status

With a director running its own state comes first: configuration, troubles, what was changed by hand; and of each server its condition and why.
Counters begin at 0 where a service or server was added, or where evenkeel reset-counters was last said; docs/packet-path.md explains
what becomes of packets. Rates are averages of the last seconds, looked at every two seconds, as ipvsadm --rate shows them.
Exit codes: 0 there is a packet path, 1 there is none, 5 not permitted`,
};

interface Flags extends OutputFlags {
  readonly rate?: boolean;
}

export function register(program: Command): void {
  program
    .command("status")
    .description(TEXT.verb)
    .option("--rate", TEXT.rate)
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run({ rate = false, output }: Flags): Promise<void> {
  if (await statusByDirector(rate, output)) return;
  const [{ inspect }, { EvenkeelError }, { printAs }, { statusJson }, { statusText }] = await Promise.all([
    import("../../director/apply.ts"),
    import("../../model/error.ts"),
    import("../output.ts"),
    import("../../director/status-json.ts"),
    import("../status/text.ts"),
  ]);
  const found = await inspect((plane) => ({ state: plane.read(), counters: plane.counters() }));
  if (found === undefined) throw new EvenkeelError("NOT_RUNNING", TEXT.none, { cure: TEXT.cure });
  await printAs(output, statusJson(found.state, found.counters), () => statusText(found.state, found.counters, { rate }));
}

/** false: none runs. */
async function statusByDirector(rate: boolean, form: OutputForm): Promise<boolean> {
  const { askDirector } = await import("../director-access.ts");
  const found = await askDirector(async (director) => {
    // One after the other: the first tells whether there is one.
    const status = await director.status();
    const [services, kernel] = await Promise.all([director.services(), director.kernel()]);
    return { status, services, kernel };
  });
  if (found === undefined) return false;
  const [{ directorText }, { clusterTable }, { outcomeLines }, { printAs }] = await Promise.all([
    import("../director/director-text.ts"),
    import("../director/service-table.ts"),
    import("../status/text.ts"),
    import("../output.ts"),
  ]);
  const { status, services, kernel } = found;
  const nowMs = Date.now();
  await printAs(form, { director: status, ...kernel }, (wide) =>
    [
      directorText(status, nowMs, wide),
      ...(services.length === 0 ? [] : ["", clusterTable(services, { nowMs, wide, rate })]),
      ...outcomeLines(kernel["outcomes"] as Readonly<Record<string, number | string>>),
    ].join("\n"),
  );
  return true;
}
