/**
 * Servers that are drained: their templates are cut when it begins, so that persistent clients go elsewhere with their next connection; it is over when the last
 * connection has ended, and at the deadline what is left is cut. The deadline counts from the operator's word, also over a restart.
 */

import { EvenkeelError } from "../../model/error.ts";
import type { Override } from "../../model/override.ts";
import { serverName, serviceName } from "../../model/service.ts";
import { byName } from "../../reconcile/desired.ts";
import type { BpfPlane } from "../bpf-plane.ts";
import type { Ground } from "./ground.ts";
import { labelOf } from "./health-stories.ts";

/** How often the connections that are left are counted. */
const LOOK_MS = 500;

const TEXT = {
  notCut: (server: string, reason: string) => `the connections of ${server}, whose drain is over, could not be cut: ${reason}`,
};

export class Drains {
  readonly #ground: Ground;
  /** Those that are over: told once. */
  readonly #over = new Set<Override>();
  readonly #dueMs = new WeakMap<Override, number>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  /** `ground.overrides` says which there are; those that were over before this director began are not told again. */
  constructor(ground: Ground) {
    this.#ground = ground;
  }

  begin(): void {
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { overrides, keeper } = this.#ground;
    const drained = new Set(overrides.values().filter(({ wish }) => wish.kind === "drain"));
    for (const each of this.#over) if (!drained.has(each)) this.#over.delete(each);
    const going = [...drained].filter((each) => !this.#over.has(each));
    if (this.#looking || going.length === 0) return;
    this.#looking = true;
    try {
      const services = byName(keeper.held.services);
      for (const each of going) {
        const due = this.#isDue(each);
        // Cutting lets others have their turn: the plane may be another after it, and the director may be over.
        const { plane } = keeper;
        if (plane === undefined) return;
        // As long as it gets new connections, none of them is the last.
        const held = services.get(serviceName(each.service))?.servers.find((server) => serverName(server) === serverName(each.server));
        if (held !== undefined && held.weight > 0) continue;
        const left = plane.connectionsOf(each.service, each.server);
        if (left === 0) this.#finish(each, { event: "drain-finished", connections: 0 });
        else if (due) await this.#cut(each);
      }
    } finally {
      this.#looking = false;
    }
  }

  /** By a clock that does not jump, from when this director first saw it: the wall clock says only how long it had been going on by then. */
  #isDue(drained: Override): boolean {
    const { wish, sinceMs } = drained;
    if (wish.kind !== "drain" || wish.deadlineMs === undefined) return false;
    const goneMs = Math.min(Math.max(0, Date.now() - sinceMs), wish.deadlineMs);
    const dueMs = this.#dueMs.get(drained) ?? performance.now() + wish.deadlineMs - goneMs;
    this.#dueMs.set(drained, dueMs);
    return performance.now() >= dueMs;
  }

  async #cut(drained: Override): Promise<void> {
    const { keeper, turns, troubles } = this.#ground;
    try {
      const connections = await turns.take(() => keeper.turn((turn) => cutAll(turn.plane, drained)));
      troubles.delete("drain");
      this.#finish(drained, { event: "drain-cut", connections });
    } catch (error) {
      // It is tried again when it looks next.
      if (!(error instanceof EvenkeelError)) throw error;
      troubles.set("drain", TEXT.notCut(serverName(drained.server), error.message));
    }
  }

  #finish(drained: Override, end: { readonly event: "drain-finished" | "drain-cut"; readonly connections: number }): void {
    this.#over.add(drained);
    const cause = end.event === "drain-cut" ? ({ kind: "deadline" } as const) : ({ kind: "operator", by: drained.by } as const);
    const service = serviceName(drained.service);
    const rule = this.#ground.standing.effective.services.find((each) => serviceName(each) === service);
    const label = rule === undefined ? {} : labelOf(rule);
    this.#ground.journal.tell({ ...end, service, ...label, server: serverName(drained.server) }, cause);
  }
}

function cutAll(plane: BpfPlane, { service, server }: Override): Promise<number> {
  return plane.cutConnections({ service, server, what: "all" });
}
