/**
 * The verbs of `evenkeel`. To add one: src/cli/verbs/<verb>.ts with a `register`, and a line here.
 * A verb's file is small and imports what is heavy inside its action, because `--help` loads them all.
 */

import type { Command } from "commander";

export interface VerbModule {
  /** Adds the verb, with its options and its action, to the program. */
  readonly register: (program: Command) => void;
}

export interface Verb {
  readonly name: string;
  readonly load: () => Promise<VerbModule>;
}

/** In the order in which help lists them. */
export const VERBS: readonly Verb[] = [
  { name: "demo", load: () => import("./demo.ts") },
  { name: "lab", load: () => import("./lab.ts") },
  { name: "apply", load: () => import("./apply.ts") },
  { name: "status", load: () => import("./status.ts") },
  { name: "connections", load: () => import("./connections.ts") },
  { name: "explain", load: () => import("./explain.ts") },
  { name: "proc", load: () => import("./proc.ts") },
  { name: "reset-counters", load: () => import("./reset-counters.ts") },
  { name: "ipvsadm", load: () => import("./ipvsadm.ts") },
  { name: "teardown", load: () => import("./teardown.ts") },
  { name: "realserver", load: () => import("./realserver.ts") },
  { name: "probe", load: () => import("./probe.ts") },
  { name: "selftest", load: () => import("./selftest.ts") },
];

export function findVerb(name: string | undefined): Verb | undefined {
  return VERBS.find((verb) => verb.name === name);
}
