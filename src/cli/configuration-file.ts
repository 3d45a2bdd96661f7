/** What a configuration file means, and where each thing stands in it. */

import { checkKinds } from "../checker/check-kinds.ts";
import type { CheckKinds } from "../config/check-kinds.ts";
import type { Configuration } from "../config/configuration.ts";
import { requireConfiguration } from "../config/parse.ts";
import type { Source } from "../config/source.ts";
import { type ConfigurationText, readConfigurationText } from "./configuration-text.ts";

interface Understood {
  readonly configuration: Configuration;
  /** Knows the place of each thing in the file. */
  readonly source: Source;
}

/** Throws ConfigurationError. */
export async function readConfigurationFile(file: string, kinds: CheckKinds = checkKinds): Promise<Understood> {
  return understandConfiguration(await readConfigurationText(file), kinds);
}

/** Throws ConfigurationError. */
export function understandConfiguration({ bytes, fileName }: ConfigurationText, kinds: CheckKinds = checkKinds): Understood {
  return requireConfiguration(bytes, fileName, kinds);
}
