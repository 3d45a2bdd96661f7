/**
 * `ipvsadm -R --keep-going`, as the real one restores: line by line. What IPVS refuses is told and passed over, lists are printed where they
 * stand, and the first line that cannot be understood ends it, with what came before it done. The exit code is the last line's.
 */

import assert from "node:assert/strict";
import type { Edit } from "../../model/edit.ts";
import { EvenkeelError } from "../../model/error.ts";
import { refusalOf } from "./answers.ts";
import { type Command, CommandError } from "./command.ts";
import { HELP, VERSION } from "./help.ts";
import { makeEdits } from "./make-edits.ts";
import { EXIT_REFUSED, RefusedEdit } from "./messages.ts";
import { systemNames } from "./names.ts";
import { parseCommand } from "./parse.ts";
import type { RestoreLine } from "./restore-lines.ts";
import type { Surroundings } from "./run.ts";
import { runRefusedEdit } from "./run-edit.ts";
import { runList } from "./run-list.ts";

export async function restoreByLine(lines: Iterable<RestoreLine>, surroundings: Surroundings): Promise<number> {
  const waiting: Edit[] = [];
  let status = 0;
  /** Edits that follow each other are made together. */
  const make = async (): Promise<void> => {
    if (waiting.length > 0) status = await makeTogether(waiting.splice(0), surroundings);
  };
  for (const { words } of lines) {
    const line = understood(words);
    if (!(line instanceof Error) && line.kind === "edit") {
      waiting.push(line.edit);
      continue;
    }
    await make();
    if (line instanceof RefusedEdit) status = await runRefusedEdit(line, surroundings);
    else if (line instanceof CommandError) {
      if (line.endsRestore) throw line;
      surroundings.stderr(`${line.message}\n`);
      status = line.exitCode;
    } else if (line.kind === "help" || line.kind === "version") {
      surroundings.stdout(line.kind === "help" ? HELP : VERSION);
      return 0;
    } else {
      assert(line.kind !== "restore", "a line of a restore is none itself");
      // A list that cannot be had ends it too.
      status = await runList(line, surroundings);
    }
  }
  await make();
  return status;
}

function understood(words: readonly string[]): Command | CommandError {
  try {
    return parseCommand(words, systemNames(), true);
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
}

async function makeTogether(edits: readonly Edit[], { stderr }: Surroundings): Promise<number> {
  try {
    const { refused, warnings } = await makeEdits(edits, { keepGoing: true });
    for (const { index, error } of refused) stderr(`${refusalOf(kindOf(edits, index), error).message}\n`);
    for (const warning of warnings) stderr(`ipvsadm: warning: ${warning}\n`);
    return refused.at(-1)?.index === edits.length - 1 ? EXIT_REFUSED : 0;
  } catch (error) {
    if (error instanceof EvenkeelError) throw refusalOf("clear", error);
    throw error;
  }
}

function kindOf(edits: readonly Edit[], index: number): Edit["kind"] {
  const edit = edits[index];
  assert(edit !== undefined, "a refusal is of one of the edits");
  return edit.kind;
}
