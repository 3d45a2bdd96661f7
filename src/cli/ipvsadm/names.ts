/**
 * Names of hosts and ports as the C library of this host knows them, by its configuration (nsswitch.conf, hosts, services, DNS): the
 * functions that ipvsadm itself calls. They keep the caller waiting; what has been answered once is not asked again.
 */

import koffi from "koffi";
import { HOST_ENTRY, libc, SERVICE_ENTRY } from "../../kernel/libc.ts";
import type { Pointer } from "../../kernel/libraries.ts";
import type { Names } from "./command.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const IPV4_BYTES = 4;

interface HostEntry {
  readonly name: string;
  readonly family: number;
  readonly addresses: Pointer;
}

interface ServiceEntry {
  readonly name: string;
  readonly port: number;
}

export function systemNames(): Names {
  const portOf = remembered((key) => {
    const [service = "", protocol = ""] = key.split("\0");
    const entry = serviceEntry(libc.getservbyname(service, protocol));
    return entry === undefined ? undefined : swapBytes(entry.port);
  });
  const serviceOf = remembered((key) => {
    const [port = "", protocol = ""] = key.split("\0");
    return serviceEntry(libc.getservbyport(swapBytes(Number(port)), protocol))?.name;
  });
  const hostAddress = remembered(addressOf);
  const hostName = remembered((key) => {
    const address = Uint8Array.from(key.split("."), Number);
    const family = address.length === IPV4_BYTES ? AF_INET : AF_INET6;
    return hostEntry(libc.gethostbyaddr(address, address.length, family))?.name;
  });
  return {
    hostAddress: (name) => hostAddress(name),
    hostName: (address) => hostName(address.join(".")),
    portOf: (service, protocol) => portOf(`${service}\0${protocol}`),
    serviceOf: (port, protocol) => serviceOf(`${port}\0${protocol}`),
  };
}

/** The first of its IPv4 addresses. */
function addressOf(name: string): Uint8Array | undefined {
  const entry = hostEntry(libc.gethostbyname(name));
  if (entry === undefined || entry.family !== AF_INET || entry.addresses === null) return undefined;
  const first = koffi.decode(entry.addresses, "void *") as Pointer;
  return first === null ? undefined : Uint8Array.from(koffi.decode(first, "uint8_t", IPV4_BYTES) as Iterable<number>);
}

function hostEntry(pointer: Pointer): HostEntry | undefined {
  return pointer === null ? undefined : (koffi.decode(pointer, HOST_ENTRY) as HostEntry);
}

function serviceEntry(pointer: Pointer): ServiceEntry | undefined {
  return pointer === null ? undefined : (koffi.decode(pointer, SERVICE_ENTRY) as ServiceEntry);
}

/** Between network and host order: both ways the same. */
function swapBytes(port: number): number {
  return ((port & 0xff) << 8) | ((port >> 8) & 0xff);
}

function remembered<Answer>(ask: (key: string) => Answer): (key: string) => Answer {
  const answers = new Map<string, Answer>();
  return (key) => {
    if (!answers.has(key)) answers.set(key, ask(key));
    return answers.get(key) as Answer;
  };
}
