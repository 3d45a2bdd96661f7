/** Ping: the host answers an ICMP or ICMPv6 echo. It says nothing about its services. */

import { wholeNumber } from "../config/fields.ts";
import type { Shape } from "../config/mapping.ts";
import { checkerOf, wayTo } from "./checker.ts";
import { type Finding, PASSED } from "./course.ts";
import { sendEcho } from "./echo-socket.ts";
import { readWay, wayShape } from "./way-options.ts";

const { address, bind } = wayShape;

const pingShape = {
  address,
  bind,
  /** Of data. 1472 and more show whether large packets find their way. */
  bytes: wholeNumber({ noun: "number of bytes", least: 8, greatest: 1900 }).default(56).describe("Of data; 56 when left out."),
} satisfies Shape;

export const ping = checkerOf({
  name: "ping",
  usualPort: 0,
  shape: pingShape,
  complete: (fields, complain) => ({ ...readWay(fields, complain), dataBytes: fields.bytes ?? 56 }),
  async examine(course, target, { dataBytes, ...options }, dial) {
    const { to, from } = await wayTo(course, target, options, dial);
    course.enter("request");
    return new Promise<Finding>((done) => {
      const stop = sendEcho({ to, dataBytes, ...(from === undefined ? {} : { from }) }, () => done(PASSED));
      course.own({ destroy: stop });
      course.enter("response");
    });
  },
});
