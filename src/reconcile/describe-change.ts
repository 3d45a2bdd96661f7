/** A change as one line for people: what `evenkeel apply` prints, and what the journal will say. */

import { describeMark } from "../model/mark-rule.ts";
import type { Change, ServiceHead } from "../model/plane.ts";
import { describeServer, type RealServer, serverName, serviceName } from "../model/service.ts";
import { describeDifference, serverFacts, serviceFacts, settingsFacts, unusualFacts } from "./facts.ts";

export function describeChange(change: Change): string {
  switch (change.kind) {
    case "attach":
      return `attach to ${change.attachment.interfaceName} (hook ${change.attachment.hook})`;
    case "detach":
      return `detach from ${change.attachment.interfaceName} (hook ${change.attachment.hook})`;
    case "add-service":
      return `add service ${serviceName(change.service)} ${describeRules(change.service)}, servers: ${listServers(change.service.servers)}`;
    case "edit-service":
      return `edit service ${serviceName(change.after)}: ${describeDifference(serviceFacts(change.before), serviceFacts(change.after))}`;
    case "delete-service":
      return `delete service ${serviceName(change.service)}`;
    case "add-server":
      return `add server ${describeServer(change.server)} to ${serviceName(change.service)}`;
    case "edit-server":
      return `edit server ${serverName(change.after)} of ${serviceName(change.service)}: ${describeDifference(serverFacts(change.before), serverFacts(change.after))}`;
    case "delete-server":
      return `delete server ${serverName(change.server)} from ${serviceName(change.service)}`;
    case "edit-settings":
      return `edit settings: ${describeDifference(settingsFacts(change.before), settingsFacts(change.after))}`;
    case "edit-marks":
      return change.after.length === 0 ? "delete all mark rules" : `set mark rules: ${listFirst(change.after.map(describeMark), "; ")}`;
    case "edit-sync-daemons":
      return `want sync daemons: ${change.after.map(({ role, interfaceName }) => `${role} on ${interfaceName}`).join(", ") || "none"}`;
  }
}

/** "scheduler rr, persistence 300 s": what is as usual is left out. */
function describeRules(head: ServiceHead): string {
  const { scheduler } = serviceFacts(head);
  return [`scheduler ${scheduler}`, ...unusualFacts(head).map(([name, text]) => `${name} ${text}`)].join(", ");
}

function listServers(servers: readonly RealServer[]): string {
  return servers.length === 0 ? "none" : listFirst(servers.map(describeServer), ", ");
}

function listFirst(things: readonly string[], separator: string): string {
  const shown = things.slice(0, 4).join(separator);
  return things.length > 4 ? `${shown} and ${things.length - 4} more` : shown;
}
