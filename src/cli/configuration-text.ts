/** The text of a configuration file, or of the standard input, and what complaints call it: the one place where configuration meets the file system. */

import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { EvenkeelError } from "../model/error.ts";

const STANDARD_INPUT = "-";

export interface ConfigurationText {
  readonly bytes: Uint8Array;
  readonly fileName: string;
}

export async function readConfigurationText(file: string): Promise<ConfigurationText> {
  try {
    // A stream, since a synchronous read would not wait for a slow writer (EAGAIN).
    const bytes = file === STANDARD_INPUT ? await buffer(process.stdin) : readFileSync(file);
    return { bytes, fileName: file === STANDARD_INPUT ? "standard input" : file };
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

/** As it is sent to a director. Bytes that are no text are complained of here, where they still are what they are. */
export async function sendable(read: ConfigurationText): Promise<{ readonly text: string; readonly file: string }> {
  if (!isUtf8(read.bytes)) (await import("./configuration-file.ts")).understandConfiguration(read);
  return { text: new TextDecoder().decode(read.bytes), file: read.fileName };
}
