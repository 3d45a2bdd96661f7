/** Reads a configuration file: the one place where configuration meets the file system. */

import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { checkKinds } from "../checker/check-kinds.ts";
import type { CheckKinds } from "../config/check-kinds.ts";
import type { Configuration } from "../config/configuration.ts";
import { requireConfiguration } from "../config/parse.ts";
import type { Source } from "../config/source.ts";
import { EvenkeelError } from "../model/error.ts";

const STANDARD_INPUT = "-";

/** `source` knows the place of each thing in the file. Throws ConfigurationError. */
export async function readConfigurationFile(
  file: string,
  kinds: CheckKinds = checkKinds,
): Promise<{ readonly configuration: Configuration; readonly source: Source }> {
  const fileName = file === STANDARD_INPUT ? "standard input" : file;
  return requireConfiguration(await read(file), fileName, kinds);
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
