/**
 * UDP: the server answers as it should; or, where none is asked for, its host does not say that the port is closed (ICMP) for a while.
 * Silence is little evidence: give a payload that the service answers where there is one.
 */

import * as z from "zod";
import { quote } from "../config/complaint.ts";
import { toggle, wholeNumber } from "../config/fields.ts";
import type { Shape } from "../config/mapping.ts";
import { checkerOf, wayTo } from "./checker.ts";
import { contentShape, requireContent } from "./content-options.ts";
import { PASSED } from "./course.ts";
import { ask } from "./datagram.ts";
import { readWay, wayShape } from "./way-options.ts";

/** What fits into a datagram on every way. */
const PAYLOAD_BYTES_MAX = 1232;

const udpShape = {
  ...wayShape,
  ...contentShape,
  payload: z
    .string({ error: ({ input }) => `${quote(input)} is not text` })
    .refine((text) => Buffer.byteLength(text) <= PAYLOAD_BYTES_MAX, { error: `a payload has at most ${PAYLOAD_BYTES_MAX} bytes` })
    .optional()
    .describe("The datagram that is sent, as text."),
  /** The same, as hexadecimal digits. */
  payload_hex: z
    .string({ error: ({ input }) => `${quote(input)} is not hexadecimal; write two digits a byte, in quotes` })
    .regex(/^([0-9a-fA-F]{2} ?){0,1232}$/, { error: ({ input }) => `${quote(input)} is not hexadecimal; write two digits a byte` })
    .optional()
    .describe("The same, as hexadecimal digits."),
  /** Any answer will do if nothing is said about its content. */
  require_reply: toggle.default(false).describe("Without it silence is good too, as long as no ICMP error comes."),
  silence_ms: wholeNumber({ noun: "silence", least: 1, greatest: 60_000 })
    .default(300)
    .describe("Milliseconds without an ICMP error that are enough; 300 when left out."),
} satisfies Shape;

export const udp = checkerOf({
  name: "udp",
  shape: udpShape,
  complete(fields, complain) {
    const { payload, payload_hex: hex, contains, matches, digest, require_reply: required = false, silence_ms: silenceMs = 300 } = fields;
    if (payload !== undefined && hex !== undefined) complain("payload_hex", "the payload stands here twice: payload, payload_hex");
    return {
      ...readWay(fields, complain),
      question: hex === undefined ? Buffer.from(payload ?? "") : Buffer.from(hex.replaceAll(" ", ""), "hex"),
      content: { contains, matches, digest },
      replyIsRequired: required || (contains ?? matches ?? digest) !== undefined,
      silenceMs,
    };
  },
  async examine(course, target, { question, content, replyIsRequired, silenceMs, ...options }, dial) {
    const reply = await ask(course, await wayTo(course, target, options, dial), dial, {
      question,
      read: (datagram): Buffer | "silence" => datagram,
      ...(replyIsRequired ? {} : { silenceMs, silence: (): "silence" => "silence" }),
    });
    course.enter("match");
    course.note("replyBytes", reply === "silence" ? 0 : reply.length);
    if (reply !== "silence") requireContent(reply, content, true);
    return PASSED;
  },
});
