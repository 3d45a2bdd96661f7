/** A client that asks and does not read holds a connection and its answer's memory; not for ever. */

import type { ServerResponse } from "node:http";

const LOOK_MS = 15_000;

/** Closes the connection when what was written to it has not moved between two looks. */
export function cutWhenStuck(response: ServerResponse, lookMs = LOOK_MS): void {
  const { socket } = response;
  if (socket === null) return;
  let seen = -1;
  const timer = setInterval(() => {
    const waiting = socket.writableLength;
    const sent = socket.bytesWritten - waiting;
    if (waiting > 0 && sent === seen) socket.destroy();
    seen = waiting > 0 ? sent : -1;
  }, lookMs).unref();
  response.once("close", () => clearInterval(timer));
}
