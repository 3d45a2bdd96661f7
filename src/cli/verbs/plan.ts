/** `evenkeel plan FILE`: what applying the file would change, against the present configuration and against the kernel. */

import type { Command } from "commander";
import { type OutputFlags, outputOption } from "../output.ts";

const TEXT = {
  verb: "what applying a configuration would change; changes nothing",
  file: "the configuration (YAML); - is the standard input",
  examples: `
Examples:
  evenkeel plan evenkeel.yaml
  evenkeel plan evenkeel.yaml && echo "all is as the file says"
  evenkeel plan -o json evenkeel.yaml

With a director running three things are compared: the file with the configuration that was applied last; the kernel with what that configuration,
health and overrides want of it (drift); and what applying the file would do in the kernel. Without one, the file with the kernel.
Exit codes: 0 nothing differs, 10 something does, 1 failed, 2 usage, 3 the file is wrong, 5 not permitted`,
};

export function register(program: Command): void {
  program
    .command("plan")
    .description(TEXT.verb)
    .argument("<file>", TEXT.file)
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(file: string, { output }: OutputFlags): Promise<void> {
  const [{ readConfigurationText, sendable }, { askDirector }, { isNothing, planText, printWarnings }, { printAs }, { EXIT_CODE }] =
    await Promise.all([
      import("../configuration-text.ts"),
      import("../director-access.ts"),
      import("../plan/text.ts"),
      import("../output.ts"),
      import("../report.ts"),
    ]);
  const read = await readConfigurationText(file);
  const sent = await sendable(read);
  const asked = await askDirector((director) => director.plan(sent.text, sent.file));
  const plan = asked ?? (await (await import("../plan/direct.ts")).planDirectly(read));
  if (output === "table" || output === "wide") printWarnings(plan);
  await printAs(output, plan, () => planText(plan));
  if (!isNothing(plan)) process.exitCode = EXIT_CODE.differs;
}
