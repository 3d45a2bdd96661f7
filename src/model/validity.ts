/**
 * What no data plane takes, whoever asks for it: IPVS's rules (ip_vs_add_service(), ip_vs_add_dest() and what they call). Each answer says what
 * is wrong; undefined: nothing. A configuration file is checked before, with the place of each mistake.
 */

import { type Address, formatAddress } from "./address.ts";
import type { Change, MarkRule, ServiceHead } from "./plane.ts";
import { KEPT_SCHEDULER_FLAGS, type RealServer, serverName, serviceName } from "./service.ts";

const PORT_MAX = 65_535;
const MARK_MAX = 4_294_967_295;
/** INT_MAX: weights are signed there, and thresholds are compared with signed counters. */
const INT_MAX = 2_147_483_647;
/** A year: stamps of 32 bits count ticks. */
export const SECONDS_MAX = 31_536_000;

/** Of what a change would make. */
export function mistakeIn(change: Change): string | undefined {
  switch (change.kind) {
    case "add-service": {
      const { servers, ...head } = change.service;
      return mistakeInService(head) ?? servers.map((server) => mistakeInServer(head, server)).find((mistake) => mistake !== undefined);
    }
    case "edit-service":
      return mistakeInService(change.after);
    case "add-server":
      return mistakeInServer(change.service, change.server);
    case "edit-server":
      return mistakeInServer(change.service, change.after);
    case "edit-marks":
      return mistakeInMarks(change.after);
    case "attach":
    case "detach":
    case "delete-server":
    case "delete-service":
    case "edit-settings":
    case "edit-sync-daemons":
      return undefined;
  }
}

function mistakeInService(head: ServiceHead): string | undefined {
  const { address, port, mark = 0, persistence, fullNat, timeouts = {}, schedulerFlags = [] } = head;
  const said = (problem: string) => `${serviceName(head)}: ${problem}`;
  if (!whole(mark, 0, MARK_MAX)) return said(`the mark ${mark} is not a number of 32 bits`);
  if (!whole(port, 0, PORT_MAX)) return said(`there is no port ${port}`);
  if (mark !== 0 && (port !== 0 || address.bytes.some((byte) => byte !== 0))) return said("a service by mark has no address and no port");
  if (persistence !== undefined && !whole(persistence.timeoutSeconds, 1, SECONDS_MAX))
    return said(`persistence lasts 1 to ${SECONDS_MAX} s, not ${persistence.timeoutSeconds}`);
  const mask = persistence?.clientMask;
  if (mask !== undefined && mask.family !== address.family) return said(`${formatAddress(mask)} is no netmask for its clients`);
  if (fullNat !== undefined && fullNat.family !== address.family)
    return said(`its servers cannot see ${formatAddress(fullNat)}: that is of the other family`);
  if (new Set(schedulerFlags).size < schedulerFlags.length || schedulerFlags.some((flag) => !KEPT_SCHEDULER_FLAGS.includes(flag)))
    return said("a scheduler flag twice, or one that there is not");
  const wrong = Object.values(timeouts).find((seconds: number | undefined) => seconds !== undefined && !whole(seconds, 1, SECONDS_MAX));
  return wrong === undefined ? undefined : said(`a timeout is 1 to ${SECONDS_MAX} s, not ${wrong}`);
}

function mistakeInServer({ address: virtual, mark = 0 }: ServiceHead, server: RealServer): string | undefined {
  const { address, port, weight, method, tunnel, upperThreshold: upper = 0, lowerThreshold: lower = 0 } = server;
  const said = (problem: string) => `${serverName(server)}: ${problem}`;
  if (!whole(port, 0, PORT_MAX)) return said(`there is no port ${port}`);
  if (!whole(weight, 0, INT_MAX)) return said(`a weight is 0 to ${INT_MAX}, not ${weight}`);
  if (!whole(upper, 0, INT_MAX) || !whole(lower, 0, INT_MAX)) return said(`a threshold is 0 to ${INT_MAX}`);
  if (lower > upper) return said(`the lower threshold ${lower} is above the upper one ${upper}`);
  if (!isUnicast(address)) return said("no server has such an address");
  if (address.family !== virtual.family && method !== "tun")
    return said(`${method} cannot go from ${virtual.family} to ${address.family}${mark === 0 ? "" : ` for mark ${mark}`}; only tun can`);
  if (tunnel?.type === "gue" && !whole(tunnel.port ?? 0, 1, PORT_MAX)) return said("gue needs a port");
  return undefined;
}

function mistakeInMarks(rules: readonly MarkRule[]): string | undefined {
  const wrong = rules.find(({ mark, ports }) => {
    const { first, last } = ports ?? { first: 0, last: 0 };
    return !whole(mark, 0, MARK_MAX) || !whole(first, 0, PORT_MAX) || !whole(last, first, PORT_MAX);
  });
  return wrong === undefined ? undefined : `there can be no rule with the mark ${wrong.mark} and those ports`;
}

function whole(value: number, least: number, greatest: number): boolean {
  return Number.isInteger(value) && value >= least && value <= greatest;
}

/**
 * What IPVS takes for a server's address (inet_addr_type(), ipv6_addr_type()): class E and all of 0.0.0.0/8 but the first, too; not
 * IPv6's link-local and mapped ones.
 */
export function isUnicast({ family, bytes }: Address): boolean {
  const [first = 0, second = 0] = bytes;
  if (bytes.every((byte) => byte === 0)) return false;
  if (family === "ipv4") return (first < 224 || first >= 240) && bytes.subarray(0, 4).some((byte) => byte !== 255);
  const isMapped = bytes.subarray(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 0xff));
  return first !== 0xff && !(first === 0xfe && (second & 0xc0) === 0x80) && !isMapped;
}
