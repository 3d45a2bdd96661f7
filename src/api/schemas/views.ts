/** What the API answers of services, servers and connections. Only for the OpenAPI document and for tests: answers are not examined while they are sent. */

import { z } from "zod";
import { PHASES } from "../../model/health.ts";
import type { ConnectionsReply, ServerReply, ServiceReply } from "../types.ts";
import { said } from "./words.ts";

const count = () => said(z.union([z.int(), z.string().regex(/^\d+$/)]), "A text above 2^53, where a number would not be exact.");
export const wallClock = (what: string) => said(z.number(), `${what}; milliseconds since 1970.`);
const condition = z.enum(["up", "down", "unknown"]);
const weight = z.union([z.int().min(0), z.literal("out")]);

const RATES = { connections: 0.5, packetsIn: 12, bytesIn: 1200, packetsOut: 11, bytesOut: 30000 };
const TRAFFIC = { connections: 12, packetsIn: 340, bytesIn: 40213, packetsOut: 300, bytesOut: 512000, rates: RATES };

const rates = z.strictObject({
  connections: z.number(),
  packetsIn: z.number(),
  bytesIn: z.number(),
  packetsOut: z.number(),
  bytesOut: z.number(),
});
const trafficFields = {
  connections: count(),
  packetsIn: count(),
  bytesIn: count(),
  packetsOut: count(),
  bytesOut: count(),
  rates: said(rates, "A second, over the last seconds."),
};

export const wishSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("drain"), deadlineMs: z.number().exactOptional() }),
  z.strictObject({ kind: z.literal("weight"), weight: z.int() }),
  z.strictObject({ kind: z.literal("disable") }),
]);

const finding = {
  check: z.string(),
  outcome: z.enum(["pass", "fail", "unable"]),
  phase: z.enum(PHASES),
  durationMs: z.number(),
  reason: z.string().exactOptional(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).exactOptional(),
  atMs: wallClock("When it began"),
};

const rule = z.looseObject({
  kind: z.string(),
  options: z.record(z.string(), z.unknown()),
  intervalMs: z.number(),
  fastIntervalMs: z.number(),
  timeoutMs: z.number(),
  jitter: z.number(),
  rise: z.int(),
  fall: z.int(),
  clientsWay: z.boolean(),
});

const check = z.strictObject({
  name: said(z.string(), { description: "Kind and target.", examples: ["http :80/healthz"] }),
  rule: said(rule, "As the configuration has it, with every default filled in."),
  condition,
  against: said(z.int(), "Verdicts in a row that speak against the condition."),
  last: z.strictObject(finding).exactOptional(),
  history: said(
    z.array(z.strictObject({ ...finding, repeated: z.int() })).exactOptional(),
    "The last ones that differed from the one before them, newest first; only with history=true.",
  ),
});

const SERVER_EXAMPLE = {
  service: "tcp 192.0.2.10:80",
  label: "web",
  server: "10.0.0.11:80",
  method: "nat",
  configuredWeight: 1,
  weight: 0,
  condition: "up",
  why: "drained by uid 0",
  sinceMs: 1780000000000,
  sorry: false,
  override: { wish: { kind: "drain", deadlineMs: 60000 }, sinceMs: 1780000000000, by: "uid 0", reason: "new kernel" },
  checks: [],
  counters: { active: 3, inactive: 1, persistent: 0, overloaded: false, ...TRAFFIC },
} satisfies ServerReply;

export const serverSchema = said(
  z.strictObject({
    service: z.string(),
    label: said(z.string(), "What the configuration calls the service.").exactOptional(),
    server: z.string(),
    method: z.string(),
    configuredWeight: z.int(),
    weight: said(weight, "What the kernel has, or should have in a moment."),
    condition,
    why: said(z.string(), "Why it is as it is; empty when all is well."),
    sinceMs: wallClock("When its condition last changed"),
    sorry: said(z.boolean(), "It is the service's sorry server."),
    override: z
      .strictObject({ wish: wishSchema, sinceMs: wallClock("When it was said"), by: z.string(), reason: z.string().exactOptional() })
      .exactOptional(),
    checks: z.array(check),
    counters: said(
      z
        .strictObject({ active: z.int(), inactive: z.int(), persistent: z.int(), overloaded: z.boolean(), ...trafficFields })
        .exactOptional(),
      "Left out while the kernel does not have it.",
    ),
  }),
  { id: "Server", examples: [SERVER_EXAMPLE] },
) satisfies z.ZodType<ServerReply>;

const SERVICE_EXAMPLE = {
  service: "tcp 192.0.2.10:80",
  label: "web",
  scheduler: "wlc",
  quorum: "up",
  sorry: false,
  sinceMs: 1780000000000,
  counters: TRAFFIC,
  servers: [SERVER_EXAMPLE],
} satisfies ServiceReply;

export const serviceSchema = said(
  z.strictObject({
    service: z.string(),
    label: z.string().exactOptional(),
    scheduler: z.string(),
    quorum: z.enum(["starting", "up", "lost"]),
    sorry: said(z.boolean(), "Its sorry server serves."),
    sinceMs: wallClock("When its quorum last changed"),
    counters: z.strictObject(trafficFields).exactOptional(),
    servers: z.array(serverSchema),
  }),
  {
    id: "Service",
    examples: [SERVICE_EXAMPLE],
  },
) satisfies z.ZodType<ServiceReply>;

export const servicesSchema = said(z.strictObject({ services: z.array(serviceSchema) }), {
  id: "Services",
  examples: [{ services: [SERVICE_EXAMPLE] }],
});
export const serversSchema = said(z.strictObject({ servers: z.array(serverSchema) }), {
  id: "Servers",
  examples: [{ servers: [SERVER_EXAMPLE] }],
});

const end = z.strictObject({ address: z.string(), port: z.int() });

export const connectionsSchema = said(
  z.strictObject({
    connections: z.array(
      z.strictObject({
        protocol: z.string(),
        state: z.string(),
        expiresSeconds: z.number(),
        client: end,
        virtual: end,
        server: end,
        method: z.string(),
        active: z.boolean(),
        template: z.boolean().exactOptional(),
        children: z.int().exactOptional(),
        mark: z.int().exactOptional(),
        parent: z.int().exactOptional(),
        slot: z.int(),
        generation: z.int(),
      }),
    ),
    cursor: said(z.string(), "Gives the next page; left out on the last one.").exactOptional(),
  }),
  {
    id: "Connections",
    examples: [
      {
        connections: [
          {
            protocol: "tcp",
            state: "ESTABLISHED",
            expiresSeconds: 899.5,
            client: { address: "198.51.100.7", port: 40001 },
            virtual: { address: "192.0.2.10", port: 80 },
            server: { address: "10.0.0.11", port: 80 },
            method: "nat",
            active: true,
            slot: 70211,
            generation: 3,
          },
        ],
        cursor: "70212",
      } satisfies ConnectionsReply,
    ],
  },
) satisfies z.ZodType<ConnectionsReply>;
