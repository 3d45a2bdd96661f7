/** `evenkeel history [ID]`: the configurations that were applied, or the text of one. */

import type { Command } from "commander";
import { type OutputFlags, outputOption, printAs } from "../output.ts";
import { parseId } from "./undo.ts";

const TEXT = {
  verb: "the configurations that were applied, newest first; or the text of one",
  id: "the number of one: prints it as it was applied",
  none: "no configuration was applied yet",
  examples: `
Examples:
  evenkeel history
  evenkeel history 12 > evenkeel.yaml
  diff <(evenkeel history 11) <(evenkeel history 12)

Exit codes: 0 read, 1 there is no such configuration, 4 no director`,
};

/** So much of a digest tells one from another. */
const DIGEST_SHOWN = 12;

export function register(program: Command): void {
  program
    .command("history")
    .description(TEXT.verb)
    .argument("[id]", TEXT.id, parseId)
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(id: number | undefined, { output }: OutputFlags): Promise<void> {
  const [{ director }, { renderTable }, { describeTime }] = await Promise.all([
    import("../director-access.ts"),
    import("../table.ts"),
    import("../time-words.ts"),
  ]);
  if (id !== undefined) {
    const found = await director().configuration(id);
    // As it is, so that it can be written to a file.
    if (output === "table" || output === "wide") process.stdout.write(found.text);
    else await printAs(output, found, () => "");
    return;
  }
  const versions = await director().history();
  await printAs(output, versions, (wide) =>
    versions.length === 0
      ? TEXT.none
      : renderTable(
          [
            { title: "ID", align: "right" },
            { title: "STATE" },
            { title: "APPLIED" },
            { title: "BY" },
            { title: "FILE" },
            { title: "DIGEST" },
          ],
          versions.map((version) => [
            `${version.id}`,
            version.state,
            describeTime(version.appliedMs),
            version.by,
            version.file,
            wide ? version.digest : version.digest.slice(0, DIGEST_SHOWN),
          ]),
        ),
  );
}
