/** `evenkeel events [--follow]`: the director's journal. */

import { type Command, InvalidArgumentError, Option } from "commander";
import type { DirectorClient } from "../../api/client.ts";
import { didYouMean } from "../../config/suggest.ts";
import type { EventQuery } from "../../director/director.ts";
import { type JournalEntry, type Severity, STORY_EVENTS, type StoryEvent } from "../../model/journal.ts";
import { type OutputFlags, outputOption } from "../output.ts";
import { parseDuration } from "../time-words.ts";

const TEXT = {
  verb: "what happened: each change, verdict, override and decision, with its cause",
  follow: "go on with those that come, until interrupted",
  since: "those of the last time (10m, 1h, 2d)",
  severity: "at least that severe",
  event: "only of this kind (server-down, change, ...); may be given more than once",
  service: "of this service",
  server: "of this server",
  limit: "the newest that many; 100 when neither this nor --since is given",
  badLimit: "it must be a whole number above 0",
  badEvent: `it is none of ${STORY_EVENTS.join(", ")}`,
  away: "the director is away; waiting for it",
  back: "the director is back",
  examples: `
Examples:
  evenkeel events
  evenkeel events --follow --severity warning
  evenkeel events --since 1h --service web -o json | jq -r .story.event
  evenkeel events --event server-down --event server-up

-o json prints a line for each entry, -o yaml a document. With --follow a director that is restarted is waited for, and nothing is told twice.
Exit codes: 0 read, 4 no director`,
};

const SEVERITIES = ["debug", "info", "notice", "warning", "error"] as const satisfies readonly Severity[];
const LIMIT = 100;
const RETRY_MS = 1000;

interface Flags extends OutputFlags {
  readonly follow?: true;
  readonly since?: number;
  readonly severity?: Severity;
  readonly event?: readonly StoryEvent[];
  readonly service?: string;
  readonly server?: string;
  readonly limit?: number;
}

export function register(program: Command): void {
  program
    .command("events")
    .description(TEXT.verb)
    .option("-f, --follow", TEXT.follow)
    .addOption(new Option("--since <duration>", TEXT.since).argParser(parseDuration))
    .addOption(new Option("--severity <severity>", TEXT.severity).choices(SEVERITIES))
    .addOption(new Option("--event <event>", TEXT.event).argParser(gathered))
    .option("-s, --service <service>", TEXT.service)
    .option("--server <server>", TEXT.server)
    .addOption(new Option("--limit <number>", TEXT.limit).argParser(parseLimit))
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

function gathered(one: string, before: readonly string[] | undefined): readonly string[] {
  if (!(STORY_EVENTS as readonly string[]).includes(one))
    throw new InvalidArgumentError(`${TEXT.badEvent}${didYouMean(one, STORY_EVENTS)}`);
  return [...(before ?? []), one];
}

function parseLimit(text: string): number {
  if (!/^\d{1,7}$/.test(text) || Number(text) < 1) throw new InvalidArgumentError(TEXT.badLimit);
  return Number(text);
}

async function run(flags: Flags): Promise<void> {
  const [{ director }, { entryText }, { inChunks, writeChunks }] = await Promise.all([
    import("../director-access.ts"),
    import("../events/text.ts"),
    import("../chunks.ts"),
  ]);
  const client = director();
  const query = queryOf(flags);
  const past = await client.events(query);
  const texts = await Promise.all(past.map((entry) => entryText(entry, flags.output)));
  const isRead = await writeChunks(inChunks(texts), process.stdout);
  if (!flags.follow || !isRead) return;
  const after = past.at(-1)?.seq ?? (await lastNumber(client));
  await follow(client, { ...query, after }, async (entry) => writeChunks([await entryText(entry, flags.output)], process.stdout));
}

function queryOf({ since, severity, event, service, server, limit }: Flags): EventQuery {
  return {
    ...(since === undefined ? {} : { sinceMs: Date.now() - since }),
    ...(severity === undefined ? {} : { severity }),
    ...(event === undefined ? {} : { events: event }),
    ...(service === undefined ? {} : { service }),
    ...(server === undefined ? {} : { server }),
    ...(limit === undefined ? (since === undefined ? { limit: LIMIT } : {}) : { limit }),
  };
}

/** Of the newest entry, whatever is asked for: what came before it is not news. */
async function lastNumber(client: DirectorClient): Promise<number> {
  return (await client.events({ limit: 1 })).at(-1)?.seq ?? 0;
}

/** Until it is interrupted, or nobody reads any more what `show` shows. */
async function follow(
  client: DirectorClient,
  query: EventQuery & { after: number },
  show: (entry: JournalEntry) => Promise<boolean>,
): Promise<void> {
  const [{ EvenkeelError }, { setTimeout: sleep }] = await Promise.all([import("../../model/error.ts"), import("node:timers/promises")]);
  const end = new AbortController();
  const stop = (): void => end.abort();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  let { after } = query;
  let away = false;
  const { limit: _limit, sinceMs: _since, ...lasting } = query;
  while (!end.signal.aborted) {
    try {
      for await (const entry of client.follow({ ...lasting, after }, end.signal)) {
        if (away) console.error(TEXT.back);
        away = false;
        after = entry.seq;
        if (!(await show(entry))) return;
      }
    } catch (error) {
      if (!(error instanceof EvenkeelError) || error.code !== "DIRECTOR_AWAY") throw error;
      if (!away) console.error(TEXT.away);
      away = true;
      await sleep(RETRY_MS, undefined, { signal: end.signal }).catch(stop);
    }
  }
}
