/**
 * The order in which ipvsadm lists: as IPVS walks its tables (--nosort, /proc/net/ip_vs), or sorted from there. Both show through: the sort
 * compares by differences that overflow, so that what it makes of some addresses depends on where it began.
 */

import { PROTOCOL_NUMBERS } from "../../director/service-value.ts";
import type { Address } from "../../model/address.ts";
import type { ServerName, ServiceName } from "../../model/edit.ts";
import type { VirtualService } from "../../model/service.ts";
import { type ListedService, WALK_SALT } from "./view.ts";

export interface Order {
  /** As IPVS walks, not sorted. */
  readonly unsorted?: boolean;
  readonly salt?: number;
}

/** Services and the servers of each, which come as they were made, as they are listed. */
export function listedInOrder(services: readonly ListedService[], order: Order = {}): ListedService[] {
  return inOrder(services, { service: ({ service }) => service, server: ({ server }) => server }, order);
}

export function savedInOrder(services: readonly VirtualService[], order: Order = {}): VirtualService[] {
  return inOrder(services, { service: (service) => service, server: (server) => server }, order);
}

interface WithServers {
  readonly servers: readonly unknown[];
}

interface Naming<Item extends WithServers> {
  readonly service: (item: Item) => ServiceName;
  readonly server: (server: Item["servers"][number]) => ServerName;
}

function inOrder<Item extends WithServers>(made: readonly Item[], naming: Naming<Item>, { unsorted = false, salt }: Order): Item[] {
  const walk = inWalkOrder(made, naming.service, salt);
  // IPVS puts a new server at the head of its service's list.
  const walked = walk.map((item) => ({ ...item, servers: item.servers.toReversed() }));
  if (unsorted) return walked;
  return sorted(walked, (one, other) => compareServices(naming.service(one), naming.service(other))).map((item) => ({
    ...item,
    servers: sorted(item.servers, (one, other) => compareServers(naming.server(one), naming.server(other))),
  }));
}

const BUCKETS = 256;

/** Services that were made one after the other, as IPVS comes upon them: bucket by bucket, in each the newest first; those of marks last. */
export function inWalkOrder<Item>(made: readonly Item[], nameOf: (item: Item) => ServiceName, salt = WALK_SALT): Item[] {
  const buckets = Array.from({ length: 2 * BUCKETS }, (): Item[] => []);
  for (const item of made) {
    const name = nameOf(item);
    buckets[name.mark ? BUCKETS + markBucket(name.mark, salt) : addressBucket(name, salt)]?.push(item);
  }
  return buckets.flatMap((bucket) => bucket.reverse());
}

/** ip_vs_svc_hashkey() */
function addressBucket({ address, port, protocol }: ServiceName, salt: number): number {
  const fold = address.family === "ipv4" ? word(address, 0) : word(address, 0) ^ word(address, 1) ^ word(address, 2) ^ word(address, 3);
  return (PROTOCOL_NUMBERS[protocol] ^ fold ^ salt ^ (port >> 8) ^ port) & (BUCKETS - 1);
}

/** ip_vs_svc_fwm_hashkey() */
function markBucket(mark: number, salt: number): number {
  return (mark ^ salt) & (BUCKETS - 1);
}

/** Below 0 where the first comes before the other. */
type Comparison<Item> = (one: Item, other: Item) => number;

export function compareServices(one: ServiceName, other: ServiceName): number {
  return (
    difference(one.mark ?? 0, other.mark ?? 0) ||
    compareFamilies(one.address, other.address) ||
    PROTOCOL_NUMBERS[one.protocol] - PROTOCOL_NUMBERS[other.protocol] ||
    compareAddresses(one.address, other.address) ||
    one.port - other.port
  );
}

/** An IPv4 server among IPv6 ones stands as if it were its address and twelve zeros. */
export function compareServers(one: ServerName, other: ServerName): number {
  return compareAddresses(one.address, other.address) || one.port - other.port;
}

function compareFamilies(one: Address, other: Address): number {
  return one.family === other.family ? 0 : one.family === "ipv4" ? -1 : 1;
}

function compareAddresses(one: Address, other: Address): number {
  for (let i = 0; i < 4; i++) {
    const unequal = difference(word(one, i), word(other, i));
    if (unequal !== 0) return unequal;
  }
  return 0;
}

/** Of two numbers of 32 bits, as C's int holds it: 207.1.1.1 is less than 1.2.3.4, and 224.0.0.1 is not. */
function difference(one: number, other: number): number {
  return (one - other) | 0;
}

function word({ bytes }: Address, i: number): number {
  const at = 4 * i;
  return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
}

/**
 * As qsort(3) of glibc 2.36 sorts: halves that are sorted and merged, the left one's first where neither is less. Array.prototype.toSorted()
 * would do for comparisons that do not contradict themselves; these do.
 */
export function sorted<Item>(items: readonly Item[], compare: Comparison<Item>): Item[] {
  if (items.length < 2) return [...items];
  const middle = items.length >> 1;
  return merged(sorted(items.slice(0, middle), compare), sorted(items.slice(middle), compare), compare);
}

function merged<Item>(left: readonly Item[], right: readonly Item[], compare: Comparison<Item>): Item[] {
  const all: Item[] = [];
  let [l, r] = [0, 0];
  for (;;) {
    const [one, other] = [left[l], right[r]];
    if (one === undefined || other === undefined) return all.concat(left.slice(l), right.slice(r));
    if (compare(one, other) <= 0) {
      all.push(one);
      l++;
    } else {
      all.push(other);
      r++;
    }
  }
}
