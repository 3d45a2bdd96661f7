/** A command line judged as far as it can be without a kernel: by its words alone. What the real ipvsadm answered is compared with that. */

import { type Command, CommandError, type Names } from "../../src/cli/ipvsadm/command.ts";
import { EXIT_NO_LIST, EXIT_REFUSED, errnoOf, messageFor, RefusedEdit } from "../../src/cli/ipvsadm/messages.ts";
import { parseCommand } from "../../src/cli/ipvsadm/parse.ts";
import { restoreLines } from "../../src/cli/ipvsadm/restore-lines.ts";
import type { ErrorCode } from "../../src/model/error.ts";

export interface Answer {
  readonly rc: number;
  readonly err: string;
}

/** What may come of a line that is understood: done, or what IPVS says. */
const KERNEL_ERRORS: readonly ErrorCode[] = [
  "SERVICE_EXISTS",
  "SERVER_EXISTS",
  "DAEMON_EXISTS",
  "NO_SUCH_SERVICE",
  "NO_SUCH_SERVER",
  "NO_SUCH_DAEMON",
  "OUT_OF_RANGE",
  "BAD_ADDRESS",
  "INTERFACE_MISSING",
];

/** The answers that the real one may give to this line; one, if its words are wrong. */
export function possibleAnswers(args: readonly string[], names: Names, restoring = false): readonly Answer[] {
  try {
    return answersTo(parseCommand(args, names, restoring));
  } catch (error) {
    // Whatever else is wrong with it comes first.
    if (error instanceof RefusedEdit) return [...answersTo({ kind: "edit", edit: error.edit }), answerOf(error)];
    if (error instanceof CommandError) return [answerOf(error)];
    throw error;
  }
}

/** The same of each line of a restore; the last one may be one that ends it. */
export function possibleAnswersOfRestore(input: string, names: Names): readonly (readonly Answer[])[] {
  const all: (readonly Answer[])[] = [];
  for (const { words } of restoreLines(input)) {
    const answers = possibleAnswers(words, names, true);
    all.push(answers);
    if (endsRestore(words, names)) break;
  }
  return all;
}

function endsRestore(words: readonly string[], names: Names): boolean {
  try {
    const { kind } = parseCommand(words, names, true);
    return kind === "help" || kind === "version";
  } catch (error) {
    if (error instanceof CommandError) return error.endsRestore;
    throw error;
  }
}

function answersTo(command: Command): readonly Answer[] {
  const done = { rc: 0, err: "" };
  if (command.kind === "edit") return [done, ...KERNEL_ERRORS.map((code) => refused(command.edit.kind, code))];
  return command.kind === "list-services" ? [done, { ...refused("list", "NO_SUCH_SERVICE"), rc: EXIT_NO_LIST }] : [done];
}

function refused(subject: Parameters<typeof messageFor>[0], code: ErrorCode): Answer {
  const errno = errnoOf(code);
  if (errno === undefined) throw new Error(`${code} is none of IPVS's`);
  return { rc: EXIT_REFUSED, err: `${messageFor(subject, errno)}\n` };
}

function answerOf({ exitCode, message }: CommandError): Answer {
  return { rc: exitCode, err: `${message}\n` };
}
