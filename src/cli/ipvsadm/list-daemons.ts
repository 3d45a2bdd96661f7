/** `ipvsadm -L --daemon`: the sync daemons that were started, the master's first. */

import type { StandingSyncDaemon } from "../../model/edit.ts";
import { addressText } from "./end-text.ts";

export function listDaemons(daemons: readonly StandingSyncDaemon[]): string {
  return daemons
    .toSorted((one, other) => ROLES.indexOf(one.role) - ROLES.indexOf(other.role))
    .map(
      ({ role, interfaceName, syncId, maxLength, group, port, ttl }) =>
        `${role} sync daemon (mcast=${interfaceName}, syncid=${syncId}, maxlen=${maxLength}, group=${addressText(group)}, port=${port}, ttl=${ttl})\n`,
    )
    .join("");
}

const ROLES: readonly StandingSyncDaemon["role"][] = ["master", "backup"];
