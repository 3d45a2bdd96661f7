/** The API as one fastify application: the same behind each door. What a request did wrong, what could not be done, and bugs are problems (RFC 9457). */

import type { Server } from "node:http";
import type { Duplex } from "node:stream";
import swagger from "@fastify/swagger";
import fastify, { type FastifyError, type FastifyReply, type FastifyRequest, type RawServerDefault } from "fastify";
import { hasZodFastifySchemaValidationErrors, validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { documentOptions, openApiRoute } from "./openapi.ts";
import type { ApiApp, ApiContext } from "./operation.ts";
import { YAML_TYPES } from "./operation.ts";
import { asksTooMuch } from "./pipelined.ts";
import { BadRequest, BUG, PROBLEM_TYPE, problemOf, problemOfFault, type RequestFault } from "./problem.ts";
import { ROUTES } from "./routes/index.ts";
import { cutWhenStuck } from "./stuck.ts";
import type { ComplaintReply, Problem } from "./types.ts";

/** What differs from door to door. */
export interface Door {
  /** Makes the server that answers; nothing listens yet. */
  readonly newServer: (handler: (request: unknown, response: unknown) => void) => Server;
  /** Who asks. Throws BadRequest with 401 when nobody may be. */
  readonly identify: (request: FastifyRequest) => string;
  /** Over the network: requests carry a token. */
  readonly withToken: boolean;
}

const TEXT = {
  noRoute: (path: string) => `there is no ${path} here`,
  noRouteCure: "GET /openapi.json lists what there is",
  method: (method: string, path: string) => `${path} does not take ${method}`,
  methodCure: (methods: string) => `it takes ${methods}`,
  notUtf8: "the body is not UTF-8",
  notUnderstood: "the request cannot be understood",
  wrongType: (type: string, types: string) => `the body is ${type}; it must be ${types}`,
};

/** Of bodies that are no configuration and no list of edits. */
const BODY_BYTES_MAX = 64 * 1024;
const PARAMETER_CHARACTERS_MAX = 400;
const INSTANCE_CHARACTERS_MAX = 300;

export async function newApp(context: ApiContext, door: Door): Promise<ApiApp> {
  const routes = new Map<string, Set<string>>();
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: PARAMETER_CHARACTERS_MAX },
    serverFactory: (handler) => door.newServer(handler as (request: unknown, response: unknown) => void) as RawServerDefault,
    clientErrorHandler: (error, socket) => answerBroken(error, socket as Duplex),
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply as FastifyReply, context),
  }).withTypeProvider<ZodTypeProvider>();

  app.setValidatorCompiler(validatorCompiler);
  // Answers are what the types say; to examine ten thousand servers at each question would cost more than to make them.
  app.setSerializerCompiler(() => JSON.stringify);
  app.decorateRequest("by", "");
  app.addHook("onRoute", ({ method, url }) => {
    const known = routes.get(url) ?? new Set();
    for (const one of [method].flat()) known.add(one);
    routes.set(url, known);
  });
  app.addHook("onRequest", (request, reply, done) => {
    if (asksTooMuch(reply.raw)) return;
    cutWhenStuck(reply.raw);
    request.by = door.identify(request);
    done();
  });
  app.addContentTypeParser([...YAML_TYPES], { parseAs: "buffer" }, (_request, body, done) => {
    try {
      done(null, new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body as Buffer));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      done(new BadRequest({ status: 400, code: "BAD_ARGUMENT", detail: TEXT.notUtf8 }));
    }
  });
  app.addHook("preValidation", (request, _reply, done) => done(wrongType(request)));
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, context));
  app.setNotFoundHandler((request, reply) => sendNotFound(request, reply, routes));

  await app.register(swagger, documentOptions(context.director.status().version, door));
  await app.register((inside, _options, done) => {
    for (const route of ROUTES) route(inside.withTypeProvider<ZodTypeProvider>() as unknown as ApiApp, context);
    openApiRoute(inside as unknown as ApiApp);
    done();
  });
  await app.ready();
  return app as unknown as ApiApp;
}

/** A route for YAML was given JSON, or the other way round. */
function wrongType({ body, headers, routeOptions }: FastifyRequest): BadRequest | undefined {
  const { consumes } = (routeOptions.schema ?? {}) as { readonly consumes?: readonly string[] };
  if (body === undefined || routeOptions.schema?.body === undefined) return undefined;
  const type = (headers["content-type"] ?? "nothing").split(";")[0]?.trim().toLowerCase() ?? "";
  const wanted = consumes ?? ["application/json"];
  if (wanted.includes(type)) return undefined;
  return new BadRequest({ status: 415, code: "BAD_ARGUMENT", detail: TEXT.wrongType(type, wanted.join(" or ")) });
}

function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, { onBug }: ApiContext): FastifyReply {
  const problem = problemOf(error) ?? problemOfFastify(error);
  if (problem === undefined) onBug(error);
  return sendProblem(request, reply, problem ?? BUG);
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  const instance = pathOf(request);
  if (problem.status === 401) reply.header("www-authenticate", 'Bearer realm="evenkeel"');
  if (problem.status === 503) reply.header("retry-after", "5");
  return reply
    .code(problem.status)
    .type(PROBLEM_TYPE)
    .send(`${JSON.stringify({ ...problem, instance })}\n`);
}

function sendNotFound(request: FastifyRequest, reply: FastifyReply, routes: ReadonlyMap<string, ReadonlySet<string>>): FastifyReply {
  const path = pathOf(request);
  const methods = [...routes].flatMap(([route, known]) => (routeMatches(route, path) ? [...known] : []));
  if (methods.length === 0) {
    const fault: RequestFault = { status: 404, code: "NOT_FOUND", detail: TEXT.noRoute(path), cure: TEXT.noRouteCure };
    return sendProblem(request, reply, problemOfFault(fault));
  }
  const allowed = [...new Set(methods)].sort().join(", ");
  reply.header("allow", allowed);
  return sendProblem(
    request,
    reply,
    problemOfFault({ status: 405, code: "BAD_ARGUMENT", detail: TEXT.method(request.method, path), cure: TEXT.methodCure(allowed) }),
  );
}

function routeMatches(route: string, path: string): boolean {
  const [wanted, given] = [route.split("/"), path.split("/")];
  return wanted.length === given.length && wanted.every((word, i) => word === given[i] || (word.startsWith(":") && given[i] !== ""));
}

function pathOf({ url }: FastifyRequest): string {
  return (url.split("?")[0] ?? "").slice(0, INSTANCE_CHARACTERS_MAX);
}

/** What fastify itself finds wrong with a request. Undefined: it is not the request's fault. */
function problemOfFastify(error: unknown): Problem | undefined {
  if (!(error instanceof Error)) return undefined;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const complaints = error.validation.map(({ instancePath, message }) => ({
      path: [error.validationContext?.replace("string", "") ?? "request", ...instancePath.split("/").filter((step) => step !== "")].join(
        ".",
      ),
      text: message ?? "",
    }));
    return problemOfFault({
      status: 400,
      code: "BAD_ARGUMENT",
      detail: complaints.map(complaintText).join("; ").slice(0, 4000),
      complaints,
    });
  }
  const { statusCode = 500, message } = error as FastifyError;
  if (statusCode < 400 || statusCode >= 500) return undefined;
  return problemOfFault({ status: statusCode as RequestFault["status"], code: "BAD_ARGUMENT", detail: message });
}

function complaintText({ path, text }: ComplaintReply): string {
  return `${path}: ${text}`;
}

/** What is no HTTP, or comes too slowly: there is no request yet to answer to. */
function answerBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
  const body = `${JSON.stringify(problemOfFault({ status, code: "BAD_ARGUMENT", detail: TEXT.notUnderstood }))}\n`;
  const head = [
    `HTTP/1.1 ${status} Refused`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
