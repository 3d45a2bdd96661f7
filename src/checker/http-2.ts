/** One request and its answer over HTTP/2: what HTTP checks and gRPC share. */

import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from "node:http2";
import type { Duplex } from "node:stream";
import type { Course } from "./course.ts";
import { Failure, faultOf } from "./fault.ts";
import type { HttpAnswer, HttpRequest } from "./http-request.ts";
import { READ_BYTES_MAX } from "./stream.ts";

export interface Http2Answer extends HttpAnswer {
  readonly headers: IncomingHttpHeaders;
  /** Empty when there were none. */
  readonly trailers: IncomingHttpHeaders;
}

/** `stream` is connected, and speaks HTTP/2 from the first byte. `goOn`: whether the body is wanted. */
export function askHttp2(
  course: Course,
  stream: Duplex,
  request: HttpRequest & { readonly scheme: "http" | "https" },
  goOn: (status: number) => boolean,
): Promise<Http2Answer> {
  course.enter("request");
  return new Promise((done, fail) => {
    const session = course.own(openSession(stream, request));
    const onError = (error: Error): void => fail(faultOf(error) ?? error);
    session.on("error", onError);
    session.once("goaway", (code: number) => fail(new Failure(`the server ended the session (GOAWAY, code ${code})`)));
    session.once("close", () => fail(new Failure("the server closed the session too early")));
    const exchange = session.request(headersOf(request), { endStream: request.body === undefined });
    exchange.on("error", onError);
    if (request.body !== undefined) exchange.end(request.body);

    let answer: { status: number; headers: IncomingHttpHeaders } | undefined;
    let trailers: IncomingHttpHeaders = {};
    const pieces: Buffer[] = [];
    let bytes = 0;
    const finish = (whole: boolean): void => {
      if (answer === undefined) fail(new Failure("the server closed the stream without an answer"));
      else done({ ...answer, trailers, body: Buffer.concat(pieces).subarray(0, READ_BYTES_MAX), whole });
    };
    exchange.on("response", (headers) => {
      course.enter("response");
      answer = { status: Number(headers[constants.HTTP2_HEADER_STATUS]), headers };
      if (!goOn(answer.status)) finish(false);
    });
    exchange.on("trailers", (headers) => {
      trailers = headers;
    });
    exchange.on("data", (piece: Buffer) => {
      if (bytes > READ_BYTES_MAX) return;
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > READ_BYTES_MAX) finish(false);
    });
    exchange.once("end", () => {
      if (exchange.rstCode === constants.NGHTTP2_NO_ERROR) finish(true);
    });
    exchange.once("close", () => {
      if (exchange.rstCode !== constants.NGHTTP2_NO_ERROR) fail(new Failure(`the server reset the stream (code ${exchange.rstCode})`));
      else finish(true);
    });
  });
}

function openSession(stream: Duplex, { scheme, authority }: { scheme: string; authority: string }): ClientHttp2Session {
  return connect(`${scheme}://${urlAuthority(authority)}`, {
    createConnection: () => stream,
    settings: { enablePush: false },
    // What one answer may make us remember.
    maxSessionMemory: 1,
    peerMaxConcurrentStreams: 1,
  });
}

/** Only to please the URL parser; the request says its own. */
function urlAuthority(authority: string): string {
  return URL.canParse(`http://${authority}`) ? authority : "localhost";
}

function headersOf({ method, path, authority, headers, scheme }: HttpRequest & { scheme: string }): Record<string, string> {
  return {
    ":method": method,
    ":scheme": scheme,
    ":authority": authority,
    ":path": path,
    ...Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
  };
}
