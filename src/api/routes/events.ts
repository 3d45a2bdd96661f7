/** The journal: asked for, or followed as server-sent events. */

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { z } from "zod";
import type { EventQuery } from "../../director/director.ts";
import type { JournalEntry } from "../../model/journal.ts";
import { eventText, HEARTBEAT_MS } from "../event-stream.ts";
import { listStream } from "../list-stream.ts";
import { type ApiApp, type ApiContext, operation, textAnswer } from "../operation.ts";
import { eventsSchema } from "../schemas/director.ts";
import { EVENTS_MAX, eventsQuery, streamHeaders } from "../schemas/request.ts";

const EVENTS = 1000;

const STREAM_HEAD = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  // nginx would keep it back until its buffer is full.
  "x-accel-buffering": "no",
};

export function eventRoutes(app: ApiApp, { director, readers, closing }: ApiContext): void {
  app.get(
    "/v1/events",
    {
      schema: operation(
        { id: "listEvents", tag: "events", summary: "What happened, the oldest first", answer: eventsSchema },
        { querystring: eventsQuery },
      ),
    },
    (request, reply) => {
      const { limit = EVENTS } = request.query;
      const found = director.events({ ...queryOf(request.query), limit });
      return reply.type("application/json; charset=utf-8").send(listStream("events", found, (entry) => entry));
    },
  );

  app.get(
    "/v1/events/stream",
    {
      exposeHeadRoute: false,
      schema: operation(
        {
          id: "followEvents",
          tag: "events",
          summary: "What happens, as server-sent events",
          description:
            "Each event's id is its number. With `Last-Event-ID` or `after` what happened since then comes first. A reader that is too slow misses some.",
          answer: { "text/event-stream": textAnswer("WHATWG HTML 9.2", 'id: 4711\ndata: {"seq":4711}\n\n') },
          problems: [503],
        },
        { querystring: eventsQuery, headers: streamHeaders },
      ),
    },
    async (request, reply) => {
      const last = /^\d{1,15}$/.exec(request.headers["last-event-id"] ?? "")?.[0];
      const asked = queryOf(request.query);
      const query = last === undefined ? asked : { ...asked, after: Number(last) };
      const leave = readers.enter();
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      const signal = AbortSignal.any([gone.signal, closing]);
      let coming: AsyncIterator<JournalEntry> | undefined;
      try {
        // Before the past is read, so that nothing falls between the two.
        coming = director.follow(query, signal)[Symbol.asyncIterator]();
        const first = coming.next();
        first.catch(() => {});
        const past = query.after === undefined ? [] : director.events({ ...query, limit: query.limit ?? EVENTS_MAX });
        reply.hijack();
        reply.raw.writeHead(200, STREAM_HEAD);
        await writeEvents(reply.raw, past, { first, rest: coming }, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        gone.abort();
        coming?.return?.().catch(() => {});
        leave();
        if (reply.raw.headersSent) reply.raw.end();
      }
    },
  );
}

interface Coming {
  readonly first: Promise<IteratorResult<JournalEntry>>;
  readonly rest: AsyncIterator<JournalEntry>;
}

async function writeEvents(raw: ServerResponse, past: readonly JournalEntry[], coming: Coming, signal: AbortSignal): Promise<void> {
  const write = async (text: string) => {
    if (!raw.write(text)) await once(raw, "drain", { signal });
  };
  const heartbeat = setInterval(() => {
    if (!raw.writableNeedDrain) raw.write(": alive\n\n");
  }, HEARTBEAT_MS);
  try {
    await write(": follows\n\n");
    for (const entry of past) await write(eventText(entry));
    let last = past.at(-1)?.seq ?? -1;
    for (let result = await coming.first; !result.done; result = await coming.rest.next()) {
      if (result.value.seq <= last) continue;
      last = result.value.seq;
      await write(eventText(result.value));
    }
  } finally {
    clearInterval(heartbeat);
  }
}

function queryOf({ since, event, ...query }: z.infer<typeof eventsQuery>): EventQuery {
  const said = { ...query, sinceMs: since, events: event };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}
