/** Connections as a list, one after the other as they are read: a million pass through a few kilobytes of memory. */

import type { Writable } from "node:stream";
import type { Connection, End } from "../director/connection-reader.ts";
import { formatAddress, formatEndpoint } from "../model/address.ts";

export interface ListRequest {
  readonly limit: number;
  readonly stream: Writable;
}

export interface Listed {
  readonly listed: number;
  /** There was another one. */
  readonly more: boolean;
}

/** Characters that are gathered before they are written. */
const CHUNK = 64 * 1024;

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
  const end = ({ address, port }: End) => ({ address: formatAddress(address), port });
  const row = (one: Connection, i: number) => {
    const { protocol, state, method, active, template, mark, parent, slot, generation, children } = one;
    const text = JSON.stringify({
      protocol,
      state,
      expiresSeconds: Math.round(one.expiresMs / 100) / 10,
      client: end(one.client),
      virtual: end(one.virtual),
      server: end(one.server),
      method,
      active,
      ...(template ? { template, children } : {}),
      ...(mark === undefined ? {} : { mark }),
      ...(parent === undefined ? {} : { parent }),
      slot,
      generation,
    });
    return i === 0 ? `\n${text}` : `,\n${text}`;
  };
  const foot = ({ listed, more }: Listed) => `\n],"listed":${listed},"more":${more}}\n`;
  return write(connections, request, { head: '{"connections":[', row, foot });
}

interface Form {
  readonly head: string;
  row(connection: Connection, i: number): string;
  foot(result: Listed): string;
}

async function write(connections: Iterable<Connection>, { limit, stream }: ListRequest, form: Form): Promise<Listed> {
  let listed = 0;
  let more = false;
  let text = form.head;
  for (const one of connections) {
    if (listed === limit) {
      more = true;
      break;
    }
    text += form.row(one, listed++);
    if (text.length < CHUNK) continue;
    if (!(await written(stream, text))) return { listed, more };
    text = "";
  }
  await written(stream, text + form.foot({ listed, more }));
  return { listed, more };
}

/** Waits where the reader is slower than we; false when nobody reads any more, which the stream's owner reports. */
function written(stream: Writable, text: string): Promise<boolean> {
  return new Promise((resolve) => stream.write(text, (error) => resolve(error === undefined || error === null)));
}
