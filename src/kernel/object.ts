/**
 * Loads a BPF object file: its maps are made (or shared with those that already stand), its programs pass the verifier.
 * When they do not, the error carries the verifier's last telling lines, not its hundred thousand.
 */

import { existsSync } from "node:fs";
import koffi from "koffi";
import { EvenkeelError } from "../model/error.ts";
import { requireBpf } from "./capability.ts";
import { libbpf } from "./libbpf.ts";
import { withMessages } from "./libbpf-messages.ts";
import { OTHER_VERSION } from "./maps.ts";
import { describeErrno, Errno } from "./system-call.ts";
import { tellingLines } from "./verifier-log.ts";

/** Untouched pages cost nothing; a short buffer makes older kernels answer ENOSPC instead of the verdict. */
const VERIFIER_LOG_BYTES = 16 * 1024 * 1024;

export interface MapRequest {
  /** Instead of the object's own number. */
  readonly maxEntries?: number;
  /** A map that already stands, to be shared instead of making one. */
  readonly reuseFd?: number;
}

export interface LoadRequest {
  readonly maps?: Readonly<Record<string, MapRequest>>;
  /** Only these programs; all when left out. */
  readonly programs?: readonly string[];
  /** The bytes of the object's constants (.rodata), of exactly its size. */
  readonly readOnlyData?: Uint8Array;
}

export interface LoadedProgram {
  readonly name: string;
  readonly fd: number;
}

export interface LoadedMap {
  readonly name: string;
  readonly fd: number;
  readonly keySize: number;
  readonly valueSize: number;
}

/** File descriptors of programs and maps live as long as the object is not closed. */
export interface BpfObject {
  readonly path: string;
  readonly programs: readonly LoadedProgram[];
  readonly maps: readonly LoadedMap[];
  program(name: string): LoadedProgram;
  map(name: string): LoadedMap;
  close(): void;
}

export function loadObject(path: string, request: LoadRequest = {}): BpfObject {
  requireBpf();
  if (!existsSync(path)) {
    throw new EvenkeelError("BPF_UNAVAILABLE", `the BPF object ${path} does not exist`, {
      cure: "run make setup (or node tools/build-bpf.ts)",
    });
  }
  const opened = withMessages(() => libbpf.bpf_object__open_file(path, null));
  if (opened.result === null) {
    const said = opened.messages.join("\n");
    throw new EvenkeelError(
      "BPF_UNAVAILABLE",
      `cannot read the BPF object ${path}: ${describeErrno(koffi.errno())}${said && `\n${said}`}`,
      {
        cure: "remove it and build it again (node tools/build-bpf.ts)",
      },
    );
  }
  const handle = opened.result;
  try {
    prepare(handle, path, request);
    load(handle, path);
    return describe(handle, path, request);
  } catch (error) {
    libbpf.bpf_object__close(handle);
    throw error;
  }
}

function prepare(handle: bigint, path: string, request: LoadRequest): void {
  const asked = new Set(Object.keys(request.maps ?? {}));
  for (const map of mapsOf(handle)) {
    const name = libbpf.bpf_map__name(map);
    if (libbpf.bpf_map__is_internal(map)) {
      if (name.endsWith(".rodata") && request.readOnlyData !== undefined) setReadOnlyData(map, path, request.readOnlyData);
      continue;
    }
    const wanted = request.maps?.[name];
    asked.delete(name);
    if (wanted?.reuseFd !== undefined)
      mustBeZero(libbpf.bpf_map__reuse_fd(map, wanted.reuseFd), `share the standing map ${name} with ${path}`);
    else if (wanted?.maxEntries !== undefined)
      mustBeZero(libbpf.bpf_map__set_max_entries(map, wanted.maxEntries), `size the map ${name} of ${path}`);
  }
  if (asked.size > 0) throw new EvenkeelError("BAD_ARGUMENT", `${path} has no map ${[...asked].join(", ")}`);
  if (request.programs === undefined) return;
  for (const program of programsOf(handle)) {
    const wanted = request.programs.includes(libbpf.bpf_program__name(program));
    mustBeZero(libbpf.bpf_program__set_autoload(program, wanted), `choose the programs of ${path}`);
  }
}

function setReadOnlyData(map: bigint, path: string, data: Uint8Array): void {
  const size = libbpf.bpf_map__value_size(map);
  if (size !== data.length) throw new EvenkeelError("BAD_ARGUMENT", `the constants of ${path} have ${size} bytes, not ${data.length}`);
  mustBeZero(libbpf.bpf_map__set_initial_value(map, data, data.length), `set the constants of ${path}`);
}

function load(handle: bigint, path: string): void {
  const log = new Uint8Array(VERIFIER_LOG_BYTES);
  const programs = programsOf(handle);
  // One buffer for all: loading ends at the first program that is refused.
  for (const program of programs)
    mustBeZero(libbpf.bpf_program__set_log_buf(program, log, log.length), `read the verifier's log for ${path}`);
  const { result, messages } = withMessages(() => libbpf.bpf_object__load(handle));
  for (const program of programs) libbpf.bpf_program__set_log_buf(program, null, 0);
  if (result === 0) return;
  throw loadError({ path, errno: -result, messages, verifierLog: new TextDecoder().decode(log.subarray(0, Math.max(0, log.indexOf(0)))) });
}

const CURES: ReadonlyMap<number, string> = new Map([
  [Errno.ENOMEM, "free memory, or ask for a smaller connection table"],
  [Errno.EAGAIN, "signals interrupted it; try again"],
  // A standing array of programs has fewer places than the new one's (the verifier's own E2BIG comes with its log).
  [Errno.E2BIG, OTHER_VERSION],
]);

function loadError(failed: { path: string; errno: number; messages: readonly string[]; verifierLog: string }): EvenkeelError {
  const { path, errno, messages, verifierLog } = failed;
  const said = messages.filter((line) => !/BEGIN PROG LOAD LOG/.test(line)).map((line) => line.replace(/^libbpf: /, ""));
  if (errno === Errno.EPERM || errno === Errno.EACCES) {
    // EACCES is also the verifier's word for "invalid access"; then there is a log.
    if (verifierLog === "") {
      return new EvenkeelError("NOT_PERMITTED", `cannot load ${path}: ${describeErrno(errno)}\n${said.join("\n")}`, {
        cure: "run as root outside of restricted containers; /sys/kernel/security/lockdown must not say confidentiality",
        facts: { errno },
      });
    }
  }
  // EAGAIN is no verdict: signals interrupted the verifier, more often than libbpf tries.
  if (verifierLog !== "" && errno !== Errno.EAGAIN) {
    const program = said.map((line) => /prog '([^']+)'/.exec(line)?.[1]).find((name) => name !== undefined) ?? "?";
    const lines = tellingLines(verifierLog);
    return new EvenkeelError(
      "VERIFIER_REJECTED",
      `the kernel's verifier refuses program ${program} of ${path} (${describeErrno(errno)}):\n${lines}`,
      {
        cure: "this is a fault of Evenkeel on this kernel: report it with these lines and the output of uname -r",
        facts: { program, log: lines, errno },
      },
    );
  }
  const cure = CURES.get(errno) ?? "";
  return new EvenkeelError("BPF_UNAVAILABLE", `cannot load ${path}: ${describeErrno(errno)}\n${said.join("\n")}`.trimEnd(), {
    cure,
    facts: { errno },
  });
}

function describe(handle: bigint, path: string, request: LoadRequest): BpfObject {
  const programs = programsOf(handle)
    .map((program) => ({ name: libbpf.bpf_program__name(program), fd: libbpf.bpf_program__fd(program) }))
    .filter(({ name }) => request.programs === undefined || request.programs.includes(name));
  const maps = mapsOf(handle).map((map) => ({
    name: libbpf.bpf_map__name(map),
    fd: libbpf.bpf_map__fd(map),
    keySize: libbpf.bpf_map__key_size(map),
    valueSize: libbpf.bpf_map__value_size(map),
  }));
  let open = true;
  return {
    path,
    programs,
    maps,
    program: (name) => pick(programs, name, `program ${name}`, path),
    map: (name) => pick(maps, name, `map ${name}`, path),
    close: () => {
      if (open) libbpf.bpf_object__close(handle);
      open = false;
    },
  };
}

function pick<T extends { readonly name: string }>(from: readonly T[], name: string, what: string, path: string): T {
  const found = from.find((one) => one.name === name);
  if (found === undefined)
    throw new EvenkeelError("BAD_ARGUMENT", `${path} has no ${what} (it has ${from.map((one) => one.name).join(", ")})`);
  return found;
}

function programsOf(handle: bigint): readonly bigint[] {
  return each((previous) => libbpf.bpf_object__next_program(handle, previous));
}

function mapsOf(handle: bigint): readonly bigint[] {
  return each((previous) => libbpf.bpf_object__next_map(handle, previous));
}

function each(next: (previous: bigint | null) => bigint | null): readonly bigint[] {
  const found: bigint[] = [];
  for (let one = next(null); one !== null; one = next(one)) found.push(one);
  return found;
}

function mustBeZero(result: number, attempted: string): void {
  if (result !== 0)
    throw new EvenkeelError("BPF_UNAVAILABLE", `cannot ${attempted}: ${describeErrno(-result)}`, { facts: { errno: -result } });
}
