/** Services as a director sees them. */

import type { ServerReply, ServiceReply } from "../../api/types.ts";
import { describeDuration } from "../time-words.ts";
import { conditionFields, type Field, fieldTable, rateFields } from "./server-table.ts";

const number = { align: "right" } as const;
const wide = { wide: true } as const;

const TEXT = {
  sorry: "sorry server",
};

const QUORUM = { starting: "starting", up: "up", lost: "quorum lost" } as const;

export function serviceTable(services: readonly ServiceReply[], nowMs: number, isWide: boolean): string {
  return fieldTable(serviceFields(nowMs), services, isWide);
}

function serviceFields(nowMs: number): readonly Field<ServiceReply>[] {
  return [
    { title: "SERVICE", of: ({ service }) => service },
    { title: "NAME", seldom: true, of: ({ label }) => label ?? "" },
    { title: "SCHEDULER", of: ({ scheduler }) => scheduler },
    { title: "STATE", of: describeState },
    { title: "SERVERS UP", ...number, of: ({ servers }) => describeUp(servers) },
    { title: "ACTIVE", ...number, of: ({ servers }) => `${sumOf(servers, ({ active }) => active)}` },
    { title: "INACTIVE", ...number, of: ({ servers }) => `${sumOf(servers, ({ inactive }) => inactive)}` },
    { title: "CONNECTIONS", ...number, of: ({ counters }) => `${counters?.connections ?? ""}` },
    { title: "CONNECTIONS/S", ...number, ...wide, of: ({ counters }) => `${counters?.rates.connections ?? ""}` },
    { title: "BYTES IN", ...number, ...wide, of: ({ counters }) => `${counters?.bytesIn ?? ""}` },
    { title: "BYTES OUT", ...number, ...wide, of: ({ counters }) => `${counters?.bytesOut ?? ""}` },
    { title: "SINCE", ...number, of: ({ sinceMs }) => describeDuration(nowMs - sinceMs) },
  ];
}

export interface ClusterOptions {
  readonly nowMs: number;
  readonly wide: boolean;
  /** What is counted a second now, too. */
  readonly rate: boolean;
}

/** Each service, and its servers below it. */
export function clusterTable(services: readonly ServiceReply[], { nowMs, wide: isWide, rate }: ClusterOptions): string {
  const rows = services.flatMap((service): Row[] => [{ service }, ...service.servers.map((server) => ({ service, server }))]);
  const ofServer = conditionFields(nowMs).map(
    (field): Field<Row> => ({
      ...field,
      of: ({ server, service }) => (server ? field.of(server) : (OF_SERVICE[field.title]?.(service, nowMs) ?? "")),
    }),
  );
  return fieldTable<Row>(
    [
      { title: "SERVICE / SERVER", of: ({ service, server }) => (server ? `  ${server.server}` : describeName(service)) },
      { title: "SCHEDULER / METHOD", of: ({ service, server }) => (server ? server.method : service.scheduler) },
      ...ofServer.filter(({ title }) => !LAST.has(title) && title !== "METHOD"),
      ...(rate ? rateFields<Row>(({ service, server }) => (server ?? service).counters?.rates) : []),
      ...ofServer.filter(({ title }) => LAST.has(title)),
    ],
    rows,
    isWide,
  );
}

/** Of any length: they stand where nothing has to line up behind them. */
const LAST: ReadonlySet<string> = new Set(["OVERRIDE", "WHY", "LAST CHECKS"]);

interface Row {
  readonly service: ServiceReply;
  readonly server?: ServerReply;
}

/** What a service's own line has in a server's column. */
const OF_SERVICE: Readonly<Record<string, (service: ServiceReply, nowMs: number) => string>> = {
  CONDITION: describeState,
  CONNECTIONS: ({ counters }) => `${counters?.connections ?? ""}`,
  "BYTES IN": ({ counters }) => `${counters?.bytesIn ?? ""}`,
  "BYTES OUT": ({ counters }) => `${counters?.bytesOut ?? ""}`,
  SINCE: ({ sinceMs }, nowMs) => describeDuration(nowMs - sinceMs),
};

export function describeName({ service, label }: ServiceReply): string {
  return label === undefined ? service : `${label} ${service}`;
}

export function describeState({ quorum, sorry }: ServiceReply): string {
  if (sorry) return TEXT.sorry;
  return QUORUM[quorum];
}

function describeUp(servers: readonly ServerReply[]): string {
  const own = servers.filter(({ sorry }) => !sorry);
  return `${own.filter(({ condition }) => condition === "up").length}/${own.length}`;
}

export function sumOf(servers: readonly ServerReply[], count: (counters: NonNullable<ServerReply["counters"]>) => number): number {
  return servers.reduce((sum, { counters }) => sum + (counters === undefined ? 0 : count(counters)), 0);
}
