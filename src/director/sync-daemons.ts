/** The sync daemons that were asked for, in the packet path's map `sync_daemons`: it keeps them, whoever runs them reads them there. */

import { packetBytes } from "../model/address.ts";
import type { StandingSyncDaemon } from "../model/edit.ts";
import { SyncRole } from "../wire/abi.ts";
import type { PacketPath } from "./packet-path.ts";
import { addressOf, familyNumber } from "./server-value.ts";

const ROLES = { master: SyncRole.MASTER, backup: SyncRole.BACKUP } as const satisfies Record<StandingSyncDaemon["role"], number>;
/** IFNAMSIZ. */
const NAME_BYTES = 16;

const NOT_WANTED = {
  interfaceName: new Uint8Array(NAME_BYTES),
  group: new Uint8Array(16),
  groupFamily: 0,
  syncId: 0,
  ttl: 0,
  maxLength: 0,
  port: 0,
};

/** The master first, as ipvsadm lists them. */
export function readSyncDaemons(path: PacketPath): StandingSyncDaemon[] {
  return (Object.keys(ROLES) as StandingSyncDaemon["role"][]).flatMap((role) => {
    const entry = path.maps.sync_daemons.lookup(ROLES[role]);
    if (entry === undefined || entry.interfaceName[0] === 0) return [];
    const { interfaceName, group, groupFamily, ...rest } = entry;
    const name = new TextDecoder().decode(interfaceName.subarray(0, interfaceName.indexOf(0)));
    return [{ role, interfaceName: name, group: addressOf(group, groupFamily), ...rest }];
  });
}

export function writeSyncDaemons(path: PacketPath, daemons: readonly StandingSyncDaemon[]): void {
  for (const [role, index] of Object.entries(ROLES)) {
    const daemon = daemons.find((each) => each.role === role);
    path.maps.sync_daemons.update(index, daemon === undefined ? NOT_WANTED : entryOf(daemon));
  }
}

function entryOf({ interfaceName, group, syncId, maxLength, port, ttl }: StandingSyncDaemon): typeof NOT_WANTED {
  const name = new Uint8Array(NAME_BYTES);
  name.set(new TextEncoder().encode(interfaceName).subarray(0, NAME_BYTES - 1));
  const bytes = new Uint8Array(16);
  bytes.set(packetBytes(group));
  return { interfaceName: name, group: bytes, groupFamily: familyNumber(group), syncId, ttl, maxLength, port };
}
