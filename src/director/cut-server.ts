/** Cuts what leads to one server, a slice at a time, so that a table of a million connections holds nobody up. */

import { setImmediate as othersTurn } from "node:timers/promises";
import type { CutExtent } from "../model/plane.ts";
import { CutKind } from "../wire/abi.ts";
import type { PacketPath } from "./packet-path.ts";

/**
 * Templates first, so that they lead no client back; and again when their connections are gone, since until then they could only be hidden.
 * In a table of a million connections each is a pass of some 20 ms.
 */
const PASSES = {
  all: [CutKind.TEMPLATES, CutKind.CONNECTIONS, CutKind.TEMPLATES],
  templates: [CutKind.TEMPLATES],
} as const satisfies Record<CutExtent, readonly CutKind[]>;

/**
 * How many connections and templates were ended. `numberNow` is asked again at each slice: a server may be deleted meanwhile, its last connection
 * end, and its number be another's; undefined ends the work.
 */
export async function cutServer(path: PacketPath, what: CutExtent, numberNow: () => number | undefined): Promise<number> {
  const number = numberNow();
  let ended = 0;
  for (const kinds of PASSES[what]) {
    if (number === undefined || numberNow() !== number) break;
    if (kinds === CutKind.TEMPLATES && path.serverLoad.read(number).persistent === 0) continue;
    for (const each of path.cut(number, kinds)) {
      ended += each;
      await othersTurn();
      if (numberNow() !== number) return ended;
    }
  }
  return ended;
}
