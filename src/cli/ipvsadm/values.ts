/** Numbers and words that ipvsadm's options take, read as the C library reads them: what is refused gives undefined. */

import { KEPT_SCHEDULER_FLAGS, SCHEDULERS, type SchedulerFlag, type SchedulerName } from "../../model/service.ts";
import { CommandError } from "./command.ts";

/** 31 days: the longest timeout. */
export const TIMEOUT_MAX = 31 * 24 * 3600;

const LONG_MAX = 2n ** 63n - 1n;

/** As strtol(3) in base 10, with nothing after the number: blanks before it, a sign and leading zeros are fine. */
export function integerBetween(text: string, minimum: number, maximum: number): number | undefined {
  if (!/^[\t\n\v\f\r ]*[+-]?\d+$/.test(text)) return undefined;
  const number = Number(text);
  // Not -0.
  return number >= minimum && number <= maximum ? number + 0 : undefined;
}

/** As atoi(3): what follows the number does not count, and a long is cut to an int. */
export function atoi(text: string): number {
  const [digits] = /^[\t\n\v\f\r ]*[+-]?\d+/.exec(text) ?? ["0"];
  const number = BigInt(digits.trim().replace("+", ""));
  const long = number > LONG_MAX ? LONG_MAX : number < -LONG_MAX - 1n ? -LONG_MAX - 1n : number;
  return Number(BigInt.asIntN(32, long));
}

/** A scheduler that there is. */
export function isScheduler(name: string): name is SchedulerName {
  return (SCHEDULERS as readonly string[]).includes(name);
}

const FLAG_WORDS: Readonly<Record<string, { readonly flag: SchedulerFlag; readonly scheduler?: SchedulerName }>> = {
  "flag-1": { flag: "fallback" },
  "flag-2": { flag: "port" },
  "flag-3": { flag: "third" },
  "sh-fallback": { flag: "fallback", scheduler: "sh" },
  "sh-port": { flag: "port", scheduler: "sh" },
  "mh-fallback": { flag: "fallback", scheduler: "mh" },
  "mh-port": { flag: "port", scheduler: "mh" },
};

/** "sh-port,sh-fallback", in the model's order. Throws at the first that is unknown, or another scheduler's. The real one crashes at ",". */
export function schedulerFlags(text: string, scheduler: string): readonly SchedulerFlag[] {
  const flags = new Set<SchedulerFlag>();
  for (const word of text.split(",")) {
    if (word === "") continue;
    const known = Object.hasOwn(FLAG_WORDS, word) ? FLAG_WORDS[word] : undefined;
    if (known === undefined) throw new CommandError(`invalid scheduler flag \`${word}'`, 2);
    if (known.scheduler !== undefined && known.scheduler !== scheduler) throw new CommandError(`incompatible scheduler flag \`${word}'`, 2);
    flags.add(known.flag);
  }
  return KEPT_SCHEDULER_FLAGS.filter((flag) => flags.has(flag));
}
