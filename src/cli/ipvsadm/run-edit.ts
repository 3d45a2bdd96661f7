/** `ipvsadm -A -E -D -C -a -e -d -Z --set --start-daemon --stop-daemon`: one change of the packet path. */

import { EditRefused, editPacketPath } from "../../director/edit.ts";
import type { Edit } from "../../model/edit.ts";
import { EvenkeelError } from "../../model/error.ts";
import { refused } from "./messages.ts";
import type { Surroundings } from "./run.ts";

export async function runEdit(edit: Edit, { stderr }: Surroundings): Promise<number> {
  try {
    const { warnings } = await editPacketPath([edit]);
    for (const warning of warnings) stderr(`ipvsadm: warning: ${warning}\n`);
    return 0;
  } catch (error) {
    if (error instanceof EditRefused) throw refused(edit.kind, error.refusal.error);
    if (error instanceof EvenkeelError) throw refused(edit.kind, error);
    throw error;
  }
}
