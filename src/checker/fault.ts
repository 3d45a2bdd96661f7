/** Errors of the world in plain words, and whose fault they are: the server's (a verdict about it) or our own host's (none). */

import { EvenkeelError } from "../model/error.ts";

/** The server's fault. The message is for people. */
export class Failure extends Error {
  override readonly name = "Failure";
}

/** Not the server's fault: it could not be asked. */
export class Unable extends Error {
  override readonly name = "Unable";
}

const THEIRS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by the server",
  ECONNABORTED: "connection aborted by the server",
  EHOSTUNREACH: "the host cannot be reached",
  EHOSTDOWN: "the host is down",
  ENETUNREACH: "the network cannot be reached",
  ETIMEDOUT: "the server does not answer",
  EPIPE: "the server closed the connection while it was being written to",
  ENOPROTOOPT: "the protocol is not available there",
  EPROTO: "protocol error",
  ENOTCONN: "the connection is gone",
  EMSGSIZE: "the message is too long for the way there",
  ENOTFOUND: "there is no such name",
  ENODATA: "the name has no address of this family",
  ERR_STREAM_PREMATURE_CLOSE: "the server closed the connection too early",
  ERR_STREAM_WRITE_AFTER_END: "the server closed the connection too early",
  ERR_STREAM_DESTROYED: "the server closed the connection too early",
};

const OURS: Readonly<Record<string, string>> = {
  EACCES: "not permitted on this host",
  EPERM: "not permitted on this host (a firewall rule, or a missing capability)",
  EADDRNOTAVAIL: "this host does not have the address to come from, or no free port on it",
  EADDRINUSE: "no free port on this host",
  EAFNOSUPPORT: "this host does not speak that family of addresses",
  EINVAL: "this host cannot send from that address to this one",
  EAGAIN: "this host has no more resources for it",
  EMFILE: "too many open files in this process",
  ENFILE: "too many open files on this host",
  ENOBUFS: "no buffer space on this host",
  ENOMEM: "out of memory",
  ENOENT: "there is no such file",
  ENOEXEC: "the file cannot be executed",
  ENOTDIR: "there is no such file",
  EAI_AGAIN: "names cannot be looked up at the moment",
  ESRCH: "the process is gone",
};

/** Undefined: nothing that the world does; a bug. */
export function faultOf(error: unknown): Failure | Unable | undefined {
  if (error instanceof Failure || error instanceof Unable) return error;
  if (error instanceof EvenkeelError) return error.code === "BAD_PACKET" ? new Failure(error.message) : new Unable(error.message);
  const code = codeOf(error);
  if (code === undefined) return undefined;
  const theirs = THEIRS[code];
  if (theirs !== undefined) return new Failure(theirs);
  const ours = OURS[code];
  if (ours !== undefined) return new Unable(ours);
  // OpenSSL and nghttp2 have hundreds of them, and all are about what the peer said.
  if (/^(ERR_SSL_|ERR_TLS_|ERR_HTTP2_|ERR_OSSL_|CERT_|UNABLE_TO_|HPE_)/.test(code)) return new Failure(sslWords(error));
  return undefined;
}

/** What was thrown, for a promise to be rejected with. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** OpenSSL's words speak of records and alerts. */
const SSL_WORDS: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/wrong version number|packet length too long|http request|unexpected message|record layer/, "the server does not speak TLS here"],
  [/no application protocol/, "the server does not speak the protocol that was asked for (ALPN)"],
  [/certificate required|handshake failure.*certificate/, "the server wants a certificate of ours"],
  [/unrecognized name/, "the server does not know the name that was asked for (SNI)"],
  [/unknown ca|bad certificate|certificate unknown/, "the server does not take our certificate"],
];

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** "40E7...:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/..." -> "wrong version number". */
function sslWords(error: unknown): string {
  const reason = error instanceof Error && "reason" in error && typeof error.reason === "string" ? error.reason : undefined;
  const message = error instanceof Error ? error.message : "";
  const words = reason ?? /error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/.exec(message)?.[1] ?? message;
  return SSL_WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? words;
}
