/**
 * The program that runs on each real server of the lab: real HTTP and UDP, answering who it is and whom it sees.
 *   GET /            {"server":"rs1","client":"198.51.100.2","port":40123,"host":"203.0.113.80"}
 *   GET /bytes?n=N   N bytes of the payload
 *   PUT /upload      counts what comes and says whether it is the payload
 *   UDP              "rs1 198.51.100.2:40123 " and what was sent
 * Over its unix socket it also takes orders: POST /addresses (answer UDP on the addresses there are now), POST /announce?from=A&to=B.
 *
 * Usage: host-server.ts NAME CONTROL_SOCKET TCP_PORTS UDP_PORT; prints "ready" when it serves.
 */

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { networkInterfaces } from "node:os";
import { pipeline, Readable } from "node:stream";
import { payload, Sum } from "./payload.ts";

const BYTES_MAX = 2 ** 34;

const [name = "", controlSocket = "", tcpPorts = "", udpPort = ""] = process.argv.slice(2);
const udpSockets = new Map<string, Socket>();

await Promise.all([
  ...tcpPorts.split(",").map((port) => listen({ host: "::", port: Number(port) })),
  listen({ path: controlSocket }),
  answerUdp(),
]);
process.stdout.write("ready\n");

async function listen(where: { host: string; port: number } | { path: string }): Promise<void> {
  const control = "path" in where;
  const server = createServer((request, response) => {
    answer(request, response, control).catch((error: unknown) =>
      response.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  });
  server.listen({ ...where, backlog: 4096 });
  await once(server, "listening");
}

async function answer(request: IncomingMessage, response: ServerResponse, control: boolean): Promise<void> {
  const url = new URL(request.url ?? "/", "http://lab");
  if (request.method === "PUT" || (request.method === "POST" && url.pathname === "/upload")) await receive(request, response);
  else if (control && request.method === "POST") await obey(url, response);
  else if (url.pathname === "/bytes") send(url, response);
  else if (url.pathname === "/") introduce(request, response);
  else say(response, { error: `${name} has no ${url.pathname}` }, 404);
}

function introduce({ socket, headers }: IncomingMessage, response: ServerResponse): void {
  const { remoteAddress = "", remotePort = 0 } = socket;
  say(response, { server: name, client: plain(remoteAddress), port: remotePort, host: headers.host ?? "" });
}

function send(url: URL, response: ServerResponse): void {
  const bytes = Number(url.searchParams.get("n"));
  if (!Number.isInteger(bytes) || bytes < 0 || bytes > BYTES_MAX) {
    say(response, { error: `n is 0 to ${BYTES_MAX}` }, 400);
    return;
  }
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": bytes, "x-server": name });
  // A client that leaves early ends the stream; that is its right.
  pipeline(Readable.from(payload(bytes), { highWaterMark: 4 }), response, () => undefined);
}

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const sum = new Sum();
  for await (const piece of request) sum.add(piece as Buffer);
  say(response, { server: name, bytes: sum.bytes, intact: sum.is(sum.bytes) });
}

async function obey(url: URL, response: ServerResponse): Promise<void> {
  if (url.pathname === "/addresses") {
    await answerUdp();
    say(response, { udp: [...udpSockets.keys()] });
  } else if (url.pathname === "/announce") {
    await announce(url.searchParams.get("from") ?? "", url.searchParams.get("to") ?? "");
    say(response, {});
  } else say(response, { error: `no order ${url.pathname}` }, 404);
}

/**
 * One socket for each address: a socket on "any" would answer from the address the route prefers, not from the VIP that was asked,
 * and Node cannot choose the source of a single datagram.
 */
async function answerUdp(): Promise<void> {
  const present = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ scopeid, internal, address }) => !scopeid && !(internal && (address === "127.0.0.1" || address === "::1")));
  const wanted = new Map(present.map(({ address, family }) => [address, family === "IPv6" ? ("udp6" as const) : ("udp4" as const)]));
  for (const [address, socket] of udpSockets) {
    if (wanted.has(address)) continue;
    socket.close();
    udpSockets.delete(address);
  }
  for (const [address, type] of wanted) {
    if (udpSockets.has(address)) continue;
    const socket = createSocket({ type, ipv6Only: type === "udp6", recvBufferSize: 4 << 20 });
    socket.on("message", (message, sender) => {
      socket.send(Buffer.concat([Buffer.from(`${name} ${sender.address}:${sender.port} `), message]), sender.port, sender.address);
    });
    socket.bind(Number(udpPort), address);
    await once(socket, "listening");
    udpSockets.set(address, socket);
  }
}

/** One datagram from an address: what a host that does not hide it does all the time. Port 9 is "discard". */
async function announce(from: string, to: string): Promise<void> {
  const socket = createSocket(from.includes(":") ? "udp6" : "udp4");
  socket.bind(0, from);
  await once(socket, "listening");
  await new Promise<void>((resolve, reject) => {
    socket.send("", 9, to, (error) => (error ? reject(error) : resolve()));
  });
  socket.close();
}

function say(response: ServerResponse, body: object, status = 200): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) }).end(text);
}

/** "::ffff:198.51.100.2" is how a dual-stack socket writes 198.51.100.2. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, "");
}
