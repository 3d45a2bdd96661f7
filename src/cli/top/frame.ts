/** One frame of `evenkeel top`: what happens now, a second; the busiest services first. Cut to the terminal's size. */

import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import type { ServerReply, ServiceReply } from "../../api/types.ts";
import type { DirectorStatus } from "../../director/director.ts";
import { describeWeight, type Field, fieldTable } from "../director/server-table.ts";
import { describeName, describeState, sumOf } from "../director/service-table.ts";
import { describeClock, describeDuration } from "../time-words.ts";

export interface Scene {
  readonly status: DirectorStatus;
  readonly services: readonly ServiceReply[];
  readonly nowMs: number;
}

/** Of the terminal; left out: as long and as wide as it is. */
export interface Size {
  readonly rows: number;
  readonly columns: number;
}

const TEXT = {
  head: ({ version, startedMs, configuration, services, servers }: DirectorStatus, nowMs: number) =>
    `evenkeel ${version}  ${describeClock(nowMs)}  up ${describeDuration(nowMs - startedMs)}  configuration ${configuration.id}  ` +
    `services ${services}  servers ${servers.all}: ${servers.up} up, ${servers.overridden} overridden`,
  trouble: (text: string) => `! ${text}`,
  more: (count: number) => `... and ${count} more ${count === 1 ? "line" : "lines"}`,
};

interface Row {
  readonly service: ServiceReply;
  readonly server?: ServerReply;
}

const number = { align: "right" } as const;
const UNITS = ["", "k", "M", "G", "T"] as const;

const FIELDS: readonly Field<Row>[] = [
  { title: "SERVICE / SERVER", of: ({ service, server }) => (server ? `  ${server.server}` : describeName(service)) },
  { title: "STATE", of: ({ service, server }) => (server ? server.condition : describeState(service)) },
  { title: "WEIGHT", ...number, of: ({ server }) => (server ? describeWeight(server) : "") },
  {
    title: "ACTIVE",
    ...number,
    of: ({ service, server }) => `${server ? (server.counters?.active ?? "") : sumOf(service.servers, ({ active }) => active)}`,
  },
  {
    title: "INACTIVE",
    ...number,
    of: ({ service, server }) => `${server ? (server.counters?.inactive ?? "") : sumOf(service.servers, ({ inactive }) => inactive)}`,
  },
  { title: "CONN/S", ...number, of: (row) => shortened(ratesOf(row)?.connections) },
  { title: "PACKETS/S", ...number, of: (row) => shortened(ratesOf(row)?.packetsIn) },
  { title: "BITS/S IN", ...number, of: (row) => shortened(bits(ratesOf(row)?.bytesIn)) },
  { title: "BITS/S OUT", ...number, of: (row) => shortened(bits(ratesOf(row)?.bytesOut)) },
  { title: "WHY", seldom: true, of: ({ server }) => server?.why ?? "" },
];

export function frame({ status, services, nowMs }: Scene, size?: Size): string {
  const busiest = services.toSorted((one, other) => (other.counters?.rates.connections ?? 0) - (one.counters?.rates.connections ?? 0));
  const rows = busiest.flatMap((service): Row[] => [{ service }, ...service.servers.map((server) => ({ service, server }))]);
  const lines = [
    TEXT.head(status, nowMs),
    ...status.troubles.map(TEXT.trouble),
    "",
    ...(rows.length === 0 ? [] : fieldTable(FIELDS, rows, false).split("\n")),
  ];
  return (size === undefined ? lines : cut(lines, size)).join("\n");
}

function cut(lines: readonly string[], { rows, columns }: Size): readonly string[] {
  const shown = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), TEXT.more(lines.length - rows + 1)];
  return shown.map((line) => cutLine(line, columns));
}

/** To that many cells of the terminal: a Chinese character takes two. Colours go, rather than stay open. */
function cutLine(line: string, columns: number): string {
  if (stringWidth(line) <= columns) return line;
  let width = 0;
  let kept = "";
  for (const character of stripVTControlCharacters(line)) {
    width += stringWidth(character);
    if (width > columns) break;
    kept += character;
  }
  return kept;
}

function ratesOf({ service, server }: Row): NonNullable<ServerReply["counters"]>["rates"] | undefined {
  return (server ?? service).counters?.rates;
}

function bits(bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : bytes * 8;
}

/** "950", "12.3k", "4.0M" */
function shortened(count: number | undefined): string {
  if (count === undefined) return "";
  const step = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  return step === 0 ? `${Math.round(count)}` : `${(count / 1000 ** step).toFixed(1)}${UNITS[step]}`;
}
