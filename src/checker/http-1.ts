/** One request and its answer over HTTP/1.1. */

import type { Duplex } from "node:stream";
import { HttpResponseReader } from "../wire/http-response.ts";
import type { Course } from "./course.ts";
import type { HttpAnswer, HttpRequest } from "./http-request.ts";
import { READ_BYTES_MAX, receive } from "./stream.ts";

export function askHttp1(course: Course, stream: Duplex, request: HttpRequest, goOn: (status: number) => boolean): Promise<HttpAnswer> {
  course.enter("request");
  const reader = new HttpResponseReader({ bodyless: request.method === "HEAD", bodyBytesMax: READ_BYTES_MAX });
  const answer = receive(stream, (piece): HttpAnswer | undefined => {
    course.enter("response");
    const response = piece === undefined ? reader.end() : reader.feed(piece);
    const { head } = reader;
    if (response !== undefined) return { status: response.head.status, body: response.body, whole: response.whole };
    // Who does not want the rest does not wait for it.
    return head === undefined || goOn(head.status) ? undefined : { status: head.status, body: new Uint8Array(0), whole: false };
  });
  stream.write(encodeRequest(request), () => {
    if (course.phase === "request") course.enter("response");
  });
  return answer;
}

/** The text of what is the same each time is made once. */
const encoded = new WeakMap<HttpRequest, Buffer>();

function encodeRequest(request: HttpRequest): Buffer {
  const known = encoded.get(request);
  if (known !== undefined) return known;
  const { method, path, authority, headers, body } = request;
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${authority}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : [`Content-Length: ${body.length}`]),
    "Connection: close",
  ];
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  const bytes = body === undefined ? head : Buffer.concat([head, body]);
  encoded.set(request, bytes);
  return bytes;
}
