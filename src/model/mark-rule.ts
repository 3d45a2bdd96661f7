/** Mark rules in words: what two rules that match the same packets have in common. */

import { formatAddress } from "./address.ts";
import type { MarkRule, Prefix } from "./plane.ts";

/** "mark 1: tcp from 198.51.100.0/24 to 192.0.2.1/32 ports 80-88 on eth0" */
export function describeMark(rule: MarkRule): string {
  return `${rule.mark === 0 ? "no mark" : `mark ${rule.mark}`}: ${describeMatch(rule)}`;
}

/** The packets that a rule is about: "tcp from 198.51.100.0/24 to 192.0.2.1/32 ports 80-88 on eth0". */
export function describeMatch(rule: MarkRule): string {
  const family = rule.family ?? rule.source?.address.family ?? rule.destination?.address.family;
  const source = meant(rule.source);
  const destination = meant(rule.destination);
  return [
    rule.protocol ?? "any protocol",
    // A prefix shows its family.
    ...(source === undefined && destination === undefined && family !== undefined ? [family] : []),
    ...(source === undefined ? [] : [`from ${describePrefix(source)}`]),
    ...(destination === undefined ? [] : [`to ${describePrefix(destination)}`]),
    ...describePorts(rule),
    ...(rule.interfaceName === undefined ? [] : [`on ${rule.interfaceName}`]),
  ].join(" ");
}

/** "198.51.100.0/24", whatever stands behind the prefix. */
export function describePrefix({ address, length }: Prefix): string {
  return `${formatAddress({ ...address, bytes: address.bytes.map((byte, i) => byte & prefixByte(length, i)) })}/${length}`;
}

/** The bits of byte i that belong to a prefix. */
export function prefixByte(length: number, i: number): number {
  return (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))) & 0xff;
}

function describePorts({ ports }: MarkRule): string[] {
  if (ports === undefined || (ports.first === 0 && ports.last === 65535)) return [];
  return [ports.first === ports.last ? `port ${ports.first}` : `ports ${ports.first}-${ports.last}`];
}

/** A prefix of length 0 is any address. */
function meant(prefix: Prefix | undefined): Prefix | undefined {
  return prefix?.length === 0 ? undefined : prefix;
}
