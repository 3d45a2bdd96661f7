/**
 * One HTTP exchange with a director: over its unix socket, or over TCP with a token. What goes wrong on the way becomes an EvenkeelError here, and a
 * problem that the director answers becomes the error that it was there. Light: it is loaded by every verb, and by ipvsadm's hundreds of calls.
 */

import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { EditRefused } from "../model/edit-refused.ts";
import { EvenkeelError } from "../model/error.ts";
import type { Problem } from "./types.ts";

/** Where a director answers. */
export type DirectorPlace =
  | { readonly socket: string }
  /** http: only to loopback, as the director has it. */
  | { readonly url: string; readonly token: string; readonly certificateAuthority?: string };

export interface Exchange {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For all of it; of a stream, until it begins. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

const TEXT = {
  away: (where: string) => `no director answers at ${where}`,
  awayCure: "evenkeel run starts one; systemctl status evenkeel tells what became of it",
  broken: (where: string) => `the director at ${where} broke off`,
  notPermitted: (where: string) => `the director at ${where} may not be asked by this user`,
  notPermittedCure: "become root, or a member of the group that the configuration names (api.group)",
  late: (where: string, ms: number) => `the director at ${where} did not answer within ${ms / 1000} s`,
  noDirector: (where: string, status: number) => `what answers at ${where} is no director: status ${status}`,
  tls: (where: string, why: string) => `the director at ${where} could not be reached: ${why}`,
};

/** More than any answer has: ten thousand servers with all that is known of them are a tenth of it. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

const AWAY = new Set(["ENOENT", "ECONNREFUSED", "ENOTSOCK", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN"]);

/** What a director answered that was asked for more than it would do. */
export class RefusedByDirector extends EvenkeelError {
  readonly problem: Problem;

  constructor(problem: Problem) {
    const { code, detail, cure, facts, because } = problem;
    super(code, detail, {
      ...(cure === undefined ? {} : { cure }),
      ...(facts === undefined ? {} : { facts }),
      cause: (because ?? []).reduceRight<Error | undefined>((behind, message) => new Error(message, { cause: behind }), undefined),
    });
    this.problem = problem;
  }
}

/** The whole answer. Throws RefusedByDirector and EditRefused; DIRECTOR_AWAY, NOT_PERMITTED, TIMEOUT when there is none. */
export async function exchange(place: DirectorPlace, asked: Exchange): Promise<Answer> {
  const deadline = AbortSignal.timeout(asked.timeoutMs);
  const signal = asked.signal === undefined ? deadline : AbortSignal.any([asked.signal, deadline]);
  try {
    const response = await open(place, asked, signal);
    const text = await textOf(response);
    if (isGood(response)) return { headers: response.headers, text };
    throw errorFrom(place, response, text);
  } catch (error) {
    throw explained(error, { place, asked, late: deadline.aborted });
  }
}

/** The answer's bytes as they come, until the signal. */
export async function openStream(place: DirectorPlace, asked: Exchange & { readonly signal: AbortSignal }): Promise<IncomingMessage> {
  const opening = new AbortController();
  const timer = setTimeout(() => opening.abort(), asked.timeoutMs);
  try {
    const response = await open(place, asked, AbortSignal.any([asked.signal, opening.signal]));
    if (isGood(response)) return response;
    throw errorFrom(place, response, await textOf(response));
  } catch (error) {
    throw explained(error, { place, asked, late: opening.signal.aborted });
  } finally {
    clearTimeout(timer);
  }
}

export function describePlace(place: DirectorPlace): string {
  return "socket" in place ? place.socket : place.url;
}

function open(place: DirectorPlace, { method, path, headers = {}, body }: Exchange, signal: AbortSignal): Promise<IncomingMessage> {
  const said: Record<string, string> = { ...headers };
  if (body !== undefined) said["content-length"] = `${Buffer.byteLength(body)}`;
  if ("url" in place) said["authorization"] = `Bearer ${place.token}`;
  const options: RequestOptions = { method, path, headers: said, signal, agent: false };
  return new Promise((resolve, reject) => {
    start(place, options).then((request) => {
      request.on("response", resolve);
      request.on("error", reject);
      request.end(body);
    }, reject);
  });
}

async function start(place: DirectorPlace, options: RequestOptions): Promise<ClientRequest> {
  if ("socket" in place) return httpRequest({ ...options, socketPath: place.socket });
  const url = new URL(options.path ?? "/", place.url);
  if (url.protocol === "http:") return httpRequest(url, options);
  const https = await import("node:https");
  const { certificateAuthority } = place;
  return https.request(url, { ...options, ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }) });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > ANSWER_BYTES_MAX) throw new EvenkeelError("LIMIT_REACHED", `the answer is longer than ${ANSWER_BYTES_MAX} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function isGood({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

function errorFrom(place: DirectorPlace, { statusCode = 0, headers }: IncomingMessage, text: string): Error {
  const problem = headers["content-type"]?.startsWith("application/problem+json") ? problemIn(text) : undefined;
  if (problem === undefined) return new EvenkeelError("DIRECTOR_AWAY", TEXT.noDirector(describePlace(place), statusCode));
  if (problem.refusal === undefined) return new RefusedByDirector(problem);
  const { index, code, detail, cure, facts } = problem.refusal;
  return new EditRefused({ index, error: new EvenkeelError(code, detail, { ...(cure && { cure }), ...(facts && { facts }) }) });
}

function problemIn(text: string): Problem | undefined {
  try {
    return JSON.parse(text) as Problem;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What Node says of a connection that was not made or broke, in our words. */
function explained(error: unknown, { place, asked, late }: { place: DirectorPlace; asked: Exchange; late: boolean }): unknown {
  if (error instanceof EvenkeelError || error instanceof EditRefused || asked.signal?.aborted) return error;
  const where = describePlace(place);
  if (late) return new EvenkeelError("TIMEOUT", TEXT.late(where, asked.timeoutMs));
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error;
  const { code } = error;
  if (AWAY.has(code)) return new EvenkeelError("DIRECTOR_AWAY", TEXT.away(where), { cure: TEXT.awayCure, cause: error });
  if (code === "EACCES" || code === "EPERM")
    return new EvenkeelError("NOT_PERMITTED", TEXT.notPermitted(where), { cure: TEXT.notPermittedCure, cause: error });
  if (code === "ECONNRESET" || code === "EPIPE" || code.startsWith("HPE_"))
    return new EvenkeelError("DIRECTOR_AWAY", TEXT.broken(where), { cure: TEXT.awayCure, cause: error });
  return new EvenkeelError("DIRECTOR_AWAY", TEXT.tls(where, error.message), { cause: error });
}
