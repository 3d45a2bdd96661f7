/** The director itself, as `evenkeel status` shows it: one fact a line. */

import type { DirectorStatus } from "../../director/director.ts";
import { renderTable } from "../table.ts";
import { describeClock, describeDuration, describeTime } from "../time-words.ts";

const TEXT = {
  ready: "ready",
  notReady: "not ready",
  none: "none yet",
  nowhere: "no interface",
  nothing: "none",
} as const;

export function directorText(status: DirectorStatus, nowMs: number, isWide: boolean): string {
  const { configuration, servers } = status;
  const facts: (readonly [string, string])[] = [
    [
      "director",
      `${status.version}, process ${status.pid}, for ${describeDuration(nowMs - status.startedMs)}, ${status.ready ? TEXT.ready : TEXT.notReady}`,
    ],
    ["configuration", configuration.id === 0 ? TEXT.none : describeConfiguration(status)],
    ...(status.confirmUntilMs === undefined ? [] : [["to be confirmed", untilWords(status.confirmUntilMs, nowMs)] as const]),
    ["listens on", status.attachments.map(({ interfaceName, hook }) => `${interfaceName} (${hook})`).join(", ") || TEXT.nowhere],
    [
      "services",
      `${status.services}, with ${servers.all} servers: ${servers.up} up, ${servers.overridden} overridden; ${status.checks} checks`,
    ],
    ...(isWide ? [["capabilities", status.capabilities.join(", ") || TEXT.nothing] as const] : []),
    ...labelled("by hand", status.adopted),
    ...labelled("trouble", status.troubles),
    ...labelled("warning", status.warnings),
  ];
  // Without the titles' line.
  return renderTable([{ title: "" }, { title: "" }], facts)
    .split("\n")
    .slice(1)
    .join("\n");
}

function describeConfiguration({ configuration: { id, file, appliedMs, by } }: DirectorStatus): string {
  return `${id}, ${file}, applied ${describeTime(appliedMs)} by ${by}`;
}

export function untilWords(untilMs: number, nowMs: number): string {
  return `until ${describeClock(untilMs)}, in ${describeDuration(untilMs - nowMs)}: evenkeel confirm keeps it, else the one before comes back`;
}

/** A line each, the label before the first. */
function labelled(label: string, lines: readonly string[]): (readonly [string, string])[] {
  return lines.map((line, i) => [i === 0 ? label : "", line]);
}
