/** Mark rules, as the file says them. */

import { describeMatch } from "../model/mark-rule.ts";
import type { MarkRule } from "../model/plane.ts";
import { Limits } from "../wire/abi.ts";
import type { Path } from "./complaint.ts";
import { readList } from "./list.ts";
import { type Complain, type Fields, readMapping } from "./mapping.ts";
import { checkTwice, FAMILY_NAMES } from "./rules.ts";
import { markShape } from "./schema.ts";
import type { Source } from "./source.ts";

interface RuleReading {
  readonly path: Path;
  readonly rule: MarkRule;
}

export function readMarks(source: Source, value: unknown, complain: Complain): MarkRule[] {
  const path: Path = ["marks"];
  const read = readList(source, value, path, complain).flatMap((each, i): RuleReading[] => {
    const rulePath = [...path, i];
    if (i === Limits.MARK_RULES_MAX) complain(source.complaint(rulePath, `there is room for ${Limits.MARK_RULES_MAX} mark rules`));
    const reading = readMapping(source, each, rulePath, { what: "a mark rule", shape: markShape }, complain);
    if (reading === undefined) return [];
    checkRule(source, rulePath, reading.fields, complain);
    return [{ path: rulePath, rule: ruleOf(reading.fields) }];
  });
  checkTwice(source, read, complain, ({ rule }) => `the rule for ${describeMatch(rule)}`);
  return read.map(({ rule }) => rule);
}

type RuleFields = Fields<typeof markShape>;

function ruleOf({ mark = 0, family, protocol, source, destination, port, ports, interface: interfaceName }: RuleFields): MarkRule {
  const shown = family ?? source?.address.family ?? destination?.address.family;
  const range = port === undefined ? ports : { first: port, last: port };
  return {
    mark,
    ...(shown === undefined ? {} : { family: shown }),
    ...(protocol === undefined ? {} : { protocol }),
    // A prefix of no length is any address.
    ...(source === undefined || source.length === 0 ? {} : { source }),
    ...(destination === undefined || destination.length === 0 ? {} : { destination }),
    ...(range === undefined ? {} : { ports: range }),
    ...(interfaceName === undefined ? {} : { interfaceName }),
  };
}

function checkRule(file: Source, path: Path, fields: RuleFields, complain: Complain): void {
  if (fields.port !== undefined && fields.ports !== undefined)
    complain(file.complaint([...path, "ports"], "port and ports say the same; leave one of them out"));
  const wanted = fields.family ?? fields.source?.address.family;
  for (const key of ["source", "destination"] as const) {
    const found = fields[key]?.address.family;
    if (found === undefined || wanted === undefined || found === wanted) continue;
    const other = fields.family === undefined ? "the source" : "the family";
    complain(file.complaint([...path, key], `this is ${FAMILY_NAMES[found]}, and ${other} ${FAMILY_NAMES[wanted]}: no packet is both`));
  }
}
