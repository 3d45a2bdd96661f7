/** `evenkeel reset-counters [SERVICE]`: what is shown begins again at 0, as after `ipvsadm -Z`. */

import type { Command } from "commander";
import type { ServiceHead } from "../../model/plane.ts";

const TEXT = {
  verb: "let counters and rates of one service, or of all, begin again at 0",
  service: "ADDRESS, ADDRESS:PORT, or mark:NUMBER; left out: every service",
  none: "no packet path in this network namespace",
  cure: "evenkeel apply FILE makes one",
  noService: (service: string) => `there is no service ${service}`,
  noServiceCure: "evenkeel status lists them",
  done: (count: number) => `reset the counters of ${count} ${count === 1 ? "service" : "services"}`,
  examples: `
Examples:
  evenkeel reset-counters
  evenkeel reset-counters 192.0.2.10:80
  evenkeel reset-counters mark:1

The connections that stand are not touched; nor are the counts of mark rules and of outcomes, which go on from when the packet path was made.
Exit codes: 0 done, 1 there is no packet path, 2 no such service, 5 not permitted`,
};

const MARK = /^mark:(\d+)$/;

export function register(program: Command): void {
  program
    .command("reset-counters")
    .description(TEXT.verb)
    .argument("[service]", TEXT.service)
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(service: string | undefined): Promise<void> {
  const [{ inspect }, { EvenkeelError }] = await Promise.all([import("../../director/apply.ts"), import("../../model/error.ts")]);
  const isMeant = service === undefined ? () => true : await matcher(service);
  const reset = await inspect((plane) => {
    const meant = plane.read().services.filter(isMeant);
    for (const each of meant) plane.resetCounters(each);
    return meant.length;
  });
  if (reset === undefined) throw new EvenkeelError("NOT_RUNNING", TEXT.none, { cure: TEXT.cure });
  if (reset === 0 && service !== undefined) throw new EvenkeelError("BAD_ARGUMENT", TEXT.noService(service), { cure: TEXT.noServiceCure });
  console.log(TEXT.done(reset));
}

async function matcher(service: string): Promise<(head: ServiceHead) => boolean> {
  const mark = MARK.exec(service)?.[1];
  if (mark !== undefined) return (head) => head.mark === Number(mark);
  const [{ parseEndpoint }, { sameAddress }] = await Promise.all([import("../../model/endpoint.ts"), import("../../model/address.ts")]);
  const { address, port } = parseEndpoint(service);
  return (head) => !head.mark && sameAddress(head.address, address) && (port === undefined || head.port === port);
}
