/** Edits by hand as they come: addresses as text become addresses. What IPVS would say of an edit is not asked here, but by reconcile/edits.ts. */

import { z } from "zod";
import { parseAddress } from "../../model/address.ts";
import type { Edit } from "../../model/edit.ts";
import { EvenkeelError } from "../../model/error.ts";
import { FORWARDING_METHODS, KEPT_SCHEDULER_FLAGS, PROTOCOLS, SCHEDULERS, TUNNEL_TYPES } from "../../model/service.ts";
import { said } from "./words.ts";

const INT_MAX = 2 ** 31 - 1;
/** A whole table of IPVS, as `ipvsadm -R` sends it. */
const EDITS_MAX = 200_000;

const address = said(
  z
    .string()
    .max(60)
    .transform((text, context) => {
      try {
        return parseAddress(text);
      } catch (error) {
        if (!(error instanceof EvenkeelError)) throw error;
        context.addIssue({ code: "custom", message: error.message });
        return z.NEVER;
      }
    }),
  { description: "IPv4 or IPv6.", examples: ["192.0.2.10"] },
);
const port = z.int().min(0).max(65535);
const seconds = z.int().min(0).max(INT_MAX);

const serviceName = {
  address,
  port,
  protocol: z.enum(PROTOCOLS),
  mark: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .exactOptional(),
};
const timeouts = z.strictObject({ tcp: seconds.exactOptional(), tcpFin: seconds.exactOptional(), udp: seconds.exactOptional() });
const head = z.strictObject({
  ...serviceName,
  scheduler: z.enum(SCHEDULERS),
  schedulerFlags: z.array(z.enum(KEPT_SCHEDULER_FLAGS)).max(KEPT_SCHEDULER_FLAGS.length).exactOptional(),
  persistence: z.strictObject({ timeoutSeconds: seconds, clientMask: address.exactOptional() }).exactOptional(),
  onePacket: z.boolean().exactOptional(),
  persistenceEngine: z.literal("sip").exactOptional(),
  sloppy: z.boolean().exactOptional(),
  fullNat: address.exactOptional(),
  timeouts: timeouts.exactOptional(),
});
// What only names something may say more of it, which is passed over: a whole service names itself.
const named = z.object(serviceName);
const serverName = z.object({ address, port });
const server = z.strictObject({
  address,
  port,
  weight: z.int().min(0).max(INT_MAX),
  method: z.enum(FORWARDING_METHODS),
  tunnel: z
    .strictObject({
      type: z.enum(TUNNEL_TYPES),
      port: port.exactOptional(),
      checksum: z.boolean().exactOptional(),
      remoteChecksum: z.boolean().exactOptional(),
    })
    .exactOptional(),
  upperThreshold: z.int().min(0).max(INT_MAX).exactOptional(),
  lowerThreshold: z.int().min(0).max(INT_MAX).exactOptional(),
});
const role = z.enum(["master", "backup"]);

const edit = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("add-service"), service: head }),
  z.strictObject({ kind: z.literal("edit-service"), service: head }),
  z.strictObject({ kind: z.literal("delete-service"), service: named }),
  z.strictObject({ kind: z.literal("clear") }),
  z.strictObject({ kind: z.literal("add-server"), service: named, server }),
  z.strictObject({ kind: z.literal("edit-server"), service: named, server }),
  z.strictObject({ kind: z.literal("delete-server"), service: named, server: serverName }),
  z.strictObject({ kind: z.literal("set-timeouts"), timeouts }),
  z.strictObject({ kind: z.literal("reset-counters"), service: named.exactOptional() }),
  z.strictObject({
    kind: z.literal("start-daemon"),
    daemon: z.strictObject({
      role,
      interfaceName: z.string().min(1).max(15),
      syncId: z.int().min(0).max(255),
      maxLength: z.int().min(1).max(65535).exactOptional(),
      group: address,
      port,
      ttl: z.int().min(1).max(255),
    }),
  }),
  z.strictObject({ kind: z.literal("stop-daemon"), role }),
]) satisfies z.ZodType<Edit>;

export const editsBody = said(
  z.strictObject({
    edits: z.array(edit).max(EDITS_MAX),
    options: z
      .strictObject({
        keepGoing: said(z.boolean(), "What is not possible is passed over and told.").exactOptional(),
        replace: said(z.boolean(), "The services become what the edits make of none.").exactOptional(),
        judgeOnly: said(z.boolean(), "Only whether it is possible.").exactOptional(),
      })
      .exactOptional(),
    reason: z.string().max(300).exactOptional(),
  }),
  {
    examples: [
      {
        edits: [
          { kind: "add-service", service: { address: "192.0.2.10", port: 80, protocol: "tcp", scheduler: "wlc" } },
          {
            kind: "add-server",
            service: { address: "192.0.2.10", port: 80, protocol: "tcp" },
            server: { address: "10.0.0.11", port: 80, weight: 1, method: "nat" },
          },
        ],
      },
    ],
  },
);
