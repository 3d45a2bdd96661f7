/**
 * Agent: the server says by itself how it is and what it is worth, in the words of HAProxy's agent-check: "75%", "up", "down", "drain", "maint",
 * "ready", on one line, with a description behind "#". What is not said stays as it was; an answer that says neither up nor down is up.
 */

import * as z from "zod";
import { quote } from "../config/complaint.ts";
import type { Shape } from "../config/mapping.ts";
import type { Advice, Mode, NamedWeight } from "../model/health.ts";
import { checkerOf, wayTo } from "./checker.ts";
import { Failure } from "./fault.ts";
import { LineReader } from "./lines.ts";
import { openStream } from "./stream.ts";
import { readWay, wayShape } from "./way-options.ts";

const LINE_BYTES_MAX = 1024;

const agentShape = {
  ...wayShape,
  /** Sent before the server is listened to, as HAProxy's agent-send. Write \n in double quotes where the agent waits for one. */
  send: z
    .string({ error: ({ input }) => `${quote(input)} is not text` })
    .optional()
    .describe("Said to the server before it is listened to."),
} satisfies Shape;

export const agent = checkerOf({
  name: "agent",
  shape: agentShape,
  complete: (fields, complain) => ({ ...readWay(fields, complain), send: fields.send }),
  async examine(course, target, { send, ...options }, dial) {
    const stream = await openStream(course, await wayTo(course, target, options, dial), dial);
    course.enter("request");
    if (send !== undefined) stream.write(send);
    course.enter("response");
    const line = await new LineReader(stream, { lineBytesMax: LINE_BYTES_MAX }).next();
    course.enter("match");
    const { advice, refusal } = readAgentLine(line);
    course.note("said", line.slice(0, 200));
    return { ...(advice === undefined ? {} : { advice }), ...(refusal === undefined ? {} : { refusal }) };
  },
});

interface AgentAnswer {
  readonly advice?: Advice;
  readonly refusal?: string;
}

const MODES: Readonly<Record<string, Mode>> = { ready: "ready", drain: "drain", maint: "maintenance" };
const STATES = ["up", "down", "stopped", "stop", "fail", "failed"];

/** Throws Failure when it says nothing that an agent can say. */
export function readAgentLine(line: string): AgentAnswer {
  const [words = "", ...descriptions] = line.split("#");
  const description = descriptions.join("#").trim();
  let weight: NamedWeight | undefined;
  let mode: Mode | undefined;
  let refusal: string | undefined;
  let understood = 0;
  for (const word of words.toLowerCase().split(/[\s,]+/)) {
    const percent = /^(\d{1,5})%$/.exec(word)?.[1];
    const wanted = Object.hasOwn(MODES, word) ? MODES[word] : undefined;
    if (percent !== undefined) weight = { kind: "percent", percent: Number(percent) };
    else if (wanted !== undefined) mode = wanted;
    else if (STATES.includes(word)) refusal = word === "up" ? undefined : `the server says it is ${word}`;
    // It limits connections at HAProxy; here thresholds do.
    else if (!/^maxconn:\d+$/.test(word)) continue;
    understood++;
  }
  if (understood === 0) throw new Failure(`the agent said nothing that is understood: ${quote(line)}`);
  const advice = { ...(weight === undefined ? {} : { weight }), ...(mode === undefined ? {} : { mode }) };
  return {
    ...(weight === undefined && mode === undefined ? {} : { advice }),
    ...(refusal === undefined ? {} : { refusal: description === "" ? refusal : `${refusal}: ${description}` }),
  };
}
