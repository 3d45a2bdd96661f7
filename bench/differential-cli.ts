/**
 * Random command lines to the real ipvsadm on the kernel's own IPVS and to ours, one after the other on two tables that begin empty, in an
 * emulated machine with Debian's kernel: what each prints, and its exit code, must be the same, and every list that is asked for in between.
 *
 *   node bench/differential-cli.ts [--commands N] [--seed N] [-o json]
 */

import { EvenkeelError } from "../src/model/error.ts";
import { buildBpf } from "../tools/build-bpf.ts";
import type { Difference, Outcome } from "./differential-cli/guest.ts";
import { requireRoot, runEmulated } from "./emulated.ts";
import { type BenchOptions, runBench } from "./measure.ts";

const USAGE = `usage: node bench/differential-cli.ts [--commands N] [--seed N] [-o json]
  --commands N   how many (2,000)
  --seed N       of the random lines (1)
  -o json        the differences as JSON
As root (the emulated machine reads this one's file system). Exit code 0: no difference; 1: there is one, or it could not be asked.`;

const COMMANDS = 2000;
const MACHINE = { timeoutSeconds: 1200 };
const SHOWN = 20;

await runBench({ usage: USAGE, own: ["commands", "seed"], run });

function run(options: BenchOptions): boolean {
  requireRoot();
  buildBpf();
  const count = numberOf(options, "commands", COMMANDS);
  const seed = numberOf(options, "seed", 1);
  const [outcome] = runEmulated<Outcome>(MACHINE, "bench/differential-cli/guest.ts", [seed, count].map(String));
  if (outcome === undefined) throw new EvenkeelError("COMMAND_FAILED", "the emulated machine told nothing");
  process.stdout.write(options.json ? `${JSON.stringify(outcome, undefined, 2)}\n` : `${report(outcome)}\n`);
  return outcome.differences.length === 0;
}

function numberOf({ own }: BenchOptions, name: string, otherwise: number): number {
  const value = Number(own[name] ?? otherwise);
  if (!Number.isInteger(value) || value < 1) throw new EvenkeelError("BAD_ARGUMENT", `--${name} is a whole number above 0`);
  return value;
}

function report({ seed, commands, refused, differences }: Outcome): string {
  return [
    ...differences.slice(0, SHOWN).map(describe),
    `seed ${seed}: ${commands} commands, ${refused} of them refused by the real one; ${differences.length} differences`,
    `To repeat: node bench/differential-cli.ts --seed ${seed} --commands ${commands}`,
  ].join("\n");
}

function describe({ command, real, ours }: Difference): string {
  return `ipvsadm ${command.join(" ")}\n  real: ${JSON.stringify(real)}\n  ours: ${JSON.stringify(ours)}`;
}
