/** The routes of the API, in the order in which its document lists them. */

import type { ApiApp, ApiContext } from "../operation.ts";
import { configurationRoutes } from "./configuration.ts";
import { connectionRoutes } from "./connections.ts";
import { directorRoutes } from "./director.ts";
import { editRoutes } from "./edits.ts";
import { eventRoutes } from "./events.ts";
import { metricRoutes } from "./metrics.ts";
import { overrideRoutes, serviceRoutes } from "./services.ts";

export const ROUTES: readonly ((app: ApiApp, context: ApiContext) => void)[] = [
  directorRoutes,
  serviceRoutes,
  connectionRoutes,
  overrideRoutes,
  configurationRoutes,
  editRoutes,
  eventRoutes,
  metricRoutes,
];
