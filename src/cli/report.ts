/** How an error reaches a person: what happened, what lies behind it, what would help; and which exit code it becomes. */

import { styleText } from "node:util";
import { type ErrorCode, EvenkeelError } from "../model/error.ts";

export const EXIT_CODE = { ok: 0, failed: 1, usage: 2, configuration: 3, directorAway: 4, notPermitted: 5, differs: 10 } as const;

/** Every other code means that what was asked for failed. */
const EXIT_CODE_OF: Partial<Record<ErrorCode, number>> = {
  BAD_ADDRESS: EXIT_CODE.usage,
  BAD_ARGUMENT: EXIT_CODE.usage,
  BAD_CONFIGURATION: EXIT_CODE.configuration,
  DIRECTOR_AWAY: EXIT_CODE.directorAway,
  NOT_PERMITTED: EXIT_CODE.notPermitted,
};

type Paint = (style: "red" | "green" | "dim", text: string) => string;

/** Prints the error to standard error and returns the exit code it stands for. */
export function reportError(error: unknown): number {
  process.stderr.write(`${describeError(error, paintOnStderr)}\n`);
  return exitCodeOf(error);
}

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof EvenkeelError)) return EXIT_CODE.failed;
  return EXIT_CODE_OF[error.code] ?? EXIT_CODE.failed;
}

/** The lines a person reads, without the last newline. */
export function describeError(error: unknown, paint: Paint = plain): string {
  if (isSystemError(error))
    return `${paint("red", "evenkeel:")} cannot ${error.syscall}${error.path === undefined ? "" : ` ${error.path}`}: ${error.message}`;
  if (!(error instanceof EvenkeelError)) return describeBug(error, paint);
  return [
    `${paint("red", "evenkeel:")} ${error.message}`,
    ...causes(error).map((cause) => paint("dim", `  because: ${cause}`)),
    ...longFacts(error).map((line) => paint("dim", `  | ${line}`)),
    ...(error.cure === "" ? [] : [`  ${paint("green", "cure:")} ${error.cure}`]),
  ].join("\n");
}

/** What is behind it, as far as it says more than the message already does. */
function causes(error: Error): string[] {
  const found: string[] = [];
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    const { message } = cause;
    if (message !== "" && !error.message.includes(message)) found.push(message);
  }
  return found;
}

/** Facts of several lines are read by people too: a verifier's log, a command's output. */
function longFacts(error: EvenkeelError): string[] {
  return Object.values(error.facts).flatMap((fact) =>
    typeof fact === "string" && fact.includes("\n") && !error.message.includes(fact) ? fact.trimEnd().split("\n") : [],
  );
}

/** The world said no (a read-only disk, a full one): its own words tell more than our stack. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException & { syscall: string } {
  return error instanceof Error && "errno" in error && "syscall" in error && typeof error.syscall === "string";
}

/** Not foreseen, so the stack is what helps. */
function describeBug(error: unknown, paint: Paint): string {
  const story = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `${paint("red", "evenkeel:")} this should not have happened; please report it with these lines\n${story}`;
}

function paintOnStderr(style: Parameters<Paint>[0], text: string): string {
  return styleText(style, text, { stream: process.stderr });
}

function plain(_style: Parameters<Paint>[0], text: string): string {
  return text;
}
