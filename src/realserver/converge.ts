/**
 * From what is to what is wanted, and back. Each change is recorded before it is made; what an earlier `up` made and this one
 * does not want is taken back; when anything fails, all that this run did is taken back and the error goes on to the caller.
 */

import { EvenkeelError } from "../model/error.ts";
import type { Machine } from "./host.ts";
import type { RealServerOptions } from "./options.ts";
import type { RealServerRecord, RecordKeeper } from "./record.ts";
import type { Requirement } from "./requirement.ts";
import { ABSENT, type Change, describeSetting, HALF_MADE, reversed, sameSetting } from "./setting.ts";

/** A change that could not be taken back, because somebody else has set another value since, or the thing is gone. */
export interface LeftAlone {
  readonly change: Change;
  /** The value that stands. */
  readonly found: string;
}

export interface Convergence {
  /** In order; empty when everything was as wanted. */
  readonly changed: readonly Change[];
  readonly left: readonly LeftAlone[];
}

export interface Wanted {
  readonly options: RealServerOptions;
  readonly requirements: readonly Requirement[];
}

export function bringUp(machine: Machine, keeper: RecordKeeper, wanted: Wanted): Convergence {
  const original = keeper.load();
  const run = new Run(machine, keeper, { options: wanted.options, changes: original?.changes ?? [] });
  try {
    for (const requirement of wanted.requirements) run.satisfy(requirement);
    for (const change of [...run.record.changes].reverse()) {
      if (!wanted.requirements.some(({ remedy }) => remedy !== undefined && sameSetting(remedy.setting, change.setting)))
        run.takeBack(change);
    }
    mustHold(wanted.requirements, machine);
    // Also when nothing had to be changed: `status` and `down` know then what this server is.
    keeper.save(run.record);
    return { changed: run.changed, left: run.left };
  } catch (error) {
    rollBack(run, original, error);
    throw error;
  }
}

function rollBack(run: Run, original: RealServerRecord | undefined, cause: unknown): void {
  try {
    run.rollBack(original);
  } catch (error) {
    const [first, second] = [cause, error].map((one) => (one instanceof Error ? one.message : String(one)));
    throw new EvenkeelError("COMMAND_FAILED", `${first}; and going back failed as well: ${second}`, {
      cure: "what was changed is recorded: evenkeel realserver down puts it back",
      cause,
    });
  }
}

/** Undefined when no `up` is recorded. A change that cannot be taken back stays recorded, and the rest is taken back. */
export function bringDown(machine: Machine, keeper: RecordKeeper): Convergence | undefined {
  const original = keeper.load();
  if (original === undefined) return undefined;
  const run = new Run(machine, keeper, original);
  const failures: unknown[] = [];
  for (const change of [...original.changes].reverse()) {
    try {
      run.takeBack(change);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  keeper.remove();
  return { changed: run.changed, left: run.left };
}

class Run {
  readonly changed: Change[] = [];
  readonly left: LeftAlone[] = [];
  readonly #machine: Machine;
  readonly #keeper: RecordKeeper;
  #record: RealServerRecord;

  constructor(machine: Machine, keeper: RecordKeeper, record: RealServerRecord) {
    this.#machine = machine;
    this.#keeper = keeper;
    this.#record = record;
  }

  get record(): RealServerRecord {
    return this.#record;
  }

  satisfy({ remedy }: Requirement): void {
    if (remedy === undefined || !remedy.needed(this.#machine)) return;
    const { setting, wanted } = remedy;
    const found = this.#machine.read(setting);
    const change: Change = { setting, before: found === HALF_MADE ? ABSENT : found, after: wanted };
    if (change.before === change.after) return;
    this.#remember(change);
    this.changed.push(change);
    this.#machine.write(setting, wanted);
  }

  takeBack(change: Change): void {
    const found = this.#machine.read(change.setting);
    if (isOurs(change, found)) {
      this.changed.push(reversed(change));
      this.#machine.write(change.setting, change.before);
      const now = this.#machine.read(change.setting);
      if (now !== change.before) this.left.push({ change, found: now });
    } else if (found !== change.before) {
      this.left.push({ change, found });
    }
    this.#forget(change);
  }

  /** The record first covers both what was and what this run did: should going back fail as well, `down` still can. */
  rollBack(original: RealServerRecord | undefined): void {
    if (this.changed.length > 0) {
      const kept = original?.changes ?? [];
      const added = this.#record.changes.filter((change) => !kept.some((other) => sameSetting(other.setting, change.setting)));
      this.#keeper.save({ options: original?.options ?? this.#record.options, changes: [...kept, ...added] });
    }
    for (const change of [...this.changed].reverse()) {
      if (isOurs(change, this.#machine.read(change.setting))) this.#machine.write(change.setting, change.before);
    }
    if (original === undefined) this.#keeper.remove();
    else this.#keeper.save(original);
  }

  /** `before` stays what it was before the first `up`. */
  #remember(change: Change): void {
    const { options, changes } = this.#record;
    const known = changes.find((other) => sameSetting(other.setting, change.setting));
    const next =
      known === undefined ? [...changes, change] : changes.map((other) => (other === known ? { ...change, before: known.before } : other));
    this.#record = { options, changes: next };
    this.#keeper.save(this.#record);
  }

  #forget(change: Change): void {
    const { options, changes } = this.#record;
    this.#record = { options, changes: changes.filter((other) => !sameSetting(other.setting, change.setting)) };
    this.#keeper.save(this.#record);
  }
}

function isOurs(change: Change, found: string): boolean {
  return found === change.after || found === HALF_MADE;
}

/** Not all that was asked for can be had by setting something; and what the kernel was told, it may have understood otherwise. */
function mustHold(requirements: readonly Requirement[], machine: Machine): void {
  const broken = requirements
    .map((requirement) => ({ requirement, finding: requirement.check(machine) }))
    .filter(({ finding }) => !finding.holds)
    .map(({ requirement, finding }) => `${requirement.name}: ${finding.evidence}`);
  if (broken.length === 0) return;
  throw new EvenkeelError("EXPECTATION_FAILED", `this server would still not be fit, so nothing was changed:\n${broken.join("\n")}`, {
    cure: "put right what the lines above name, then run it again",
  });
}

/** One line for people: why a setting is not as it was before. */
export function describeLeft({ change, found }: LeftAlone): string {
  return `left ${describeSetting(change.setting)} alone: it is ${found}, neither ${change.after} as set nor ${change.before} as before`;
}
