/** Connections as a list, one after the other as they are read: a million pass through a few kilobytes of memory. */

import type { Writable } from "node:stream";
import { connectionJson } from "../director/connection-json.ts";
import type { Connection, End } from "../director/connection-reader.ts";
import { formatEndpoint } from "../model/address.ts";
import { inChunks, writeChunks } from "./chunks.ts";

export interface ListRequest {
  readonly limit: number;
  readonly stream: Writable;
}

export interface Listed {
  readonly listed: number;
  /** There was another one. */
  readonly more: boolean;
}

/** The columns of ipvsadm, so that what reads its list reads ours. */
export function listAsText(connections: Iterable<Connection>, request: ListRequest): Promise<Listed> {
  const line = (pro: string, expire: string, state: string, source: string, virtual: string, destination: string) =>
    `${pro.padEnd(3)} ${expire.padEnd(6)} ${state.padEnd(11)} ${source.padEnd(21)} ${virtual.padEnd(21)} ${destination}\n`;
  const endpoint = ({ address, port }: End) => formatEndpoint(address, port);
  const row = ({ protocol, expiresMs, state, client, virtual, server }: Connection) =>
    line(protocol.toUpperCase(), minutes(expiresMs), state, endpoint(client), endpoint(virtual), endpoint(server));
  return write(connections, request, { head: line("pro", "expire", "state", "source", "virtual", "destination"), row, foot: () => "" });
}

function minutes(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (number: number) => `${number}`.padStart(2, "0");
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

/** One document, a line for a connection. */
export function listAsJson(connections: Iterable<Connection>, request: ListRequest): Promise<Listed> {
  const row = (one: Connection, i: number) => `${i === 0 ? "\n" : ",\n"}${JSON.stringify(connectionJson(one))}`;
  const foot = ({ listed, more }: Listed) => `\n],"listed":${listed},"more":${more}}\n`;
  return write(connections, request, { head: '{"connections":[', row, foot });
}

/** As JSON, a connection each line: JSON is YAML, too. */
export function listAsYaml(connections: Iterable<Connection>, request: ListRequest): Promise<Listed> {
  const row = (connection: Connection) => `  - ${JSON.stringify(connectionJson(connection))}\n`;
  const foot = ({ listed, more }: Listed) => `${listed === 0 ? "  []\n" : ""}listed: ${listed}\nmore: ${more}\n`;
  return write(connections, request, { head: "connections:\n", row, foot });
}

interface Form {
  readonly head: string;
  row(connection: Connection, i: number): string;
  foot(result: Listed): string;
}

async function write(connections: Iterable<Connection>, { limit, stream }: ListRequest, form: Form): Promise<Listed> {
  let listed = 0;
  let more = false;
  function* pieces(): Generator<string> {
    yield form.head;
    for (const one of connections) {
      if (listed === limit) {
        more = true;
        break;
      }
      yield form.row(one, listed++);
    }
    yield form.foot({ listed, more });
  }
  await writeChunks(inChunks(pieces()), stream);
  return { listed, more };
}
