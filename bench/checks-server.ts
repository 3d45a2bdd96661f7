/** The servers that bench/checks.ts checks, in a process of their own: takes connections, and answers whatever looks like a request. */

import { createServer } from "node:net";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.once("data", () => socket.end(ANSWER));
});
server.listen({ port: 0, host: "0.0.0.0", backlog: 4096 }, () => process.send?.(server.address()));
process.once("disconnect", () => process.exit());
