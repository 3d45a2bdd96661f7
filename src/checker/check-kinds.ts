/** The kinds of health checks, for those who read configurations. */

import type { CheckKinds, CheckMistake } from "../config/check-kinds.ts";
import { CheckOptionsError, type Mistake } from "./checker.ts";
import { CHECK_KINDS, checkers, isCheckKind, prepareCheck } from "./index.ts";

/** With what is wrong on this host too: a script that is not there, a certificate that cannot be read. */
export const checkKinds: CheckKinds = kindsWith(() => true);

/** For a file that will be used on another host. */
export const checkKindsElsewhere: CheckKinds = kindsWith(({ of }) => of === "options");

function kindsWith(counts: (mistake: Mistake) => boolean): CheckKinds {
  return {
    names: CHECK_KINDS,
    shapeOf: (kind) => (isCheckKind(kind) ? checkers[kind].shape : {}),
    mistakesIn(kind, options): readonly CheckMistake[] {
      if (!isCheckKind(kind)) return [];
      try {
        prepareCheck(kind, options);
        return [];
      } catch (error) {
        if (error instanceof CheckOptionsError) return error.mistakes.filter(counts);
        throw error;
      }
    },
  };
}
