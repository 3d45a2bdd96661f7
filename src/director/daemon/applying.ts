/**
 * Another configuration in force: foreseen as values, applied whole or not at all, then watched, kept in the history and told. One that has to be
 * confirmed goes back by itself; until it is confirmed or undone, no other is taken.
 */

import { compareConfigurations } from "../../config/compare.ts";
import type { Configuration } from "../../config/configuration.ts";
import { ConfigurationError } from "../../config/parse.ts";
import { plainService } from "../../config/to-desired.ts";
import { EvenkeelError } from "../../model/error.ts";
import type { Cause } from "../../model/journal.ts";
import type { Change, DesiredState } from "../../model/plane.ts";
import { withEdits } from "../../reconcile/adopted.ts";
import { describeChange } from "../../reconcile/describe-change.ts";
import { diff } from "../../reconcile/diff.ts";
import { requireRoom } from "../capacity.ts";
import type { Applied, ConfigurationVersion, Plan } from "../director.ts";
import { keep, linesOf } from "./by-hand.ts";
import { desiredNow, desiredThen, foresee, type Ground, type Standing, takeEffect } from "./ground.ts";
import type { Prospect } from "./health-watch.ts";
import type { PlaneTurn } from "./plane-keeper.ts";
import { type Reading, readText } from "./reading.ts";
import { applyAllOrNone, changeStory } from "./rounds.ts";
import { meet } from "./surroundings.ts";

export interface Wish {
  readonly text: string;
  readonly file: string;
  readonly by: string;
  readonly cause: Cause;
  readonly dryRun?: boolean;
  readonly confirmWithinMs?: number;
  readonly ifDigest?: string;
  /** It stands in the history already, and becomes present again in the place of `from`. */
  readonly again?: { readonly version: ConfigurationVersion; readonly from: number };
}

const TEXT = {
  other: (digest: string) => `the configuration in force is not the one that this was made for, but ${digest.slice(0, 12)}`,
  pending: (id: number) => `the configuration ${id} waits to be confirmed`,
  pendingCure: "confirm it (evenkeel confirm) or take it back (evenkeel undo) first",
  otherCure: "look at what is in force now (evenkeel plan FILE), and try again",
};

/** What a configuration would come to. */
interface Foreseen {
  readonly standing: Standing;
  readonly prospect: Prospect;
  readonly desired: DesiredState;
  readonly adopted: Ground["adopted"];
}

/** Throws CONFLICT where another one is present than the asker saw. */
export function requirePresent(present: ConfigurationVersion, ifDigest: string | undefined): void {
  if (ifDigest === undefined || ifDigest === present.digest) return;
  throw new EvenkeelError("CONFLICT", TEXT.other(present.digest), { cure: TEXT.otherCure });
}

/** Throws ConfigurationError, CONFLICT, and what the packet path refuses; then nothing was changed. The caller has the turn. */
export async function applyWish(ground: Ground, wish: Wish, reconcileLater: (services: readonly string[]) => void): Promise<Applied> {
  const reading = readOrTell(ground, wish);
  const present = ground.standing.version;
  requirePresent(present, wish.ifDigest);
  if (!wish.dryRun && wish.again === undefined) requireNothingPending(present);
  return await ground.keeper.turn(
    async (turn) => {
      const foreseen = look(ground, reading, turn);
      const plan = planOf(ground, foreseen, turn);
      if (wish.dryRun) return { version: present, plan };
      const changes = diff(foreseen.desired, turn.held);
      try {
        if (changes.length > 0) await applyAllOrNone(turn.plane, changes, turn.held);
      } catch (error) {
        turn.distrust();
        tellFailure(ground, wish, error);
        throw error;
      }
      const version = commit(ground, foreseen, { wish, changes });
      const overtaken = takeEffect(ground, { ...foreseen.standing, version }, foreseen.prospect, wish.cause);
      if (overtaken.length > 0) reconcileLater(overtaken);
      return { version, plan };
    },
    { anew: wish.dryRun ?? false, look: wish.dryRun ?? false },
  );
}

/** What it would do. */
export async function planText(ground: Ground, text: string, file: string): Promise<Plan> {
  const reading = readText(text, file);
  return await ground.keeper.turn((turn) => planOf(ground, look(ground, reading, turn), turn), { anew: true, look: true });
}

/** What the edits by hand make of the configuration, as changes. */
export function madeByHand({ standing }: Ground): readonly Change[] {
  const attachments: never[] = [];
  return diff({ ...standing.effective, attachments }, { ...standing.reading.configuration, attachments });
}

export function requireNothingPending({ id, state }: ConfigurationVersion): void {
  if (state === "pending") throw new EvenkeelError("CONFLICT", TEXT.pending(id), { cure: TEXT.pendingCure });
}

function readOrTell(ground: Ground, { text, file, cause, dryRun }: Wish): Reading {
  try {
    const present = ground.standing.reading;
    // Read again; the files that it names may be others, and are looked at with its checks.
    return present.text === text && present.file === file ? present : readText(text, file);
  } catch (error) {
    if (error instanceof ConfigurationError && !dryRun)
      ground.journal.tell({ event: "configuration-refused", file, complaints: error.message.split("\n") }, cause);
    throw error;
  }
}

function look(ground: Ground, reading: Reading, { waysTo }: PlaneTurn): Foreseen {
  // The same file read again takes nothing from what was adopted beside it.
  const adopted = reading.digest === ground.standing.reading.digest ? ground.adopted : [];
  const effective = withEdits(reading.configuration, adopted);
  const met = meet(reading, effective, waysTo);
  if (met.complaints.length > 0) throw new ConfigurationError(met.complaints);
  const prospect = foresee(ground, effective);
  const desired = desiredThen(effective, prospect, met);
  requireRoom(desired);
  return { standing: { version: ground.standing.version, reading, effective, met }, prospect, desired, adopted };
}

function planOf(ground: Ground, { desired, standing }: Foreseen, { held }: PlaneTurn): Plan {
  const now = desiredNow(ground);
  const lines = (changes: readonly Change[]): string[] => changes.map(describeChange);
  return {
    configuration: [
      // As they are written: what health and operators hide of it now is a difference all the same.
      ...lines(diff(written(standing.effective, desired.attachments), written(ground.standing.effective, held.attachments))),
      ...compareConfigurations(ground.standing.effective, standing.effective),
    ],
    drift: lines(diff(now, held)),
    changes: lines(diff(desired, held)),
    warnings: standing.met.warnings,
  };
}

function written<Each>({ services, settings, marks }: Configuration, attachments: readonly Each[]) {
  return { services: services.map(plainService), settings, marks, attachments };
}

/** It stands in the kernel; from here on nothing fails. */
function commit(
  ground: Ground,
  { standing: { reading }, adopted, prospect }: Foreseen,
  { wish, changes }: { readonly wish: Wish; readonly changes: readonly Change[] },
): ConfigurationVersion {
  const forgotten = adopted.length === ground.adopted.length ? [] : madeByHand(ground);
  if (adopted.length !== ground.adopted.length) keep(ground, adopted);
  const version = versionOf(ground, reading, wish);
  const { confirmWithinMs, cause } = wish;
  const story = {
    event: "configuration-applied",
    id: version.id,
    file: reading.file,
    changes: changes.length,
    ...(confirmWithinMs === undefined ? {} : { confirmWithinMs }),
  } as const;
  const because = ground.journal.tell(story, cause);
  for (const change of changes) ground.journal.tell(changeStory(change, prospect.services), cause, because);
  if (forgotten.length > 0) ground.journal.tell({ event: "adopted-forgotten", changes: linesOf(forgotten) }, cause, because);
  return version;
}

function versionOf(
  { versions, standing }: Ground,
  { digest, file, text }: Reading,
  { again, by, confirmWithinMs }: Wish,
): ConfigurationVersion {
  if (again !== undefined) return versions.goBack(again.from, again.version.id);
  const present = standing.version;
  // Read again, and nothing new.
  if (present.id > 0 && present.digest === digest && present.file === file && confirmWithinMs === undefined) return present;
  const state = confirmWithinMs === undefined ? "present" : "pending";
  return versions.add({ digest, file, appliedMs: Date.now(), by, state }, text);
}

function tellFailure({ journal }: Ground, { file, cause }: Wish, error: unknown): void {
  if (!(error instanceof EvenkeelError)) return;
  journal.tell({ event: "change-failed", text: `apply ${file}`, reason: error.message }, cause);
}
