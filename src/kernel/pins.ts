/**
 * Names in the BPF file system: what is pinned there outlives us, and is how the next process finds it.
 * <bpffs>/evenkeel/net-<namespace cookie>/{maps,links,programs}/NAME: one directory a network namespace, so that many share one bpffs.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import koffi from "koffi";
import { EvenkeelError } from "../model/error.ts";
import { lastingMountNamespace, otherProcesses } from "./host-mounts.ts";
import { libbpf } from "./libbpf.ts";
import { libc } from "./libc.ts";
import { currentCookie } from "./namespace.ts";
import { type LinkInfo, linkInfo } from "./object-info.ts";
import { aloneOnMachine } from "./packet-path-lock.ts";
import { describeErrno, Errno, systemCallError } from "./system-call.ts";

const BPF_FS_MAGIC = 0xcafe4a11;
export const USUAL_PLACE = "/sys/fs/bpf";

export const PIN_KINDS = ["maps", "links", "programs"] as const;
export type PinKind = (typeof PIN_KINDS)[number];

export interface PinDirectory {
  readonly path: string;
  pin(kind: PinKind, name: string, fd: number): void;
  /** Gives the name to another program, map or link. In one stroke: whoever looks meanwhile, or after a crash, finds the old or the new one. */
  repin(kind: PinKind, name: string, fd: number): void;
  /** A descriptor of its own (the caller closes it), or undefined when nothing has that name. */
  open(kind: PinKind, name: string): number | undefined;
  unpin(kind: PinKind, name: string): boolean;
  names(kind: PinKind): readonly string[];
  exists(): boolean;
  /** All of it. Attached programs whose link is pinned here only are detached by that. */
  remove(): void;
  /** The directories that hold nothing. */
  prune(): void;
}

/** Where the BPF file system is mounted; mounts it when it is nowhere. */
export function bpfFileSystem(): string {
  const found = findBpfFileSystem();
  if (found !== undefined) return found;
  const mounted = aloneOnMachine(() => {
    // Another process may have been faster: twice mounted, the second would hide what the first holds.
    if (findBpfFileSystem() === undefined) mountBpfFileSystem();
    return findBpfFileSystem();
  });
  if (mounted === undefined) throw cannotMount("it is not there after mounting");
  return mounted;
}

/** As bpfFileSystem(), but leaves the machine as it is. `ip netns exec` mounts a fresh /sys; other processes still see the machine's. */
export function findBpfFileSystem(): string | undefined {
  if (isBpfFileSystem(USUAL_PLACE)) return USUAL_PLACE;
  let hidden: Error | undefined;
  for (const process of otherProcesses()) {
    const place = `${process}/root${USUAL_PLACE}`;
    try {
      if (isBpfFileSystem(place)) return place;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      hidden ??= error;
    }
  }
  if (hidden === undefined || lastingMountNamespace() === undefined) return undefined;
  // Where we may not look it is unknown, not absent: to say "nothing is pinned" would be a lie.
  throw new EvenkeelError("PIN_DIRECTORY", `cannot look for the BPF file system: ${hidden.message}`, {
    cure: "run as root; and instead of ip netns exec NAME, which hides /sys/fs/bpf, use nsenter --net=/run/netns/NAME",
    cause: hidden,
  });
}

function isBpfFileSystem(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined && statfsSync(path).type === BPF_FS_MAGIC;
}

/** Where it stays when this command has ended. */
function mountBpfFileSystem(): void {
  const outside = lastingMountNamespace();
  if (outside !== undefined) {
    const run = spawnSync("nsenter", [`--mount=${outside}`, "mount", "-t", "bpf", "bpffs", USUAL_PLACE], { encoding: "utf8" });
    if (run.status !== 0) throw cannotMount(run.error?.message ?? run.stderr.trim());
    return;
  }
  if (libc.mount("bpffs", USUAL_PLACE, "bpf", 0, "mode=0700") < 0) throw cannotMount(describeErrno(koffi.errno()));
}

function cannotMount(why: string): EvenkeelError {
  return new EvenkeelError("PIN_DIRECTORY", `no BPF file system is mounted, and it cannot be mounted at ${USUAL_PLACE}: ${why}`, {
    cure: `as root, outside of any container: mount -t bpf bpffs ${USUAL_PLACE}`,
  });
}

/** The directory of every namespace's pins, whether or not it exists. */
export function pinRoot(): string {
  return join(bpfFileSystem(), "evenkeel");
}

/** The pins of one network namespace (the current one when no cookie is given). Nothing is made before the first pin(). */
export function pinDirectory(cookie: bigint = currentCookie()): PinDirectory {
  return directoryAt(join(pinRoot(), `net-${cookie}`));
}

/** Every namespace's directory that stands. */
export function listPinDirectories(): readonly { readonly cookie: bigint; readonly directory: PinDirectory }[] {
  const bpffs = findBpfFileSystem();
  if (bpffs === undefined) return [];
  const root = join(bpffs, "evenkeel");
  return readNames(root)
    .map((name) => /^net-(\d+)$/.exec(name)?.[1])
    .filter((cookie) => cookie !== undefined)
    .map((cookie) => ({ cookie: BigInt(cookie), directory: directoryAt(join(root, `net-${cookie}`)) }));
}

/**
 * Removes the directories of other namespaces that are gone: had they been alive, at least one link would have its interface.
 * A directory without any link is left: its maker may be about to attach, or attaches without links (clsact). Returns the cookies.
 */
export function removeStalePins(): readonly bigint[] {
  return aloneOnMachine(removeStale);
}

function removeStale(): readonly bigint[] {
  const removed: bigint[] = [];
  const ours = currentCookie();
  for (const { cookie, directory } of listPinDirectories()) {
    const links = pinnedLinks(directory);
    if (cookie === ours || links.length === 0 || links.some((link) => link.info.ifindex !== 0)) continue;
    directory.remove();
    removed.push(cookie);
  }
  return removed;
}

/** What is pinned in links/, as the kernel sees it now. */
export function pinnedLinks(directory: PinDirectory): readonly { readonly name: string; readonly info: LinkInfo }[] {
  return directory.names("links").flatMap((name) => {
    const fd = directory.open("links", name);
    if (fd === undefined) return [];
    try {
      return [{ name, info: linkInfo(fd) }];
    } finally {
      libc.close(fd);
    }
  });
}

function directoryAt(path: string): PinDirectory {
  const at = (kind: PinKind, name: string) => {
    // bpffs keeps names with a dot for itself.
    if (!/^[A-Za-z0-9_-]+$/.test(name)) throw new EvenkeelError("BAD_ARGUMENT", `"${name}" cannot name a pin`);
    return join(path, kind, name);
  };
  const pin = (kind: PinKind, name: string, fd: number) => {
    try {
      mkdirSync(join(path, kind), { recursive: true, mode: 0o700 });
    } catch (error) {
      throw pinError(`make ${join(path, kind)}`, error);
    }
    const result = libbpf.bpf_obj_pin(fd, at(kind, name));
    if (result < 0) {
      throw systemCallError(`pin ${at(kind, name)}`, -result, {
        code: "PIN_DIRECTORY",
        cure: -result === Errno.EEXIST ? "another process pinned it meanwhile: try again" : "run as root",
      });
    }
  };
  return {
    path,
    pin,
    repin: (kind, name, fd) => {
      const next = `${name}_next`;
      // Of one who was killed between the two steps.
      rmSync(at(kind, next), { force: true });
      pin(kind, next, fd);
      renameSync(at(kind, next), at(kind, name));
    },
    open: (kind, name) => {
      const result = libbpf.bpf_obj_get(at(kind, name));
      if (result >= 0) return result;
      if (-result === Errno.ENOENT) return undefined;
      throw systemCallError(`open the pin ${at(kind, name)}`, -result, { code: "PIN_DIRECTORY" });
    },
    unpin: (kind, name) => {
      const there = statSync(at(kind, name), { throwIfNoEntry: false }) !== undefined;
      rmSync(at(kind, name), { force: true });
      return there;
    },
    names: (kind) => readNames(join(path, kind)),
    exists: () => statSync(path, { throwIfNoEntry: false }) !== undefined,
    remove: () => rmSync(path, { recursive: true, force: true }),
    prune: () => {
      for (const directory of [...PIN_KINDS.map((kind) => join(path, kind)), path, dirname(path)]) removeIfEmpty(directory);
    },
  };
}

function readNames(path: string): readonly string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if (isNotFound(error)) return [];
    throw pinError(`read ${path}`, error);
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!hasCode(error, "ENOTEMPTY") && !isNotFound(error)) throw pinError(`remove ${directory}`, error);
  }
}

function isNotFound(error: unknown): boolean {
  return hasCode(error, "ENOENT");
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function pinError(attempted: string, cause: unknown): EvenkeelError {
  return new EvenkeelError("PIN_DIRECTORY", `cannot ${attempted}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cure: "run as root",
    cause,
  });
}
