/**
 * Network namespaces: named ones as `ip netns` makes them (a bind mount below /run/netns), and work inside another one.
 * Work inside is synchronous and always returns: Node's main thread must never be left in a stranger's namespace.
 */

import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import koffi from "koffi";
import { EvenkeelError } from "../model/error.ts";
import { libc } from "./libc.ts";
import { checkCall, describeErrno, systemCallError } from "./system-call.ts";

export const NAMESPACE_DIRECTORY = "/run/netns";

const CLONE_NEWNET = 0x40000000;
const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_SHARED = 0x100000;
const MNT_DETACH = 2;
const NSFS_MAGIC = 0x6e736673;
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0x80002;
const SOL_SOCKET = 1;
const SO_NETNS_COOKIE = 71;

/** How many namespaces deep the running work is. */
let depth = 0;

export function namespacePath(name: string): string {
  if (!/^[A-Za-z0-9_.-]{1,200}$/.test(name) || name === "." || name === "..") {
    throw new EvenkeelError("BAD_ARGUMENT", `"${name}" cannot name a network namespace: letters, digits, dot, dash and underscore only`);
  }
  return join(NAMESPACE_DIRECTORY, name);
}

/** Whether the calling thread is inside inNamespace(). */
export function isAway(): boolean {
  return depth > 0;
}

/** Runs `work` in the namespace given by a path (or an open descriptor) and comes back. `work` must not be asynchronous. */
export function inNamespace<T>(where: string | number, work: () => T): T {
  const target = typeof where === "number" ? where : openNamespace(where);
  try {
    return away(
      `the network namespace ${where}`,
      () => checkCall(libc.setns(target, CLONE_NEWNET), `enter the network namespace ${where}`),
      work,
    );
  } finally {
    if (typeof where !== "number") closeSync(target);
  }
}

/** Runs `work` in a namespace made for it, which ends when it returns (or with the last descriptor it leaves open). */
export function inNewNamespace<T>(work: () => T): T {
  return away("a new network namespace", () => checkCall(libc.unshare(CLONE_NEWNET), "make a network namespace"), work);
}

function away<T>(where: string, leave: () => void, work: () => T): T {
  const home = openSync("/proc/thread-self/ns/net", "r");
  let result: T;
  try {
    leave();
    depth++;
    try {
      result = work();
    } finally {
      depth--;
      // Going on in the wrong namespace would configure a stranger's network: there is nothing to be saved then.
      if (libc.setns(home, CLONE_NEWNET) < 0) {
        process.stderr.write(`evenkeel: cannot return from ${where}: ${describeErrno(koffi.errno())}\n`);
        process.abort();
      }
    }
  } finally {
    closeSync(home);
  }
  if (isThenable(result))
    throw new TypeError("inNamespace() was given asynchronous work, which would go on in the namespace of its caller");
  return result;
}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

export function openNamespace(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw new EvenkeelError("NAMESPACE_MISSING", `there is no network namespace at ${path}`, {
      cause: error,
      cure: "ip netns list shows those with a name",
    });
  }
}

/** The number that tells this namespace from every other since boot (SO_NETNS_COOKIE, Linux 5.14). */
export function currentCookie(): bigint {
  const fd = checkCall(libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0), "open a socket to ask for the namespace's cookie");
  try {
    const cookie = new BigUint64Array(1);
    const length = new Uint8Array(Uint32Array.of(8).buffer);
    const result = libc.getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, new Uint8Array(cookie.buffer), length);
    if (result < 0) {
      const errno = koffi.errno();
      throw new EvenkeelError("KERNEL_FEATURE_MISSING", `this kernel gives network namespaces no cookie: ${describeErrno(errno)}`, {
        cure: "Linux 5.14 or newer is needed",
        facts: { feature: "netns cookie", since: "5.14" },
      });
    }
    return cookie[0] ?? 0n;
  } finally {
    libc.close(fd);
  }
}

/** Makes a named namespace and returns its path. Throws BAD_ARGUMENT when the name is taken. */
export function createNamespace(name: string): string {
  const path = namespacePath(name);
  prepareDirectory();
  try {
    writeFileSync(path, "", { flag: "wx", mode: 0o444 });
  } catch (error) {
    throw new EvenkeelError("BAD_ARGUMENT", `a network namespace named ${name} exists already`, {
      cause: error,
      cure: `ip netns delete ${name}`,
    });
  }
  try {
    inNewNamespace(() => {
      checkCall(libc.mount("/proc/thread-self/ns/net", path, "none", MS_BIND, null), `name the network namespace ${name}`);
    });
    return path;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

/** Takes the name away; the namespace itself ends with its last process and descriptor. Whether there was one. */
export function deleteNamespace(name: string): boolean {
  const path = namespacePath(name);
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return false;
  if (isMounted(path)) checkCall(libc.umount2(path, MNT_DETACH), `unmount the network namespace ${name}`);
  rmSync(path, { force: true });
  return true;
}

export function listNamespaces(): readonly string[] {
  if (statSync(NAMESPACE_DIRECTORY, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(NAMESPACE_DIRECTORY)
    .filter((name) => isMounted(join(NAMESPACE_DIRECTORY, name)))
    .sort();
}

/** The first name that the current namespace has, if any. */
export function currentName(): string | undefined {
  const ours = statSync("/proc/thread-self/ns/net");
  return listNamespaces().find((name) => {
    const theirs = statSync(join(NAMESPACE_DIRECTORY, name), { throwIfNoEntry: false });
    return theirs?.ino === ours.ino && theirs.dev === ours.dev;
  });
}

function isMounted(path: string): boolean {
  return statfsSync(path).type === NSFS_MAGIC;
}

/** As ip-netns(8) does: the directory is a shared mount, so that names made in one mount namespace are seen and removed in all. */
function prepareDirectory(): void {
  mkdirSync(NAMESPACE_DIRECTORY, { recursive: true, mode: 0o755 });
  const shared = () => libc.mount("", NAMESPACE_DIRECTORY, "none", MS_SHARED | MS_REC, null) === 0;
  if (isMountPoint(NAMESPACE_DIRECTORY) && shared()) return;
  if (!isMountPoint(NAMESPACE_DIRECTORY)) {
    const result = libc.mount(NAMESPACE_DIRECTORY, NAMESPACE_DIRECTORY, "none", MS_BIND | MS_REC, null);
    if (result < 0) throw systemCallError(`make ${NAMESPACE_DIRECTORY} a mount of its own`, koffi.errno());
  }
  if (!shared()) throw systemCallError(`share the mount ${NAMESPACE_DIRECTORY}`, koffi.errno());
}

function isMountPoint(path: string): boolean {
  return readFileSync("/proc/thread-self/mountinfo", "utf8")
    .split("\n")
    .some((line) => line.split(" ")[4] === path);
}
