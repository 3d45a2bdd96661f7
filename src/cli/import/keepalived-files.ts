/** Reads keepalived.conf and what it includes: the place where their import meets the file system. */

import { globSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { IncludedFile } from "../../config/keepalived/lines.ts";
import { FILE_BYTES_MAX } from "../../config/source.ts";

/** Of one include. */
const FILES_MAX = 1000;

const TEXT = {
  large: (bytes: number) => `it has ${bytes} bytes; at most ${FILE_BYTES_MAX} (4 MiB) are read`,
  noFile: "it is no regular file",
  many: `the pattern stands for more than ${FILES_MAX} files`,
};

/** As keepalived does: relative to the directory of the file that includes; a pattern may stand for no file at all. */
export function includeFiles(pattern: string, from: string): readonly IncludedFile[] | string {
  const path = isAbsolute(pattern) ? pattern : join(dirname(from), pattern);
  const isPattern = /[*?[{]/.test(pattern);
  const names = isPattern ? globSync(path).toSorted() : [path];
  if (names.length > FILES_MAX) return TEXT.many;
  const files: IncludedFile[] = [];
  for (const fileName of names) {
    const file = readText(fileName);
    if (typeof file === "string") return file;
    files.push(file);
  }
  return files;
}

/** Or why it cannot be read. */
function readText(fileName: string): IncludedFile | string {
  try {
    const seen = statSync(fileName);
    // A pipe may wait for ever, and a device have no end. Of a directory the system says what it is.
    if (!seen.isFile() && !seen.isDirectory()) return TEXT.noFile;
    return seen.size > FILE_BYTES_MAX ? TEXT.large(seen.size) : { fileName, text: readFileSync(fileName, "utf8") };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
