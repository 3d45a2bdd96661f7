/** /metrics, for Prometheus. */

import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { directorFamilies } from "../metrics/director-families.ts";
import { exposition } from "../metrics/exposition.ts";
import { nodeExporterFamilies } from "../metrics/node-exporter-families.ts";
import { type ApiApp, type ApiContext, operation, textAnswer } from "../operation.ts";

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function metricRoutes(app: ApiApp, context: ApiContext): void {
  app.get(
    "/metrics",
    {
      schema: operation(
        {
          id: "getMetrics",
          tag: "probes",
          summary: "Services, servers, checks and the director in Prometheus' text format",
          answer: { "text/plain": textAnswer("Text format 0.0.4.", 'evenkeel_build_info{version="0.1.0"} 1\n') },
        },
        {},
      ),
    },
    (_request, reply) => reply.type(METRICS_TYPE).send(Readable.from(pieces(context), { objectMode: false })),
  );
}

async function* pieces({ director, readers, nodeExporterNames, processMetrics }: ApiContext): AsyncGenerator<string> {
  const { counters } = director.kernel();
  const families = directorFamilies(director, counters.outcomes, readers.present);
  const all = nodeExporterNames() ? [...families, ...nodeExporterFamilies(counters)] : families;
  for (const piece of exposition(all)) {
    yield piece;
    await setImmediate();
  }
  yield await processMetrics.metrics();
}
