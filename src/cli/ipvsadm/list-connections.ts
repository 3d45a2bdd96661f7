/** `ipvsadm -Lc`: the connections, one after the other as they are read; a million pass through a few kilobytes of memory. */

import type { Connection, End } from "../../director/connection-reader.ts";
import { inChunks } from "../chunks.ts";
import type { ListFormat, Names } from "./command.ts";
import { type EndText, endText } from "./end-text.ts";

const TITLE = "IPVS connection entries\n";
const HEAD = line("pro", "expire", "state", "source", "virtual", "destination");
/** --persistent-conn: what a persistence engine found in the packets would stand below. Ours finds nothing: templates are by address. */
const ENGINE_HEAD = line("pro", "expire", "state", "source", "virtual", `${"destination".padEnd(18)} ${"pe name".padEnd(16)} pe_data`);

export interface ConnectionListOptions {
  readonly format: Pick<ListFormat, "numeric" | "persistentConnections">;
  readonly names: Names;
}

/** Chunks of text. */
export function listConnections(connections: Iterable<Connection>, { format, names }: ConnectionListOptions): Generator<string> {
  const end = endText(format.numeric ? undefined : names);
  return inChunks(rows(connections, end, TITLE + (format.persistentConnections ? ENGINE_HEAD : HEAD)));
}

function* rows(connections: Iterable<Connection>, end: EndText, head: string): Generator<string> {
  yield head;
  for (const { protocol, expiresMs, state, client, virtual, server } of connections) {
    const named = ({ address, port }: End) => end(address, port, protocol === "ip" ? undefined : protocol);
    yield line(protocol.toUpperCase(), minutes(expiresMs), state, named(client), named(virtual), named(server));
  }
}

function line(pro: string, expire: string, state: string, source: string, virtual: string, destination: string): string {
  return `${pro.padEnd(3)} ${expire.padEnd(6)} ${state.padEnd(11)} ${source.padEnd(18)} ${virtual.padEnd(18)} ${destination}\n`;
}

/** "01:57", "44640:00". */
function minutes(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

function two(number: number): string {
  return `${number}`.padStart(2, "0");
}
