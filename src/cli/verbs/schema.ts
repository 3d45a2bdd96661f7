/** `evenkeel schema`: the format of the configuration file as JSON Schema, for editors. */

import type { Command } from "commander";

const TEXT = {
  verb: "print the format of the configuration file as JSON Schema, for editors",
  examples: `
Examples:
  evenkeel schema > evenkeel.schema.json

An editor that speaks JSON Schema (yaml-language-server) completes keys and shows what they are for, when the file begins with one of:
  # yaml-language-server: $schema=./evenkeel.schema.json
  $schema: ./evenkeel.schema.json

evenkeel check FILE knows more: contradictions between keys, and what this host has.`,
};

export function register(program: Command): void {
  program.command("schema").description(TEXT.verb).addHelpText("after", TEXT.examples).action(run);
}

async function run(): Promise<void> {
  const [{ configurationJsonSchema }, { checkKinds }] = await Promise.all([
    import("../../config/json-schema.ts"),
    import("../../checker/check-kinds.ts"),
  ]);
  console.log(JSON.stringify(configurationJsonSchema(checkKinds), null, 2));
}
