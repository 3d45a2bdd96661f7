/** Waits for a drain's end: by the director's own word, which is the journal. How many connections are left is shown on a terminal meanwhile. */

import type { DirectorClient } from "../../api/client.ts";
import type { ServerReply } from "../../api/types.ts";
import { describeStory } from "../../model/describe-story.ts";
import { EvenkeelError } from "../../model/error.ts";
import type { Story } from "../../model/journal.ts";

const SHOWN_EVERY_MS = 1000;

const TEXT = {
  left: (count: number) => `${count} ${count === 1 ? "connection is" : "connections are"} left`,
  ended: (what: string) => `the drain was ended before the connections were: ${what}`,
};

const EVENTS = ["drain-finished", "drain-cut", "override-cleared", "override-set"] as const;
type OfDrain = Extract<Story, { readonly event: (typeof EVENTS)[number] }>;

/** `after`: the number of the last entry before the drain. */
export async function untilDrained(director: DirectorClient, servers: readonly ServerReply[], after: number): Promise<void> {
  const waited = new Set(servers.map(nameOf));
  const end = new AbortController();
  const showing = process.stderr.isTTY ? show(director, waited, end.signal) : undefined;
  try {
    for await (const { story } of director.follow({ after, events: EVENTS }, end.signal)) {
      if (!isOfDrain(story) || !waited.has(nameOf(story))) continue;
      if (isOtherEnd(story)) throw new EvenkeelError("CONFLICT", TEXT.ended(describeStory(story)));
      if (story.event === "drain-finished" || story.event === "drain-cut") waited.delete(nameOf(story));
      if (waited.size === 0) return;
    }
  } finally {
    end.abort();
    await showing;
  }
}

function isOfDrain(story: Story): story is OfDrain {
  return EVENTS.some((event) => event === story.event);
}

/** Its own beginning is none. */
function isOtherEnd(story: OfDrain): boolean {
  return (
    (story.event === "override-cleared" && story.wish.kind === "drain") || (story.event === "override-set" && story.wish.kind !== "drain")
  );
}

function nameOf({ service, server }: { readonly service: string; readonly server: string }): string {
  return `${service} ${server}`;
}

async function show(director: DirectorClient, waited: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const present = await director.servers();
    const left = present
      .filter((server) => waited.has(nameOf(server)))
      .reduce((sum, { counters }) => sum + (counters === undefined ? 0 : counters.active + counters.inactive), 0);
    process.stderr.write(`\r\u001b[K${TEXT.left(left)}`);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, SHOWN_EVERY_MS);
      signal.addEventListener("abort", () => [clearTimeout(timer), resolve()], { once: true });
    });
  }
  process.stderr.write("\r\u001b[K");
}
