/** HTTP and HTTPS: a request whose answer has the right status and, if asked, the right body. Redirects are not followed. */

import * as z from "zod";
import { quote } from "../config/complaint.ts";
import { word } from "../config/fields.ts";
import type { Fields, Shape } from "../config/mapping.ts";
import { authorityOf, type Checker, checkerOf, type Target, wayTo } from "./checker.ts";
import { contentShape, requireContent } from "./content-options.ts";
import { type Course, type Finding, PASSED } from "./course.ts";
import type { Dial } from "./dial.ts";
import { Failure } from "./fault.ts";
import { askHttp1 } from "./http-1.ts";
import { askHttp2 } from "./http-2.ts";
import type { HttpRequest } from "./http-request.ts";
import { readSecure, type SecureOptions, secure, secureShape } from "./secure.ts";
import { formatStatuses, type StatusRange, statuses, statusIsGood } from "./status-options.ts";
import { openStream } from "./stream.ts";
import { readWay, type WayOptions, wayShape } from "./way-options.ts";

/** Said by the connection, or by the version of HTTP. */
const NOT_FOR_HEADERS = ["host", "connection", "content-length", "transfer-encoding", "upgrade", "keep-alive", "te"];

const text = (what: string, pattern: RegExp) =>
  z
    .string({ error: ({ input }) => `${quote(input)} is not ${what}` })
    .regex(pattern, { error: ({ input }) => `${quote(input)} is not ${what}` });

const requestShape = {
  method: word("method", ["GET", "HEAD", "OPTIONS", "POST"]).default("GET").describe("The method; GET when left out."),
  path: text("a path; it begins with a slash and has no spaces", /^(\/[\x21-\x7e]*|\*)$/)
    .default("/")
    .describe("What is asked for; / when left out."),
  /** Without it the target's name or address. */
  host: text("a host", /^[\x21-\x7e]+$/)
    .optional()
    .describe("The Host header; the server's address when left out."),
  headers: z
    .record(z.string(), z.union([z.string(), z.number()]), { error: ({ input }) => `${quote(input)} is not a mapping of names to values` })
    .transform((headers, context): (readonly [string, string])[] => {
      for (const [name, value] of Object.entries(headers)) {
        const message = headerMistake(name, String(value));
        if (message !== undefined) context.issues.push({ code: "custom", message, input: headers });
      }
      return Object.entries(headers).map(([name, value]) => [name, String(value)]);
    })
    .prefault({})
    .describe("More headers: a mapping of names to values."),
  body: z
    .string({ error: ({ input }) => `${quote(input)} is not text` })
    .optional()
    .describe("What a POST sends."),
  status: statuses.prefault("200-299").describe('Good statuses: 200, "200-299" (when left out), or a list of both.'),
  /** HTTP/2 without TLS begins at once ("prior knowledge"). */
  version: z
    .union([z.literal("1.1"), z.literal("2"), z.literal(1.1), z.literal(2)], {
      error: ({ input }) => `${quote(input)} is not a version of HTTP; allowed: 1.1, 2`,
    })
    .transform((version) => (Number(version) === 2 ? 2 : 1.1))
    .default(1.1)
    .describe("Of HTTP: 1.1 (when left out) or 2."),
} satisfies Shape;

interface HttpOptions extends WayOptions {
  readonly version: 1.1 | 2;
  readonly status: readonly StatusRange[];
  readonly content: Fields<typeof contentShape>;
  /** For a target, made once. */
  requestTo(target: Target): HttpRequest;
  readonly secure?: SecureOptions;
}

const plainShape = { ...wayShape, ...requestShape, ...contentShape };

export const http: Checker<HttpOptions> = checkerOf({
  name: "http",
  usualPort: 80,
  shape: plainShape,
  complete: (fields, complain) => readRequest(fields, complain, 80),
  examine,
});

export const https: Checker<HttpOptions> = checkerOf({
  name: "https",
  usualPort: 443,
  shape: { ...plainShape, ...secureShape },
  complete: (fields, complain) => ({ ...readRequest(fields, complain, 443), secure: readSecure(fields, complain) }),
  examine,
});

async function examine(course: Course, target: Target, options: HttpOptions, dial: Dial): Promise<Finding> {
  const { secure: tls, version, content } = options;
  let stream = await openStream(course, await wayTo(course, target, options, dial), dial);
  if (tls !== undefined) {
    const secured = await secure(course, stream, target, tls, [version === 2 ? "h2" : "http/1.1"]);
    if (version === 2 && secured.alpnProtocol !== "h2") throw new Failure("the server does not speak HTTP/2 here");
    stream = secured;
  }
  const isGood = (status: number): boolean => statusIsGood(status, options.status);
  const request = options.requestTo(target);
  const answer =
    version === 2
      ? await askHttp2(course, stream, { ...request, scheme: tls === undefined ? "http" : "https" }, isGood)
      : await askHttp1(course, stream, request, isGood);
  course.enter("match");
  course.note("status", answer.status);
  if (!isGood(answer.status)) throw new Failure(`the status is ${answer.status}; good is ${formatStatuses(options.status)}`);
  requireContent(answer.body, content, answer.whole);
  return PASSED;
}

function readRequest(
  fields: Fields<typeof plainShape>,
  complain: (key: "bind" | "body", text: string) => void,
  usualPort: number,
): HttpOptions {
  const { method = "GET", path = "/", host, headers = [], body, status = [], version = 1.1, contains, matches, digest } = fields;
  if (body !== undefined && method !== "POST") complain("body", "only a POST has a body");
  const named = new Set(headers.map(([name]) => name.toLowerCase()));
  const usual: [string, string][] = [
    ["User-Agent", "Evenkeel"],
    ["Accept", "*/*"],
  ];
  const rest = {
    method,
    path,
    headers: [...usual.filter(([name]) => !named.has(name.toLowerCase())), ...headers],
    ...(method === "POST" ? { body: Buffer.from(body ?? "") } : {}),
  };
  let last: { target: Target; request: HttpRequest } | undefined;
  return {
    ...readWay(fields, complain),
    version,
    status,
    content: {
      ...(contains === undefined ? {} : { contains }),
      ...(matches === undefined ? {} : { matches }),
      ...(digest === undefined ? {} : { digest }),
    },
    requestTo(target) {
      if (last?.target !== target) {
        const authority = host ?? authorityOf(target, fields.port ?? target.port, usualPort);
        last = { target, request: { ...rest, authority } };
      }
      return last.request;
    },
  };
}

function headerMistake(name: string, value: string): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return `${quote(name)} is not the name of a header`;
  if (NOT_FOR_HEADERS.includes(name.toLowerCase()))
    return `the header ${name} is not set here${name.toLowerCase() === "host" ? '; use the key "host"' : ""}`;
  return /^[\x20-\x7e\x80-\xff]*$/.test(value) ? undefined : `the value of the header ${name} has characters that a header cannot have`;
}
