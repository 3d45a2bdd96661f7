/** TCP: the server takes the connection. Nothing is said. */

import { checkerOf, wayTo } from "./checker.ts";
import { PASSED } from "./course.ts";
import { openStream } from "./stream.ts";
import { readWay, wayShape } from "./way-options.ts";

export const tcp = checkerOf({
  name: "tcp",
  shape: wayShape,
  complete: readWay,
  async examine(course, target, options, dial) {
    await openStream(course, await wayTo(course, target, options, dial), dial);
    return PASSED;
  },
});
