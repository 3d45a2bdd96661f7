/** What the kernel shows of itself: the lines of /proc/net/ip_vs_conn, and a server's row of weight and counters. */

import { type Address, formatEndpoint } from "../../model/address.ts";
import { SCTP_STATE_SHOWN } from "../../model/sctp-states.ts";
import type { Connection, State } from "./connection.ts";
import { type Destination, inactive } from "./destination.ts";

/** [server, weight, active, inactive] */
export type ServerRow = readonly [server: string, weight: number, active: number, inactive: number];

export function serverRow(destination: Destination): ServerRow {
  return [formatEndpoint(destination.address, destination.port), destination.weight, destination.active, inactive(destination)];
}

/** What a line shows of a connection. */
export type Shown = Pick<Connection, "key" | "server"> & { readonly stateName: string; readonly leftMs: number };

export function connectionLine({ key, server, state, expiresAtMs }: Connection, nowMs: number): string {
  return shownLine({ key, server, stateName: stateName(state), leftMs: expiresAtMs - nowMs });
}

/** "TCP C6336407 9C40 C0000201 0050 0A00000B 0050 ESTABLISHED 899" */
export function shownLine({ key, server, stateName: name, leftMs }: Shown): string {
  return [
    key.protocol.toUpperCase(),
    shown(key.client),
    hex(key.clientPort, 4),
    typeof key.virtualAddress === "number" ? shownMark(key.virtualAddress, key.client.family) : shown(key.virtualAddress),
    hex(key.virtualPort, 4),
    shown(server.address),
    hex(server.port, 4),
    name,
    `${Math.max(Math.floor(leftMs / 1000), 0)}`,
  ].join(" ");
}

function stateName(state: State): string {
  if (state.protocol === "template") return state.assured ? "ASSURED" : "NONE";
  if (state.protocol === "udp") return "UDP";
  if (state.protocol === "sctp") return SCTP_STATE_SHOWN[state.name] ?? state.name;
  return state.name;
}

function shown({ family, bytes }: Address): string {
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (family === "ipv4") return digits.slice(0, 8).toUpperCase();
  return (digits.match(/..../g) ?? []).join(":");
}

/** A mark stands in the first word of the address. */
function shownMark(mark: number, family: Address["family"]): string {
  if (family === "ipv4") return hex(mark, 8);
  return shown({ family, bytes: Uint8Array.from({ length: 16 }, (_, i) => (i < 4 ? (mark >>> (24 - 8 * i)) & 0xff : 0)) });
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
