/** The text of a configuration file, or of the standard input, and what complaints call it: the one place where configuration meets the file system. */

import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { EvenkeelError } from "../model/error.ts";

const STANDARD_INPUT = "-";
/** More than any configuration may have; whoever understands the file says how much that is. */
const READ_BYTES_MAX = 32 * 1024 * 1024;

const TEXT = {
  endless: `it is longer than ${READ_BYTES_MAX / 1024 / 1024} MiB`,
};

export interface ConfigurationText {
  readonly bytes: Uint8Array;
  readonly fileName: string;
}

export async function readConfigurationText(file: string): Promise<ConfigurationText> {
  try {
    // A stream, since a synchronous read would not wait for a slow writer (EAGAIN).
    const bytes = await readBounded(file === STANDARD_INPUT ? process.stdin : createReadStream(file));
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

/** All of it. A pipe or a device may have no end (/dev/zero): what is too long is not read on. */
export async function readBounded(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > READ_BYTES_MAX) throw new Error(TEXT.endless);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** As it is sent to a director. Bytes that are no text are complained of here, where they still are what they are. */
export async function sendable(read: ConfigurationText): Promise<{ readonly text: string; readonly file: string }> {
  if (!isUtf8(read.bytes)) (await import("./configuration-file.ts")).understandConfiguration(read);
  return { text: new TextDecoder().decode(read.bytes), file: read.fileName };
}
