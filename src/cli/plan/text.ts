/** What a configuration would change or has changed, as lines. */

import type { Plan } from "../../director/director.ts";

const TEXT = {
  configuration: "the configuration differs from the present one:",
  drift: "the kernel holds what the present configuration does not say, or lacks what it says:",
  changes: "changes of the packet path, in order:",
  nothing: "nothing to change",
  warning: (text: string) => `warning: ${text}`,
};

export function isNothing({ configuration, drift, changes }: Plan): boolean {
  return configuration.length === 0 && drift.length === 0 && changes.length === 0;
}

/** Each part under its title; a plan that is nothing but changes needs none. */
export function planText(plan: Plan): string {
  if (isNothing(plan)) return TEXT.nothing;
  const only = plan.configuration.length === 0 && plan.drift.length === 0;
  if (only) return plan.changes.join("\n");
  return [...part(TEXT.configuration, plan.configuration), ...part(TEXT.drift, plan.drift), ...part(TEXT.changes, plan.changes)].join("\n");
}

export function printWarnings({ warnings }: Pick<Plan, "warnings">): void {
  for (const warning of warnings) console.error(TEXT.warning(warning));
}

function part(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
}
