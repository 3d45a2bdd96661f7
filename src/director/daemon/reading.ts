/** A configuration as it comes to a director: its text, what it says, and its digest. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { checkKinds } from "../../checker/check-kinds.ts";
import type { Configuration } from "../../config/configuration.ts";
import { requireConfiguration } from "../../config/parse.ts";
import { EvenkeelError } from "../../model/error.ts";
import type { Places } from "../preflight-complaints.ts";

export interface Reading {
  readonly text: string;
  readonly file: string;
  readonly digest: string;
  readonly configuration: Configuration;
  readonly places: Places;
}

/** Throws ConfigurationError with every complaint. */
export function readText(text: string, file: string): Reading {
  const { configuration, source } = requireConfiguration(text, file, checkKinds);
  return { text, file, digest: digestOf(text), configuration, places: source };
}

export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export function readFileText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new EvenkeelError(
      "BAD_CONFIGURATION",
      `cannot read the configuration ${file}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error, cure: "give the path of a readable file" },
    );
  }
}
