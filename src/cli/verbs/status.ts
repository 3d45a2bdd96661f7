/** `evenkeel status`: what the packet path of this network namespace holds and has counted. */

import { type Command, Option } from "commander";

const TEXT = {
  verb: "services, servers, connections and counters of the packet path",
  rate: "what is counted a second now, instead of what was counted in all",
  output: "form of the answer",
  none: "no packet path in this network namespace",
  cure: "evenkeel apply FILE makes one",
  examples: `
Examples:
  evenkeel status
  evenkeel status --rate
  evenkeel status -o json
  ip netns exec director evenkeel status

Counters begin at 0 where a service or server was added, or where evenkeel reset-counters was last said; docs/packet-path.md explains
what becomes of packets. Rates are averages of the last seconds, looked at every two seconds, as ipvsadm --rate shows them.
Exit codes: 0 there is a packet path, 1 there is none, 5 not permitted`,
};

interface Flags {
  readonly rate?: boolean;
  readonly output: "text" | "json";
}

export function register(program: Command): void {
  program
    .command("status")
    .description(TEXT.verb)
    .option("--rate", TEXT.rate)
    .addOption(new Option("-o, --output <form>", TEXT.output).choices(["text", "json"]).default("text"))
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run({ rate = false, output }: Flags): Promise<void> {
  const [{ inspect }, { EvenkeelError }] = await Promise.all([import("../../director/apply.ts"), import("../../model/error.ts")]);
  const found = await inspect((plane) => ({ state: plane.read(), counters: plane.counters() }));
  if (found === undefined) throw new EvenkeelError("NOT_RUNNING", TEXT.none, { cure: TEXT.cure });
  if (output === "json") {
    const { statusJson } = await import("../../director/status-json.ts");
    console.log(JSON.stringify(statusJson(found.state, found.counters), null, 2));
  } else {
    const { statusText } = await import("../status/text.ts");
    console.log(statusText(found.state, found.counters, { rate }));
  }
}
