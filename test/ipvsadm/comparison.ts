/** What differs between a recording and what was printed, leaving out only what time, chance and the machine decide; as lines to read. */

import { jiffiesPerSecond } from "../../src/kernel/clock.ts";
import type { Printed } from "./player.ts";

/** Entries of the connection table, as `-Lnc` and the two files of /proc/net show them: what stands before the time, the time, the rest. */
const LISTED = /^((?:TCP|UDP|SCTP) )(\d\d:\d\d)( .*)$/;
const IN_PROC = /^((?:TCP|UDP|SCTP) [0-9A-Fa-f:]+ .*[A-Z] +)(\d+)( *.*)$/;
/** By how many seconds an expiry may differ: the recordings were made with pauses. */
const EXPIRY_TOLERANCE = 20;
/** In /proc/net/ip_vs, ticks of the kernel; of the recording's there were 250 a second. */
const TICKS = /( persistent )(\d+)( [0-9A-F]{8})$/;
const RECORDED_HZ = 250;
/** In /proc/net/ip_vs_stats_percpu; the recording's machine had one CPU. */
const CPU = /^ {0,2}[0-9A-F]{1,3}(?: +[0-9A-F]+){5}$/;
const CPU_HEAD = "CPU    Conns  Packets  Packets            Bytes            Bytes";
/** In both: what all services do in a second, below. */
const RATES_HEAD = /^ +Conns\/s +Pkts\/s +Pkts\/s +Bytes\/s +Bytes\/s$/;

/** Nothing, or what is to be read. */
export function difference(recorded: Printed, printed: Printed): string {
  const status = recorded.status === printed.status ? [] : [`exit code ${printed.status}, recorded is ${recorded.status}`];
  return [...status, ...textDifference("stdout", recorded, printed), ...textDifference("stderr", recorded, printed)].join("\n");
}

function textDifference(stream: "stdout" | "stderr", recorded: Printed, printed: Printed): string[] {
  const [wanted, found] = withoutChance(...roundedAlike(linesOf(recorded[stream]).map(inOurTicks), oneCpu(linesOf(printed[stream]))));
  const parts = wanted.length === found.length ? lineByLine(wanted, found) : aroundWhatIsSame(wanted, found);
  return parts.length === 0 ? [] : [`${stream} (- recorded, + printed):`, ...parts];
}

function lineByLine(wanted: readonly string[], found: readonly string[]): string[] {
  return wanted.flatMap((line, i) => (line === found[i] ? [] : [`  - ${line}`, `  + ${found[i]}`]));
}

function aroundWhatIsSame(wanted: readonly string[], found: readonly string[]): string[] {
  let [first, last] = [0, 0];
  while (first < Math.min(wanted.length, found.length) && wanted[first] === found[first]) first++;
  while (last < Math.min(wanted.length, found.length) - first && wanted.at(-1 - last) === found.at(-1 - last)) last++;
  const part = (lines: readonly string[], mark: string) => lines.slice(first, lines.length - last).map((line) => `  ${mark} ${line}`);
  return [`  ... ${first} lines`, ...part(wanted, "-"), ...part(found, "+"), `  ... ${last} lines`];
}

/** A last line without its newline is another line than one with it. */
function linesOf(text: string): string[] {
  const lines = text.split("\n");
  const last = lines.pop() ?? "";
  return last === "" ? lines : [...lines, `${last}\\ no newline at end`];
}

/** Where both say the same of a connection the recorded expiry stands for both, and the table's order, which the kernel's hashing decides, is ours. */
function withoutChance(wanted: readonly string[], found: readonly string[]): Both {
  const [listed, shown] = [wanted.map(entryOf), found.map(entryOf)];
  const expiries = Map.groupBy(listed.filter(isEntry), ({ what }) => what);
  const untimed = (entry: Entry): string => {
    const recorded = expiries.get(entry.what)?.[0];
    return recorded !== undefined && Math.abs(recorded.seconds - entry.seconds) <= EXPIRY_TOLERANCE ? recorded.line : entry.line;
  };
  const lines = (all: readonly (Entry | string)[]): string[] => [
    ...all.filter((each) => typeof each === "string"),
    ...all.filter(isEntry).map(untimed).toSorted(),
  ];
  return [lines(listed), lines(shown)];
}

interface Entry {
  readonly line: string;
  /** All but the time. */
  readonly what: string;
  readonly seconds: number;
}

function entryOf(line: string): Entry | string {
  const [, before = "", time, after = ""] = LISTED.exec(line) ?? IN_PROC.exec(line) ?? [];
  if (time === undefined) return line;
  const [last = 0, minutes = 0] = time.split(":").map(Number).toReversed();
  return { line, what: `${before}|${after}`, seconds: minutes * 60 + last };
}

function isEntry(one: Entry | string): one is Entry {
  return typeof one !== "string";
}

function inOurTicks(line: string): string {
  return line.replace(TICKS, (_, before: string, ticks: string, mask: string) => {
    return `${before}${(Number(ticks) / RECORDED_HZ) * jiffiesPerSecond()}${mask}`;
  });
}

/** What all CPUs counted, as if one had. */
function oneCpu(lines: readonly string[]): readonly string[] {
  const head = lines.indexOf(CPU_HEAD);
  const rows = head < 0 ? [] : lines.slice(head + 1).filter((line) => CPU.test(line));
  if (rows.length < 2) return lines;
  const numbers = rows.map((row) => row.trim().split(/ +/).slice(1));
  const sums = [8, 8, 8, 16, 16].map((width, column) => {
    const sum = numbers.reduce((all, row) => all + BigInt(`0x${row[column]}`), 0n);
    return sum.toString(16).toUpperCase().padStart(width);
  });
  return [...lines.slice(0, head + 1), `  0 ${sums.join(" ")}`, ...lines.slice(head + 1 + rows.length)];
}

type Both = readonly [wanted: readonly string[], found: readonly string[]];

/** The kernel estimates the rates of all besides those of each service; ours are the sum of these, which were rounded each by itself. */
function roundedAlike(wanted: readonly string[], found: readonly string[]): Both {
  const at = wanted.findIndex((line) => RATES_HEAD.test(line)) + 1;
  const [one = "", other = ""] = [wanted[at], found[at]];
  const numbers = (line: string) => Array.from(line.trim().split(/ +/), (number) => Number.parseInt(number, 16));
  const [theirs, ours] = [numbers(one), numbers(other)];
  const alike = at > 0 && ours.length === theirs.length && ours.every((number, i) => Math.abs(number - (theirs[i] ?? 0)) <= 1);
  return [wanted, alike && one.length === other.length ? found.with(at, one) : found];
}
