/**
 * Evenkeel beside nftables, HAProxy, nginx and plain kernel forwarding, in one run: each row a cluster of network namespaces of its own,
 * all of them standing, sampled in turn. Everything is removed at the end, however the end comes.
 */

import { readFileSync } from "node:fs";
import { down } from "../src/lab/lab.ts";
import { labNames } from "../src/lab/state.ts";
import { EvenkeelError } from "../src/model/error.ts";
import { COLUMNS, type Column } from "./lab/columns.ts";
import { printHeader, printTables, toJson } from "./lab/report.ts";
import { type Measured, measureRounds } from "./lab/rounds.ts";
import { ROWS, type Row, rowsNamed } from "./lab/rows.ts";
import { buildStand, type Stand } from "./lab/stand.ts";
import { prepareTools } from "./lab/tools.ts";
import { figureOf, leads, reaches } from "./lab/verdict.ts";
import { type BenchOptions, progress, runBench } from "./measure.ts";

const USAGE = `usage: node bench/lab.ts [--quick] [--rounds N] [--seconds N] [--rows A,B] [--columns A,B] [--output json]   (root; make bench-lab)
  --quick      3 rounds instead of 9
  --seconds    of one sample; 1
  --rows       ${ROWS.map(({ id }) => id).join(" ")}; baselines come along
  --columns    ${COLUMNS.map(({ id }) => id).join(" ")}`;

await runBench({ usage: USAGE, own: ["rounds", "seconds", "rows", "columns"], run });

async function run(options: BenchOptions): Promise<boolean> {
  const rounds = wholeNumber(options, "rounds", options.quick ? 3 : 9);
  const seconds = wholeNumber(options, "seconds", 1);
  const rows = rowsNamed(chosen(options, "rows", ROWS));
  const columnIds = chosen(options, "columns", COLUMNS);
  const columns = COLUMNS.filter(({ id }) => columnIds.includes(id));
  if (process.getuid?.() !== 0)
    throw new EvenkeelError("NOT_PERMITTED", "only root may make network namespaces", { cure: "run it with sudo" });
  prepareTools();
  await removeLeftovers();

  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new EvenkeelError("COMMAND_FAILED", "interrupted; everything was removed"));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, interrupt);
  const stands: Stand[] = [];
  let measured: Measured;
  try {
    for (const [i, row] of rows.entries()) {
      progress(`building ${row.title}`);
      stands.push(await standOrNothing(row, labName(i), interrupted.signal));
    }
    if (!options.json) printHeader({ rounds, seconds });
    measured = await measureRounds(stands, columns, {
      rounds,
      seconds,
      signal: interrupted.signal,
      onSample: ({ round, column, stand }) => progress(`round ${round + 1} of ${rounds}: ${column.title}, ${stand.row.title}`),
    });
  } catch (error) {
    throw interrupted.signal.aborted ? interrupted.signal.reason : error;
  } finally {
    progress("removing the clusters");
    for (const i of rows.keys()) await down(labName(i), { waitMs: 5_000 });
    progress("");
  }
  if (options.json) process.stdout.write(`${JSON.stringify(toJson(measured, columns, rows, { rounds, seconds }), null, 2)}\n`);
  else printTables(measured, columns, rows);
  return goalsReached(measured, columns, rows);
}

async function standOrNothing(row: Row, lab: string, signal: AbortSignal): Promise<Stand> {
  const stand = await buildStand(row, lab);
  signal.throwIfAborted();
  return stand;
}

function goalsReached(measured: Measured, columns: readonly Column[], rows: readonly Row[]): boolean {
  const figures = rows.filter(({ judged }) => judged).flatMap((row) => columns.map((column) => figureOf(measured, column, row)));
  return figures.every((figure) => figure === undefined || (reaches(figure) && leads(figure)));
}

/** The name says whose it is, so that a later bench finds what a killed one left. */
function labName(i: number): string {
  return `bench${process.pid}${String.fromCharCode(97 + i)}`;
}

async function removeLeftovers(): Promise<void> {
  for (const name of labNames()) {
    const pid = Number(/^bench(\d+)[a-z]$/.exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) await down(name);
  }
}

/** A zombie, which init has yet to bury, has no command line. */
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch (error) {
    // ESRCH: it ended between opening and reading.
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

function wholeNumber(options: BenchOptions, name: string, otherwise: number): number {
  const text = options.own[name];
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 1000) return value;
  throw new EvenkeelError("BAD_ARGUMENT", `--${name} is 1 to 1000, not ${text}`);
}

function chosen(options: BenchOptions, name: string, all: readonly { readonly id: string }[]): string[] {
  const ids = all.map(({ id }) => id);
  const wanted = options.own[name]?.split(",") ?? ids;
  const unknown = wanted.find((id) => !ids.includes(id));
  if (unknown === undefined) return wanted;
  throw new EvenkeelError("BAD_ARGUMENT", `--${name}: there is no "${unknown}"`, { cure: `there is ${ids.join(", ")}` });
}
