/**
 * Five million SYNs from as many sources against a table with 100,000 established connections.
 *
 *   node bench/flood.ts [--quick] [-o json]
 *
 * None of the established connections may be lost, and clients that come meanwhile must get through: their SYN is followed by 10,000 of
 * the flood's before their ACK comes, which is a round trip of 10 ms at a million SYNs a second; and by 100,000 (100 ms) in a second run.
 * Who goes is the oldest that is in the way, and age is told in ticks (64 ms where a jiffy is 4 ms), so one newcomer in thousands goes with
 * the flood; in the second run, where the flood takes two thirds of all half-open connections' room in one round trip, one in hundreds. Their
 * SYN comes again a second later. No more than 1 and 2 of 100 may.
 */

import { type BenchOptions, machine, progress, runBench } from "./measure.ts";
import { type FloodResult, flood } from "./syn-flood.ts";

const USAGE = `usage: node bench/flood.ts [--quick] [-o json]
  --quick   a tenth of the SYNs
  -o json   the figures as JSON
As root. Exit code 0: no established connection was lost, the new clients got through, and all is counted; 1: not.`;

const SYNS = 5_000_000;
const ESTABLISHED = 100_000;
const CONNECTIONS_MAX = 160_000;
const RUNS = [
  { hook: "xdp", family: "ipv4", between: 10_000, throughMin: 0.99 },
  { hook: "xdp", family: "ipv4", between: 100_000, throughMin: 0.98 },
  { hook: "tc", family: "ipv6", between: 10_000, throughMin: 0.99 },
] as const;

await runBench({ usage: USAGE, run });

function run(options: BenchOptions): boolean {
  const syns = options.quick ? SYNS / 10 : SYNS;
  const results = RUNS.map((one) => ({
    ...one,
    ...flood({ ...one, syns, established: ESTABLISHED, connectionsMax: CONNECTIONS_MAX, onProgress: progress }),
  }));
  progress("");
  if (options.json)
    process.stdout.write(
      `${JSON.stringify({ bench: "flood", machine: machine(), syns, established: ESTABLISHED, results }, undefined, 2)}\n`,
    );
  else for (const result of results) process.stdout.write(`${report(result, syns)}\n\n`);
  return results.every(held);
}

type Run = FloodResult & (typeof RUNS)[number];

function held({ lost, astray, miscounted, newClients, newEstablished, throughMin }: Run): boolean {
  return lost === 0 && astray === 0 && miscounted === 0 && newEstablished >= throughMin * newClients;
}

function report(result: Run, syns: number): string {
  const { hook, family, between, lost, astray, newClients, newGreeted, newEstablished, nsASyn, halfOpen, slots, outcomes, miscounted } =
    result;
  return [
    `${hook}, ${family}: ${syns} SYNs from as many sources, ${nsASyn.toFixed(0)} ns each; ${between} of them between a new client's SYN and its ACK`,
    `  of ${ESTABLISHED} established connections ${lost} were lost, ${astray} of their packets went astray`,
    `  of ${newClients} new clients ${newGreeted} were greeted and ${newEstablished} established`,
    `  ${halfOpen} half-open connections stand in ${slots} slots; the servers' counters ${miscounted === 0 ? "are" : "are NOT"} those of the table`,
    `  ${Object.entries(outcomes)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ")}`,
    `  ${held(result) ? "holds" : "DOES NOT HOLD"}`,
  ].join("\n");
}
