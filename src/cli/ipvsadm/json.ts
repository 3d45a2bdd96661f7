/** `-o json`, Evenkeel's own: what ipvsadm lists, for programs. Services and connections as `evenkeel status` and `connections` write them. */

import { connectionJson } from "../../director/connection-json.ts";
import type { Connection } from "../../director/connection-reader.ts";
import { serverJson, serviceJson } from "../../director/status-json.ts";
import { formatAddress } from "../../model/address.ts";
import type { StandingSyncDaemon } from "../../model/edit.ts";
import type { Timeouts } from "../../model/service.ts";
import { inChunks } from "../chunks.ts";
import { listedInOrder, type Order } from "./order.ts";
import type { ListedService } from "./view.ts";

/** One document; docs/ipvsadm-json.md shows it. In the order of the list that people read. */
export function jsonServices(services: readonly ListedService[], order: Order = {}): string {
  return document({
    services: listedInOrder(services, order).map(({ service, traffic, rates, servers }) => ({
      ...serviceJson({ service, rates, ...traffic }),
      servers: servers.map(serverJson),
    })),
  });
}

/** One document in chunks, a line for a connection. */
export function jsonConnections(connections: Iterable<Connection>): Generator<string> {
  return inChunks(connectionLines(connections));
}

function* connectionLines(connections: Iterable<Connection>): Generator<string> {
  yield '{"connections":[';
  let before = "\n";
  for (const one of connections) {
    yield `${before}${JSON.stringify(connectionJson(one))}`;
    before = ",\n";
  }
  yield "\n]}\n";
}

export function jsonTimeouts({ tcp, tcpFin, udp }: Required<Timeouts>): string {
  return document({ timeouts: { tcp, tcpFin, udp } });
}

export function jsonDaemons(daemons: readonly StandingSyncDaemon[]): string {
  return document({
    syncDaemons: daemons.map(({ role, interfaceName, syncId, maxLength, group, port, ttl }) => ({
      role,
      interface: interfaceName,
      syncId,
      maxLength,
      group: formatAddress(group),
      port,
      ttl,
    })),
  });
}

function document(content: object): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}
