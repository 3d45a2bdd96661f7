/** For each kind of check a server that passes it, in Node's own implementations where there is one. */

import { createServer as createHttpServer } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { CheckKind } from "../../src/checker/index.ts";
import { makeCertificate } from "./certificates.ts";
import { dnsReply } from "./dns-peer.ts";
import { answer, type Loopback, listen, type Peer, speak } from "./listen.ts";
import { speakSmtp } from "./smtp-peer.ts";

export interface SoundPeer extends Peer {
  /** With which the check passes. */
  readonly options: unknown;
}

const own = makeCertificate("localhost", { names: ["localhost", "127.0.0.1", "::1"] });
export const ownCertificate = { cert: own.certificate, key: own.key };

export function soundPeer(kind: CheckKind, host: Loopback): Promise<SoundPeer> {
  return PEERS[kind](host);
}

const PEERS: Readonly<Record<CheckKind, (host: Loopback) => Promise<SoundPeer>>> = {
  tcp: async (host) => with_({}, await speak(() => undefined, host)),
  http: async (host) => with_({ contains: "well" }, await listen(createHttpServer(sayWell), host)),
  https: async (host) => with_({ contains: "well" }, await listen(createHttpsServer(ownCertificate, sayWell), host)),
  tls: async (host) => with_({ days_left: 14 }, await listen(createTlsServer(ownCertificate), host)),
  udp: async (host) => with_({ payload: "are you well?", contains: "well" }, await answer((question) => question, host)),
  dns: async (host) => with_({ name: "example.org", type: "A", answer: "192.0.2.1" }, await answer(dnsReply, host)),
  smtp: async (host) => with_({}, await speak(speakSmtp(), host)),
  ping: async () => ({ options: {}, port: 0, close: async () => undefined }),
  grpc: async (host) => with_({}, await listen(grpcServer("SERVING"), host)),
  script: async () => ({ options: { command: ["/bin/true"] }, port: 1, close: async () => undefined }),
  agent: async (host) => with_({}, await speak((socket) => socket.end("up 75%\n"), host)),
};

/** Answers grpc.health.v1.Health/Check. */
export function grpcServer(status: "UNKNOWN" | "SERVING" | "NOT_SERVING", service?: string): Server {
  return asNetServer(
    createHttp2Server((request, response) => {
      const asked: Buffer[] = [];
      request.on("data", (piece: Buffer) => asked.push(piece));
      request.on("end", () => {
        // Frame, then field 1: the name of the service.
        const name = Buffer.concat(asked).subarray(7).toString();
        const known = request.url === "/grpc.health.v1.Health/Check" && (service === undefined || name === service);
        response.on("error", () => undefined);
        response.writeHead(200, { "content-type": "application/grpc" });
        response.addTrailers(known ? { "grpc-status": "0" } : { "grpc-status": "5", "grpc-message": "unknown service" });
        const number = ["UNKNOWN", "SERVING", "NOT_SERVING"].indexOf(status);
        response.end(known ? Buffer.of(0, 0, 0, 0, 2, 8, number) : "");
      });
    }),
  );
}

/** What it is: Http2Server is a net.Server, and its types do not say so. */
export function asNetServer(server: Http2Server): Server {
  return server as unknown as Server;
}

function sayWell(_: unknown, response: { end(text: string): void }): void {
  response.end("all is well");
}

function with_(options: unknown, peer: Peer): SoundPeer {
  return { ...peer, options };
}
