/** What a file that does not speak of it gets. */

import { DEFAULT_SETTINGS } from "../model/plane.ts";
import type { Configuration } from "./configuration.ts";

export const DEFAULTS = {
  interfaces: undefined,
  settings: DEFAULT_SETTINGS,
  marks: [],
  marksFromOutside: false,
  services: [],
  instances: [],
  director: { byHand: "adopt", compareMs: 60_000 },
  api: { nodeExporterNames: false },
  notify: [],
  journal: { entriesMax: 100_000, daysMax: 30 },
} as const satisfies Configuration;
