/**
 * Marks that netfilter's rules give, for a packet path that was made by hand: nobody has configured marks, and LVS's tutorials set them by
 * iptables. They are read anew with each edit that leaves a service by mark, and taken away with the last of those.
 */

import { netfilterMarks } from "../config/netfilter-marks.ts";
import { listLinks } from "../kernel/links.ts";
import { readNetfilterRules } from "../kernel/netfilter-rules.ts";
import type { ServiceName } from "../model/edit.ts";
import type { Change, MarkRule } from "../model/plane.ts";
import { editMarks } from "../reconcile/diff.ts";

export interface TakenMarks {
  readonly changes: readonly Change[];
  readonly warnings: readonly string[];
}

const TEXT = {
  notAnswered: (failure: string) => `netfilter's rules for marks cannot be read (${failure}); those that were taken over before stay`,
};

/** What has to change so that services by mark get what netfilter would mark for them. */
export function takeMarksOver(services: readonly ServiceName[], inForce: readonly MarkRule[], read = readNetfilterRules): TakenMarks {
  const marked = services.filter(({ mark = 0 }) => mark !== 0);
  if (marked.length === 0) return { changes: editMarks([], inForce), warnings: [] };
  const { failures, ...listing } = read();
  if (failures.length > 0) return { changes: [], warnings: failures.map(TEXT.notAnswered) };
  const { rules, complaints } = netfilterMarks(listing, marked);
  if (rules === undefined) return { changes: [], warnings: complaints };
  // No packet comes by an interface that is not there.
  const present = new Set(listLinks().map(({ name }) => name));
  const able = rules.filter(({ interfaceName }) => interfaceName === undefined || present.has(interfaceName));
  return { changes: editMarks(able, inForce), warnings: complaints };
}
