/** The configuration: what it is, what another one would do, and its history. */

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Applied, ConfigurationVersion, Director } from "../../director/director.ts";
import { EvenkeelError } from "../../model/error.ts";
import { type ApiApp, type ApiContext, answer, askerOf, operation, textAnswer, YAML_TYPES } from "../operation.ts";
import { BadRequest } from "../problem.ts";
import { appliedSchema, configurationSchema, planSchema, versionSchema, versionsSchema } from "../schemas/director.ts";
import { applyHeaders, applyQuery, historyParams, planQuery, reasonQuery, undoQuery, yamlBody } from "../schemas/request.ts";

/** As a configuration file may be. */
const CONFIGURATION_BYTES_MAX = 4 * 1024 * 1024;
const UNNAMED = "request.yaml";

const TEXT = {
  precondition: (present: string) => `another configuration is present: its ETag is ${present}`,
  preconditionCure: "get it anew, make the change in it, and put that",
};

const YAML_ANSWER = {
  "application/yaml": textAnswer("The file as it was applied.", "services: []\n"),
  "application/json": configurationSchema,
};

export function configurationRoutes(app: ApiApp, { director }: ApiContext): void {
  app.get(
    "/v1/configuration",
    {
      schema: operation(
        {
          id: "getConfiguration",
          tag: "configuration",
          summary: "The present configuration",
          description: "As YAML; with `Accept: application/json` with its place in the history.",
          answer: YAML_ANSWER,
          problems: [404],
        },
        {},
      ),
    },
    (request, reply) => sendConfiguration(request, reply, director.configuration()),
  );

  app.put(
    "/v1/configuration",
    {
      bodyLimit: CONFIGURATION_BYTES_MAX,
      schema: operation(
        {
          id: "applyConfiguration",
          tag: "configuration",
          summary: "Apply a configuration",
          description: 'Whole or not at all. With `If-Match: "ETAG"` only in the place of that one.',
          answer: appliedSchema,
          problems: [409, 412, 413, 415, 422],
        },
        { querystring: applyQuery, headers: applyHeaders, body: yamlBody, consumes: YAML_TYPES },
      ),
    },
    async (request, reply) => {
      const { file = UNNAMED, "dry-run": dryRun, "confirm-within": confirmWithinMs, reason } = request.query;
      const ifDigest = wantedDigest(request, director);
      const applied = await whenPresent(ifDigest, director, () =>
        director.apply(
          {
            text: request.body,
            file,
            ...(dryRun === undefined ? {} : { dryRun }),
            ...(confirmWithinMs === undefined ? {} : { confirmWithinMs }),
            ...(ifDigest === undefined ? {} : { ifDigest }),
          },
          askerOf(request, reason),
        ),
      );
      return sendApplied(reply, applied);
    },
  );

  app.post(
    "/v1/configuration/plan",
    {
      bodyLimit: CONFIGURATION_BYTES_MAX,
      schema: operation(
        {
          id: "planConfiguration",
          tag: "configuration",
          summary: "What applying a configuration would do",
          answer: planSchema,
          problems: [413, 415, 422],
        },
        { querystring: planQuery, body: yamlBody, consumes: YAML_TYPES },
      ),
    },
    async (request, reply) => answer(reply, await director.plan(request.body, request.query.file ?? UNNAMED)),
  );

  app.post(
    "/v1/configuration/confirm",
    {
      schema: operation(
        {
          id: "confirmConfiguration",
          tag: "configuration",
          summary: "Keep a configuration that waits for it",
          answer: versionSchema,
          problems: [409, 412],
        },
        { querystring: reasonQuery, headers: applyHeaders },
      ),
    },
    async (request, reply) => {
      const ifDigest = wantedDigest(request, director);
      const confirm = (): Promise<ConfigurationVersion> => director.confirm(askerOf(request, request.query.reason), ifDigest);
      return answer(reply, await whenPresent(ifDigest, director, confirm));
    },
  );

  app.post(
    "/v1/configuration/undo",
    {
      schema: operation(
        {
          id: "undoConfiguration",
          tag: "configuration",
          summary: "Back to the configuration before the present one, or to a given one",
          answer: appliedSchema,
          problems: [404, 409, 412, 422],
        },
        { querystring: undoQuery, headers: applyHeaders },
      ),
    },
    async (request, reply) => {
      const { id, reason } = request.query;
      const ifDigest = wantedDigest(request, director);
      const undo = (): Promise<Applied> => director.undo(askerOf(request, reason), id, ifDigest);
      return sendApplied(reply, await whenPresent(ifDigest, director, undo));
    },
  );

  app.post(
    "/v1/configuration/reload",
    {
      schema: operation(
        {
          id: "reloadConfiguration",
          tag: "configuration",
          summary: "Read the file anew, as SIGHUP does",
          answer: appliedSchema,
          problems: [409, 412, 422],
        },
        { querystring: reasonQuery, headers: applyHeaders },
      ),
    },
    async (request, reply) => {
      const ifDigest = wantedDigest(request, director);
      const reload = (): Promise<Applied> => director.reload(askerOf(request, request.query.reason), ifDigest);
      return sendApplied(reply, await whenPresent(ifDigest, director, reload));
    },
  );

  app.get(
    "/v1/configuration/history",
    {
      schema: operation(
        { id: "listHistory", tag: "configuration", summary: "Configurations that were applied, the newest first", answer: versionsSchema },
        {},
      ),
    },
    (_request, reply) => answer(reply, { versions: director.history() }),
  );

  app.get(
    "/v1/configuration/history/:id",
    {
      schema: operation(
        { id: "getHistory", tag: "configuration", summary: "One of them, with its text", answer: YAML_ANSWER },
        { params: historyParams },
      ),
    },
    (request, reply) => sendConfiguration(request, reply, director.configuration(request.params.id)),
  );
}

function sendConfiguration(
  request: FastifyRequest,
  reply: FastifyReply,
  { version, text }: { readonly version: ConfigurationVersion; readonly text: string },
): FastifyReply {
  const tag = etag(version);
  reply.header("etag", tag).header("vary", "accept");
  if (listed(request.headers["if-none-match"]).some((one) => one === "*" || one.replace(/^W\//, "") === tag)) return reply.code(304).send();
  const asJson = (request.headers.accept ?? "").includes("application/json");
  return asJson ? answer(reply, { version, text }) : reply.type("application/yaml; charset=utf-8").send(text);
}

function sendApplied(reply: FastifyReply, applied: Applied): FastifyReply {
  return answer(reply.header("etag", etag(applied.version)), applied);
}

function etag({ digest }: ConfigurationVersion): string {
  return `"${digest}"`;
}

/** If-Match by strong comparison (RFC 9110 13.1.1): the digest of the present one where that is listed. Throws 412 where it is not. */
function wantedDigest(request: FastifyRequest, director: Director): string | undefined {
  const tags = listed(request.headers["if-match"]);
  if (tags.length === 0) return undefined;
  const present = director.status().configuration;
  if (present.id > 0 && (tags.includes("*") || tags.includes(etag(present)))) return present.digest;
  throw anotherIsPresent(present);
}

/** Between the look and the deed another one may have been applied: that is the same as if it had been there. */
async function whenPresent<T>(digest: string | undefined, director: Director, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const present = director.status().configuration;
    if (digest === undefined || !(error instanceof EvenkeelError) || error.code !== "CONFLICT" || present.digest === digest) throw error;
    throw anotherIsPresent(present);
  }
}

function anotherIsPresent(present: ConfigurationVersion): BadRequest {
  return new BadRequest({ status: 412, code: "CONFLICT", detail: TEXT.precondition(etag(present)), cure: TEXT.preconditionCure });
}

function listed(header: string | undefined): string[] {
  return (header ?? "").split(",").flatMap((tag) => (tag.trim() === "" ? [] : [tag.trim()]));
}
