/**
 * An SQLite file of ours: made with its permissions, told from other programs' by its application id, brought up to the present schema a
 * step at a time.
 */

import { closeSync, openSync, renameSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { EvenkeelError } from "../../model/error.ts";

export interface Schema {
  /** PRAGMA application_id: which of our files it is. */
  readonly applicationId: number;
  /** What people call it. */
  readonly what: string;
  /** SQL that leads from one version to the next; a step that was released is never changed. */
  readonly steps: readonly string[];
}

export interface DatabaseOptions {
  readonly schema: Schema;
  /** WAL: much is written, and readers stand in nobody's way. DELETE: little is, and a disk that is full or read-only can still be read from. */
  readonly journal: "WAL" | "DELETE";
  /** FULL: what was committed survives a power failure. NORMAL: it survives the end of this process. */
  readonly synchronous: "FULL" | "NORMAL";
  /** How long a stranger who holds the file may keep us. */
  readonly busyMs: number;
}

const TEXT = {
  foreign: (path: string, what: string) => `${path} is a database of another program, not ${what}`,
  newer: (path: string, version: number, known: number) =>
    `${path} was written by a newer version of Evenkeel (schema ${version}; this one knows ${known})`,
  foreignCure: "move it away, or name another state directory (--state)",
  newerCure: "run the newer version, or move the file away",
} as const;

/** ":memory:" for one that nobody keeps. Throws CONFLICT for a foreign or a newer one; SQLite's own errors as they are. */
export function openDatabase(path: string, { schema, journal, synchronous, busyMs }: DatabaseOptions): DatabaseSync {
  // SQLite gives its -wal, -shm and -journal the permissions of the file itself.
  if (path !== ":memory:") closeSync(openSync(path, "a", 0o600));
  const database = new DatabaseSync(path, { timeout: busyMs });
  try {
    refuseStrangers(database, path, schema);
    database.exec(`PRAGMA journal_mode = ${journal}; PRAGMA synchronous = ${synchronous};`);
    for (const [i, step] of schema.steps.entries()) {
      if (i < versionOf(database)) continue;
      inTransaction(database, () =>
        database.exec(`${step}; PRAGMA application_id = ${schema.applicationId}; PRAGMA user_version = ${i + 1};`),
      );
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function refuseStrangers(database: DatabaseSync, path: string, { applicationId, what, steps }: Schema): void {
  const present = numberOf(database, "PRAGMA application_id");
  const tables = numberOf(database, "SELECT count(*) FROM sqlite_schema");
  if (present !== applicationId && (present !== 0 || tables > 0)) {
    throw new EvenkeelError("CONFLICT", TEXT.foreign(path, what), { cure: TEXT.foreignCure, facts: { file: path } });
  }
  const version = versionOf(database);
  if (version > steps.length) {
    throw new EvenkeelError("CONFLICT", TEXT.newer(path, version, steps.length), { cure: TEXT.newerCure, facts: { file: path } });
  }
}

function versionOf(database: DatabaseSync): number {
  return numberOf(database, "PRAGMA user_version");
}

/** The first column of the first row; 0 for none, and for NULL. */
export function numberOf(database: DatabaseSync, query: string): number {
  const row = database.prepare(query).get();
  return row === undefined ? 0 : Number(Object.values(row)[0] ?? 0);
}

/** All of it, or nothing. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    // SQLite ends the transaction by itself after some errors (a full disk).
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** Whether SQLite says that the file's content is broken, so that trying again is of no use. */
export function isCorruption(error: unknown): boolean {
  if (!(error instanceof Error && "errcode" in error && typeof error.errcode === "number")) return false;
  // The low byte; the others say where it was found.
  const code = error.errcode & 0xff;
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
}

/** Out of the way but not lost: one broken file is kept, the last. Returns its new name. */
export function putAside(path: string): string {
  const aside = `${path}.broken`;
  renameSync(path, aside);
  for (const end of ["-wal", "-shm", "-journal"]) {
    rmSync(`${aside}${end}`, { force: true });
    try {
      renameSync(`${path}${end}`, `${aside}${end}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return aside;
}
