/**
 * The real server's side of a forwarding method, in the network namespace of the calling thread: up, down, status.
 * All of it is synchronous, so that it can be run inside another namespace (kernel/namespace.ts).
 */

import { requireNetworkAdmin } from "../kernel/capability.ts";
import { currentCookie } from "../kernel/namespace.ts";
import { formatAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import type { ForwardingMethod } from "../model/service.ts";
import { alone } from "./alone.ts";
import { bringDown, bringUp, describeLeft } from "./converge.ts";
import { linuxMachine } from "./linux-machine.ts";
import { checkHolders, type RealServerOptions, settle } from "./options.ts";
import { recordOf } from "./record.ts";
import type { Finding } from "./requirement.ts";
import { requirementsFor } from "./requirements.ts";
import { describeChange } from "./setting.ts";

export type { RealServerOptions } from "./options.ts";

export interface Changes {
  /** What was changed, a line each; empty when all was as wanted. */
  readonly changed: readonly string[];
  /** What somebody else has changed since, and so was not put back. */
  readonly left: readonly string[];
}

export interface RequirementStatus extends Finding {
  readonly name: string;
}

export interface RealServerStatus {
  readonly method: ForwardingMethod;
  readonly vips: readonly string[];
  readonly holds: boolean;
  readonly requirements: readonly RequirementStatus[];
  /** Of our own decapsulation, by name of the outcome; missing when it is not loaded. */
  readonly decapsulated?: Readonly<Record<string, bigint>>;
}

/** Makes this a real server of that method; a second time only what differs. On failure nothing is changed. */
export function up(options: RealServerOptions): Changes {
  requireNetworkAdmin("make this host a real server");
  return alone(() => {
    const machine = linuxMachine();
    const keeper = recordOf(currentCookie());
    const host = machine.host();
    const settled = settle(options, host);
    checkHolders(settled, host, hiddenByUs(keeper.load()?.changes ?? []));
    const { changed, left } = bringUp(machine, keeper, { options, requirements: requirementsFor(settled, machine) });
    return { changed: changed.map(describeChange), left: left.map(describeLeft) };
  });
}

/** Puts back what `up` found; undefined when no `up` is recorded in this network namespace. */
export function down(): Changes | undefined {
  requireNetworkAdmin("put this host back");
  return alone(() => {
    const done = bringDown(linuxMachine(), recordOf(currentCookie()));
    return done && { changed: done.changed.map(describeChange), left: done.left.map(describeLeft) };
  });
}

/** Without options those of the last `up`. Throws NOT_RUNNING when there was none. */
export function status(options?: RealServerOptions): RealServerStatus {
  const asked = options ?? recordOf(currentCookie()).load()?.options;
  if (asked === undefined) {
    throw new EvenkeelError("NOT_RUNNING", "this host was not made a real server by evenkeel realserver up", {
      cure: "say what to look for: evenkeel realserver status --method dr --vip 192.0.2.10",
    });
  }
  const machine = linuxMachine();
  const settled = settle(asked, machine.host());
  const requirements = requirementsFor(settled, machine).map((requirement) => ({ name: requirement.name, ...requirement.check(machine) }));
  const counters = settled.method === "tun" ? machine.decapsulationCounters() : undefined;
  return {
    method: settled.method,
    vips: settled.vips.map(formatAddress),
    holds: requirements.every(({ holds }) => holds),
    requirements,
    ...(counters === undefined ? {} : { decapsulated: counters }),
  };
}

/** Takes away the record of a network namespace that is gone, and with it everything that was set there. */
export function forget(cookie: bigint): void {
  recordOf(cookie).remove();
}

function hiddenByUs(changes: readonly { readonly setting: { readonly kind: string; readonly address?: string } }[]): readonly string[] {
  return changes.flatMap(({ setting }) => (setting.kind === "hidden-address" && setting.address !== undefined ? [setting.address] : []));
}
