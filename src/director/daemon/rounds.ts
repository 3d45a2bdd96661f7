/** Changes of the packet path, in their order, in slices: checks and questions have their turn in between. */

import { setImmediate as othersTurn } from "node:timers/promises";
import type { ConfiguredService } from "../../config/configuration.ts";
import { EvenkeelError } from "../../model/error.ts";
import type { Story } from "../../model/journal.ts";
import type { ActualState, Change } from "../../model/plane.ts";
import { serverName, serviceName } from "../../model/service.ts";
import { describeChange } from "../../reconcile/describe-change.ts";
import { takenBack } from "../apply.ts";
import type { BpfPlane } from "../bpf-plane.ts";

const SLICE_MS = 10;

export interface Failed {
  readonly change: Change;
  readonly error: EvenkeelError;
}

/** Each by itself: what fails keeps no other from being made. */
export async function applyEach(plane: BpfPlane, changes: readonly Change[]): Promise<{ done: Change[]; failed: Failed[] }> {
  const done: Change[] = [];
  const failed: Failed[] = [];
  const pause = slices();
  for (const change of changes) {
    try {
      plane.apply(change);
      done.push(change);
    } catch (error) {
      if (!(error instanceof EvenkeelError)) throw error;
      failed.push({ change, error });
    }
    await pause();
  }
  return { done, failed };
}

/** Throws when one fails, and then everything is as it was `before`. */
export async function applyAllOrNone(plane: BpfPlane, changes: readonly Change[], before: ActualState): Promise<void> {
  const pause = slices();
  try {
    for (const change of changes) {
      plane.apply(change);
      await pause();
    }
    plane.tidy();
  } catch (error) {
    throw takenBack(plane, before, error);
  }
}

/** Waits for one turn of the event loop when the last slice has had its time. */
function slices(): () => Promise<void> {
  let sinceMs = performance.now();
  return async () => {
    if (performance.now() - sinceMs < SLICE_MS) return;
    await othersTurn();
    sinceMs = performance.now();
  };
}

type Named = ReadonlyMap<string, { readonly rule: Pick<ConfiguredService, "name"> }>;

/** As the journal tells it; `services` by their names. */
export function changeStory(change: Change, services: Named): Story {
  const subject = subjectOf(change);
  const label = services.get(subject.service ?? "")?.rule.name;
  return {
    event: "change",
    change: change.kind,
    text: describeChange(change),
    ...subject,
    ...(label === undefined ? {} : { label }),
  };
}

/** What of the services a change is about, for the journal. */
export function subjectOf(change: Change): { readonly service?: string; readonly server?: string } {
  switch (change.kind) {
    case "add-service":
    case "delete-service":
      return { service: serviceName(change.service) };
    case "edit-service":
      return { service: serviceName(change.after) };
    case "add-server":
    case "delete-server":
      return { service: serviceName(change.service), server: serverName(change.server) };
    case "edit-server":
      return { service: serviceName(change.service), server: serverName(change.after) };
    case "attach":
    case "detach":
    case "edit-settings":
    case "edit-marks":
    case "edit-sync-daemons":
      return {};
  }
}
