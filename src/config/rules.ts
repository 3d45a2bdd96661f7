/** What no single value shows: contradictions between keys, and things that stand in the file twice. */

import { type Address, formatAddress } from "../model/address.ts";
import { type ForwardingMethod, serverName, serviceName } from "../model/service.ts";
import type { Complaint, Path } from "./complaint.ts";
import type { Fields } from "./mapping.ts";
import type { serverShape, serviceShape } from "./schema.ts";
import type { Source } from "./source.ts";

export type Complain = (complaint: Complaint) => void;

/** A server that was read, as far as it is right, with its service's values where it has none. */
export interface ServerReading {
  readonly path: Path;
  readonly fields: Fields<typeof serverShape>;
  readonly port: number | undefined;
  readonly method: ForwardingMethod | undefined;
}

export interface ServiceReading {
  readonly path: Path;
  readonly fields: Fields<typeof serviceShape>;
  readonly servers: readonly ServerReading[];
}

const FAMILY_NAMES = { ipv4: "IPv4", ipv6: "IPv6" } as const;

export function checkService(source: Source, service: ServiceReading, complain: Complain): void {
  for (const server of service.servers) {
    checkPortMapping(source, service, server, complain);
    checkFamily(source, service, server, complain);
  }
  checkTwice(source, service.servers, complain, (server) => {
    const { address } = server.fields;
    return address === undefined || server.port === undefined ? undefined : `the server ${serverName({ address, port: server.port })}`;
  });
}

export function checkServicesTwice(source: Source, services: readonly ServiceReading[], complain: Complain): void {
  checkTwice(source, services, complain, ({ fields: { address, port, protocol } }) =>
    address === undefined || port === undefined || protocol === undefined
      ? undefined
      : `the service ${serviceName({ address, port, protocol })}`,
  );
  checkTwice(source, services, complain, ({ fields: { name } }) => (name === undefined ? undefined : `the service name "${name}"`));
}

/** Complains of everything that has the name of something before it. */
export function checkTwice<Thing extends { readonly path: Path }>(
  source: Source,
  things: readonly Thing[],
  complain: Complain,
  nameOf: (thing: Thing) => string | undefined,
): void {
  const seen = new Map<string, Path>();
  for (const thing of things) {
    const name = nameOf(thing);
    if (name === undefined) continue;
    const first = seen.get(name);
    if (first === undefined) {
      seen.set(name, thing.path);
      continue;
    }
    const { line, column } = source.place(first);
    complain(source.complaint(thing.path, `${name} stands here twice, first at ${line}:${column}`));
  }
}

function checkPortMapping(source: Source, service: ServiceReading, server: ServerReading, complain: Complain): void {
  const wanted = service.fields.port;
  const { port } = server.fields;
  if (wanted === undefined || port === undefined || port === wanted) return;
  if (server.method === undefined || server.method === "nat") return;
  const text = `${port} differs from the service's port ${wanted}, and ${server.method} cannot map ports: the reply does not pass the director; leave the port out, or use nat`;
  complain(source.complaint([...server.path, "port"], text));
}

function checkFamily(source: Source, service: ServiceReading, server: ServerReading, complain: Complain): void {
  const outer = service.fields.address;
  const { address } = server.fields;
  if (outer === undefined || address === undefined || address.family === outer.family) return;
  if (server.method === undefined || server.method === "tun") return;
  const text = `${describeFamily(address)}, but the service is ${FAMILY_NAMES[outer.family]}, and ${server.method} cannot go from one to the other; only tun can`;
  complain(source.complaint([...server.path, "address"], text));
}

function describeFamily(address: Address): string {
  return `${formatAddress(address)} is ${FAMILY_NAMES[address.family]}`;
}
