/** SMTP: a banner, an answer to EHLO, on request STARTTLS and EHLO once more, and a polite end (RFC 5321, RFC 3207). */

import type { Duplex } from "node:stream";
import * as z from "zod";
import { quote } from "../config/complaint.ts";
import { toggle } from "../config/fields.ts";
import type { Shape } from "../config/mapping.ts";
import { checkerOf, wayTo } from "./checker.ts";
import { type Course, PASSED } from "./course.ts";
import { Failure } from "./fault.ts";
import { LineReader } from "./lines.ts";
import { readSecure, secure, secureShape } from "./secure.ts";
import { openStream } from "./stream.ts";
import { readWay, wayShape } from "./way-options.ts";

/** RFC 5321 4.5.3.1.5 has 512. */
const LINE_BYTES_MAX = 2048;
const LINES_MAX = 100;

const smtpShape = {
  ...wayShape,
  ...secureShape,
  /** How we greet. */
  hello: z
    .string({ error: ({ input }) => `${quote(input)} is not a name` })
    .regex(/^[A-Za-z0-9.:[\]-]{1,255}$/, { error: ({ input }) => `${quote(input)} is not a host name or an address in brackets` })
    .default("evenkeel.invalid")
    .describe("The name that is said in EHLO."),
  starttls: toggle.default(false).describe("Goes on over TLS after STARTTLS."),
} satisfies Shape;

export const smtp = checkerOf({
  name: "smtp",
  usualPort: 25,
  shape: smtpShape,
  complete: (fields, complain) => ({
    ...readWay(fields, complain),
    hello: fields.hello ?? "evenkeel.invalid",
    secure: fields.starttls === true ? readSecure(fields, complain) : undefined,
  }),
  async examine(course, target, options, dial) {
    const stream = await openStream(course, await wayTo(course, target, options, dial), dial);
    const plain = new Conversation(course, stream);
    const [banner = ""] = await plain.answer("greeting", 220);
    course.note("banner", banner.slice(0, 120));
    const extensions = await plain.ask(`EHLO ${options.hello}`, 250);
    if (options.secure === undefined) {
      plain.leave();
      return PASSED;
    }
    if (!extensions.some((line) => /^STARTTLS$/i.test(line.trim()))) throw new Failure("the server does not offer STARTTLS");
    await plain.ask("STARTTLS", 220);
    // What came in clear text must not be taken for what comes encrypted (CVE-2011-0411 the other way round).
    if (plain.hasMore) throw new Failure("the server went on in clear text after its answer to STARTTLS");
    const secured = new Conversation(course, await secure(course, stream, target, options.secure));
    await secured.ask(`EHLO ${options.hello}`, 250);
    secured.leave();
    return PASSED;
  },
});

class Conversation {
  readonly #course: Course;
  readonly #stream: Duplex;
  readonly #lines: LineReader;

  constructor(course: Course, stream: Duplex) {
    this.#course = course;
    this.#stream = stream;
    this.#lines = new LineReader(stream, { lineBytesMax: LINE_BYTES_MAX });
  }

  get hasMore(): boolean {
    return this.#lines.hasMore;
  }

  ask(command: string, expected: number): Promise<string[]> {
    this.#course.enter("request");
    this.#stream.write(`${command}\r\n`);
    return this.answer(command, expected);
  }

  /** The texts of the lines of one reply. */
  async answer(to: string, expected: number): Promise<string[]> {
    this.#course.enter("response");
    const texts: string[] = [];
    while (texts.length < LINES_MAX) {
      const line = await this.#lines.next();
      const [, code, more = "", text = ""] = /^([2-5]\d\d)(?:([ -])(.*))?$/.exec(line) ?? [];
      if (code === undefined) throw new Failure(`the server does not speak SMTP here: ${quote(line)}`);
      if (Number(code) !== expected) throw new Failure(`the server said to ${to}: ${quote(line)}; ${expected} is expected`);
      texts.push(text);
      if (more !== "-") return texts;
    }
    throw new Failure(`the server's answer to ${to} has more than ${LINES_MAX} lines`);
  }

  /** Without waiting: the server's farewell says nothing. */
  leave(): void {
    this.#course.enter("match");
    this.#stream.end("QUIT\r\n");
  }
}
