/** What requests may say. Unknown words are refused, so that a misspelt filter is not one that was never there. */

import { z } from "zod";
import { CONNECTION_STATES } from "../../director/connection-filter.ts";
import { SEVERITIES } from "../../director/journal/severity.ts";
import { STORY_EVENTS } from "../../model/journal.ts";
import { WEIGHT_MAX } from "../../model/service.ts";
import { said } from "./words.ts";

const TEXT_MAX = 300;
const DAY_MS = 86_400_000;

const text = (words: string, example?: string) =>
  said(z.string().min(1).max(TEXT_MAX), { description: words, ...(example === undefined ? {} : { examples: [example] }) });
const number = (words: string, { min = 0, max = Number.MAX_SAFE_INTEGER } = {}) =>
  said(
    z
      .string()
      .regex(/^\d{1,16}$/, "must be a whole number")
      .transform(Number)
      .pipe(z.number().min(min).max(max)),
    words,
  );
const flag = (words: string) =>
  said(
    z.enum(["true", "false"]).transform((word) => word === "true"),
    words,
  );

const REASON = { reason: text("Why, for the journal.", "new kernel").optional() };

const serviceReference = () => text("A service's name, address, or protocol and address; or its mark.", "tcp 192.0.2.10:80");
const serverReference = () => text("A server's address, alone or with its port.", "10.0.0.11:80");

export const reasonQuery = z.strictObject(REASON);

export const historyQuery = z.strictObject({ history: flag("With what each check said before.").optional() });

export const serviceParams = z.strictObject({ service: serviceReference() });

export const serverParams = z.strictObject({ service: serviceReference(), server: serverReference() });

export const serversQuery = z.strictObject({
  service: serviceReference().optional(),
  server: serverReference().optional(),
  condition: said(z.enum(["up", "down", "unknown"]), "Only those.").optional(),
  overridden: flag("Only those with an override, or only those without one.").optional(),
  history: flag("With what each check said before.").optional(),
});

export const PAGE_MAX = 10_000;

export const connectionsQuery = z.strictObject({
  service: text("Of this virtual service: ADDRESS, ADDRESS:PORT, or mark:NUMBER.", "192.0.2.10:80").optional(),
  server: text("To this real server: ADDRESS or ADDRESS:PORT.", "10.0.0.11").optional(),
  client: text("From this client: ADDRESS, ADDRESS:PORT or ADDRESS/PREFIX.", "198.51.100.0/24").optional(),
  state: said(
    z
      .string()
      .transform((word) => word.toUpperCase())
      .pipe(z.enum(CONNECTION_STATES as [string, ...string[]])),
    "ESTABLISHED, SYN_RECV, UDP, ...; ASSURED and NONE are templates' too.",
  ).optional(),
  protocol: z.enum(["tcp", "udp", "sctp"]).optional(),
  limit: number(`At most that many, ${PAGE_MAX} at the most; 1000 when left out.`, { min: 1, max: PAGE_MAX }).optional(),
  cursor: number("From the page before.", { max: 2 ** 32 }).optional(),
});

const DURATION = /^(\d{1,12})(ms|s|m|h)$/;
const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

const duration = (words: string) =>
  said(
    z
      .string()
      .regex(DURATION, "must be a duration: 500ms, 60s, 5m, 1h")
      .transform(durationMs)
      .pipe(z.number().min(1).max(DAY_MS, "is longer than a day")),
    { description: words, examples: ["60s"] },
  );

function durationMs(written: string): number {
  const [, amount = "0", unit = "ms"] = DURATION.exec(written) ?? [];
  return Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

const file = () => text("What complaints call the text.", "evenkeel.yaml").optional();

export const planQuery = z.strictObject({ file: file() });

export const applyQuery = z.strictObject({
  file: file(),
  "dry-run": flag("Only says what would be done.").optional(),
  "confirm-within": duration("Rolled back by itself unless it is confirmed in that time.").optional(),
  ...REASON,
});

export const applyHeaders = z.looseObject({
  "if-match": said(z.string(), "Only in the place of a configuration with this ETag; else 412.").optional(),
});

export const historyParams = z.strictObject({ id: number("Its place in the history.", { min: 1 }) });

export const undoQuery = z.strictObject({
  id: number("Back to this one; to the one before the present one when left out.", { min: 1 }).optional(),
  ...REASON,
});

export const yamlBody = said(z.string(), { description: "The configuration file, in UTF-8.", examples: ["services: []\n"] });

const deadlineMs = said(
  z
    .int()
    .min(0)
    .max(7 * DAY_MS),
  "After that the connections that are left are cut.",
);
const weight = z.int().min(0).max(WEIGHT_MAX);

const wishes = <Others extends z.ZodRawShape>(others: Others) =>
  z.discriminatedUnion("kind", [
    z.strictObject({ ...others, kind: z.literal("drain"), deadlineMs: deadlineMs.exactOptional() }),
    z.strictObject({ ...others, kind: z.literal("weight"), weight }),
    z.strictObject({ ...others, kind: z.literal("disable") }),
  ]);

const reason = { reason: z.string().max(TEXT_MAX).exactOptional() };

export const wishBody = said(wishes(reason), { examples: [{ kind: "drain", deadlineMs: 60_000, reason: "new kernel" }] });

export const overrideBody = said(
  wishes({ service: z.string().min(1).max(TEXT_MAX).exactOptional(), server: z.string().min(1).max(TEXT_MAX), ...reason }),
  { examples: [{ server: "10.0.0.11", kind: "weight", weight: 5 }] },
);

const wishKind = said(z.enum(["drain", "weight", "disable"]), "Only an override of this kind.").optional();

export const clearQuery = z.strictObject({ kind: wishKind, ...REASON });

export const clearReferenceQuery = z.strictObject({
  service: serviceReference().optional(),
  server: serverReference(),
  kind: wishKind,
  ...REASON,
});

export const EVENTS_MAX = 10_000;

export const eventsQuery = z.strictObject({
  after: number("Those after this number.").optional(),
  since: said(
    z
      .string()
      .max(40)
      .transform((written, context) => {
        const atMs = /^\d{1,15}$/.test(written) ? Number(written) : Date.parse(written);
        if (!Number.isNaN(atMs)) return atMs;
        context.addIssue({ code: "custom", message: "must be a time: 2026-11-23T01:02:03Z, or milliseconds since 1970" });
        return z.NEVER;
      }),
    { description: "Those from this time on.", examples: ["2026-11-23T01:02:03Z"] },
  ).optional(),
  severity: said(z.enum(SEVERITIES), "Those that are at least that grave.").optional(),
  event: said(
    z
      .string()
      .max(1000)
      .transform((names) => names.split(","))
      .pipe(z.array(z.enum(STORY_EVENTS))),
    { description: "Those with one of these names.", examples: ["server-up,server-down"] },
  ).optional(),
  service: serviceReference().optional(),
  server: serverReference().optional(),
  limit: number(`The newest that many, ${EVENTS_MAX} at the most; 1000 when left out.`, { min: 1, max: EVENTS_MAX }).optional(),
});

/** One that is no number is as if it were not there: browsers send what they were told last. */
export const streamHeaders = z.looseObject({
  "last-event-id": said(z.string(), "The last event that was read: those after it come first.").optional(),
});
