/** Reads a configuration file: the one place where configuration meets the file system. */

import { readFileSync } from "node:fs";
import type { Configuration } from "../config/configuration.ts";
import { requireConfiguration } from "../config/parse.ts";
import type { PlaceOf } from "../director/preflight.ts";
import { EvenkeelError } from "../model/error.ts";

const STANDARD_INPUT = "-";

export function readConfigurationFile(file: string): { readonly configuration: Configuration; readonly placeOf: PlaceOf } {
  const fileName = file === STANDARD_INPUT ? "standard input" : file;
  const { configuration, source } = requireConfiguration(read(file), fileName);
  const placeOf: PlaceOf = (path) => {
    const { line, column } = source.complaint(path, "");
    return `${fileName}:${line}:${column}`;
  };
  return { configuration, placeOf };
}

function read(file: string): Uint8Array {
  try {
    return readFileSync(file === STANDARD_INPUT ? process.stdin.fd : file);
  } catch (error) {
    throw new EvenkeelError(
      "BAD_CONFIGURATION",
      `cannot read the configuration ${file}: ${error instanceof Error ? error.message : error}`,
      {
        cause: error,
        cure: "give the path of a readable file, or - for the standard input",
      },
    );
  }
}
