/** The tables of a director's state: what state.db holds. Each write is one transaction that survives a power failure. What it throws is SQLite's. */

import type { ConfigurationVersion } from "../director.ts";
import { inTransaction, openDatabase, type Schema } from "./database.ts";
import { decodeState, encodeState } from "./state-codec.ts";

/** The lists that are kept whole. */
export type ListName = "overrides" | "adopted";

/** One step of what has to be written. */
export type StateWrite =
  | { readonly kind: "list"; readonly name: ListName; readonly items: readonly unknown[] }
  /** `text`: of a version that is new; one that is there keeps its own. */
  | { readonly kind: "version"; readonly version: ConfigurationVersion; readonly text?: string }
  | { readonly kind: "forget-version"; readonly id: number };

export interface StateFile {
  list(name: ListName): readonly unknown[];
  /** Newest first. */
  versions(): readonly ConfigurationVersion[];
  text(id: number): string | undefined;
  /** All of them, or none. */
  write(writes: readonly StateWrite[]): void;
  close(): void;
}

const BUSY_MS = 1000;

const SCHEMA: Schema = {
  applicationId: 0x45_4b_53_31,
  what: "the state of a director",
  steps: [
    `CREATE TABLE lists (name TEXT PRIMARY KEY, items TEXT NOT NULL) STRICT;
     CREATE TABLE versions (id INTEGER PRIMARY KEY, version TEXT NOT NULL, text TEXT NOT NULL) STRICT`,
  ],
};

export function openStateFile(path: string): StateFile {
  const database = openDatabase(path, { schema: SCHEMA, journal: "DELETE", synchronous: "FULL", busyMs: BUSY_MS });
  const readList = database.prepare("SELECT items FROM lists WHERE name = ?");
  const readVersions = database.prepare("SELECT version FROM versions ORDER BY id DESC");
  const readText = database.prepare("SELECT text FROM versions WHERE id = ?");
  const keepList = database.prepare("INSERT OR REPLACE INTO lists VALUES (?, ?)");
  const addVersion = database.prepare("INSERT OR REPLACE INTO versions VALUES (?, ?, ?)");
  const changeVersion = database.prepare("UPDATE versions SET version = ? WHERE id = ?");
  const forgetVersion = database.prepare("DELETE FROM versions WHERE id = ?");

  const perform = (write: StateWrite): void => {
    switch (write.kind) {
      case "list":
        keepList.run(write.name, encodeState(write.items));
        return;
      case "version":
        if (write.text === undefined) changeVersion.run(encodeState(write.version), write.version.id);
        else addVersion.run(write.version.id, encodeState(write.version), write.text);
        return;
      case "forget-version":
        forgetVersion.run(write.id);
        return;
    }
  };

  return {
    list(name) {
      const row = readList.get(name);
      return row === undefined ? [] : (decodeState(String(row["items"])) as readonly unknown[]);
    },
    versions: () => readVersions.all().map((row) => decodeState(String(row["version"])) as ConfigurationVersion),
    text(id) {
      const row = readText.get(id);
      return row === undefined ? undefined : String(row["text"]);
    },
    write: (writes) => inTransaction(database, () => writes.forEach(perform)),
    close: () => database.close(),
  };
}
