/**
 * The format of evenkeel.yaml as JSON Schema, for editors: made of the same shapes that files are read by. What no schema can say
 * (contradictions between keys, what this host has) `evenkeel check` says.
 */

import * as z from "zod";
import type { CheckKinds } from "./check-kinds.ts";
import {
  type FILE_KEYS,
  interfaceShape,
  markShape,
  persistentShape,
  quorumShape,
  type SERVICE_PARTS,
  serverShape,
  serviceShape,
  settingsShape,
  sorryShape,
  timeoutsShape,
  tunnelShape,
} from "./schema.ts";
import { checkShape } from "./schema-checks.ts";
import { apiShape, apiTcpShape, directorShape, journalShape, notifyShape } from "./schema-director.ts";
import { authenticationShape, type INSTANCE_PARTS, instanceAddress, instancePeer, instanceShape, trackShape } from "./schema-instances.ts";

/** JSON Schema, draft 2020-12. */
export function configurationJsonSchema(kinds: CheckKinds): Readonly<Record<string, unknown>> {
  return { title: "evenkeel.yaml", ...z.toJSONSchema(fileSchema(kinds), { io: "input", unrepresentable: "any" }) };
}

function fileSchema(kinds: CheckKinds): z.ZodType {
  const timeouts = z.strictObject(timeoutsShape);
  const file = {
    $schema: z.string().optional().describe("Where this schema is, for editors."),
    interfaces: z
      .array(z.strictObject(interfaceShape))
      .min(1)
      .optional()
      .describe("Where to listen. Left out: every interface that carries a virtual address or leads to a NAT server."),
    settings: z
      .strictObject({ ...settingsShape, timeouts: timeouts.optional().describe("Of services that have none of their own.") })
      .optional()
      .describe("Of the packet path as a whole, by the names of IPVS's sysctls."),
    marks: z
      .array(z.strictObject(markShape))
      .optional()
      .describe("Firewall marks: the first rule that holds gives a packet its mark. What a rule leaves out is any."),
    services: z.array(serviceSchema(kinds, timeouts)).describe("Virtual services and their servers."),
    director: z.strictObject(directorShape).optional().describe("How the director works."),
    api: z
      .strictObject({ ...apiShape, tcp: z.strictObject(apiTcpShape).optional().describe("Open over TCP too; closed when left out.") })
      .optional()
      .describe("Who may ask the director."),
    notify: z.array(z.strictObject(notifyShape)).optional().describe("Programs that are told of events, in their order."),
    journal: z.strictObject(journalShape).optional().describe("What is kept of events on disk."),
    instances: z.array(instanceSchema()).optional().describe("VRRP. Checked, and not yet run."),
    listeners: z.array(z.never()).optional().describe("Layer 7, which is to come: an empty list."),
  } satisfies Record<(typeof FILE_KEYS)[number], z.ZodType>;
  return z.strictObject(file).describe("The configuration of an Evenkeel director.");
}

function serviceSchema(kinds: CheckKinds, timeouts: z.ZodType): z.ZodType {
  const tunnel = z.strictObject(tunnelShape).optional().describe("tun: what stands between the outer and the inner header.");
  const checks = z.array(checkSchema(kinds)).optional();
  const parts = {
    persistent: z
      .union([persistentShape.timeout, z.strictObject(persistentShape)])
      .optional()
      .describe("All of a client's connections reach one server: seconds, or a mapping."),
    timeouts: timeouts.optional().describe("For this service's connections alone."),
    quorum: z
      .union([quorumShape.weight, z.strictObject(quorumShape)])
      .optional()
      .describe("What the servers that are well have to weigh together: a number, or a mapping."),
    sorry_server: z
      .strictObject({ ...sorryShape, tunnel })
      .optional()
      .describe("Serves while the quorum is lost."),
    checks: checks.describe("How each of its servers is checked, unless it has checks of its own. Without checks a server is well."),
    servers: z
      .array(
        z.strictObject({
          ...serverShape,
          tunnel,
          checks: checks.describe("In the place of the service's; an empty list is none."),
        }),
      )
      .describe("Its real servers."),
  } satisfies Record<(typeof SERVICE_PARTS)[number], z.ZodType>;
  return z.strictObject({ ...serviceShape, ...parts });
}

function checkSchema(kinds: CheckKinds): z.ZodType {
  const ofKinds = kinds.names.map((kind) => {
    const options = z.strictObject(kinds.shapeOf(kind)).nullable().describe(`Options of the check ${kind}.`);
    return z.strictObject({ [kind]: options, ...checkShape });
  });
  return z.union([z.enum(kinds.names), ...ofKinds]).meta({ id: "check" });
}

function instanceSchema(): z.ZodType {
  const parts = {
    authentication: z.strictObject(authenticationShape).optional().describe("VRRP 2 only."),
    addresses: z.array(instanceAddress).describe("What the master holds."),
    peers: z.array(instancePeer).optional().describe("Members that are told by unicast; multicast when left out."),
    track: z.array(z.strictObject(trackShape)).optional().describe("What lowers the priority."),
  } satisfies Record<(typeof INSTANCE_PARTS)[number], z.ZodType>;
  return z.strictObject({ ...instanceShape, ...parts });
}
