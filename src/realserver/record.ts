/**
 * What `up` changed, kept until `down`: /run/evenkeel/realserver/<cookie of the network namespace>.json. Written before each
 * change and replaced as a whole, so that a process killed at any moment leaves a record that covers all that it did.
 * It lives where settings live: both are gone after a reboot.
 */

import { closeSync, fsyncSync, globSync, mkdirSync, openSync, readFileSync, renameSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { formatAddress, parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import type { RealServerOptions } from "./options.ts";
import type { Change } from "./setting.ts";

export interface RealServerRecord {
  readonly options: RealServerOptions;
  /** In the order in which they were made; `before` is from before the first `up`. */
  readonly changes: readonly Change[];
}

export interface RecordKeeper {
  load(): RealServerRecord | undefined;
  save(record: RealServerRecord): void;
  remove(): void;
}

const DIRECTORY = "/run/evenkeel/realserver";
const VERSION = 1;

export function recordOf(cookie: bigint): RecordKeeper {
  const path = join(DIRECTORY, `${cookie}.json`);
  return {
    load: () => read(path),
    save: (record) => replace(path, `${JSON.stringify(toJson(record), null, 2)}\n`),
    remove() {
      rmSync(path, { force: true });
      // What a process left that was killed while it wrote.
      for (const unfinished of globSync(`${path}.*.tmp`)) rmSync(unfinished, { force: true });
      for (const directory of [DIRECTORY, dirname(DIRECTORY)]) removeIfEmpty(directory);
    },
  };
}

function read(path: string): RealServerRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw new EvenkeelError("NOT_PERMITTED", `cannot read ${path}: ${messageOf(error)}`, { cure: "run as root", cause: error });
  }
  try {
    return fromJson(JSON.parse(text));
  } catch (error) {
    throw new EvenkeelError("BAD_CONFIGURATION", `${path} is damaged: ${messageOf(error)}`, {
      cure: `it says what was set before; put that back by hand, then remove ${path}`,
      cause: error,
    });
  }
}

function replace(path: string, text: string): void {
  const next = `${path}.${process.pid}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const fd = openSync(next, "w", 0o644);
    try {
      writeSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw new EvenkeelError("NOT_PERMITTED", `cannot write ${path}: ${messageOf(error)}`, {
      cure: "run as root; /run must be writable, because nothing is changed that could not be put back",
      cause: error,
    });
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    // Others keep something there, or it is a mount.
    if (!["ENOTEMPTY", "ENOENT", "EBUSY"].includes(errorCode(error) ?? "")) throw error;
  }
}

interface RecordJson {
  readonly version: number;
  readonly method: RealServerOptions["method"];
  readonly vips: readonly string[];
  readonly gateways: readonly string[];
  readonly interfaces: readonly string[];
  readonly decapsulation: RealServerOptions["decapsulation"];
  readonly tunnel?: RealServerOptions["tunnel"];
  readonly changes: readonly Change[];
}

function toJson({ options, changes }: RealServerRecord): RecordJson {
  return {
    version: VERSION,
    method: options.method,
    vips: options.vips.map(formatAddress),
    gateways: (options.gateways ?? []).map(formatAddress),
    interfaces: options.interfaces ?? [],
    decapsulation: options.decapsulation ?? "auto",
    ...(options.tunnel === undefined ? {} : { tunnel: options.tunnel }),
    changes,
  };
}

function fromJson(json: unknown): RealServerRecord {
  const record = json as RecordJson;
  if (record?.version !== VERSION) throw new Error(`version ${String(record?.version)} is not ${VERSION}`);
  if (!Array.isArray(record.changes)) throw new Error("it has no list of changes");
  return {
    options: {
      method: record.method,
      vips: record.vips.map(parseAddress),
      gateways: record.gateways.map(parseAddress),
      interfaces: record.interfaces,
      decapsulation: record.decapsulation ?? "auto",
      ...(record.tunnel === undefined ? {} : { tunnel: record.tunnel }),
    },
    changes: record.changes,
  };
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
