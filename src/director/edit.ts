/**
 * Edits by hand (ipvsadm) of the packet path of this network namespace. The state is the kernel's: every call opens it, judges, changes, and
 * closes it again, one process at a time. All of the edits are made or none; the first that needs one makes the packet path.
 */

import { requireBpf } from "../kernel/capability.ts";
import { getLink, listLinks } from "../kernel/links.ts";
import { stampPacketPath, withPacketPathLock } from "../kernel/packet-path-lock.ts";
import { removeStalePins } from "../kernel/pins.ts";
import type { Edit } from "../model/edit.ts";
import { type Edited, type EditOptions, EditRefused } from "../model/edit-refused.ts";
import { EvenkeelError } from "../model/error.ts";
import type { ActualState, Attachment } from "../model/plane.ts";
import { serviceName } from "../model/service.ts";
import { diff } from "../reconcile/diff.ts";
import { type Judged, judgeEdits } from "../reconcile/edits.ts";
import { takenBack } from "./apply.ts";
import { BpfPlane } from "./bpf-plane.ts";
import { requireRoom } from "./capacity.ts";
import type { TakenMarks } from "./netfilter-marks.ts";
import { PacketPath } from "./packet-path.ts";

const NOTHING: ActualState = { services: [], attachments: [] };

/** These are kept where no packet path is yet, and make one. */
const MAKES_ONE: ReadonlySet<Edit["kind"]> = new Set(["add-service", "set-timeouts", "start-daemon"]);

/** Throws EditRefused; NOT_PERMITTED and its like where no packet path can be. */
export async function editPacketPath(edits: readonly Edit[], options: EditOptions = {}): Promise<Edited> {
  requireBpf("change the packet path");
  return await withPacketPathLock(async () => {
    const standing = PacketPath.open();
    if (standing !== undefined) return await editAndClose(new BpfPlane(standing), edits, options);
    const judged = judge(edits, NOTHING, options);
    if (options.judgeOnly || judged.changes.length === 0 || !edits.some(({ kind }) => MAKES_ONE.has(kind)))
      return { refused: judged.refused, warnings: [] };
    stampPacketPath();
    removeStalePins();
    const plane = new BpfPlane(PacketPath.create({ everyInterface: true }));
    try {
      if (judged.services.length > 0) requireSomewhere(plane);
      return await editAndClose(plane, edits, options);
    } catch (error) {
      PacketPath.remove();
      throw error;
    }
  });
}

async function editAndClose(plane: BpfPlane, edits: readonly Edit[], options: EditOptions): Promise<Edited> {
  try {
    return await editPlane(plane, edits, options);
  } finally {
    plane.close();
  }
}

/** The same on a plane that stands open. With the lock held. */
export async function editPlane(plane: BpfPlane, edits: readonly Edit[], options: EditOptions): Promise<Edited> {
  const before = plane.read();
  const { changes, resets, refused, services } = judge(edits, before, options);
  if (options.judgeOnly) return { refused, warnings: [] };
  if (changes.length > 0) requireRoom({ services, attachments: [] });
  const marks = changes.length > 0 || options.replace ? await netfiltersMarks(plane, services, before) : NO_MARKS;
  stampPacketPath();
  plane.renewPorts();
  // Before there is a service: killed in between, it is not one that gets no packets.
  const warnings = services.length === 0 ? [] : listenEverywhere(plane);
  make(plane, [...marks.changes, ...changes], before);
  const present = new Set(resets.length === 0 ? [] : services.map(serviceName));
  for (const service of resets) {
    if (service === "all") plane.resetCounters();
    else if (present.has(serviceName(service))) plane.resetCounters(service);
  }
  plane.refreshWays({ lost: true });
  return { refused, warnings: [...marks.warnings, ...warnings] };
}

function judge(edits: readonly Edit[], state: ActualState, { keepGoing = false, replace = false }: EditOptions): Judged {
  const judged = judgeEdits(edits, replace ? { ...state, services: [] } : state, { keepGoing, interfaceMtu });
  const [first] = judged.refused;
  if (first !== undefined && !keepGoing) throw new EditRefused(first);
  if (!replace) return judged;
  const others = judged.changes.filter(({ kind }) => !kind.endsWith("-service") && !kind.endsWith("-server"));
  return { ...judged, changes: [...others, ...diff({ ...state, services: judged.services }, state)] };
}

const NO_MARKS: TakenMarks = { changes: [], warnings: [] };

/** Nobody has configured marks where nobody has said where to listen. */
async function netfiltersMarks(plane: BpfPlane, services: Judged["services"], { marks = [] }: ActualState): Promise<TakenMarks> {
  if (!plane.everyInterface || (marks.length === 0 && services.every(({ mark = 0 }) => mark === 0))) return NO_MARKS;
  const { takeMarksOver } = await import("./netfilter-marks.ts");
  return takeMarksOver(services, marks);
}

/** All of the changes or none. */
function make(plane: BpfPlane, changes: Judged["changes"], before: ActualState): void {
  if (changes.length === 0) return;
  try {
    for (const change of changes) plane.apply(change);
    plane.tidy();
  } catch (error) {
    plane.apply({ kind: "edit-sync-daemons", before: [], after: before.syncDaemons ?? [] });
    throw takenBack(plane, before, error);
  }
}

/** Unless somebody has said where to listen: interfaces that came since the last call too. */
function listenEverywhere(plane: BpfPlane): string[] {
  if (!plane.everyInterface) return [];
  const warnings: string[] = [];
  for (const interfaceName of missing(plane.attachments())) {
    try {
      plane.apply({ kind: "attach", attachment: { interfaceName, hook: "tc" } });
    } catch (error) {
      if (!(error instanceof EvenkeelError)) throw error;
      warnings.push(`${interfaceName}: ${error.message}`);
    }
  }
  return warnings;
}

/**
 * Where every interface refuses, another packet path of ours has them most likely, whose pins are out of sight in a container: a service would
 * be listed here, and get no packet.
 */
function requireSomewhere(plane: BpfPlane): void {
  const [first] = listenEverywhere(plane);
  if (first === undefined || plane.attachments().length > 0) return;
  throw new EvenkeelError("ALREADY_ATTACHED", `no interface of this network namespace can be listened on: ${first}`, {
    cure: "if that is Evenkeel's own: its state is below the host's /sys/fs/bpf, which a container needs as a mount (-v /sys/fs/bpf:/sys/fs/bpf)",
  });
}

/** Those that carry frames of their own. A bridge's ports and a bond's slaves hand theirs on. */
function missing(attachments: readonly Attachment[]): string[] {
  const present = new Set(attachments.map(({ interfaceName }) => interfaceName));
  return listLinks()
    .filter(({ name, loopback, mac, masterIndex }) => !loopback && mac.length === 6 && masterIndex === undefined && !present.has(name))
    .map(({ name }) => name);
}

function interfaceMtu(name: string): number {
  return getLink(name).mtu;
}
