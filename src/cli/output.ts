/**
 * The forms that an answer can have: a table for people, a wider one, JSON and YAML for programs. JSON and YAML say the same; their keys are part of
 * what a verb promises.
 */

import { InvalidArgumentError, Option } from "commander";
import { didYouMean } from "../config/suggest.ts";

export const OUTPUT_FORMS = ["table", "wide", "json", "yaml"] as const;
export type OutputForm = (typeof OUTPUT_FORMS)[number];

/** As it was called before there was a choice. */
const ALIAS = "text";

const TEXT = {
  output: `form of the answer: ${OUTPUT_FORMS.join(", ")}`,
  unknown: (meant: string) => `Allowed choices are ${OUTPUT_FORMS.join(", ")}${meant === "" ? "." : meant}`,
};

export interface OutputFlags {
  readonly output: OutputForm;
}

export function outputOption(description = TEXT.output): Option {
  return new Option("-o, --output <form>", description).argParser(parseForm).default("table");
}

function parseForm(text: string): OutputForm {
  const form = OUTPUT_FORMS.find((one) => one === text) ?? (text === ALIAS ? "table" : undefined);
  if (form === undefined) throw new InvalidArgumentError(TEXT.unknown(didYouMean(text, [...OUTPUT_FORMS, ALIAS])));
  return form;
}

/** What such a form says is one document; people read line by line, as it comes. */
export function isForPrograms(form: OutputForm): form is "json" | "yaml" {
  return form === "json" || form === "yaml";
}

/** Prints `value` for programs, or what `table` makes of it for people. */
export async function printAs(form: OutputForm, value: unknown, table: (wide: boolean) => string): Promise<void> {
  if (isForPrograms(form)) {
    process.stdout.write(await structured(form, value));
    return;
  }
  const text = table(form === "wide");
  if (text !== "") console.log(text);
}

/** With its last newline. */
export async function structured(form: "json" | "yaml", value: unknown): Promise<string> {
  const json = JSON.stringify(value, null, 2);
  if (form === "json") return `${json}\n`;
  const { stringify } = await import("yaml");
  // By way of JSON, so that both say the same: no undefined, no aliases for what appears twice.
  return stringify(JSON.parse(json), { lineWidth: 0, aliasDuplicateObjects: false });
}
