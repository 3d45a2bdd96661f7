/** What the OpenAPI document says of an operation: its words, what it answers, and which problems it may end in. */

import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Asker, Director } from "../director/director.ts";
import type { SseReaders } from "./event-readers.ts";
import { problemSchema } from "./schemas/director.ts";
import { said } from "./schemas/words.ts";

export type ApiApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression<RawServerDefault>,
  RawReplyDefaultExpression<RawServerDefault>,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What routes work with. */
export interface ApiContext {
  readonly director: Director;
  readonly readers: SseReaders;
  /** Metrics by node_exporter's names too. */
  readonly nodeExporterNames: () => boolean;
  /** The API ends. */
  readonly closing: AbortSignal;
  /** Of this process. */
  readonly processMetrics: { metrics(): Promise<string> };
  /** Told of what should not have happened. */
  readonly onBug: (error: unknown) => void;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Who is at the other end. */
    by: string;
  }
}

type ProblemStatus = 401 | 404 | 409 | 412 | 413 | 415 | 422 | 503;

const PROBLEMS: Readonly<Record<400 | 500 | ProblemStatus, string>> = {
  400: "The request cannot be understood",
  401: "Over TCP: no token, or a wrong one",
  404: "There is no such thing",
  409: "It does not fit what is there",
  412: "Another configuration is present than If-Match says",
  413: "The body is too large",
  415: "The body is of another type",
  422: "The configuration was refused, with every complaint",
  500: "It could not be done",
  503: "Not now",
};

export const YAML_TYPES = ["application/yaml", "text/yaml", "application/x-yaml"] as const;

interface Words {
  readonly id: string;
  readonly tag: "director" | "services" | "configuration" | "overrides" | "edits" | "events" | "probes";
  readonly summary: string;
  readonly description?: string;
  /** What it answers; of another type than JSON with its name. */
  readonly answer: z.ZodType | { readonly [type: string]: z.ZodType };
  /** Of a status that is no problem although it is not 200. */
  readonly otherwise?: { readonly status: 503; readonly answer: z.ZodType; readonly description: string };
  /** Beside 400, 401 and 500. */
  readonly problems?: readonly ProblemStatus[];
}

interface Input {
  readonly params?: z.ZodType;
  readonly querystring?: z.ZodType;
  readonly body?: z.ZodType;
  readonly headers?: z.ZodType;
  readonly consumes?: readonly string[];
}

/** As fastify wants a route's schema. Answers are not examined by it, so that its type says nothing of them. */
export function operation<Asked extends Input>(words: Words, asked: Asked): Asked {
  const { id, tag, summary, description, answer, otherwise, problems = [] } = words;
  const content = answer instanceof z.ZodType ? { "application/json": answer } : answer;
  const statuses = [
    ...new Set<400 | 500 | ProblemStatus>([400, 401, ...(asked.params === undefined ? [] : [404 as const]), ...problems, 500]),
  ];
  const document = {
    ...asked,
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    response: {
      200: { description: summary, content: mapValues(content, (schema) => ({ schema })) },
      ...Object.fromEntries(
        statuses.map((status) => [
          status,
          { description: PROBLEMS[status], content: { "application/problem+json": { schema: problemSchema } } },
        ]),
      ),
      ...(otherwise === undefined
        ? {}
        : {
            [otherwise.status]: { description: otherwise.description, content: { "application/json": { schema: otherwise.answer } } },
          }),
    },
  };
  return document;
}

export function textAnswer(description: string, example: string): z.ZodType {
  return said(z.string(), { description, examples: [example] });
}

/** Small answers; long lists are written by list-stream.ts. */
export function answer(reply: FastifyReply, value: object): FastifyReply {
  return reply.type("application/json; charset=utf-8").send(`${JSON.stringify(value)}\n`);
}

export function askerOf(request: { readonly by: string }, reason: string | undefined): Asker {
  return { by: request.by, ...(reason === undefined ? {} : { reason }) };
}

function mapValues<Value, Result>(from: Readonly<Record<string, Value>>, map: (value: Value) => Result): Record<string, Result> {
  return Object.fromEntries(Object.entries(from).map(([key, value]) => [key, map(value)]));
}
