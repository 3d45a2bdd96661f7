/** Servers as a director sees them: what of their weight is the configuration's and what counts, who said so, and why. */

import type { ServerReply } from "../../api/types.ts";
import { describeFinding, describeWish } from "../../model/describe-story.ts";
import { type Column, renderTable } from "../table.ts";
import { describeDuration } from "../time-words.ts";

export interface Field<Row> extends Column {
  readonly of: (row: Row) => string;
  /** Only in the wide table. */
  readonly wide?: true;
  /** Only where somebody has it. */
  readonly seldom?: true;
}

const number = { align: "right" } as const;
const wide = { wide: true } as const;

export function serverTable(servers: readonly ServerReply[], nowMs: number, isWide: boolean): string {
  return fieldTable(
    [
      { title: "SERVICE", of: ({ service, label }) => label ?? service },
      { title: "SERVER", of: ({ server }) => server },
      ...conditionFields(nowMs),
    ],
    servers,
    isWide,
  );
}

/** What stands behind a server's name. */
export function conditionFields(nowMs: number): readonly Field<ServerReply>[] {
  return [
    { title: "METHOD", ...wide, of: ({ method }) => method },
    { title: "CONDITION", of: ({ condition, sorry }) => (sorry ? `${condition} (sorry)` : condition) },
    { title: "WEIGHT", ...number, of: describeWeight },
    { title: "ACTIVE", ...number, of: ({ counters }) => `${counters?.active ?? ""}` },
    { title: "INACTIVE", ...number, of: ({ counters }) => `${counters?.inactive ?? ""}` },
    { title: "PERSISTENT", ...number, ...wide, of: ({ counters }) => `${counters?.persistent ?? ""}` },
    { title: "CONNECTIONS", ...number, ...wide, of: ({ counters }) => `${counters?.connections ?? ""}` },
    { title: "BYTES IN", ...number, ...wide, of: ({ counters }) => `${counters?.bytesIn ?? ""}` },
    { title: "BYTES OUT", ...number, ...wide, of: ({ counters }) => `${counters?.bytesOut ?? ""}` },
    { title: "SINCE", ...number, of: ({ sinceMs }) => describeDuration(nowMs - sinceMs) },
    { title: "OVERRIDE", seldom: true, of: (server) => describeOverride(server) },
    { title: "WHY", seldom: true, of: ({ why }) => why },
    { title: "LAST CHECKS", ...wide, seldom: true, of: lastChecks },
  ];
}

/** What is counted a second now. */
export function rateFields<Row>(ratesOf: (row: Row) => Rates | undefined): readonly Field<Row>[] {
  return [
    { title: "CONNECTIONS/S", ...number, of: (row) => `${ratesOf(row)?.connections ?? ""}` },
    { title: "PACKETS/S IN", ...number, of: (row) => `${ratesOf(row)?.packetsIn ?? ""}` },
    { title: "PACKETS/S OUT", ...number, of: (row) => `${ratesOf(row)?.packetsOut ?? ""}` },
    { title: "BYTES/S IN", ...number, of: (row) => `${ratesOf(row)?.bytesIn ?? ""}` },
    { title: "BYTES/S OUT", ...number, of: (row) => `${ratesOf(row)?.bytesOut ?? ""}` },
  ];
}

type Rates = NonNullable<ServerReply["counters"]>["rates"];

/** A field that holds nothing for anybody is not shown. */
export function fieldTable<Row>(fields: readonly Field<Row>[], rows: readonly Row[], isWide: boolean): string {
  const shown = fields.filter((field) => (isWide || !field.wide) && (!field.seldom || rows.some((row) => field.of(row) !== "")));
  return renderTable(
    shown,
    rows.map((row) => shown.map(({ of }) => of(row))),
  );
}

/** "3", or what counts in the place of the configured one: "0 of 3", "out of 3". */
export function describeWeight({ weight, configuredWeight }: ServerReply): string {
  return weight === configuredWeight ? `${weight}` : `${weight} of ${configuredWeight}`;
}

function describeOverride({ override }: ServerReply): string {
  if (override === undefined) return "";
  return `${describeWish(override.wish)}, by ${override.by}${override.reason === undefined ? "" : `: ${override.reason}`}`;
}

function lastChecks({ checks }: ServerReply): string {
  return checks.map(({ name, last }) => (last === undefined ? `${name}: not yet` : describeFinding(last))).join("; ");
}
