/** What people type to name one end of a connection: an address, alone or with a port or a prefix length. */

import { type Address, parseAddress } from "./address.ts";
import { EvenkeelError } from "./error.ts";

export interface Endpoint {
  readonly address: Address;
  readonly port?: number;
}

export interface ClientEndpoint extends Endpoint {
  readonly prefixLength?: number;
}

/** "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80". */
export function parseEndpoint(text: string): Endpoint {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(text);
  const [, host = text, port] = bracketed ?? /^([^:]*):(\d+)$/.exec(text) ?? [];
  const address = parseAddress(host);
  return port === undefined ? { address } : { address, port: parsePort(port, text) };
}

/** The same, or a network: "198.51.100.0/24". */
export function parseClient(text: string): ClientEndpoint {
  const [, host, length] = /^([^/]*)\/(\d+)$/.exec(text) ?? [];
  if (host === undefined || length === undefined) return parseEndpoint(text);
  const address = parseAddress(host);
  const bits = address.family === "ipv4" ? 32 : 128;
  if (Number(length) > bits) {
    throw new EvenkeelError("BAD_ARGUMENT", `${text}: the prefix length ${length} is above ${bits}`, { cure: `give 0 to ${bits}` });
  }
  return { address, prefixLength: Number(length) };
}

function parsePort(text: string, whole: string): number {
  const port = Number(text);
  if (port <= 65535) return port;
  throw new EvenkeelError("BAD_ARGUMENT", `${whole}: the port ${text} is above 65535`, { cure: "give a port from 0 to 65535" });
}
