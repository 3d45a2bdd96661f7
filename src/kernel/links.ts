/** Network interfaces: listed, made, changed, removed. In the current network namespace, as everything that uses netlink. */

import { EvenkeelError } from "../model/error.ts";
import { NetlinkFlag } from "../wire/netlink.ts";
import {
  decodeLink,
  encodeLinkChange,
  encodeLinkQuery,
  encodeNewLink,
  type Link,
  type LinkChange,
  LinkMessage,
  type NewLink,
} from "../wire/netlink-link.ts";
import { ask, change, dump, isNetlinkErrno } from "./netlink.ts";
import { Errno } from "./system-call.ts";

export function listLinks(): readonly Link[] {
  return dump({ type: LinkMessage.GET, payload: encodeLinkQuery(), attempted: "list the network interfaces" }).map((message) =>
    decodeLink(message.payload),
  );
}

/** undefined when there is no such interface here. */
export function findLink(which: string | number): Link | undefined {
  const query = typeof which === "number" ? { index: which } : { name: which };
  try {
    return decodeLink(ask({ type: LinkMessage.GET, payload: encodeLinkQuery(query), attempted: `look at the interface ${which}` }).payload);
  } catch (error) {
    if (isNetlinkErrno(error, Errno.ENODEV)) return undefined;
    throw error;
  }
}

/** Throws INTERFACE_MISSING with the names that are there. */
export function getLink(which: string | number): Link {
  const link = findLink(which);
  if (link !== undefined) return link;
  const present = listLinks().map(({ name }) => name);
  throw new EvenkeelError("INTERFACE_MISSING", `there is no network interface ${which} here`, {
    cure: `name one of: ${present.join(", ")}`,
    facts: { interface: which },
  });
}

export function addLink(link: NewLink): void {
  change({
    type: LinkMessage.NEW,
    flags: NetlinkFlag.CREATE | NetlinkFlag.EXCLUSIVE,
    payload: encodeNewLink(link),
    attempted: `make the ${link.kind} interface ${link.name}`,
  });
}

export function changeLink(which: string | number, to: LinkChange): void {
  const { index } = typeof which === "number" ? { index: which } : getLink(which);
  const { up, ...rest } = to;
  const send = (part: LinkChange) =>
    change({
      type: LinkMessage.SET,
      payload: encodeLinkChange(index, part),
      attempted: `${describeChange(part)} of the interface ${which}`,
    });
  // Within one message the kernel takes the state last, but before Linux 6.2 only an interface that is down can be renamed.
  if (up === false && Object.keys(rest).length > 0) {
    send({ up });
    send(rest);
  } else send(to);
}

/** Whether it was there. */
export function deleteLink(which: string | number): boolean {
  const link = findLink(which);
  if (link === undefined) return false;
  try {
    change({ type: LinkMessage.DELETE, payload: encodeLinkQuery({ index: link.index }), attempted: `remove the interface ${which}` });
    return true;
  } catch (error) {
    if (isNetlinkErrno(error, Errno.ENODEV)) return false;
    throw error;
  }
}

function describeChange(to: LinkChange): string {
  const parts = [
    to.up === undefined ? "" : `set the state ${to.up ? "up" : "down"}`,
    to.mtu === undefined ? "" : `set the MTU ${to.mtu}`,
    to.name === undefined ? "" : `change the name to ${to.name}`,
    to.mac === undefined ? "" : "change the MAC address",
    to.masterIndex === undefined ? "" : "change the master",
    to.namespaceFd === undefined ? "" : "change the namespace",
  ];
  return parts.filter((part) => part !== "").join(" and ") || "change nothing";
}
