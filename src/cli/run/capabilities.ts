/**
 * A director keeps only the capabilities that it needs. capset(2) is of one thread, and Node has many before our first line runs: so the process
 * executes itself again through setpriv(1), under the same number, as systemd wants it. What is gone from the bounding set cannot come back, for
 * children neither.
 */

import { accessSync, constants, statSync } from "node:fs";
import { getCompileCacheDir } from "node:module";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { heldCapabilities } from "../../kernel/capability.ts";
import type { Capability } from "../../kernel/capability-names.ts";
import { isOutermostNetwork, lastingMountNamespace } from "../../kernel/host-mounts.ts";
import { bpfFileSystem, USUAL_PLACE } from "../../kernel/pins.ts";

/** And what for. CAP_SYS_ADMIN is not among them: Linux 5.8 gave BPF and the performance counters' part of it names of their own. */
const NEEDED: Readonly<Partial<Record<Capability, string>>> = {
  CAP_NET_ADMIN: "interfaces, neighbours, routes, attaching to tc and XDP, marks on sockets",
  CAP_BPF: "programs and maps",
  CAP_PERFMON: "pointer arithmetic in programs",
  CAP_NET_RAW: "ping, and checks that go the clients' way",
  CAP_SETUID: "scripts run as nobody",
  CAP_SETGID: "scripts run as nobody; the socket's group",
  CAP_SETPCAP: "scripts have no capability and no way to one",
  CAP_KILL: "a script past its deadline is ended, though it runs as another user",
};

export const NEEDED_CAPABILITIES = Object.keys(NEEDED) as readonly Capability[];

const TEXT = {
  noSetpriv: "setpriv(1) is not here: this director goes on with every capability it was given (apt-get install util-linux)",
  noSetpcap: "without CAP_SETPCAP this director cannot give up capabilities, and goes on with those it was given",
  kept: (names: readonly string[]) => `this director could not give up ${names.join(", ")}`,
  readsAll: (path: string) => `CAP_DAC_READ_SEARCH is kept: ${path} is in a directory that is closed to others`,
};

/** Said to the process that begins anew, so that it does not again; with what only the one before could see. */
const MARK = "EVENKEEL_RUN_AGAIN";
const OUTERMOST = "outermost";
const PROGRAM = fileURLToPath(new URL("../../../", import.meta.url));

/** How this process was started. */
export interface Start {
  /** It serves the machine's own network namespace: seen before it gave up the right to look at its forebears. */
  readonly outermost: boolean;
  /** What the operator should know. */
  readonly told: readonly string[];
}

/** Does not return when there is something to give up. `files`: what it has to read later. */
export function keepNeededCapabilities(files: readonly string[]): Start {
  const seen = process.env[MARK];
  delete process.env[MARK];
  const outermost = seen === undefined ? isOutermostNetwork() : seen === OUTERMOST;
  return { outermost, told: giveUpOthers(files, seen !== undefined, outermost) };
}

function giveUpOthers(files: readonly string[], again: boolean, outermost: boolean): readonly string[] {
  if (process.geteuid?.() !== 0) return [];
  const closed = [PROGRAM, process.execPath, ...files].find((path) => !isOpenToOwner(resolve(path)));
  const told = closed === undefined ? [] : [TEXT.readsAll(closed)];
  const kept = [...NEEDED_CAPABILITIES, ...(closed === undefined ? [] : (["CAP_DAC_READ_SEARCH"] as const))];
  const held = new Set([...heldCapabilities("CapPrm"), ...heldCapabilities("CapBnd")]);
  const surplus = [...held].filter((name) => !kept.includes(name));
  if (surplus.length === 0) return told;
  if (again) return [...told, TEXT.kept(surplus)];
  const setpriv = commandOnPath("setpriv");
  if (setpriv === undefined) return [...told, TEXT.noSetpriv];
  if (!held.has("CAP_SETPCAP")) return [...told, TEXT.noSetpcap];
  executeAgain(outermost, [
    ...outsideOfNetnsExec(),
    setpriv,
    `--bounding-set=${["-all", ...kept.filter((name) => held.has(name)).map(asAdded)].join(",")}`,
    "--inh-caps=-all",
    "--ambient-caps=-all",
  ]);
}

/** "+net_admin" */
function asAdded(capability: Capability): string {
  return `+${capability.slice("CAP_".length).toLowerCase()}`;
}

function executeAgain(outermost: boolean, through: readonly string[]): never {
  const [file = "", ...more] = [...through, process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const cache = getCompileCacheDir();
  const environment = {
    ...process.env,
    [MARK]: outermost ? OUTERMOST : "inner",
    ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) }),
  };
  // Present since Node 22.15; a failure ends the process, and says why.
  return process.execve?.(file, [file, ...more], environment) as never;
}

/**
 * `ip netns exec` hides the BPF file system behind a /sys of its own, and to look through another process's root takes CAP_SYS_PTRACE, and that
 * process: where it is hidden, the way to where it stays.
 */
function outsideOfNetnsExec(): readonly string[] {
  const place = bpfFileSystem();
  // Without a forebear to look at (it has ended, and process 1 is closed to us): that of the process through which we see it, as long as it lives.
  const outside = lastingMountNamespace() ?? /^(\/proc\/\d+)\/root\//.exec(place)?.[1]?.concat("/ns/mnt");
  const [nsenter, env] = [commandOnPath("nsenter"), commandOnPath("env")];
  if (outside === undefined || nsenter === undefined || env === undefined || place === USUAL_PLACE) return [];
  return [nsenter, `--mount=${outside}`, env, `--chdir=${process.cwd()}`];
}

function commandOnPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Whether root could read it by the mode bits alone: a checkout in somebody's closed home cannot be read so. What is not there, nobody can. */
function isOpenToOwner(path: string): boolean {
  const entry = statSync(path, { throwIfNoEntry: false });
  const open = entry === undefined || allows(entry, entry.isDirectory() ? 5 : 4);
  return open && (path === "/" || isOpenToOwner(dirname(path)));
}

function allows({ mode, uid, gid }: { readonly mode: number; readonly uid: number; readonly gid: number }, wanted: number): boolean {
  const bits = uid === 0 ? mode >> 6 : gid === 0 ? mode >> 3 : mode;
  return (bits & wanted) === wanted;
}
