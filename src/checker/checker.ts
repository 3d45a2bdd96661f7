/**
 * What every kind of check offers: options are read once, at the door; a check is one look at a target and ends in a verdict. It never
 * throws for what the target does, ends soon after its signal says so, and leaves nothing open.
 */

import type { CheckMistake } from "../config/check-kinds.ts";
import { type Path, printable } from "../config/complaint.ts";
import { type Fields, readMapping, type Shape } from "../config/mapping.ts";
import { type Address, formatAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import type { Verdict } from "../model/health.ts";
import { type Course, type Finding, runCourse } from "./course.ts";
import type { Dial, Way } from "./dial.ts";
import type { WayOptions } from "./way-options.ts";

export interface Target {
  /** A name is looked up at each check. */
  readonly host: Address | string;
  readonly port: number;
}

export interface World {
  readonly dial: Dial;
  /** Aborted with a TimeoutError the check has failed; with anything else it was only stopped. */
  readonly signal: AbortSignal;
}

export interface Checker<Options> {
  /** Nothing at all is no options. Throws CheckOptionsError with every mistake. */
  parse(options: unknown): Options;
  check(target: Target, options: Options, world: World): Promise<Verdict>;
  /** Both, for callers that learn the kind at run time. */
  prepare(options: unknown): PreparedCheck;
  /** The keys that its options may have. */
  readonly shape: Shape;
  /** Where such a service usually is; 0 where ports play no part; undefined where nothing is usual. */
  readonly usualPort: number | undefined;
}

export type PreparedCheck = (target: Target, world: World) => Promise<Verdict>;

/** "host": not of the options, but of the host that they are read on (a file that is not there). */
export type MistakeOf = "options" | "host";

export interface Mistake extends CheckMistake {
  readonly of: MistakeOf;
}

export class CheckOptionsError extends EvenkeelError {
  readonly mistakes: readonly Mistake[];

  constructor(kind: string, mistakes: readonly Mistake[]) {
    const lines = mistakes.map(({ path, text }) => (path.length === 0 ? text : `${path.join(".")}: ${text}`));
    super("BAD_CONFIGURATION", `options of the check "${kind}":\n${lines.map((line) => `  ${line}`).join("\n")}`, {
      cure: "correct them; nothing was checked",
      facts: { kind, count: mistakes.length },
    });
    this.mistakes = mistakes;
  }
}

/** What the file of a kind gives. */
export interface Kind<S extends Shape, Options> {
  readonly name: string;
  readonly usualPort?: number;
  readonly shape: S;
  /** What goes beyond a single key: what belongs together, files that are read. The values that are wrong by themselves are missing here. */
  complete(fields: Fields<S>, complain: (key: keyof S & string, text: string, of?: MistakeOf) => void): Options;
  examine(course: Course, target: Target, options: Options, dial: Dial): Promise<Finding>;
}

export function checkerOf<S extends Shape, Options>(kind: Kind<S, Options>): Checker<Options> {
  const parse = (options: unknown): Options => {
    const mistakes: Mistake[] = [];
    const complain = (path: Path, text: string, part?: "key" | "value", of: MistakeOf = "options") => {
      // Messages of the system and of libraries quote the options as they are.
      mistakes.push({ path, text: printable(text), of, ...(part === "key" ? { part } : {}) });
      return { fileName: "", line: 0, column: 0, path: "", text };
    };
    const rule = { what: `options of the check ${kind.name}`, shape: kind.shape };
    const reading = readMapping({ complaint: complain }, options ?? {}, [], rule, () => undefined);
    if (reading === undefined || mistakes.length > 0) throw new CheckOptionsError(kind.name, mistakes);
    const complete = kind.complete(reading.fields, (key, text, of) => complain([key], text, "value", of));
    if (mistakes.length > 0) throw new CheckOptionsError(kind.name, mistakes);
    return complete;
  };
  const check = (target: Target, options: Options, { dial, signal }: World): Promise<Verdict> =>
    runCourse(signal, (course) => kind.examine(course, target, options, dial));
  return {
    parse,
    check,
    prepare(options) {
      const parsed = parse(options);
      return (target, world) => check(target, parsed, world);
    },
    shape: kind.shape,
    usualPort: kind.usualPort,
  };
}

/** Where the check goes: the target, or what the options say instead. */
export async function wayTo(course: Course, target: Target, options: WayOptions, dial: Dial): Promise<Way> {
  const host = options.address ?? target.host;
  const port = options.port ?? target.port;
  const from = options.bind;
  if (typeof host === "string") course.enter("resolve");
  const to = typeof host === "string" ? await dial.lookup(host, from?.family) : host;
  return from === undefined ? { to, port } : { to, port, from };
}

/** The name of the target, or its address as text. */
export function hostOf({ host }: Target): string {
  return typeof host === "string" ? host : formatAddress(host);
}

/** As it stands in a Host header: with brackets and with the port, unless that is the usual one. */
export function authorityOf(target: Target, port: number, usualPort: number): string {
  const host = hostOf(target);
  const bracketed = host.includes(":") ? `[${host}]` : host;
  return port === usualPort ? bracketed : `${bracketed}:${port}`;
}
