/** `ipvsadm -A -E -D -C -a -e -d -Z --set --start-daemon --stop-daemon`: one change of the packet path. */

import type { Edit } from "../../model/edit.ts";
import { EditRefused } from "../../model/edit-refused.ts";
import { EvenkeelError } from "../../model/error.ts";
import { refusalOf } from "./answers.ts";
import type { CommandError } from "./command.ts";
import { makeEdits } from "./make-edits.ts";
import type { RefusedEdit } from "./messages.ts";
import type { Surroundings } from "./run.ts";

export async function runEdit(edit: Edit, { stderr }: Surroundings): Promise<number> {
  try {
    const { warnings } = await makeEdits([edit]);
    for (const warning of warnings) stderr(`ipvsadm: warning: ${warning}\n`);
    return 0;
  } catch (error) {
    throw answerTo(edit, error);
  }
}

/** It cannot be done; but what else is wrong with it comes first. */
export async function runRefusedEdit(refused: RefusedEdit, { stderr }: Surroundings): Promise<number> {
  let answer: CommandError = refused;
  try {
    await makeEdits([refused.edit], { judgeOnly: true });
  } catch (error) {
    answer = answerTo(refused.edit, error);
  }
  stderr(`${answer.message}\n`);
  return answer.exitCode;
}

function answerTo({ kind }: Edit, error: unknown): CommandError {
  if (error instanceof EditRefused) return refusalOf(kind, error.refusal.error);
  if (error instanceof EvenkeelError) return refusalOf(kind, error);
  throw error;
}
