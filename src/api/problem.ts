/** Errors as the API tells them: application/problem+json (RFC 9457), with the code, the facts and the cure of an EvenkeelError. */

import { ConfigurationError } from "../config/parse.ts";
import { EditRefused, type Refusal } from "../model/edit-refused.ts";
import { type ErrorCode, EvenkeelError } from "../model/error.ts";
import type { ComplaintReply, Problem } from "./types.ts";

/** What is wrong with the request, not with what it asks for. */
export interface RequestFault {
  readonly status: 400 | 401 | 404 | 405 | 406 | 408 | 412 | 413 | 414 | 415 | 417 | 431 | 503;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly cure?: string;
  readonly complaints?: readonly ComplaintReply[];
}

const TEXT = {
  bug: "this should not have happened; the director's journal has more of it",
};

/** A client's mistake is 4xx, what the director could not do although it was asked rightly is 5xx. */
export const STATUS_OF = {
  BAD_ADDRESS: 400,
  BAD_ARGUMENT: 400,
  BAD_PACKET: 400,
  OUT_OF_RANGE: 400,
  NOT_PERMITTED: 403,
  NOT_FOUND: 404,
  NO_SUCH_DAEMON: 404,
  NO_SUCH_SERVER: 404,
  NO_SUCH_SERVICE: 404,
  ALREADY_ATTACHED: 409,
  CONFLICT: 409,
  DAEMON_EXISTS: 409,
  SERVER_EXISTS: 409,
  SERVICE_EXISTS: 409,
  BAD_CONFIGURATION: 422,
  INTERFACE_MISSING: 422,
  VIP_NOT_LOCAL: 422,
  BPF_UNAVAILABLE: 500,
  COMMAND_FAILED: 500,
  EXPECTATION_FAILED: 500,
  KERNEL_FEATURE_MISSING: 500,
  LAB_BUSY: 500,
  LAB_MISSING: 500,
  LIBRARY_MISSING: 500,
  NAMESPACE_MISSING: 500,
  NETLINK: 500,
  PIN_DIRECTORY: 500,
  SYSTEM_CALL: 500,
  VERIFIER_REJECTED: 500,
  DIRECTOR_AWAY: 503,
  LIMIT_REACHED: 503,
  NOT_RUNNING: 503,
  TIMEOUT: 504,
} as const satisfies Record<ErrorCode, number>;

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Not authorized",
  403: "Not permitted",
  404: "Not found",
  405: "Method not allowed",
  406: "Not acceptable",
  408: "Request too slow",
  409: "Conflict",
  412: "Precondition failed",
  413: "Body too large",
  414: "Address too long",
  415: "Unsupported media type",
  417: "Expectation failed",
  422: "Configuration refused",
  431: "Headers too large",
  500: "Failed",
  503: "Not available",
  504: "Took too long",
};

export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

/** Thrown inside of the API for what is wrong with a request. */
export class BadRequest extends Error {
  readonly fault: RequestFault;

  constructor(fault: RequestFault) {
    super(fault.detail);
    this.fault = fault;
  }
}

export function problemOfFault({ status, code, detail, cure, complaints }: RequestFault): Problem {
  return {
    ...head(status, code),
    detail,
    ...(cure === undefined ? {} : { cure }),
    ...(complaints === undefined ? {} : { complaints }),
  };
}

/** Undefined: a bug, of which a stranger is told nothing but that it is one. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof BadRequest) return problemOfFault(error.fault);
  if (error instanceof EditRefused) {
    const refusal = refusalReply(error.refusal);
    return { ...problemOfEvenkeelError(error.refusal.error), refusal };
  }
  return error instanceof EvenkeelError ? problemOfEvenkeelError(error) : undefined;
}

export const BUG: Problem = { ...head(500, "COMMAND_FAILED"), detail: TEXT.bug };

export function refusalReply({ index, error: { code, message, cure, facts } }: Refusal): NonNullable<Problem["refusal"]> {
  return { index, code, detail: message, ...(cure === "" ? {} : { cure }), ...(Object.keys(facts).length === 0 ? {} : { facts }) };
}

function problemOfEvenkeelError(error: EvenkeelError): Problem {
  const because = causes(error);
  return {
    ...head(STATUS_OF[error.code], error.code),
    detail: error.message,
    ...(error.cure === "" ? {} : { cure: error.cure }),
    ...(Object.keys(error.facts).length === 0 ? {} : { facts: error.facts }),
    ...(because.length === 0 ? {} : { because }),
    ...(error instanceof ConfigurationError ? { complaints: error.complaints.map(complaintReply) } : {}),
  };
}

function head(status: number, code: ErrorCode): Pick<Problem, "type" | "title" | "status" | "code"> {
  return { type: `urn:evenkeel:problem:${code.toLowerCase().replaceAll("_", "-")}`, title: TITLES[status] ?? "Failed", status, code };
}

function complaintReply({ line, column, path, text }: ConfigurationError["complaints"][number]): ComplaintReply {
  return { line, column, path, text };
}

function causes(error: Error): string[] {
  const found: string[] = [];
  for (let { cause } = error; cause instanceof Error && found.length < 10; { cause } = cause)
    if (cause.message !== "") found.push(cause.message);
  return found;
}
