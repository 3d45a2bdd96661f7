/** What the API answers of the director itself, its configuration and its journal. As in views.ts: for the document and for tests. */

import { z } from "zod";
import type { Applied, ConfigurationVersion, DirectorStatus, Measures, Plan } from "../../director/director.ts";
import { SEVERITIES } from "../../director/journal/severity.ts";
import { STORY_EVENTS } from "../../model/journal.ts";
import type { ConfigurationReply, EditedReply, Problem } from "../types.ts";
import { wallClock } from "./views.ts";
import { said } from "./words.ts";

const VERSION_EXAMPLE: ConfigurationVersion = {
  id: 7,
  digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  file: "/etc/evenkeel/evenkeel.yaml",
  appliedMs: 1780000000000,
  by: "uid 0",
  state: "present",
};

export const versionSchema = said(
  z.strictObject({
    id: said(z.int(), "Goes up with each that was applied; 0: none yet."),
    digest: said(z.string(), "SHA-256 of the text, hexadecimal: the ETag."),
    file: z.string(),
    appliedMs: wallClock("When it was applied"),
    by: z.string(),
    state: z.enum(["present", "pending", "past", "rolled-back"]),
  }),
  { id: "ConfigurationVersion", examples: [VERSION_EXAMPLE] },
) satisfies z.ZodType<ConfigurationVersion>;

export const versionsSchema = said(z.strictObject({ versions: z.array(versionSchema) }), {
  id: "ConfigurationVersions",
  examples: [{ versions: [VERSION_EXAMPLE] }],
});

export const configurationSchema = said(z.strictObject({ version: versionSchema, text: z.string() }), {
  id: "Configuration",
  examples: [{ version: VERSION_EXAMPLE, text: "services: []\n" }],
}) satisfies z.ZodType<ConfigurationReply>;

const PLAN_EXAMPLE: Plan = {
  configuration: ["tcp 192.0.2.10:80: server 10.0.0.13:80 is added"],
  drift: [],
  changes: ["add server 10.0.0.13:80 nat weight 1 to tcp 192.0.2.10:80"],
  warnings: [],
};

export const planSchema = said(
  z.strictObject({
    configuration: said(z.array(z.string()), "What the new configuration changes against the present one."),
    drift: said(z.array(z.string()), "What the kernel holds beside the present configuration."),
    changes: said(z.array(z.string()), "All that would be done to the packet path, in order."),
    warnings: z.array(z.string()),
  }),
  { id: "Plan", examples: [PLAN_EXAMPLE] },
) satisfies z.ZodType<Plan>;

export const appliedSchema = said(z.strictObject({ version: versionSchema, plan: planSchema }), {
  id: "Applied",
  examples: [{ version: VERSION_EXAMPLE, plan: PLAN_EXAMPLE }],
}) satisfies z.ZodType<Applied>;

const attachment = z.strictObject({ interfaceName: z.string(), hook: z.enum(["tc", "xdp", "xdp-generic"]) });

export const statusSchema = said(
  z.strictObject({
    version: z.string(),
    pid: z.int(),
    startedMs: wallClock("When it started"),
    ready: z.boolean(),
    troubles: said(z.array(z.string()), "Why it is not ready, or what is wrong although it is."),
    configuration: versionSchema,
    confirmUntilMs: wallClock("Until when the configuration has to be confirmed").exactOptional(),
    adopted: said(z.array(z.string()), "What the kernel holds beside the configuration by hand."),
    attachments: z.array(attachment),
    warnings: z.array(z.string()),
    services: z.int(),
    servers: z.strictObject({ all: z.int(), up: z.int(), overridden: z.int() }),
    checks: z.int(),
    capabilities: z.array(z.string()),
  }),
  {
    id: "Status",
    examples: [
      {
        version: "0.1.0",
        pid: 812,
        startedMs: 1780000000000,
        ready: true,
        troubles: [],
        configuration: VERSION_EXAMPLE,
        adopted: [],
        attachments: [{ interfaceName: "eth0", hook: "tc" }],
        warnings: [],
        services: 1,
        servers: { all: 3, up: 3, overridden: 0 },
        checks: 3,
        capabilities: ["CAP_NET_ADMIN", "CAP_BPF"],
      } satisfies DirectorStatus,
    ],
  },
) satisfies z.ZodType<DirectorStatus>;

const measuresFields = {
  checksUnderWay: z.int(),
  checks: z.array(z.strictObject({ kind: z.string(), outcome: z.enum(["pass", "fail", "unable"]), count: z.int(), seconds: z.number() })),
  reconciliations: z.strictObject({ done: z.int(), failed: z.int(), lastSeconds: z.number() }),
  journal: z.strictObject({ entries: z.int(), dropped: z.int(), onDisk: z.boolean() }),
  eventLoopLagSeconds: z.number(),
};

export const measuresSchema = said(z.strictObject(measuresFields), {
  id: "Measures",
  examples: [
    {
      checksUnderWay: 2,
      checks: [{ kind: "http", outcome: "pass", count: 12000, seconds: 31.2 }],
      reconciliations: { done: 4, failed: 0, lastSeconds: 0.012 },
      journal: { entries: 120, dropped: 0, onDisk: true },
      eventLoopLagSeconds: 0.001,
    } satisfies Measures,
  ],
}) satisfies z.ZodType<Measures>;

const EVENT_EXAMPLE = {
  seq: 4711,
  atMs: 1780000000000,
  severity: "warning",
  cause: { kind: "health" },
  because: 4710,
  story: { event: "server-down", service: "tcp 192.0.2.10:80", label: "web", server: "10.0.0.11:80", after: [] },
};

export const eventSchema = said(
  z.strictObject({
    seq: said(z.int(), "Goes up by one, also over restarts."),
    atMs: wallClock("When it happened"),
    severity: z.enum(SEVERITIES),
    cause: said(z.looseObject({ kind: z.string() }), "Why it happened."),
    because: said(z.int(), "The number of the entry that led to this one.").exactOptional(),
    story: said(z.looseObject({ event: z.enum(STORY_EVENTS) }), "What happened, with the fields of its event."),
  }),
  {
    id: "Event",
    examples: [EVENT_EXAMPLE],
  },
);

export const eventsSchema = said(z.strictObject({ events: z.array(eventSchema) }), {
  id: "Events",
  examples: [{ events: [EVENT_EXAMPLE] }],
});

const code = said(z.string().regex(/^[A-Z_]+$/), "For programs: NO_SUCH_SERVICE, BAD_CONFIGURATION, ...");
const facts = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const refusal = z.strictObject({
  index: said(z.int(), "Which edit, from 0."),
  code,
  detail: z.string(),
  cure: z.string().exactOptional(),
  facts: facts.exactOptional(),
});

export const editedSchema = said(z.strictObject({ refused: z.array(refusal), warnings: z.array(z.string()) }), {
  id: "Edited",
  examples: [{ refused: [], warnings: [] } satisfies EditedReply],
});

export const problemSchema = said(
  z.strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: said(z.string(), "What was attempted and what happened."),
    instance: z.string().exactOptional(),
    code,
    cure: said(z.string(), "What would help.").exactOptional(),
    facts: facts.exactOptional(),
    because: said(z.array(z.string()), "What lies behind it, the nearest first.").exactOptional(),
    complaints: said(
      z.array(z.strictObject({ line: z.int().exactOptional(), column: z.int().exactOptional(), path: z.string(), text: z.string() })),
      "Each mistake in a configuration with its place, or each wrong field of a request.",
    ).exactOptional(),
    refusal: said(refusal.exactOptional(), "Of edits: the one that was not possible."),
  }),
  {
    id: "Problem",
    examples: [
      {
        type: "urn:evenkeel:problem:no-such-service",
        title: "Not found",
        status: 404,
        detail: "there is no service mail",
        code: "NO_SUCH_SERVICE",
        cure: "evenkeel services lists them",
      } satisfies Problem,
    ],
  },
);
