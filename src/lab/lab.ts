/** A lab as a whole: up, down, another method. Nothing of it lives in this process; any later command finds it as it is. */

import { existsSync } from "node:fs";
import { EvenkeelError } from "../model/error.ts";
import type { ForwardingMethod } from "../model/service.ts";
import { build, placeVip } from "./cables.ts";
import { namespaceFile } from "./commands.ts";
import { cookiesOf, forgetNamespaces } from "./cookies.ts";
import { applyDirector } from "./director.ts";
import { noticeAddresses, startHosts } from "./hosts.ts";
import { removeNamespaces } from "./ip.ts";
import { endLabProcesses, type LabProcess, namespaceInode } from "./processes.ts";
import { setUpRealServers } from "./real-servers.ts";
import { type LabState, labNames, labNamespaces, readState, removeState, whileLocked, writeState } from "./state.ts";
import { checkLabName, type LabOptions, labOptions, serverNames, topologyOf } from "./topology.ts";

export interface Wishes {
  /** Aborting it ends the work at the next step; what was built is removed. */
  readonly signal?: AbortSignal;
  /** Called with each step as it begins. */
  readonly progress?: (step: string) => void;
}

export interface Removed {
  readonly namespaces: readonly string[];
  readonly processes: number;
}

/** Builds the lab; when that fails nothing is left of it. */
export async function up(given: Partial<LabOptions>, wishes: Wishes = {}): Promise<LabOptions> {
  const options = labOptions(given);
  needRoot("build a lab");
  return whileLocked(options.name, async () => {
    refuseExisting(options.name);
    try {
      await raise(options, wishes);
    } catch (error) {
      await remove(options.name);
      throw error;
    }
    return options;
  });
}

/** Removes whatever is left of the lab, however it came to be; that there is nothing is no error. Waits for a command that is changing it, at most `waitMs`. */
export async function down(name: string, { waitMs = 0 } = {}): Promise<Removed> {
  checkLabName(name);
  needRoot("remove a lab");
  return whileLocked(name, () => remove(name), waitMs);
}

/** The lab as it was asked for; throws when it is missing or was left half built. */
export function openLab(name: string): LabState {
  checkLabName(name);
  needRoot("use a lab");
  const state = readState(name);
  const others = labNames().filter((other) => other !== name);
  if (state === undefined && labNamespaces(name).length === 0)
    throw new EvenkeelError("LAB_MISSING", `there is no lab "${name}"${others.length === 0 ? "" : `; there is ${others.join(", ")}`}`, {
      cure: others.length === 0 ? "evenkeel lab up" : `evenkeel lab up --name ${name}, or name another with --name ${others[0]}`,
    });
  if (state === undefined || !state.complete || !existsSync(namespaceFile(`ek-${name}-client`)))
    throw new EvenkeelError("LAB_MISSING", `lab "${name}" is only half there: a command that built or removed it did not come to its end`, {
      cure: `evenkeel lab down --name ${name}, then up again`,
    });
  return state;
}

/** The namespace of a node; throws when the lab has no such node. */
export function openNode(name: string, node: string): string {
  const { nodes } = topologyOf(openLab(name).options);
  const namespace = nodes.find((candidate) => candidate.name === node)?.namespace;
  if (namespace !== undefined) return namespace;
  throw new EvenkeelError("BAD_ARGUMENT", `lab "${name}" has no node "${node}"`, {
    cure: `there is ${nodes.map((one) => one.name).join(", ")}`,
  });
}

/** Ends whatever runs in the lab, servers and commands alike; whoever waits for one of them hears of it. */
export function endProcesses(name: string): Promise<LabProcess[]> {
  return endLabProcesses(name, new Set(labNamespaces(name).map(namespaceInode)));
}

/** Switches director and real servers to another method; what was broken is mended by it. */
export async function setMethod(name: string, method: ForwardingMethod, wishes: Wishes = {}): Promise<LabOptions> {
  needRoot("change a lab");
  return whileLocked(name, async () => {
    const options = { ...openLab(name).options, method };
    await configure(options, wishes);
    await noticeAddresses(name, serverNames(options.servers));
    writeState({ options, complete: true, mishaps: [] });
    return options;
  });
}

async function raise(options: LabOptions, wishes: Wishes): Promise<void> {
  const { signal, progress } = wishes;
  writeState({ options, complete: false, mishaps: [] });
  progress?.("namespaces, cables, addresses");
  build(topologyOf(options), options);
  await interruptionPoint(signal);
  progress?.(`servers ${serverNames(options.servers).join(", ")}`);
  const hosts = startHosts(options.name, serverNames(options.servers));
  // Both to their end, also when one fails: nothing may be starting while the lab is removed.
  const [configured, started] = await Promise.allSettled([configure(options, wishes), hosts]);
  if (configured.status === "rejected") throw configured.reason;
  if (started.status === "rejected") throw started.reason;
  await interruptionPoint(signal);
  await noticeAddresses(options.name, serverNames(options.servers));
  writeState({ options, complete: true, mishaps: [] });
}

async function configure(options: LabOptions, { signal, progress }: Wishes): Promise<void> {
  progress?.(`real servers: ${options.method}`);
  setUpRealServers(options);
  placeVip(options);
  await interruptionPoint(signal);
  progress?.("director");
  await applyDirector(options);
}

async function remove(name: string): Promise<Removed> {
  // Whoever still builds is ended first, or more would appear while we remove.
  const ended = await endProcesses(name);
  const namespaces = labNamespaces(name);
  const networks = new Set(namespaces.map(namespaceInode));
  forgetNamespaces(cookiesOf(namespaces));
  removeNamespaces(namespaces);
  // One that was just entering while we looked still holds a namespace that has no name any more.
  const late = await endLabProcesses(name, networks);
  removeState(name);
  return { namespaces, processes: ended.length + late.length };
}

function refuseExisting(name: string): void {
  if (readState(name) === undefined && labNamespaces(name).length === 0) return;
  openLab(name);
  throw new EvenkeelError("LAB_BUSY", `lab "${name}" stands already`, {
    cure: `use it, remove it with evenkeel lab down --name ${name}, or build another with --name`,
  });
}

function needRoot(what: string): void {
  if (process.getuid?.() === 0) return;
  throw new EvenkeelError("NOT_PERMITTED", `only root may ${what}: it takes network namespaces`, { cure: "run it with sudo" });
}

/** Lets signals in, which wait while we call programs one after the other. */
async function interruptionPoint(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
}
