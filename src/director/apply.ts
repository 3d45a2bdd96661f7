/**
 * One run of the loop: what is wanted, what is, the difference, applied. The same at the first start, after a crash and
 * after a change by hand. One process at a time.
 */

import type { Configuration, ConfiguredService } from "../config/configuration.ts";
import type { LineUp } from "../health/line-up.ts";
import { clearLeftFilters } from "../kernel/attach-while-open.ts";
import { requireBpf } from "../kernel/capability.ts";
import { stampPacketPath, withPacketPathLock } from "../kernel/packet-path-lock.ts";
import { removeStalePins } from "../kernel/pins.ts";
import type { Address } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import type { ActualState, Change, DesiredState } from "../model/plane.ts";
import { desiredState } from "../reconcile/desired.ts";
import { diff } from "../reconcile/diff.ts";
import { BpfPlane } from "./bpf-plane.ts";
import { connectionsIn, groupsFor, requireRoom } from "./capacity.ts";
import { PacketPath, type PacketPathOptions } from "./packet-path.ts";
import { preflight } from "./preflight.ts";
import type { Places } from "./preflight-complaints.ts";
import { rememberedWays } from "./server-way.ts";

export interface ApplyOptions extends PacketPathOptions {
  /** Say what would change; change nothing. */
  readonly dryRun?: boolean;
  /** Load the programs anew, for a new version of them. */
  readonly reload?: boolean;
}

export interface Applied {
  readonly changes: readonly Change[];
  readonly warnings: readonly string[];
  /** Servers whose route or next hop was another than before. */
  readonly waysChanged: number;
  /** Interfaces that ran another load of our programs. */
  readonly portsRenewed: number;
  /** The packet path was not there before. */
  readonly created: boolean;
}

const EMPTY = { services: [], attachments: [] } as const;

export async function applyConfiguration(configuration: Configuration, places: Places, options: ApplyOptions = {}): Promise<Applied> {
  const groups = options.connectionsMax === undefined ? undefined : groupsFor(options.connectionsMax);
  requireBpf("load the packet path");
  return await withPacketPathLock(() => {
    const waysTo = rememberedWays();
    const { automatic, warnings: foreseen } = preflight(configuration, places, waysTo);
    const warnings = [...foreseen, ...withoutDirector(configuration)];
    const interfaces = new Set((configuration.interfaces ?? automatic).map(({ interfaceName }) => interfaceName));
    const sourceTo = (server: Address) => waysTo([server])[0]?.source;
    const desired = desiredState(configuration, allServe, { automatic, interfaces, sourceTo });
    requireRoom(desired);
    if (options.dryRun) return { changes: whatWouldChange(desired), warnings, waysChanged: 0, portsRenewed: 0, created: false };
    stampPacketPath();
    removeStalePins();
    const standing = PacketPath.open();
    const path = standing ?? PacketPath.create(options);
    try {
      const plane = new BpfPlane(path, { waysTo });
      if (groups !== undefined && groups !== path.maps.connections.maxEntries) warnings.push(keepsItsSize(path));
      if (options.reload && standing !== undefined) plane.reload();
      const portsRenewed = plane.renewPorts();
      const waysChanged = plane.refreshWays();
      const changes = standing === undefined ? applyInOrder(plane, desired) : applyAllOrNone(plane, desired);
      // A file says where to listen, if only by its services.
      plane.everyInterface = false;
      return { changes, warnings, waysChanged, portsRenewed, created: standing === undefined };
    } catch (error) {
      if (standing === undefined) PacketPath.remove();
      throw error;
    } finally {
      path.close();
    }
  });
}

/** Takes the packet path off every interface and frees it. Whether there was one. */
export async function teardown(): Promise<boolean> {
  requireBpf("take the packet path away");
  return await withPacketPathLock(() => {
    stampPacketPath();
    clearLeftFilters();
    return PacketPath.remove();
  });
}

/** Nobody looks, so nobody is sick. */
function allServe({ servers }: ConfiguredService): LineUp {
  return { servers: servers.map(({ weight }) => ({ kind: "in", weight })), sorry: false };
}

function withoutDirector({ services }: Configuration): string[] {
  const isChecked = services.some(({ servers }) => servers.some(({ checks }) => checks.length > 0));
  return isChecked ? ["no director runs here that could make the checks, so every server counts as well: evenkeel run"] : [];
}

function keepsItsSize(path: PacketPath): string {
  const connections = connectionsIn(path.maps.connections.maxEntries);
  return `the packet path stands and keeps its room for ${connections} connections: only evenkeel teardown and another apply change that`;
}

function applyInOrder(plane: BpfPlane, desired: DesiredState): readonly Change[] {
  const changes = diff(desired, plane.read());
  for (const change of changes) plane.apply(change);
  plane.tidy();
  return changes;
}

function applyAllOrNone(plane: BpfPlane, desired: DesiredState): readonly Change[] {
  const before = plane.read();
  try {
    return applyInOrder(plane, desired);
  } catch (error) {
    throw takenBack(plane, before, error);
  }
}

/** The error, once everything is as it was before. */
export function takenBack(plane: BpfPlane, before: ActualState, error: unknown): unknown {
  try {
    goBack(plane, before);
    return error;
  } catch (second) {
    if (!(error instanceof EvenkeelError) || !(second instanceof EvenkeelError)) return new AggregateError([error, second], String(error));
    return new EvenkeelError(error.code, `${error.message}; what had been changed by then could not be taken back: ${second.message}`, {
      cure: `${error.cure === "" ? "" : `${error.cure}; `}evenkeel status shows what stands now`,
      facts: error.facts,
      cause: error.cause,
    });
  }
}

/** Make before break, unless it is full: then what was added has to go before what was there comes back. */
function goBack(plane: BpfPlane, before: ActualState): void {
  try {
    applyInOrder(plane, before);
  } catch (error) {
    if (!(error instanceof EvenkeelError) || error.code !== "LIMIT_REACHED") throw error;
    for (const change of diff(before, plane.read()))
      if (change.kind === "delete-server" || change.kind === "delete-service") plane.apply(change);
    plane.tidy();
    applyInOrder(plane, before);
  }
}

function whatWouldChange(desired: DesiredState): readonly Change[] {
  const path = PacketPath.open();
  if (path === undefined) return diff(desired, EMPTY);
  try {
    return diff(desired, new BpfPlane(path).read());
  } finally {
    path.close();
  }
}

/** What the packet path of this namespace holds and has counted, between two changes; undefined when there is none. */
export async function inspect<T>(look: (plane: BpfPlane) => T): Promise<T | undefined> {
  requireBpf("look at the packet path");
  return await withPacketPathLock(() => {
    const path = PacketPath.open();
    if (path === undefined) return undefined;
    try {
      return look(new BpfPlane(path));
    } finally {
      path.close();
    }
  });
}
