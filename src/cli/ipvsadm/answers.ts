/** Our errors in ipvsadm's words, where it has any; else in our own, with what would help. */

import type { Edit } from "../../model/edit.ts";
import type { EvenkeelError } from "../../model/error.ts";
import { CommandError } from "./command.ts";
import { cannotInitialize, EXIT_NO_LIST, EXIT_REFUSED, errnoOf, messageFor, NOT_ROOT } from "./messages.ts";

/** ENOMEM is what IPVS would say; what there is no room for helps more. */
const TELLS_MORE: ReadonlySet<EvenkeelError["code"]> = new Set(["LIMIT_REACHED"]);

export function cannotStart(error: EvenkeelError): CommandError {
  return cannotInitialize(process.geteuid?.() === 0 ? inOurWords(error) : NOT_ROOT);
}

export function refusalOf(kind: Edit["kind"], error: EvenkeelError): CommandError {
  return new CommandError(wordsFor(kind, error), EXIT_REFUSED);
}

export function cannotList(error: EvenkeelError): CommandError {
  return new CommandError(wordsFor("list", error), EXIT_NO_LIST);
}

function wordsFor(subject: Parameters<typeof messageFor>[0], error: EvenkeelError): string {
  const errno = errnoOf(error.code);
  if (errno === undefined) return inOurWords(error);
  const words = messageFor(subject, errno);
  // Root is not told to be root: a user namespace or a sandbox stands in the way.
  const tellsMore = TELLS_MORE.has(error.code) || (error.code === "NOT_PERMITTED" && process.geteuid?.() === 0);
  return tellsMore ? `${words}\n${inOurWords(error)}` : words;
}

function inOurWords({ message, cure }: EvenkeelError): string {
  return cure === "" ? message : `${message}\n  cure: ${cure}`;
}
