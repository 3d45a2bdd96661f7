/** The connection table, a page at a time: a million connections are read without keeping anybody else waiting. */

import { setImmediate } from "node:timers/promises";
import type { z } from "zod";
import type { ConnectionFilter } from "../../director/connection-filter.ts";
import { connectionJson } from "../../director/connection-json.ts";
import type { Connection } from "../../director/connection-reader.ts";
import type { Director } from "../../director/director.ts";
import { parseClient, parseEndpoint } from "../../model/endpoint.ts";
import { listStream } from "../list-stream.ts";
import { type ApiApp, type ApiContext, operation } from "../operation.ts";
import { connectionsQuery } from "../schemas/request.ts";
import { connectionsSchema } from "../schemas/views.ts";

const PAGE = 1000;
const MARK = /^mark:(\d{1,10})$/;

export function connectionRoutes(app: ApiApp, { director }: ApiContext): void {
  app.get(
    "/v1/connections",
    {
      schema: operation(
        {
          id: "listConnections",
          tag: "services",
          summary: "Connections, a page at a time",
          description: "Read while packets flow: each was true when it was read, the list is not one moment.",
          answer: connectionsSchema,
          problems: [503],
        },
        { querystring: connectionsQuery },
      ),
    },
    async (request, reply) => {
      const { limit = PAGE, cursor = 0, ...asked } = request.query;
      const page = await readPage(director, filterOf(asked), { limit, from: cursor, gone: () => request.raw.destroyed });
      const rest = page.next === undefined ? {} : { cursor: `${page.next}` };
      return reply.type("application/json; charset=utf-8").send(listStream("connections", page.connections, connectionJson, rest));
    },
  );
}

interface Page {
  readonly connections: readonly Connection[];
  /** Where the next one begins. */
  readonly next: number | undefined;
}

async function readPage(
  director: Director,
  filter: ConnectionFilter,
  { limit, from, gone }: { limit: number; from: number; gone: () => boolean },
): Promise<Page> {
  const connections: Connection[] = [];
  for (const slice of director.connections(filter, from)) {
    const room = limit - connections.length;
    connections.push(...slice.connections.slice(0, room));
    const next = slice.connections[room]?.slot ?? slice.next;
    if (connections.length === limit || gone()) return { connections, next };
    await setImmediate();
  }
  return { connections, next: undefined };
}

type Asked = Omit<z.infer<typeof connectionsQuery>, "limit" | "cursor">;

function filterOf({ service, server, client, state, protocol }: Asked): ConnectionFilter {
  const mark = MARK.exec(service ?? "")?.[1];
  return {
    ...(protocol === undefined ? {} : { protocol }),
    ...(state === undefined ? {} : { state }),
    ...(client === undefined ? {} : { client: parseClient(client) }),
    ...(server === undefined ? {} : { server: parseEndpoint(server) }),
    ...(service === undefined ? {} : { service: mark === undefined ? parseEndpoint(service) : { mark: Number(mark) } }),
  };
}
