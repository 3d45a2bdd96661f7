/** A client may send its next request before it has its answer; but each answer that waits for its turn takes memory, and some are large. */

import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

const UNDER_WAY_MAX = 16;

const underWay = new WeakMap<Socket, number>();

/** Counts it as one more of its connection; when those are too many, the connection is cut and the request is not answered. */
export function asksTooMuch(response: ServerResponse): boolean {
  const { socket } = response.req;
  const now = (underWay.get(socket) ?? 0) + 1;
  underWay.set(socket, now);
  response.once("close", () => underWay.set(socket, (underWay.get(socket) ?? 1) - 1));
  if (now <= UNDER_WAY_MAX) return false;
  socket.destroy();
  return true;
}
