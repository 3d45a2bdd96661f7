/** TLS: the handshake is done, and the certificate holds as far as asked. */

import { checkerOf, wayTo } from "./checker.ts";
import { PASSED } from "./course.ts";
import { readSecure, secure, secureShape } from "./secure.ts";
import { openStream } from "./stream.ts";
import { readWay, wayShape } from "./way-options.ts";

export const tls = checkerOf({
  name: "tls",
  usualPort: 443,
  shape: { ...wayShape, ...secureShape },
  complete: (fields, complain) => ({ ...readWay(fields, complain), secure: readSecure(fields, complain) }),
  async examine(course, target, options, dial) {
    const stream = await openStream(course, await wayTo(course, target, options, dial), dial);
    await secure(course, stream, target, options.secure);
    return PASSED;
  },
});
