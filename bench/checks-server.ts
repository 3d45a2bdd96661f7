/**
 * The servers that benches check, in a process of their own: takes connections, and answers whatever looks like a request. Says when each
 * connection came, if its parent asks.
 *
 *   checks-server.ts [PORT]
 */

import { createServer } from "node:net";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
/** More are not remembered. */
const ARRIVALS_MAX = 200_000;

let arrivalsMs: number[] = [];

const server = createServer((socket) => {
  if (arrivalsMs.length < ARRIVALS_MAX) arrivalsMs.push(performance.now());
  socket.on("error", () => socket.destroy());
  socket.once("data", () => socket.end(ANSWER));
});
server.listen({ port: Number(process.argv[2] ?? 0), host: "0.0.0.0", backlog: 4096 }, () => process.send?.(server.address()));
process.on("message", () => {
  process.send?.(arrivalsMs);
  arrivalsMs = [];
});
process.once("disconnect", () => process.exit());
