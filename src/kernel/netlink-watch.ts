/**
 * Changes of links, addresses, routes and neighbours as they happen, in the network namespace in which the watch began.
 * The queue has a bound: when a reader is too slow, or the kernel's own buffer overflowed, the next event is "lost" and what was queued is dropped.
 */

import koffi from "koffi";
import { decodeMessages } from "../wire/netlink.ts";
import { decodeEvent, NETLINK_GROUPS, type NetlinkEvent, type NetlinkEventKind } from "../wire/netlink-event.ts";
import { libc } from "./libc.ts";
import { netlinkError, openRouteSocket } from "./netlink.ts";
import { whenReadable } from "./readiness.ts";
import { checkCall, Errno } from "./system-call.ts";

const AF_NETLINK = 16;
const SOCKADDR_BYTES = 12;
const SOCK_NONBLOCK = 0x800;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const SOCKET_BUFFER_BYTES = 1024 * 1024;
const MESSAGE_BYTES = 64 * 1024;
const EVENTS_MAX = 4096;

/** Begins at once, not at the first next(): nothing that happens after this call is missed. Ends when the signal does. */
export function watchNetlink(kinds: readonly NetlinkEventKind[], signal: AbortSignal): AsyncIterable<NetlinkEvent> {
  const fd = openRouteSocket(SOCK_NONBLOCK);
  let stop = () => {};
  const queue: NetlinkEvent[] = [];
  const buffer = new Uint8Array(MESSAGE_BYTES);
  let failure: Error | undefined;
  let ended = signal.aborted;
  let wake = () => {};

  const push = (event: NetlinkEvent) => {
    if (queue.length >= EVENTS_MAX) {
      queue.length = 0;
      queue.push({ kind: "lost" });
    }
    queue.push(event);
  };
  const end = () => {
    if (!ended) stop();
    ended = true;
    libc.close(fd);
    wake();
  };
  const read = () => {
    for (;;) {
      const length = libc.recv(fd, buffer, buffer.length, 0);
      if (length >= 0) {
        for (const message of decodeMessages(buffer.slice(0, length))) {
          const event = decodeEvent(message);
          if (event !== undefined) push(event);
        }
        continue;
      }
      const errno = koffi.errno();
      if (errno === Errno.EAGAIN) break;
      if (errno === Errno.EINTR) continue;
      if (errno !== Errno.ENOBUFS) throw netlinkError("read netlink events", errno, "");
      queue.length = 0;
      push({ kind: "lost" });
    }
  };

  try {
    subscribe(fd, kinds);
    if (ended) libc.close(fd);
    else {
      stop = whenReadable(fd, () => {
        try {
          read();
        } catch (error) {
          failure = error instanceof Error ? error : new Error(String(error));
          signal.removeEventListener("abort", end);
          end();
        }
        // Promises are not settled from within a callback of C.
        setImmediate(() => wake());
      });
      signal.addEventListener("abort", end, { once: true });
    }
  } catch (error) {
    libc.close(fd);
    throw error;
  }

  async function* events(): AsyncGenerator<NetlinkEvent> {
    try {
      for (;;) {
        const event = queue.shift();
        if (event !== undefined) yield event;
        else if (failure !== undefined) throw failure;
        else if (ended) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      // The reader left the loop.
      signal.removeEventListener("abort", end);
      if (!ended) end();
    }
  }
  return events();
}

function subscribe(fd: number, kinds: readonly NetlinkEventKind[]): void {
  const size = new Uint8Array(Uint32Array.of(SOCKET_BUFFER_BYTES).buffer);
  checkCall(libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, size, 4), "make room for netlink events");
  // A name of its own first: the kernel's events come from "port 0", and a socket without a name counts as their sender.
  const anyPort = new Uint8Array(SOCKADDR_BYTES);
  anyPort[0] = AF_NETLINK;
  checkCall(libc.bind(fd, anyPort, anyPort.length), "name the netlink socket");
  for (const group of kinds.flatMap((kind) => [...NETLINK_GROUPS[kind]])) {
    const value = new Uint8Array(Uint32Array.of(group).buffer);
    checkCall(libc.setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, value, 4), `listen to netlink group ${group}`);
  }
}
