/** `evenkeel teardown`: takes the packet path off this network namespace. */

import type { Command } from "commander";

const TEXT = {
  verb: "take the packet path off every interface and free it; its connections end",
  done: "removed the packet path from this network namespace",
  none: "there was no packet path in this network namespace; nothing was changed",
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
      const { teardown } = await import("../../director/apply.ts");
      console.log((await teardown()) ? TEXT.done : TEXT.none);
    });
}
