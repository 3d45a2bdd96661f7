/**
 * The forms that an answer can have: a table for people, a wider one, JSON and YAML for programs. JSON and YAML say the same; their keys are part of
 * what a verb promises.
 */

import { InvalidArgumentError, Option } from "commander";

export const OUTPUT_FORMS = ["table", "wide", "json", "yaml"] as const;
export type OutputForm = (typeof OUTPUT_FORMS)[number];

/** As it was called before there was a choice. */
const ALIAS = "text";

const TEXT = {
  output: `form of the answer: ${OUTPUT_FORMS.join(", ")}`,
  unknown: `Allowed choices are ${OUTPUT_FORMS.join(", ")}.`,
};

export interface OutputFlags {
  readonly output: OutputForm;
}

export function outputOption(description = TEXT.output): Option {
  return new Option("-o, --output <form>", description).argParser(parseForm).default("table");
}

function parseForm(text: string): OutputForm {
  const form = OUTPUT_FORMS.find((one) => one === text) ?? (text === ALIAS ? "table" : undefined);
  if (form === undefined) throw new InvalidArgumentError(TEXT.unknown);
  return form;
}

/** Prints `value` for programs, or what `table` makes of it for people. */
export async function printAs(form: OutputForm, value: unknown, table: (wide: boolean) => string): Promise<void> {
  if (form === "table" || form === "wide") {
    const text = table(form === "wide");
    if (text !== "") console.log(text);
  } else process.stdout.write(await structured(form, value));
}

/** With its last newline. */
export async function structured(form: "json" | "yaml", value: unknown): Promise<string> {
  const json = JSON.stringify(value, null, 2);
  if (form === "json") return `${json}\n`;
  const { stringify } = await import("yaml");
  // By way of JSON, so that both say the same: no undefined, no aliases for what appears twice.
  return stringify(JSON.parse(json), { lineWidth: 0, aliasDuplicateObjects: false });
}
