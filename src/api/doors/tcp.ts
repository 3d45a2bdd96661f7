/** The door over the network, closed unless the configuration opens it: a token always, TLS wherever others could listen. */

import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createSecureContext } from "node:tls";
import type { ApiRule } from "../../config/configuration.ts";
import { type Address, formatEndpoint, parseAddress } from "../../model/address.ts";
import { EvenkeelError } from "../../model/error.ts";
import { newApp } from "../app.ts";
import type { ApiContext } from "../operation.ts";
import { BadRequest } from "../problem.ts";
import { closeServer, limited, listening, SERVER_LIMITS } from "./limits.ts";
import { TokenFile } from "./token.ts";

export type TcpRule = NonNullable<ApiRule["tcp"]>;

export interface TcpDoor {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

const TEXT = {
  noTls: (where: string) => `the API does not listen at ${where} without TLS: its token could be read on the way`,
  noTlsCure: "give api.tcp.certificate and api.tcp.key, or bind it to 127.0.0.1 or ::1",
  half: "api.tcp has a certificate without a key, or a key without a certificate",
  badTls: (why: string) => `the API's certificate and key are of no use: ${why}`,
  cannotListen: (where: string, why: string) => `the API cannot listen at ${where}: ${why}`,
  noToken: "a token is needed",
  wrongToken: "the token is wrong",
  tokenCure: "send Authorization: Bearer TOKEN with what stands in the director's api.tcp.token_file",
};

const CERTIFICATE_LOOK_MS = 60_000;

export async function openTcpDoor(context: ApiContext, rule: TcpRule): Promise<TcpDoor> {
  const address = parseAddress(rule.address);
  const where = formatEndpoint(address, rule.port);
  const token = new TokenFile(rule.tokenFile);
  const { server, stop } = newServer(rule, { where, isLoopback: isLoopback(address) });
  const app = await newApp(context, {
    withToken: true,
    newServer: (handler) => limited(server).on("request", handler),
    identify: ({ headers }) => {
      const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
      if (given !== undefined && token.accepts(given)) return "token";
      const detail = given === undefined ? TEXT.noToken : TEXT.wrongToken;
      throw new BadRequest({ status: 401, code: "NOT_PERMITTED", detail, cure: TEXT.tokenCure });
    },
  });
  const close = async () => {
    stop();
    if (server.listening) await closeServer(server);
    await app.close();
  };
  try {
    await listening(server, () => server.listen({ host: rule.address, port: rule.port }));
  } catch (error) {
    await close();
    if (!(error instanceof Error)) throw error;
    throw new EvenkeelError("SYSTEM_CALL", TEXT.cannotListen(where, error.message), { cause: error });
  }
  return { address: rule.address, port: (server.address() as AddressInfo).port, close };
}

function newServer(
  { certificate, key }: TcpRule,
  { where, isLoopback: alone }: { where: string; isLoopback: boolean },
): { readonly server: Server; readonly stop: () => void } {
  if ((certificate === undefined) !== (key === undefined)) throw new EvenkeelError("BAD_ARGUMENT", TEXT.half);
  if (certificate === undefined || key === undefined) {
    if (!alone) throw new EvenkeelError("NOT_PERMITTED", TEXT.noTls(where), { cure: TEXT.noTlsCure });
    return { server: createServer(SERVER_LIMITS), stop: () => {} };
  }
  let present = readCredentials({ certificate, key });
  const server = createTlsServer({ ...SERVER_LIMITS, ...present, minVersion: "TLSv1.2" });
  // A certificate that was renewed is taken up; one that is broken is not, and the old one stays.
  const timer = setInterval(() => {
    try {
      const found = readCredentials({ certificate, key });
      if (found.cert.equals(present.cert) && found.key.equals(present.key)) return;
      server.setSecureContext({ ...found, minVersion: "TLSv1.2" });
      present = found;
    } catch (error) {
      if (!(error instanceof EvenkeelError)) throw error;
    }
  }, CERTIFICATE_LOOK_MS).unref();
  return { server, stop: () => clearInterval(timer) };
}

function readCredentials({ certificate, key }: { certificate: string; key: string }): { readonly cert: Buffer; readonly key: Buffer } {
  try {
    const found = { cert: readFileSync(certificate), key: readFileSync(key) };
    createSecureContext(found);
    return found;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new EvenkeelError("BAD_ARGUMENT", TEXT.badTls(error.message), { cause: error });
  }
}

function isLoopback({ family, bytes }: Address): boolean {
  if (family === "ipv4") return bytes[0] === 127;
  return bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
}
