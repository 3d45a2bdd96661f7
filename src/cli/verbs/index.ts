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
  readonly group: keyof typeof GROUPS;
  readonly load: () => Promise<VerbModule>;
}

/** Help lists the verbs by what they are for. */
export const GROUPS = {
  director: "The director and its configuration:",
  look: "What is:",
  servers: "Operator's wishes, beside the configuration:",
  packetPath: "The packet path itself:",
  others: "Real servers, trying and testing:",
} as const;

/** In the order in which help lists them. */
export const VERBS: readonly Verb[] = [
  { name: "run", group: "director", load: () => import("./run.ts") },
  { name: "check", group: "director", load: () => import("./check.ts") },
  { name: "schema", group: "director", load: () => import("./schema.ts") },
  { name: "plan", group: "director", load: () => import("./plan.ts") },
  { name: "apply", group: "director", load: () => import("./apply.ts") },
  { name: "confirm", group: "director", load: () => import("./confirm.ts") },
  { name: "undo", group: "director", load: () => import("./undo.ts") },
  { name: "history", group: "director", load: () => import("./history.ts") },
  { name: "reload", group: "director", load: () => import("./reload.ts") },
  { name: "status", group: "look", load: () => import("./status.ts") },
  { name: "services", group: "look", load: () => import("./services.ts") },
  { name: "servers", group: "look", load: () => import("./servers.ts") },
  { name: "events", group: "look", load: () => import("./events.ts") },
  { name: "top", group: "look", load: () => import("./top.ts") },
  { name: "connections", group: "look", load: () => import("./connections.ts") },
  { name: "explain", group: "look", load: () => import("./explain.ts") },
  { name: "proc", group: "look", load: () => import("./proc.ts") },
  { name: "drain", group: "servers", load: () => import("./drain.ts") },
  { name: "undrain", group: "servers", load: () => import("./undrain.ts") },
  { name: "weight", group: "servers", load: () => import("./weight.ts") },
  { name: "disable", group: "servers", load: () => import("./disable.ts") },
  { name: "enable", group: "servers", load: () => import("./enable.ts") },
  { name: "adopted", group: "servers", load: () => import("./adopted.ts") },
  { name: "ipvsadm", group: "packetPath", load: () => import("./ipvsadm.ts") },
  { name: "reset-counters", group: "packetPath", load: () => import("./reset-counters.ts") },
  { name: "teardown", group: "packetPath", load: () => import("./teardown.ts") },
  { name: "realserver", group: "others", load: () => import("./realserver.ts") },
  { name: "import", group: "others", load: () => import("./import.ts") },
  { name: "export", group: "others", load: () => import("./export.ts") },
  { name: "probe", group: "others", load: () => import("./probe.ts") },
  { name: "demo", group: "others", load: () => import("./demo.ts") },
  { name: "lab", group: "others", load: () => import("./lab.ts") },
  { name: "selftest", group: "others", load: () => import("./selftest.ts") },
];

export function findVerb(name: string | undefined): Verb | undefined {
  return VERBS.find((verb) => verb.name === name);
}
