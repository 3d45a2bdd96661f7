/**
 * `ipvsadm -R`: lines as -S prints them. All of them are made or none, and the first that is wrong is named; with --keep-going as the real one
 * does (run-restore-by-line.ts). With both --keep-going and --replace what can be made takes the place of what there is.
 */

import assert from "node:assert/strict";
import type { Edit } from "../../model/edit.ts";
import { EditRefused, type Refusal } from "../../model/edit-refused.ts";
import { EvenkeelError } from "../../model/error.ts";
import { refusalOf } from "./answers.ts";
import { type Command, CommandError } from "./command.ts";
import { makeEdits } from "./make-edits.ts";
import { RefusedEdit } from "./messages.ts";
import { systemNames } from "./names.ts";
import { parseCommand } from "./parse.ts";
import { type RestoreLine, restoreLines } from "./restore-lines.ts";
import type { Surroundings } from "./run.ts";
import { restoreByLine } from "./run-restore-by-line.ts";

/** So much of a line that is wrong is shown. */
const SHOWN_MAX = 200;

const TEXT = {
  wrong: (line: number, problem: string, text: string) => `ipvsadm: line ${line}: ${problem}\n  ${text}`,
  notHere: "only changes can be restored",
  nothing: "  nothing was changed; --keep-going makes those that can be made",
};

/** A line that asks for something. */
interface EditLine extends RestoreLine {
  readonly edit: Edit;
}

/** A line that cannot be understood, or that asks for what there is not. */
interface BrokenLine extends RestoreLine {
  readonly error: CommandError;
}

type Restore = Extract<Command, { kind: "restore" }>;

export async function runRestore({ keepGoing, replace }: Restore, surroundings: Surroundings): Promise<number> {
  const { stderr } = surroundings;
  const input = restoreLines((await surroundings.stdin()).toString(), { comments: replace });
  if (keepGoing && !replace) return await restoreByLine(input, surroundings);
  const { lines, impossible, broken } = understood(input);
  const [first] = [...impossible, ...(broken === undefined ? [] : [broken])];
  if (first !== undefined && !keepGoing) throw notRestored(first);
  try {
    const edits = lines.map(({ edit }) => edit);
    const { refused, warnings } = await makeEdits(edits, { keepGoing, replace });
    for (const { error } of [...impossible, ...refused.map((refusal) => brokenBy(lines, refusal))].toSorted(byNumber)) {
      stderr(`${error.message}\n`);
    }
    for (const warning of warnings) stderr(`ipvsadm: warning: ${warning}\n`);
  } catch (error) {
    if (error instanceof EditRefused) throw notRestored(brokenBy(lines, error.refusal));
    if (error instanceof EvenkeelError) throw refusalOf("clear", error);
    throw error;
  }
  // The real one ends at a line that it does not understand, with what came before it done.
  if (broken !== undefined) throw broken.error;
  return 0;
}

interface Understood {
  readonly lines: readonly EditLine[];
  readonly impossible: readonly BrokenLine[];
  /** The first line that cannot be understood; none was read after it. */
  readonly broken?: BrokenLine;
}

function understood(input: Iterable<RestoreLine>): Understood {
  const names = systemNames();
  const lines: EditLine[] = [];
  const impossible: BrokenLine[] = [];
  for (const { number, words } of input) {
    try {
      const command = parseCommand(words, names, true);
      if (command.kind !== "edit") throw new CommandError(TEXT.notHere, 2);
      lines.push({ number, words, edit: command.edit });
    } catch (error) {
      if (error instanceof RefusedEdit) impossible.push({ number, words, error });
      else if (error instanceof CommandError) return { lines, impossible, broken: { number, words, error } };
      else throw error;
    }
  }
  return { lines, impossible };
}

function brokenBy(lines: readonly EditLine[], { index, error }: Refusal): BrokenLine {
  const line = lines[index];
  assert(line !== undefined, "a refusal is of one of the lines");
  return { ...line, error: refusalOf(line.edit.kind, error) };
}

function byNumber(one: RestoreLine, other: RestoreLine): number {
  return one.number - other.number;
}

function notRestored({ number, words, error }: BrokenLine): CommandError {
  const text = words.join(" ");
  const shown = text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text;
  return new CommandError(`${TEXT.wrong(number, error.message, shown)}\n${TEXT.nothing}`, error.exitCode);
}
