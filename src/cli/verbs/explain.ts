/** `evenkeel explain`: the server that a client would get now, and why. Asking changes nothing. */

import type { Command } from "commander";
import type { Explanation } from "../../director/explanation.ts";
import type { QuestionOptions } from "../explain/question.ts";
import { type OutputFlags, type OutputForm, outputOption, printAs } from "../output.ts";
import { EXIT_CODE } from "../report.ts";

const TEXT = {
  verb: "the server that a client would get now, and why",
  service: "where its packet goes: tcp:ADDRESS:PORT, udp:..., sctp:...; or which mark it carries: mark:NUMBER, mark:NUMBER:ipv6",
  from: "the client: ADDRESS, or ADDRESS:PORT to meet the connection that it has",
  to: "with a mark: where the packet goes, ADDRESS:PORT or udp:ADDRESS:PORT",
  interface: "where it comes in, for mark rules that are about one interface",
  none: "no packet path in this network namespace",
  cure: "evenkeel apply FILE makes one",
  examples: `
Examples:
  evenkeel explain --service tcp:192.0.2.1:80 --from 198.51.100.7
  evenkeel explain --service tcp:192.0.2.1:80 --from 198.51.100.7:40000
  evenkeel explain --service "udp:[2001:db8::1]:53" --from 2001:db8:c::7
  evenkeel explain --service mark:7 --from 198.51.100.7 --to 192.0.2.1:443
  evenkeel explain --service tcp:192.0.2.1:80 --from 198.51.100.7 -o json

The packet path itself is asked, by the programs that decide for packets; nothing is changed, moved on or counted by that. Servers stand
in the order in which schedulers walk: newest first. docs/explain.md tells what the numbers mean.
Exit codes: 0 there is a server, 1 there is none or no packet path, 2 wrong usage, 5 not permitted`,
};

export function register(program: Command): void {
  program
    .command("explain")
    .description(TEXT.verb)
    .requiredOption("--service <service>", TEXT.service)
    .requiredOption("--from <client>", TEXT.from)
    .option("--to <destination>", TEXT.to)
    .option("--interface <name>", TEXT.interface)
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(options: QuestionOptions & OutputFlags): Promise<void> {
  const { parseQuestion } = await import("../explain/question.ts");
  const question = parseQuestion(options);
  const [{ explain }, { EvenkeelError }] = await Promise.all([import("../../director/explain.ts"), import("../../model/error.ts")]);
  const explanation = await explain(question);
  if (explanation === undefined) throw new EvenkeelError("NOT_RUNNING", TEXT.none, { cure: TEXT.cure });
  await print(explanation, options.output);
  if (explanation.end.kind === "none") process.exitCode = EXIT_CODE.failed;
}

async function print(explanation: Explanation, form: OutputForm): Promise<void> {
  const [{ explanationJson }, { explanationText }] = await Promise.all([import("../explain/json.ts"), import("../explain/text.ts")]);
  await printAs(form, explanationJson(explanation), (wide) => explanationText(explanation, wide));
}
