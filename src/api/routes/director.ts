/** The director itself: how it is, what the kernel holds, what it measured; and the probes of those who watch over it. */

import { z } from "zod";
import { statusJson } from "../../director/status-json.ts";
import { type ApiApp, type ApiContext, answer, operation } from "../operation.ts";
import { measuresSchema, statusSchema } from "../schemas/director.ts";
import { said } from "../schemas/words.ts";

const kernelSchema = said(z.looseObject({ services: z.array(z.looseObject({})) }), {
  description: "As `evenkeel status -o json` prints it.",
  examples: [{ attachments: [], settings: {}, marks: [], services: [], outcomes: {} }],
});
const aliveSchema = said(z.strictObject({ alive: z.literal(true) }), { examples: [{ alive: true }] });
const readySchema = said(z.strictObject({ ready: z.boolean(), troubles: z.array(z.string()) }), {
  examples: [{ ready: true, troubles: [] }],
});

export function directorRoutes(app: ApiApp, { director }: ApiContext): void {
  app.get(
    "/v1/status",
    { schema: operation({ id: "getStatus", tag: "director", summary: "How the director is", answer: statusSchema }, {}) },
    (_request, reply) => answer(reply, director.status()),
  );

  app.get(
    "/v1/kernel",
    {
      schema: operation(
        { id: "getKernel", tag: "director", summary: "What the kernel holds and has counted", answer: kernelSchema, problems: [503] },
        {},
      ),
    },
    (_request, reply) => {
      const { state, counters } = director.kernel();
      return answer(reply, statusJson(state, counters));
    },
  );

  app.get(
    "/v1/measures",
    {
      schema: operation(
        { id: "getMeasures", tag: "director", summary: "What the director measured of itself", answer: measuresSchema },
        {},
      ),
    },
    (_request, reply) => answer(reply, director.measures()),
  );

  app.get(
    "/healthz",
    { schema: operation({ id: "isAlive", tag: "probes", summary: "It answers, so it is alive", answer: aliveSchema }, {}) },
    (_request, reply) => answer(reply, { alive: true }),
  );

  app.get(
    "/readyz",
    {
      schema: operation(
        {
          id: "isReady",
          tag: "probes",
          summary: "The packet path is as the configuration wants it; else 503, with what is wrong",
          answer: readySchema,
          otherwise: { status: 503, answer: readySchema, description: "It is not ready" },
        },
        {},
      ),
    },
    (_request, reply) => {
      const { ready, troubles } = director.status();
      return answer(reply.code(ready ? 200 : 503), { ready, troubles });
    },
  );
}
