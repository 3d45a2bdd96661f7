/** Servers on loopback for the time of a test. */

import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export interface Peer {
  readonly port: number;
  close(): Promise<void>;
}

export const LOOPBACKS = ["127.0.0.1", "::1"] as const;
export type Loopback = (typeof LOOPBACKS)[number];

/** Any server of Node's that listens as net.Server does. Its connections are cut at the end. */
export async function listen(server: Server, host: string = "127.0.0.1"): Promise<Peer> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen({ port: 0, host, backlog: 4096 });
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** What a server does with each connection. */
export function speak(talk: (socket: Socket) => void, host?: string): Promise<Peer> {
  return listen(
    createServer((socket) => {
      socket.on("error", () => undefined);
      talk(socket);
    }),
    host,
  );
}

/** What a server answers to each datagram. */
export async function answer(reply: (question: Buffer) => Uint8Array | undefined, host: string = "127.0.0.1"): Promise<Peer> {
  const socket: DatagramSocket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.on("message", (question, { port, address }) => {
    const text = reply(question);
    if (text !== undefined) socket.send(text, port, address);
  });
  socket.bind(0, host);
  await once(socket, "listening");
  return {
    port: socket.address().port,
    async close() {
      socket.close();
      await once(socket, "close");
    },
  };
}

/** A port where nothing listens. */
export async function closedPort(host?: string): Promise<number> {
  const peer = await speak(() => undefined, host);
  await peer.close();
  return peer.port;
}
