/**
 * The part of bench/differential.ts that runs inside the emulated machine: scripts from one seed on, played on both directors. Prints a
 * line of JSON for each.
 *
 *   node bench/differential/guest.ts SEED SCRIPTS CONNECTIONS
 */

import { type Played, play } from "./play.ts";
import { type Step, scriptOf } from "./script.ts";

export interface ScriptResult extends Played {
  readonly seed: number;
  readonly title: string;
  readonly connections: number;
  readonly steps: number;
  /** The steps before the one at which they differ, and that one. */
  readonly story: readonly string[];
  readonly seconds: number;
}

const STORY_STEPS = 5;

function connectionsOf(steps: readonly Step[]): number {
  const flows = steps.flatMap((step) => (step.kind === "datagram" ? [`${step.client}:${step.clientPort}`] : []));
  return steps.filter(({ kind }) => kind === "open").length + new Set(flows).size;
}

if (import.meta.main) {
  const [seed = 1, scripts = 1, connections = 100] = process.argv.slice(2).map(Number);
  for (let i = 0; i < scripts; i++) {
    const script = scriptOf(seed + i, connections);
    const begunMs = performance.now();
    const played = await play(script);
    const at = played.differences[0]?.step;
    const story = at === undefined ? [] : script.steps.slice(Math.max(0, at - STORY_STEPS), at + 1).map((step) => JSON.stringify(step));
    const seconds = Math.round((performance.now() - begunMs) / 100) / 10;
    const done = script.steps.slice(0, at);
    const result = { seed: seed + i, title: script.title, connections: connectionsOf(done), steps: done.length, story, seconds, ...played };
    process.stdout.write(`${JSON.stringify(result satisfies ScriptResult)}\n`);
  }
}
