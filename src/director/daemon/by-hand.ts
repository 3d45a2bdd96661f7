/**
 * What others do to the packet path while a director runs: ipvsadm's calls through it, and changes that it finds. By the configuration they are kept
 * beside it, as edits that are replayed until another configuration is applied, or they are refused and taken back.
 */

import type { Configuration } from "../../config/configuration.ts";
import type { Edit } from "../../model/edit.ts";
import type { Edited, EditOptions } from "../../model/edit-refused.ts";
import { EvenkeelError } from "../../model/error.ts";
import type { Cause } from "../../model/journal.ts";
import type { ActualState, Change } from "../../model/plane.ts";
import { compacted, condensed, editsOf, editsOfConfigured, isAdoptable, withEdits } from "../../reconcile/adopted.ts";
import { describeChange } from "../../reconcile/describe-change.ts";
import type { Surroundings } from "../../reconcile/desired.ts";
import { diff } from "../../reconcile/diff.ts";
import type { Asker } from "../director.ts";
import { editPlane } from "../edit.ts";
import { foresee, type Ground, takeEffect } from "./ground.ts";
import { meet } from "./surroundings.ts";

/** More than that is a configuration of its own. */
const ADOPTED_MAX = 20_000;
/** As often as so many came, the list is written anew, by what they come to: who adds and deletes servers all day has no endless list of that. */
const CONDENSED_EVERY = 100;
/** Of one story. */
const LINES_MAX = 50;

/** Says what others have changed since the last turn, and adopts it if that is wanted. Whether there was anything: then all is to be reconciled. */
export function noticeDrift(ground: Ground, before: ActualState, held: ActualState): boolean {
  const made = difference(before, held);
  if (made.length === 0) return false;
  const cause: Cause = { kind: "drift" };
  const keeps = ground.standing.effective.director.byHand === "adopt";
  const edits = keeps ? editsOf(made) : [];
  if (edits.length > 0 && compacted([...ground.adopted, ...edits]).length <= ADOPTED_MAX) {
    adopt(ground, edits, cause);
    ground.journal.tell({ event: "adopted", changes: linesOf(made.filter((change) => editsOf([change]).length > 0)) }, cause);
  }
  const back = difference(held, before).filter((change) => !keeps || editsOf([change]).length === 0);
  if (back.length > 0) ground.journal.tell({ event: "drift", changes: linesOf(back) }, cause);
  return true;
}

/** ipvsadm's edits, judged against what the kernel holds. Throws EditRefused, CONFLICT where nothing by hand is wanted. */
export async function editByHand(ground: Ground, edits: readonly Edit[], options: EditOptions, { by, reason }: Asker): Promise<Edited> {
  const lasting = edits.filter(isAdoptable);
  if (ground.standing.effective.director.byHand === "revert" && lasting.length > 0 && !options.judgeOnly) {
    throw new EvenkeelError("CONFLICT", "the director's configuration wants no changes by hand (by_hand: revert)", {
      cure: "change the configuration file and reload it, say it by evenkeel weight, drain or disable, or set by_hand: adopt",
    });
  }
  const cause: Cause = { kind: "operator", by, ...(reason === undefined ? {} : { reason }) };
  return await ground.keeper.turn(async (turn) => {
    const before = turn.held;
    requireFew(ground, lasting, options);
    const edited = await editPlane(turn.plane, edits, options);
    if (options.judgeOnly) return edited;
    const refused = new Set(edited.refused.map(({ index }) => index));
    const kept = edits.filter((edit, i) => isAdoptable(edit) && !refused.has(i));
    if (kept.length > 0 || options.replace) adopt(ground, options.replace ? [{ kind: "clear" }, ...kept] : kept, cause);
    const made = difference(before, turn.plane.read());
    if (made.length > 0) ground.journal.tell({ event: "edited", edits: linesOf(made) }, cause);
    return edited;
  });
}

/** Forgets them: what they would have changed, as it is taken back. The caller reconciles. */
export function forgetAdopted(ground: Ground, cause: Cause): readonly Edit[] {
  const forgotten = ground.adopted;
  if (forgotten.length === 0) return forgotten;
  const effective = ground.standing.reading.configuration;
  const prospect = foresee(ground, effective, { again: true });
  const met = { ...ground.standing.met, surroundings: surroundingsOf(effective, ground) };
  takeEffect(ground, { ...ground.standing, effective, met }, prospect, cause);
  keep(ground, []);
  return forgotten;
}

/** In memory and in the store. */
export function keep(ground: Ground, adopted: readonly Edit[]): void {
  ground.adopted = adopted;
  ground.store.keepAdopted(adopted);
}

export function linesOf(changes: readonly Change[]): string[] {
  const lines = changes.slice(0, LINES_MAX).map(describeChange);
  return changes.length > LINES_MAX ? [...lines, `and ${changes.length - LINES_MAX} more`] : lines;
}

/** They are as well known as if the configuration had them, from the next verdict on. */
function adopt(ground: Ground, made: readonly Edit[], cause: Cause): void {
  const edits = editsOfConfigured(made, ground.standing.effective);
  const { configuration } = ground.standing.reading;
  // They stand on what earlier ones made, so that only they have to be played.
  const effective = withEdits(configuration, edits, ground.standing.effective);
  const met = { ...ground.standing.met, surroundings: surroundingsOf(effective, ground) };
  takeEffect(ground, { ...ground.standing, effective, met }, foresee(ground, effective, { again: true }), cause);
  const all = compacted([...ground.adopted, ...edits]);
  const isMany = Math.floor(all.length / CONDENSED_EVERY) > Math.floor(ground.adopted.length / CONDENSED_EVERY);
  keep(ground, isMany ? condensed(all, configuration, effective) : all);
}

/** A service that was made by hand has to be listened for, too. */
function surroundingsOf(effective: Configuration, { standing, keeper }: Ground): Surroundings {
  return meet(standing.reading, effective, keeper.waysTo).surroundings;
}

function requireFew({ adopted }: Ground, edits: readonly Edit[], { judgeOnly, replace }: EditOptions): void {
  const count = (replace ? 0 : adopted.length) + edits.length;
  if (judgeOnly || count <= ADOPTED_MAX || compacted([...(replace ? [] : adopted), ...edits]).length <= ADOPTED_MAX) return;
  throw new EvenkeelError(
    "LIMIT_REACHED",
    `the director keeps ${ADOPTED_MAX} edits by hand beside its configuration, and these would be ${count}`,
    {
      cure: "write them into the configuration: evenkeel import ipvsadm makes one of them",
    },
  );
}

/** What has been done to make the one into the other. */
function difference(before: ActualState, after: ActualState): Change[] {
  return diff({ ...after, attachments: after.attachments }, before);
}
