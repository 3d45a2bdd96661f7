/**
 * Which template a client of a persistent service has: for one port, for every port of an address, for FTP, or for a
 * firewall mark, whatever the port, the protocol and the address.
 */

import type { Address } from "../../model/address.ts";
import type { Connection, ConnectionKey } from "./connection.ts";
import type { Persistence, Service } from "./service.ts";
import type { Sysctls } from "./settings.ts";

const FTP_PORT = 21;
/** The ports of a template that is no longer valid: it lives out its time where nobody finds it. */
const NOWHERE = 0xffff;

export type ClientKey = Pick<ConnectionKey, "protocol" | "client" | "virtualPort"> & { readonly virtualAddress: Address };

export function templateKey({ key }: Service, { prefixLength }: Persistence, packet: ClientKey): ConnectionKey {
  const client = { client: masked(packet.client, prefixLength), clientPort: 0 };
  if (key.kind === "mark") return { ...client, protocol: "ip", virtualAddress: key.mark, virtualPort: 0 };
  const onePort = packet.virtualPort === key.port && key.port !== FTP_PORT;
  return { ...client, protocol: packet.protocol, virtualAddress: packet.virtualAddress, virtualPort: onePort ? key.port : 0 };
}

/** The port of the server that the template itself names; only shown, since each connection has its own. */
export function templateServerPort(service: Service, virtualPort: number, serverPort: number): number {
  return virtualPort === service.port && service.port !== FTP_PORT ? serverPort : 0;
}

/** Neither the scheduler nor a threshold is asked again; a quiesced server keeps its clients unless the sysctl says otherwise. */
export function isTemplateValid({ destination }: Connection, sysctls: Sysctls): boolean {
  if (!destination.available) return false;
  return sysctls.expire_quiescent_template === 0 || destination.weight !== 0;
}

export function invalidKey(key: ConnectionKey): ConnectionKey {
  return { ...key, clientPort: 0, virtualPort: NOWHERE };
}

export function isInvalidated({ key }: Connection): boolean {
  return key.virtualPort === NOWHERE;
}

function masked({ family, bytes }: Address, prefixLength: number): Address {
  return {
    family,
    bytes: bytes.map((byte, i) => {
      const bits = Math.min(Math.max(prefixLength - 8 * i, 0), 8);
      return byte & (0xff00 >> bits) & 0xff;
    }),
  };
}
