/** `evenkeel adopted list|forget`: what ipvsadm changed beside the configuration, and going back to the configuration alone. */

import type { Command } from "commander";
import { type OutputFlags, outputOption, printAs } from "../output.ts";

const TEXT = {
  verb: "what was changed by hand (ipvsadm) and is kept beside the configuration",
  list: "one line for each change",
  forget: "go back to what the configuration says",
  reason: "why, for the journal",
  none: "nothing was changed by hand",
  forgotten: (count: number) => `forgot ${count} ${count === 1 ? "change" : "changes"}: the packet path is what the configuration says`,
  examples: `
Examples:
  evenkeel adopted list
  evenkeel adopted forget --reason "the incident is over"

Another configuration that is applied forgets them too. With by_hand: revert in the configuration nothing is kept, and ipvsadm is refused.
Exit codes: 0 done, 4 no director`,
};

export function register(program: Command): void {
  const adopted = program.command("adopted").description(TEXT.verb).addHelpText("after", TEXT.examples);
  for (const [name, action] of [
    ["list", list],
    ["forget", forget],
  ] as const) {
    const command = adopted.command(name, { isDefault: name === "list" }).description(TEXT[name]);
    if (name === "forget") command.option("--reason <text>", TEXT.reason);
    command.addOption(outputOption()).addHelpText("after", TEXT.examples).action(action);
  }
}

async function list({ output }: OutputFlags): Promise<void> {
  const { director } = await import("../director-access.ts");
  const { adopted } = await director().status();
  await printAs(output, adopted, () => (adopted.length === 0 ? TEXT.none : adopted.join("\n")));
}

async function forget({ reason, output }: OutputFlags & { readonly reason?: string }): Promise<void> {
  const { director } = await import("../director-access.ts");
  const forgotten = await director().forgetAdopted(reason);
  await printAs(output, forgotten, () =>
    forgotten.length === 0 ? TEXT.none : [...forgotten, TEXT.forgotten(forgotten.length)].join("\n"),
  );
}
