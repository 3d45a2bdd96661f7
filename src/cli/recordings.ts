/** Finds recordings below a directory and reads them, compressed or not. */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { EvenkeelError } from "../model/error.ts";

/** A file that could not be read as JSON. */
export class UnreadableRecording extends Error {
  override readonly name = "UnreadableRecording";
}

/** The paths of all .json, .json.gz and .json.br files, in order; or the one file itself. */
export function recordingsBelow(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && /\.json(\.gz|\.br)?$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (cause) {
    throw new EvenkeelError("BAD_ARGUMENT", `the recordings in "${path}" cannot be read`, {
      cure: "name a directory that exists and may be read",
      cause,
    });
  }
}

export function readRecording(file: string): unknown {
  try {
    const bytes = readFileSync(file);
    const plain = file.endsWith(".gz") ? gunzipSync(bytes) : file.endsWith(".br") ? brotliDecompressSync(bytes) : bytes;
    return JSON.parse(plain.toString("utf8"));
  } catch (cause) {
    throw new UnreadableRecording(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
