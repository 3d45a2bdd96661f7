/** gRPC: the server says by grpc.health.v1.Health/Check that the service, or it as a whole, is serving. */

import * as z from "zod";
import { quote } from "../config/complaint.ts";
import { toggle } from "../config/fields.ts";
import type { Shape } from "../config/mapping.ts";
import { decodeHealthResponse, encodeHealthRequest } from "../wire/grpc-health.ts";
import { authorityOf, checkerOf, wayTo } from "./checker.ts";
import { PASSED } from "./course.ts";
import { Failure } from "./fault.ts";
import { askHttp2, type Http2Answer } from "./http-2.ts";
import { readSecure, secure, secureShape } from "./secure.ts";
import { openStream } from "./stream.ts";
import { readWay, wayShape } from "./way-options.ts";

/** https://grpc.io/docs/guides/status-codes/, in the order of their numbers. */
const GRPC_CODES = (
  "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED " +
  "FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split(" ");

const grpcShape = {
  ...wayShape,
  ...secureShape,
  /** Of which service; without it of the server as a whole. */
  service: z
    .string({ error: ({ input }) => `${quote(input)} is not the name of a service` })
    .max(500, { error: "the name of a service has at most 500 characters" })
    .default("")
    .describe("Which service is asked about; the server as a whole when left out."),
  tls: toggle.default(false).describe("Over TLS."),
} satisfies Shape;

export const grpc = checkerOf({
  name: "grpc",
  shape: grpcShape,
  complete: (fields, complain) => ({
    ...readWay(fields, complain),
    question: Buffer.from(encodeHealthRequest(fields.service ?? "")),
    secure: fields.tls === true ? readSecure(fields, complain) : undefined,
  }),
  async examine(course, target, options, dial) {
    const way = await wayTo(course, target, options, dial);
    const tcp = await openStream(course, way, dial);
    const tls = options.secure;
    const stream = tls === undefined ? tcp : await secure(course, tcp, target, tls, ["h2"]);
    const request = {
      method: "POST",
      path: "/grpc.health.v1.Health/Check",
      authority: tls?.serverName ?? authorityOf(target, way.port, tls === undefined ? 80 : 443),
      headers: [
        ["content-type", "application/grpc"],
        ["te", "trailers"],
        ["user-agent", "evenkeel"],
      ],
      body: options.question,
      scheme: tls === undefined ? "http" : "https",
    } as const;
    const answer = await askHttp2(course, stream, request, (status) => status === 200);
    course.enter("match");
    if (answer.status !== 200) throw new Failure(`the HTTP status is ${answer.status}; gRPC answers with 200`);
    requireCode(answer);
    const status = decodeHealthResponse(answer.body);
    course.note("status", status);
    return status === "SERVING" ? PASSED : { refusal: `the server says it is ${status}` };
  },
});

/** An answer without a body has its code among the headers. */
function requireCode({ headers, trailers }: Http2Answer): void {
  const code = trailers["grpc-status"] ?? headers["grpc-status"];
  if (typeof code !== "string" || !/^\d{1,3}$/.test(code))
    throw new Failure("the server does not speak gRPC here: there is no grpc-status");
  if (code === "0") return;
  const text = trailers["grpc-message"] ?? headers["grpc-message"];
  const name = GRPC_CODES[Number(code)] ?? `code ${code}`;
  throw new Failure(`the server answered ${name}${typeof text === "string" && text !== "" ? `: ${quote(text)}` : ""}`);
}
