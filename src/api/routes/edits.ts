/** ipvsadm's edits while a director runs, and what was adopted of them. */

import { z } from "zod";
import { type ApiApp, type ApiContext, answer, askerOf, operation } from "../operation.ts";
import { refusalReply } from "../problem.ts";
import { editedSchema } from "../schemas/director.ts";
import { editsBody } from "../schemas/edits.ts";
import { reasonQuery } from "../schemas/request.ts";
import { said } from "../schemas/words.ts";
import type { EditedReply } from "../types.ts";

/** A table of a hundred thousand servers. */
const EDITS_BYTES_MAX = 32 * 1024 * 1024;

const adoptedSchema = said(z.strictObject({ adopted: z.array(z.string()) }), {
  examples: [{ adopted: ["add-service tcp 192.0.2.20:80 wlc"] }],
});
const forgottenSchema = said(z.strictObject({ forgotten: z.array(z.string()) }), { examples: [{ forgotten: [] }] });

export function editRoutes(app: ApiApp, { director }: ApiContext): void {
  app.post(
    "/v1/edits",
    {
      bodyLimit: EDITS_BYTES_MAX,
      schema: operation(
        {
          id: "edit",
          tag: "edits",
          summary: "Edits by hand, as ipvsadm makes them: all of them or none",
          description:
            "What is not possible is a problem with `refusal`, which says which edit it was; with `keepGoing` it is passed over and told.",
          answer: editedSchema,
          problems: [404, 409, 413, 415],
        },
        { body: editsBody },
      ),
    },
    async (request, reply) => {
      const { edits, options = {}, reason } = request.body;
      const { refused, warnings } = await director.edit(edits, options, askerOf(request, reason));
      return answer(reply, { refused: refused.map(refusalReply), warnings } satisfies EditedReply);
    },
  );

  app.get(
    "/v1/adopted",
    {
      schema: operation(
        { id: "listAdopted", tag: "edits", summary: "What the kernel holds beside the configuration by hand", answer: adoptedSchema },
        {},
      ),
    },
    (_request, reply) => answer(reply, { adopted: director.status().adopted }),
  );

  app.delete(
    "/v1/adopted",
    {
      schema: operation(
        {
          id: "forgetAdopted",
          tag: "edits",
          summary: "Forget it: the packet path goes back to the configuration",
          answer: forgottenSchema,
          problems: [409],
        },
        { querystring: reasonQuery },
      ),
    },
    async (request, reply) => answer(reply, { forgotten: await director.forgetAdopted(askerOf(request, request.query.reason)) }),
  );
}
