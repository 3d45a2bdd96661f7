/** The state of the packet path as a person reads it: services with their servers, mark rules, and what became of other packets. */

import { outcomeMeaning } from "../../director/outcomes.ts";
import { describeMark } from "../../model/mark-rule.ts";
import type { ActualState, Counters, ServerCounters, ServiceCounters } from "../../model/plane.ts";
import { DEFAULT_SETTINGS } from "../../model/plane.ts";
import { describeThresholds, describeTunnel, serverName, serviceName } from "../../model/service.ts";
import { settingsFacts, unusualFacts } from "../../reconcile/facts.ts";
import { type Column, renderTable } from "../table.ts";

const TEXT = {
  listens: (list: string) => `listens on ${list}`,
  nowhere: "listens on no interface",
  settings: (list: string) => `settings: ${list}`,
  marks: "mark rules, the first that holds counts:",
  daemon: (role: string, interfaceName: string, syncId: number) =>
    `sync daemon wanted: ${role} on ${interfaceName}, sync id ${syncId}; connections are not synchronised yet`,
  outcomes: "packets that were not simply sent on:",
  overloaded: "overloaded",
  local: "local",
} as const;

export interface TextOptions {
  /** What is counted a second now, instead of what was counted in all. */
  readonly rate: boolean;
}

interface Line {
  readonly service?: ServiceCounters;
  readonly server?: ServerCounters;
}

interface Field extends Column {
  readonly of: (line: Line) => string;
  /** Shown only where somebody has it. */
  readonly seldom?: boolean;
}

export function statusText(state: ActualState, counters: Counters, { rate }: TextOptions): string {
  const listens = state.attachments.map(({ interfaceName, hook }) => `${interfaceName} (${hook})`).join(", ");
  const settings = unusualSettings(state);
  return [
    listens === "" ? TEXT.nowhere : TEXT.listens(listens),
    ...(settings === "" ? [] : [TEXT.settings(settings)]),
    ...(state.syncDaemons ?? []).map(({ role, interfaceName, syncId }) => TEXT.daemon(role, interfaceName, syncId)),
    serviceTable(counters, rate),
    ...markLines(counters),
    ...outcomeLines(counters.outcomes),
  ].join("\n");
}

const number = { align: "right" } as const;

const NAMES: readonly Field[] = [
  {
    title: "SERVICE / SERVER",
    of: ({ service, server }) => (server ? `  ${serverName(server.server)}` : service ? serviceName(service.service) : ""),
  },
  { title: "SCHEDULER / METHOD", of: ({ service, server }) => (server ? methodOf(server) : service ? schedulerOf(service) : "") },
  { title: "WEIGHT", ...number, of: ({ server }) => (server ? `${server.server.weight}` : "") },
  { title: "ACTIVE", ...number, of: ({ server }) => (server ? `${server.active}` : "") },
  { title: "INACTIVE", ...number, of: ({ server }) => (server ? `${server.inactive}` : "") },
  { title: "PERSISTENT", ...number, seldom: true, of: ({ server }) => (server && server.persistent > 0 ? `${server.persistent}` : "") },
];

const TOTALS: readonly Field[] = [
  { title: "CONNECTIONS", ...number, of: (line) => `${countedOf(line)?.connections ?? ""}` },
  { title: "PACKETS IN", ...number, of: (line) => `${countedOf(line)?.packetsIn ?? ""}` },
  { title: "PACKETS OUT", ...number, of: (line) => `${countedOf(line)?.packetsOut ?? ""}` },
  { title: "BYTES IN", ...number, of: (line) => `${countedOf(line)?.bytesIn ?? ""}` },
  { title: "BYTES OUT", ...number, of: (line) => `${countedOf(line)?.bytesOut ?? ""}` },
];

const RATES: readonly Field[] = [
  { title: "CONNECTIONS/S", ...number, of: (line) => `${countedOf(line)?.rates.connections ?? ""}` },
  { title: "PACKETS/S IN", ...number, of: (line) => `${countedOf(line)?.rates.packetsIn ?? ""}` },
  { title: "PACKETS/S OUT", ...number, of: (line) => `${countedOf(line)?.rates.packetsOut ?? ""}` },
  { title: "BYTES/S IN", ...number, of: (line) => `${countedOf(line)?.rates.bytesIn ?? ""}` },
  { title: "BYTES/S OUT", ...number, of: (line) => `${countedOf(line)?.rates.bytesOut ?? ""}` },
];

const RULES: readonly Field[] = [
  { title: "THRESHOLDS", seldom: true, of: ({ server }) => (server ? thresholdsOf(server) : "") },
  { title: "RULES", seldom: true, of: ({ service, server }) => (service && !server ? rulesOf(service) : "") },
];

function serviceTable({ services, servers }: Counters, rate: boolean): string {
  const serversOf = Map.groupBy(servers, ({ service }) => serviceName(service));
  const lines = services
    .map((service) => ({ name: serviceName(service.service), service }))
    .toSorted((one, other) => one.name.localeCompare(other.name))
    .flatMap(({ name, service }): Line[] => [{ service }, ...(serversOf.get(name) ?? []).map((server) => ({ service, server }))]);
  const fields = [...NAMES, ...(rate ? RATES : TOTALS), ...RULES];
  const shown = fields.filter(({ of, seldom }) => seldom !== true || lines.some((line) => of(line) !== ""));
  return renderTable(
    shown,
    lines.map((line) => shown.map(({ of }) => of(line))),
  );
}

function countedOf({ service, server }: Line): ServiceCounters | ServerCounters | undefined {
  return server ?? service;
}

function schedulerOf({ service: { scheduler, schedulerFlags = [] } }: ServiceCounters): string {
  return schedulerFlags.length === 0 ? scheduler : `${scheduler} (${schedulerFlags.join(", ")})`;
}

function methodOf({ server: { method, tunnel }, local }: ServerCounters): string {
  const words = [...(tunnel === undefined ? [] : [describeTunnel(tunnel)]), ...(local ? [TEXT.local] : [])];
  return words.length === 0 ? method : `${method} (${words.join(", ")})`;
}

function thresholdsOf({ server, overloaded }: ServerCounters): string {
  const limits = describeThresholds(server);
  return [...(limits === "none" ? [] : [limits]), ...(overloaded ? [TEXT.overloaded] : [])].join(" ");
}

/** What its scheduler's column does not say already. */
function rulesOf({ service }: ServiceCounters): string {
  return unusualFacts(service)
    .filter(([name]) => !name.startsWith("scheduler"))
    .map(([name, text]) => (text === "yes" ? name : `${name} ${text}`))
    .join(", ");
}

function unusualSettings({ settings = DEFAULT_SETTINGS }: ActualState): string {
  const usual = settingsFacts(DEFAULT_SETTINGS);
  return Object.entries(settingsFacts(settings))
    .filter(([name, text]) => text !== usual[name])
    .map(([name, text]) => `${name} ${text}`)
    .join(", ");
}

function markLines({ marks }: Counters): string[] {
  return marks.length === 0 ? [] : [TEXT.marks, ...marks.map(({ rule, packets }) => `  ${describeMark(rule)}: ${packets} packets`)];
}

/** Those that happened, each with what it means. */
export function outcomeLines(outcomes: Readonly<Record<string, bigint | number | string>>): string[] {
  const seen = Object.entries(outcomes).filter(([, count]) => Number(count) > 0);
  if (seen.length === 0) return [];
  const rows = seen.map(([name, count]) => [`  ${name}`, `${count}`, outcomeMeaning(name) ?? ""]);
  const table = renderTable([{ title: "" }, { title: "", ...number }, { title: "" }], rows);
  return [TEXT.outcomes, ...table.split("\n").slice(1)];
}
