/** `evenkeel teardown`: takes the packet path off this network namespace. */

import type { Command } from "commander";

const TEXT = {
  verb: "take the packet path off every interface and free it; its connections end",
  done: "removed the packet path from this network namespace",
  none: "there was no packet path in this network namespace; nothing was changed",
  directorRuns: (pid: number) => `a director (process ${pid}) keeps this packet path, and would make it again`,
  directorCure: "end it first; evenkeel run --teardown takes the packet path along when it ends",
  examples: `
Examples:
  evenkeel teardown
  ip netns exec director evenkeel teardown`,
};

export function register(program: Command): void {
  program
    .command("teardown")
    .description(TEXT.verb)
    .addHelpText("after", TEXT.examples)
    .action(async () => {
      await refuseBesideDirector();
      const { teardown } = await import("../../director/apply.ts");
      console.log((await teardown()) ? TEXT.done : TEXT.none);
    });
}

async function refuseBesideDirector(): Promise<void> {
  const [{ askDirector }, { EvenkeelError }] = await Promise.all([import("../director-access.ts"), import("../../model/error.ts")]);
  const status = await askDirector((director) => director.status(), false);
  if (status !== undefined) throw new EvenkeelError("CONFLICT", TEXT.directorRuns(status.pid), { cure: TEXT.directorCure });
}
