/**
 * What a director remembers over restarts, in state.db of its state directory. What is kept is in memory too: a disk that fails changes nothing of what
 * the director knows; what it could not take waits, and goes to it as soon as it can.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Edit } from "../../model/edit.ts";
import { EvenkeelError } from "../../model/error.ts";
import type { Override } from "../../model/override.ts";
import type { ConfigurationVersion } from "../director.ts";
import type { DirectorStore } from "../store.ts";
import { isCorruption, putAside } from "./database.ts";
import { lockDirectory } from "./directory-lock.ts";
import { openStateFile, type StateFile, type StateWrite } from "./state-file.ts";

export interface OpenStore extends DirectorStore {
  close(): void;
}

export interface StoreOptions {
  /** Told once for each trouble, and once when it is over. */
  readonly report?: (text: string) => void;
  /** How soon a disk that failed is tried again. */
  readonly retryMs?: number;
}

const STATE_FILE = "state.db";
const VERSIONS_MAX = 100;
const RETRY_MS = 5000;

const TEXT = {
  broken: (reason: string, aside: string) =>
    `the director's state is broken (${reason}): kept as ${aside}; overrides, adopted edits and the history are forgotten`,
  failed: (reason: string) => `the director's state cannot be written: ${reason}; going on in memory`,
  again: "the director's state is on disk again",
  directory: (directory: string, reason: string) => `cannot keep state in ${directory}: ${reason}`,
  directoryCure: "it must be a directory that root can write; --state names another one",
} as const;

/** A directory, made when it is not there, or ":memory:". Throws CONFLICT when another director has it, or its file is not ours or too new. */
export function openStore(directory: string, { report = () => undefined, retryMs = RETRY_MS }: StoreOptions = {}): OpenStore {
  const inMemory = directory === ":memory:";
  const unlock = inMemory ? () => undefined : prepareDirectory(directory);
  const path = inMemory ? directory : join(directory, STATE_FILE);
  let trouble: string | undefined;
  let file: StateFile | undefined;
  /** In their order; what a later one of the same kind makes needless is left out. */
  let waiting: StateWrite[] = [];
  let again: NodeJS.Timeout | undefined;
  let closed = false;

  try {
    file = openOrBeginAnew(path, report);
  } catch (error) {
    unlock();
    if (error instanceof EvenkeelError || !(error instanceof Error)) throw error;
    throw directoryError(directory, error);
  }
  let overrides = file.list("overrides") as readonly Override[];
  let adopted = file.list("adopted") as readonly Edit[];
  let versions = file.versions();

  const flush = (): void => {
    clearTimeout(again);
    again = undefined;
    try {
      file ??= openStateFile(path);
      file.write(waiting);
      waiting = [];
      if (trouble === undefined) return;
      trouble = undefined;
      report(TEXT.again);
    } catch (error) {
      // A handle that failed is not trusted any more; one of memory has nothing to be opened anew.
      if (!inMemory) {
        file?.close();
        file = undefined;
      }
      if (!closed) {
        again = setTimeout(flush, retryMs);
        again.unref();
      }
      const known = trouble !== undefined;
      trouble = TEXT.failed(error instanceof Error ? error.message : String(error));
      if (!known) report(trouble);
    }
  };

  const write = (...writes: readonly StateWrite[]): void => {
    waiting = [...waiting.filter((one) => !writes.some((other) => replaces(other, one))), ...writes];
    flush();
  };

  const change = (id: number, state: ConfigurationVersion["state"]): readonly StateWrite[] => {
    const version = versions.find((one) => one.id === id);
    if (version === undefined || version.state === state) return [];
    const changed = { ...version, state };
    versions = versions.map((one) => (one === version ? changed : one));
    // Its text may not be on disk yet.
    const text = waitingText(waiting, id);
    return [{ kind: "version", version: changed, ...(text === undefined ? {} : { text }) }];
  };

  return {
    get trouble() {
      return trouble;
    },
    overrides: () => overrides,
    keepOverrides(changed) {
      overrides = [...changed];
      write({ kind: "list", name: "overrides", items: overrides });
    },
    adopted: () => adopted,
    keepAdopted(changed) {
      adopted = [...changed];
      write({ kind: "list", name: "adopted", items: adopted });
    },
    versions: () => versions,
    text(id) {
      const text = waitingText(waiting, id);
      if (text !== undefined || !versions.some((one) => one.id === id)) return text;
      try {
        file ??= openStateFile(path);
        return file.text(id);
      } catch (error) {
        trouble ??= TEXT.failed(error instanceof Error ? error.message : String(error));
        return undefined;
      }
    },
    addVersion(said, text) {
      const version: ConfigurationVersion = { ...said, id: (versions[0]?.id ?? 0) + 1 };
      const past = versions.filter(({ state }) => state === "present" || state === "pending").flatMap(({ id }) => change(id, "past"));
      const forgotten = versions.slice(VERSIONS_MAX - 1);
      versions = [version, ...versions.slice(0, VERSIONS_MAX - 1)];
      write(...past, { kind: "version", version, text }, ...forgotten.map(({ id }) => ({ kind: "forget-version", id }) as const));
      return version;
    },
    markVersion(id, state) {
      const writes = change(id, state);
      if (writes.length > 0) write(...writes);
    },
    close() {
      if (closed) return;
      closed = true;
      if (waiting.length > 0) flush();
      clearTimeout(again);
      file?.close();
      unlock();
    },
  };
}

function prepareDirectory(directory: string): () => void {
  try {
    // One that is there keeps its mode: it may be anybody's, and the files are for their owner alone.
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return lockDirectory(directory);
  } catch (error) {
    if (error instanceof EvenkeelError || !(error instanceof Error)) throw error;
    throw directoryError(directory, error);
  }
}

function directoryError(directory: string, error: Error): EvenkeelError {
  const denied = "code" in error && (error.code === "EACCES" || error.code === "EPERM");
  return new EvenkeelError(denied ? "NOT_PERMITTED" : "SYSTEM_CALL", TEXT.directory(directory, error.message), {
    cure: TEXT.directoryCure,
    cause: error,
  });
}

function openOrBeginAnew(path: string, report: (text: string) => void): StateFile {
  let file: StateFile | undefined;
  try {
    file = openStateFile(path);
    // Whatever is broken shall be found now.
    file.list("overrides");
    file.list("adopted");
    file.versions();
    return file;
  } catch (error) {
    file?.close();
    if (!isCorruption(error)) throw error;
    const aside = putAside(path);
    report(TEXT.broken(error instanceof Error ? error.message : String(error), aside));
    return openStateFile(path);
  }
}

function replaces(later: StateWrite, earlier: StateWrite): boolean {
  if (later.kind === "list") return earlier.kind === "list" && earlier.name === later.name;
  const id = later.kind === "version" ? later.version.id : later.id;
  return earlier.kind === "version" && earlier.version.id === id;
}

function waitingText(waiting: readonly StateWrite[], id: number): string | undefined {
  for (const write of waiting) if (write.kind === "version" && write.version.id === id && write.text !== undefined) return write.text;
  return undefined;
}
