/** How a refused command ends: what it prints and its exit code. */

import type { Run } from "./host.ts";

export const EXIT = { failed: 1, usage: 2, configuration: 3, notPermitted: 5 } as const;

export interface Refusal {
  readonly exit: number;
  readonly message: string;
  readonly cure: string;
}

export function refusedAs({ exit, message, cure }: Refusal): Run {
  return { status: exit, stdout: "", stderr: `evenkeel: ${message}\n  cure: ${cure}\n` };
}
