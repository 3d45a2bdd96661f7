/** Reads a configuration file: the one place where configuration meets the file system. */

import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { checkKinds } from "../checker/check-kinds.ts";
import type { Configuration } from "../config/configuration.ts";
import { requireConfiguration } from "../config/parse.ts";
import type { PlaceOf } from "../director/preflight.ts";
import { EvenkeelError } from "../model/error.ts";

const STANDARD_INPUT = "-";

interface Read {
  readonly configuration: Configuration;
  readonly placeOf: PlaceOf;
}

export async function readConfigurationFile(file: string): Promise<Read> {
  const fileName = file === STANDARD_INPUT ? "standard input" : file;
  const { configuration, source } = requireConfiguration(await read(file), fileName, checkKinds);
  const placeOf: PlaceOf = (path) => {
    const { line, column } = source.complaint(path, "");
    return `${fileName}:${line}:${column}`;
  };
  return { configuration, placeOf };
}

async function read(file: string): Promise<Uint8Array> {
  try {
    // A stream, since a synchronous read would not wait for a slow writer (EAGAIN).
    return file === STANDARD_INPUT ? await buffer(process.stdin) : readFileSync(file);
  } catch (error) {
    throw new EvenkeelError(
      "BAD_CONFIGURATION",
      `cannot read the configuration ${file}: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
        cure: "give the path of a readable file, or - for the standard input",
      },
    );
  }
}
