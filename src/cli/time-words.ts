/** Times and durations as people say them. */

import { InvalidArgumentError } from "commander";

const DURATION = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/;
const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const TEXT = {
  noDuration: "it must be a duration: 200ms, 30s, 5m, 1h, 2d, or a number of seconds",
};

/** Milliseconds. For commander's options. */
export function parseDuration(text: string): number {
  const [, number, unit = "s"] = DURATION.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError(TEXT.noDuration);
  return Math.round(Number(number) * UNIT_MS[unit as keyof typeof UNIT_MS]);
}

/** The two largest units: "2 d 3 h", "4 m 5 s", "12 s". */
export function describeDuration(ms: number): string {
  const total = Math.max(0, Math.round(ms / 1000));
  const parts = [
    [Math.floor(total / 86_400), "d"],
    [Math.floor(total / 3600) % 24, "h"],
    [Math.floor(total / 60) % 60, "m"],
    [total % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

/** "2026-11-23 01:02:03", where the reader is. */
export function describeTime(wallMs: number): string {
  const time = new Date(wallMs);
  const two = (number: number): string => `${number}`.padStart(2, "0");
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${describeClock(wallMs)}`;
}

/** "01:02:03" */
export function describeClock(wallMs: number): string {
  const time = new Date(wallMs);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((number) => `${number}`.padStart(2, "0")).join(":");
}
