/** Entries of the journal in the forms that `evenkeel events` prints them in, one by one as they come. */

import { styleText } from "node:util";
import { describeEntry } from "../../model/describe-story.ts";
import type { JournalEntry, Severity } from "../../model/journal.ts";
import { type OutputForm, structured } from "../output.ts";
import { describeTime } from "../time-words.ts";

const COLOUR = { debug: "dim", info: "dim", notice: "reset", warning: "yellow", error: "red" } as const satisfies Record<Severity, string>;
const SEVERITY_WIDTH = 7;

/** With its last newline. JSON: a line each; YAML: a document each. */
export async function entryText(entry: JournalEntry, form: OutputForm): Promise<string> {
  if (form === "json") return `${JSON.stringify(entry)}\n`;
  if (form === "yaml") return `---\n${await structured("yaml", entry)}`;
  const { seq, atMs, severity, story } = entry;
  const severityText = styleText(COLOUR[severity], severity.padEnd(SEVERITY_WIDTH), { stream: process.stdout });
  const number = form === "wide" ? `${`${seq}`.padStart(6)} ` : "";
  const event = form === "wide" ? `${story.event}: ` : "";
  return `${number}${describeTime(atMs)} ${severityText} ${event}${oneLine(describeEntry(entry))}\n`;
}

function oneLine(text: string): string {
  return text.replaceAll("\n", " | ");
}
