/** What a configuration would change, and changing it, without a director: on the kernel itself. */

import { type Applied, type ApplyOptions, applyConfiguration } from "../../director/apply.ts";
import type { Plan } from "../../director/director.ts";
import { describeChange } from "../../reconcile/describe-change.ts";
import { understandConfiguration } from "../configuration-file.ts";
import type { ConfigurationText } from "../configuration-text.ts";

export interface Direct extends Omit<Applied, "changes"> {
  readonly changes: readonly string[];
}

export async function applyDirectly(read: ConfigurationText, options: ApplyOptions): Promise<Direct> {
  const { configuration, source } = understandConfiguration(read);
  const applied = await applyConfiguration(configuration, source, options);
  return { ...applied, changes: applied.changes.map(describeChange) };
}

/** Without a director nobody knows a present configuration: all that differs is between the file and the kernel. */
export async function planDirectly(read: ConfigurationText): Promise<Plan> {
  const { changes, warnings } = await applyDirectly(read, { dryRun: true });
  return { configuration: [], drift: [], changes, warnings };
}
