/**
 * `ipvsadm -R`: lines as -S prints them. All of them are made or none, and the first that is wrong is named; with --keep-going as the real one
 * does, which reports what the kernel refuses and goes on, and ends where a line cannot be understood, with what came before it made.
 */

import { EditRefused, editPacketPath } from "../../director/edit.ts";
import type { Edit } from "../../model/edit.ts";
import { EvenkeelError } from "../../model/error.ts";
import { type Command, CommandError } from "./command.ts";
import { refused } from "./messages.ts";
import { systemNames } from "./names.ts";
import { parseCommand } from "./parse.ts";
import { restoreLines } from "./restore-lines.ts";
import type { Surroundings } from "./run.ts";

const TEXT = {
  wrong: (line: number, problem: string, text: string) => `ipvsadm: line ${line}: ${problem}\n  ${text}`,
  notHere: "only changes can be restored",
  nothing: "  nothing was changed; --keep-going makes those that can be made",
};

/** Where an edit came from. */
interface Line {
  readonly number: number;
  readonly words: readonly string[];
  readonly edit: Edit;
}

type Restore = Extract<Command, { kind: "restore" }>;

export async function runRestore({ keepGoing, replace }: Restore, surroundings: Surroundings): Promise<number> {
  const { stderr } = surroundings;
  const { lines, broken } = understood(surroundings.stdin());
  if (broken !== undefined && !keepGoing) throw notRestored(broken.number, broken.words, broken.error);
  try {
    const { refused: refusals, warnings } = await editPacketPath(
      lines.map(({ edit }) => edit),
      { keepGoing, replace },
    );
    for (const { index, error } of refusals) stderr(`${refused(lines[index]?.edit.kind ?? "clear", error).message}\n`);
    for (const warning of warnings) stderr(`ipvsadm: warning: ${warning}\n`);
  } catch (error) {
    const line = error instanceof EditRefused ? lines[error.refusal.index] : undefined;
    if (error instanceof EditRefused && line !== undefined)
      throw notRestored(line.number, line.words, refused(line.edit.kind, error.refusal.error));
    if (error instanceof EvenkeelError) throw refused("clear", error);
    throw error;
  }
  if (broken !== undefined) throw broken.error;
  return 0;
}

interface Understood {
  readonly lines: readonly Line[];
  /** The first line that cannot be understood. */
  readonly broken?: { readonly number: number; readonly words: readonly string[]; readonly error: CommandError };
}

function understood(input: Buffer): Understood {
  const names = systemNames();
  const lines: Line[] = [];
  for (const { number, words } of restoreLines(input)) {
    try {
      const command = parseCommand(words, names, true);
      if (command.kind !== "edit") throw new CommandError(TEXT.notHere, 2);
      lines.push({ number, words, edit: command.edit });
    } catch (error) {
      if (error instanceof CommandError) return { lines, broken: { number, words, error } };
      throw error;
    }
  }
  return { lines };
}

function notRestored(number: number, words: readonly string[], { message, exitCode }: CommandError): CommandError {
  return new CommandError(`${TEXT.wrong(number, message, words.join(" "))}\n${TEXT.nothing}`, exitCode);
}
