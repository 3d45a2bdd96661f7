/** A change as one line for people: what `evenkeel apply` prints, and what the journal will say. */

import type { Change } from "../model/plane.ts";
import { describeServer, type RealServer, serverName, serviceName } from "../model/service.ts";

export function describeChange(change: Change): string {
  switch (change.kind) {
    case "attach":
      return `attach to ${change.attachment.interfaceName} (hook ${change.attachment.hook})`;
    case "detach":
      return `detach from ${change.attachment.interfaceName} (hook ${change.attachment.hook})`;
    case "add-service":
      return `add service ${serviceName(change.service)} scheduler ${change.service.scheduler}, servers: ${listServers(change.service.servers)}`;
    case "edit-service":
      return `edit service ${serviceName(change.after)}: scheduler ${change.before.scheduler} -> ${change.after.scheduler}`;
    case "delete-service":
      return `delete service ${serviceName(change.service)}`;
    case "add-server":
      return `add server ${describeServer(change.server)} to ${serviceName(change.service)}`;
    case "edit-server":
      return `edit server ${serverName(change.after)} of ${serviceName(change.service)}: ${describeEdit(change.before, change.after)}`;
    case "delete-server":
      return `delete server ${serverName(change.server)} from ${serviceName(change.service)}`;
  }
}

function listServers(servers: readonly RealServer[]): string {
  const shown = servers.slice(0, 4).map(describeServer).join(", ");
  if (servers.length === 0) return "none";
  return servers.length > 4 ? `${shown} and ${servers.length - 4} more` : shown;
}

function describeEdit(before: RealServer, after: RealServer): string {
  const edits: string[] = [];
  if (before.weight !== after.weight) edits.push(`weight ${before.weight} -> ${after.weight}`);
  if (before.method !== after.method) edits.push(`method ${before.method} -> ${after.method}`);
  return edits.join(", ");
}
