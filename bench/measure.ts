/**
 * Measuring on a machine that others use too: every case is sampled once a round, all in turn, so that what disturbs one disturbs its
 * neighbours; medians stand against the odd round, and a ratio is the median of the rounds' own ratios, not the ratio of two medians.
 */

import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { reportError } from "../src/cli/report.ts";
import { EvenkeelError } from "../src/model/error.ts";

export interface Case {
  readonly name: string;
  /** One sample, in whatever unit the bench speaks. */
  sample(): number;
}

/** Samples of each case by its name, one a round. */
export type Samples = ReadonlyMap<string, readonly number[]>;

export interface RoundOptions {
  readonly rounds: number;
  /** Called before each round; the round 0 warms up and is thrown away. */
  onRound?(round: number): void;
}

/** Samples all cases in turn, back and forth and each round from another beginning: none always follows the same one. */
export function interleave(cases: readonly Case[], options: RoundOptions): Samples {
  const samples = new Map(cases.map(({ name }) => [name, [] as number[]]));
  if (samples.size !== cases.length) throw new EvenkeelError("BAD_ARGUMENT", "two cases of a bench have the same name");
  for (let round = 0; round <= options.rounds; round++) {
    options.onRound?.(round);
    const first = (round * 7) % cases.length;
    const turned = [...cases.slice(first), ...cases.slice(0, first)];
    for (const one of round % 2 === 0 ? turned : turned.toReversed()) {
      const value = one.sample();
      if (round > 0) samples.get(one.name)?.push(value);
    }
  }
  return samples;
}

export function samplesOf(samples: Samples, name: string): readonly number[] {
  const found = samples.get(name);
  if (found === undefined) throw new EvenkeelError("BAD_ARGUMENT", `the bench has no case "${name}"`);
  return found;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Round by round, for values that belong together. */
export function combine(series: readonly (readonly number[])[], combined: (...values: number[]) => number): number[] {
  return (series[0] ?? []).map((_, round) => combined(...series.map((values) => values[round] ?? Number.NaN)));
}

export function ratio(values: readonly number[], base: readonly number[]): number {
  return median(combine([values, base], (value, of) => value / of));
}

/** What every bench says of the ground it stood on. */
export function machine(): { readonly kernel: string; readonly cpu: string; readonly cpus: number; readonly node: string } {
  return { kernel: release(), cpu: cpus()[0]?.model ?? "unknown", cpus: cpus().length, node: process.version };
}

export interface BenchOptions {
  readonly quick: boolean;
  readonly json: boolean;
  /** Values of the options that only this bench has. */
  readonly own: Readonly<Record<string, string | undefined>>;
}

export interface BenchProgram {
  readonly usage: string;
  /** Names of this bench's own options; each takes a value. */
  readonly own?: readonly string[];
  /** Whether every goal was reached. */
  run(options: BenchOptions): boolean | Promise<boolean>;
}

/** Exit code 0: every goal was reached; 1: not, or it could not be measured; 2: it was called wrongly. */
export async function runBench(program: BenchProgram): Promise<void> {
  let options: BenchOptions | undefined;
  try {
    options = parseOptions(program.own ?? []);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${program.usage}\n`);
    process.exitCode = 2;
    return;
  }
  if (options === undefined) {
    process.stdout.write(`${program.usage}\n`);
    return;
  }
  try {
    process.exitCode = (await program.run(options)) ? 0 : 1;
  } catch (error) {
    process.exitCode = reportError(error);
  }
}

function parseOptions(own: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      quick: { type: "boolean" },
      output: { type: "string", short: "o" },
      ...Object.fromEntries(own.map((name) => [name, { type: "string" as const }])),
    },
  });
  if (values.help === true) return undefined;
  if (values.output !== undefined && values.output !== "json" && values.output !== "table") {
    throw new EvenkeelError("BAD_ARGUMENT", `there is no output "${String(values.output)}": table or json`);
  }
  const given: Record<string, unknown> = values;
  return {
    quick: values.quick === true,
    json: values.output === "json",
    own: Object.fromEntries(own.map((name) => [name, typeof given[name] === "string" ? given[name] : undefined])),
  };
}

/** Progress for a person who waits; nothing for a file. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
