/**
 * Makes edits: by the director of this network namespace, if one runs, who keeps them beside its configuration or refuses; else in the kernel. Without a director
 * that costs one look at the file system.
 */

import { statSync } from "node:fs";
import { directorSocket } from "../../director/places.ts";
import type { Edit } from "../../model/edit.ts";
import type { Edited, EditOptions } from "../../model/edit-refused.ts";

/** Throws EditRefused; NOT_PERMITTED and its like where no packet path can be; CONFLICT where the director wants no changes by hand. */
export async function makeEdits(edits: readonly Edit[], options: EditOptions = {}): Promise<Edited> {
  if (statSync(directorSocket(), { throwIfNoEntry: false }) !== undefined) {
    const { askDirector } = await import("../director-access.ts");
    // ipvsadm works without one in any case.
    const edited = await askDirector((director) => director.edit(edits, options), false);
    if (edited !== undefined) return edited;
  }
  const { editPacketPath } = await import("../../director/edit.ts");
  return await editPacketPath(edits, options);
}
