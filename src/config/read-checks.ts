/** The checks of a service or a server, as the file says them. */

import { CHECK_TIMES, type CheckKinds } from "./check-kinds.ts";
import { type Path, quote } from "./complaint.ts";
import type { ConfiguredCheck } from "./configuration.ts";
import { formatDuration } from "./fields.ts";
import { readList } from "./list.ts";
import { type Complain, type Fields, readMapping } from "./mapping.ts";
import { checkShape, DEFAULT_FALL, DEFAULT_INTERVAL_MS, DEFAULT_RISE, DEFAULT_TIMEOUT_MS } from "./schema-checks.ts";
import type { Source } from "./source.ts";
import { didYouMean } from "./suggest.ts";

export interface CheckReading {
  readonly path: Path;
  readonly check: ConfiguredCheck;
}

/** A server's in the place of its service's. */
export interface ChecksReading {
  readonly readings: readonly CheckReading[];
  /** One list for all who share it. */
  readonly checks: readonly ConfiguredCheck[];
}

const NO_OPTIONS = {};

/** `kinds` undefined: any word may be a kind, and options are not looked at. */
export function readChecks(source: Source, value: unknown, path: Path, kinds: CheckKinds | undefined, complain: Complain): ChecksReading {
  const readings = readList(source, value, path, complain).flatMap((each, i) => {
    const check = readCheck(source, each, [...path, i], kinds, complain);
    return check === undefined ? [] : [{ path: [...path, i], check }];
  });
  return { readings, checks: readings.map(({ check }) => check) };
}

function readCheck(
  source: Source,
  value: unknown,
  path: Path,
  kinds: CheckKinds | undefined,
  complain: Complain,
): ConfiguredCheck | undefined {
  if (typeof value === "string") {
    if (kinds !== undefined && !kinds.names.includes(value)) {
      complain(source.complaint(path, notAKind(value, kinds.names)));
      return undefined;
    }
    complainOfOptions(source, NO_OPTIONS, path, { kind: value, at: path }, kinds, complain);
    return checkOf(value, NO_OPTIONS, {});
  }
  const names = kinds?.names ?? kindsIn(value);
  const rule = { what: "a check", shape: checkShape, others: names };
  const reading = readMapping(source, value, path, { ...rule, hint: (key) => optionHint(key, value, kinds) }, complain);
  if (reading === undefined) return undefined;
  const [kind, other] = kindsIn(value).filter((key) => names.includes(key));
  if (kind === undefined) {
    // A word that was meant for one was complained of.
    if (kindsIn(value).length === 0)
      complain(source.complaint(path, `it does not say what is checked; one of: ${names.join(", ")}`.replace(/; one of: $/, "")));
    return undefined;
  }
  if (other !== undefined) {
    complain(source.complaint([...path, other], `a check is of one kind, and this one is ${kind} already; write two`, "key"));
    return undefined;
  }
  const options = reading.other(kind) ?? NO_OPTIONS;
  if (typeof options !== "object" || Array.isArray(options)) {
    const text = `${quote(options)} is not options of the check ${kind}; it is a mapping, if need be an empty one: {}`;
    complain(source.complaint([...path, kind], text));
    return undefined;
  }
  complainOfOptions(source, options, path, { kind, at: [...path, kind] }, kinds, complain);
  checkTimes(source, path, reading.fields, complain);
  return checkOf(kind, { ...options }, reading.fields);
}

/** The keys that are no times of the check. */
function kindsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.keys(value).filter((key) => !(CHECK_TIMES as readonly string[]).includes(key));
}

function notAKind(word: string, names: readonly string[]): string {
  return `${quote(word)} is not a kind of check; allowed: ${names.join(", ")}${didYouMean(word, names)}`;
}

/** An option that stands beside its kind instead of in it. */
function optionHint(key: string, value: unknown, kinds: CheckKinds | undefined): string | undefined {
  if (kinds === undefined) return undefined;
  const kind = kindsIn(value).find((each) => kinds.names.includes(each));
  if (kind === undefined || !Object.hasOwn(kinds.shapeOf(kind), key)) return undefined;
  return `${key} is an option of ${kind}; write it there: ${kind}: { ${key}: ... }`;
}

function complainOfOptions(
  source: Source,
  options: object,
  path: Path,
  { kind, at }: { readonly kind: string; readonly at: Path },
  kinds: CheckKinds | undefined,
  complain: Complain,
): void {
  for (const { path: inside, text, part } of kinds?.mistakesIn(kind, options) ?? []) {
    const missing = inside.length === 0 ? `${text} (of ${kind})` : text;
    complain(source.complaint(inside.length === 0 ? at : [...path, kind, ...inside], missing, part));
  }
}

function checkTimes(source: Source, path: Path, fields: Fields<typeof checkShape>, complain: Complain): void {
  const { interval = DEFAULT_INTERVAL_MS, fast_interval: fast } = fields;
  if (fast === undefined || fast <= interval) return;
  const text = `${formatDuration(fast)} is longer than the interval ${formatDuration(interval)}; it is for looking more often`;
  complain(source.complaint([...path, "fast_interval"], text));
}

function checkOf(kind: string, options: Readonly<Record<string, unknown>>, fields: Fields<typeof checkShape>): ConfiguredCheck {
  const { interval: intervalMs = DEFAULT_INTERVAL_MS, rise = DEFAULT_RISE, fall = DEFAULT_FALL, jitter = 0 } = fields;
  return {
    kind,
    options,
    intervalMs,
    fastIntervalMs: fields.fast_interval ?? intervalMs,
    timeoutMs: fields.timeout ?? Math.min(intervalMs, DEFAULT_TIMEOUT_MS),
    jitter,
    rise,
    fall,
    clientsWay: fields.clients_way ?? false,
  };
}
