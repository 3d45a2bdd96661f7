/** What the kernel announces by itself on its routing socket, as events. */

import type { NetlinkMessage } from "./netlink.ts";
import { AddressMessage, decodeAddress, type InterfaceAddress } from "./netlink-address.ts";
import { decodeLink, type Link, LinkMessage } from "./netlink-link.ts";
import { decodeNeighbour, type Neighbour, NeighbourMessage } from "./netlink-neighbour.ts";
import { decodeRoute, type Route, RouteMessage } from "./netlink-route.ts";

/** "new" is also said of what changed. */
export type NetlinkEvent =
  | { readonly kind: "link"; readonly change: "new" | "deleted"; readonly link: Link }
  | { readonly kind: "address"; readonly change: "new" | "deleted"; readonly address: InterfaceAddress }
  | { readonly kind: "route"; readonly change: "new" | "deleted"; readonly route: Route }
  | { readonly kind: "neighbour"; readonly change: "new" | "deleted"; readonly neighbour: Neighbour }
  /** Events were lost (too many at once): whoever keeps a picture must read everything again. */
  | { readonly kind: "lost" };

export type NetlinkEventKind = Exclude<NetlinkEvent["kind"], "lost">;

/** enum rtnetlink_groups */
export const NETLINK_GROUPS = Object.freeze({
  link: [1],
  neighbour: [3],
  address: [5, 9],
  route: [7, 11],
} as const satisfies Record<NetlinkEventKind, readonly number[]>);

const AF_BRIDGE = 7;

/** undefined: of no kind or family of ours. */
export function decodeEvent({ type, payload }: NetlinkMessage): NetlinkEvent | undefined {
  switch (type) {
    case LinkMessage.NEW:
    case LinkMessage.DELETE:
      // A bridge tells of its ports by the same messages: "deleted" is then a port that left.
      if (payload[0] === AF_BRIDGE) return undefined;
      return { kind: "link", change: type === LinkMessage.NEW ? "new" : "deleted", link: decodeLink(payload) };
    case AddressMessage.NEW:
    case AddressMessage.DELETE: {
      const address = decodeAddress(payload);
      return address && { kind: "address", change: type === AddressMessage.NEW ? "new" : "deleted", address };
    }
    case RouteMessage.NEW:
    case RouteMessage.DELETE: {
      const route = decodeRoute(payload);
      return route && { kind: "route", change: type === RouteMessage.NEW ? "new" : "deleted", route };
    }
    case NeighbourMessage.NEW:
    case NeighbourMessage.DELETE: {
      const neighbour = decodeNeighbour(payload);
      return neighbour && { kind: "neighbour", change: type === NeighbourMessage.NEW ? "new" : "deleted", neighbour };
    }
    default:
      return undefined;
  }
}
