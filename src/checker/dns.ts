/** DNS: the server answers a question with the expected code and, if asked, the expected record. By UDP; by TCP where that is asked for or the answer is cut. */

import { randomInt } from "node:crypto";
import * as z from "zod";
import { quote } from "../config/complaint.ts";
import { word } from "../config/fields.ts";
import type { Shape } from "../config/mapping.ts";
import {
  DNS_RCODES,
  DNS_TYPES,
  type DnsQuestion,
  type DnsResponse,
  type DnsType,
  decodeDnsResponse,
  dnsNameMistake,
  encodeDnsQuestion,
  sameDnsName,
} from "../wire/dns.ts";
import { checkerOf, wayTo } from "./checker.ts";
import { type Course, PASSED } from "./course.ts";
import { ask } from "./datagram.ts";
import type { Dial, Way } from "./dial.ts";
import { Failure } from "./fault.ts";
import { openStream, READ_BYTES_MAX, receive } from "./stream.ts";
import { readWay, wayShape } from "./way-options.ts";

const TYPES = Object.keys(DNS_TYPES) as [DnsType, ...DnsType[]];

const dnsShape = {
  ...wayShape,
  /** The root's name servers: a question that every kind of server can answer. */
  name: z
    .string({ error: ({ input }) => `${quote(input)} is not a name` })
    .transform((name, context) => {
      const mistake = dnsNameMistake(name);
      if (mistake !== undefined) context.issues.push({ code: "custom", message: `${quote(name)}: ${mistake}`, input: name });
      return name;
    })
    .default(".")
    .describe("The name that is asked for; the root when left out."),
  type: word("record type", TYPES).default("NS").describe("The record type; NS when left out."),
  rcode: word("response code", DNS_RCODES).default("NOERROR").describe("The response code that is good; NOERROR when left out."),
  /** The data of one of the records that come: "192.0.2.1", "10 mail.example.org". */
  answer: z
    .string({ error: ({ input }) => `${quote(input)} is not text` })
    .optional()
    .describe("Data that one of the records has to have: 192.0.2.1."),
  transport: word("transport", ["udp", "tcp"]).default("udp").describe("udp (when left out) or tcp."),
} satisfies Shape;

export const dns = checkerOf({
  name: "dns",
  usualPort: 53,
  shape: dnsShape,
  complete: (fields, complain) => {
    const { name = ".", type = "NS", rcode = "NOERROR", transport = "udp", answer } = fields;
    return { ...readWay(fields, complain), name, type, rcode, transport, answer };
  },
  async examine(course, target, { name, type, rcode, transport, answer, ...options }, dial) {
    const way = await wayTo(course, target, options, dial);
    const question: DnsQuestion = { id: randomInt(65_536), name, type };
    let response = transport === "udp" ? await askByUdp(course, way, dial, question) : undefined;
    if (response === undefined || response.truncated) response = await askByTcp(course, way, dial, question);
    course.enter("match");
    course.note("rcode", response.rcode);
    course.note("answers", response.answers.length);
    if (response.rcode !== rcode) throw new Failure(`the response code is ${response.rcode}; ${rcode} is expected`);
    if (answer !== undefined && !response.answers.some(({ data }) => sameDnsName(data, answer))) {
      const shown = response.answers.slice(0, 5).map(({ data }) => quote(data));
      throw new Failure(`no record is ${quote(answer)}${shown.length === 0 ? "; there are none" : `; there are ${shown.join(", ")}`}`);
    }
    return PASSED;
  },
});

function askByUdp(course: Course, way: Way, dial: Dial, question: DnsQuestion): Promise<DnsResponse> {
  return ask(course, way, dial, {
    question: encodeDnsQuestion(question),
    // An answer to another question may be one that comes late; the right one may still come.
    read: (datagram) => answerTo(question, decodeDnsResponse(datagram)),
  });
}

async function askByTcp(course: Course, way: Way, dial: Dial, question: DnsQuestion): Promise<DnsResponse> {
  const stream = await openStream(course, way, dial);
  course.enter("request");
  const message = encodeDnsQuestion(question);
  stream.write(Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]));
  course.enter("response");
  let bytes = Buffer.alloc(0);
  const response = await receive(stream, (piece) => {
    if (piece === undefined) throw new Failure("the server closed the connection before its answer was whole");
    bytes = Buffer.concat([bytes, piece]);
    const end = bytes.length < 2 ? READ_BYTES_MAX : 2 + bytes.readUInt16BE(0);
    return bytes.length < end ? undefined : decodeDnsResponse(bytes.subarray(2, end));
  });
  if (answerTo(question, response) === undefined) throw new Failure("the server answered another question");
  return response;
}

function answerTo(question: DnsQuestion, response: DnsResponse): DnsResponse | undefined {
  if (response.id !== question.id) return undefined;
  const { question: repeated } = response;
  if (repeated === undefined) return response;
  return repeated.type === DNS_TYPES[question.type] && sameDnsName(repeated.name, question.name) ? response : undefined;
}
