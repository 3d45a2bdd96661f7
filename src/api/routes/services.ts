/** Services, servers, and what an operator says about servers. */

import type { ServerView } from "../../director/director.ts";
import type { OverrideWish } from "../../model/override.ts";
import { listStream } from "../list-stream.ts";
import { type ApiApp, type ApiContext, type answer, askerOf, operation } from "../operation.ts";
import { serverReply, serviceReply } from "../reply.ts";
import {
  clearQuery,
  clearReferenceQuery,
  historyQuery,
  overrideBody,
  serverParams,
  serversQuery,
  serviceParams,
  wishBody,
} from "../schemas/request.ts";
import { serversSchema, servicesSchema } from "../schemas/views.ts";

const JSON_TYPE = "application/json; charset=utf-8";

export function serviceRoutes(app: ApiApp, { director }: ApiContext): void {
  app.get(
    "/v1/services",
    {
      schema: operation(
        { id: "listServices", tag: "services", summary: "All services with their servers", answer: servicesSchema },
        { querystring: historyQuery },
      ),
    },
    (request, reply) => {
      const { history = false } = request.query;
      return reply.type(JSON_TYPE).send(listStream("services", director.services(), (view) => serviceReply(view, { history })));
    },
  );

  app.get(
    "/v1/services/:service",
    {
      schema: operation(
        { id: "getServices", tag: "services", summary: "The services that a reference means", answer: servicesSchema },
        { params: serviceParams, querystring: historyQuery },
      ),
    },
    (request, reply) => {
      const { history = false } = request.query;
      const found = director.services(request.params.service);
      return reply.type(JSON_TYPE).send(listStream("services", found, (view) => serviceReply(view, { history })));
    },
  );

  app.get(
    "/v1/servers",
    {
      schema: operation(
        {
          id: "listServers",
          tag: "services",
          summary: "Servers, each once for every service that it is in",
          answer: serversSchema,
          problems: [404],
        },
        { querystring: serversQuery },
      ),
    },
    (request, reply) => {
      const { service, server, condition, overridden, history = false } = request.query;
      const found =
        server === undefined
          ? director.services(service).flatMap(({ servers }) => servers)
          : director.servers({ server, ...(service === undefined ? {} : { service }) });
      const wanted = (view: ServerView) =>
        (condition === undefined || view.condition === condition) &&
        (overridden === undefined || (view.override !== undefined) === overridden);
      return reply.type(JSON_TYPE).send(listStream("servers", found.filter(wanted), (view) => serverReply(view, { history })));
    },
  );
}

export function overrideRoutes(app: ApiApp, { director }: ApiContext): void {
  app.put(
    "/v1/services/:service/servers/:server/override",
    {
      schema: operation(
        {
          id: "setOverride",
          tag: "overrides",
          summary: "Drain a server, disable it, or give it another weight",
          description: "In the place of an override that is there. It is kept over reload and restart.",
          answer: serversSchema,
          problems: [409, 415],
        },
        { params: serverParams, body: wishBody },
      ),
    },
    async (request, reply) => {
      const { reason, ...wish } = request.body;
      const servers = await director.override(request.params, wish satisfies OverrideWish, askerOf(request, reason));
      return sendServers(reply, servers);
    },
  );

  app.delete(
    "/v1/services/:service/servers/:server/override",
    {
      schema: operation(
        {
          id: "clearOverride",
          tag: "overrides",
          summary: "Forget what was said about a server: undrain, enable, the configured weight",
          answer: serversSchema,
        },
        { params: serverParams, querystring: clearQuery },
      ),
    },
    async (request, reply) => {
      const { kind, reason } = request.query;
      return sendServers(reply, await director.clearOverride(request.params, askerOf(request, reason), kind));
    },
  );

  app.get(
    "/v1/overrides",
    {
      schema: operation({ id: "listOverrides", tag: "overrides", summary: "The servers that have an override", answer: serversSchema }, {}),
    },
    (_request, reply) =>
      sendServers(
        reply,
        director.servers().filter(({ override }) => override !== undefined),
      ),
  );

  app.post(
    "/v1/overrides",
    {
      schema: operation(
        {
          id: "setOverrides",
          tag: "overrides",
          summary: "The same for every server that a reference means",
          answer: serversSchema,
          problems: [404, 409, 415],
        },
        { body: overrideBody },
      ),
    },
    async (request, reply) => {
      const { service, server, reason, ...wish } = request.body;
      const reference = { server, ...(service === undefined ? {} : { service }) };
      return sendServers(reply, await director.override(reference, wish satisfies OverrideWish, askerOf(request, reason)));
    },
  );

  app.delete(
    "/v1/overrides",
    {
      schema: operation(
        {
          id: "clearOverrides",
          tag: "overrides",
          summary: "Forget what was said about every server that a reference means",
          answer: serversSchema,
          problems: [404],
        },
        { querystring: clearReferenceQuery },
      ),
    },
    async (request, reply) => {
      const { service, server, kind, reason } = request.query;
      const reference = { server, ...(service === undefined ? {} : { service }) };
      return sendServers(reply, await director.clearOverride(reference, askerOf(request, reason), kind));
    },
  );
}

function sendServers(reply: Parameters<typeof answer>[0], servers: readonly ServerView[]): ReturnType<typeof answer> {
  return reply.type(JSON_TYPE).send(listStream("servers", servers, (view) => serverReply(view, { history: false })));
}
