/**
 * Requests to the kernel's routing socket (NETLINK_ROUTE), answered before the call returns.
 * A socket of its own for each, because a socket belongs to the network namespace in which it was made.
 * Whatever the kernel refuses becomes a NETLINK error with what was attempted and the kernel's own explanation.
 */

import koffi from "koffi";
import { EvenkeelError } from "../model/error.ts";
import {
  type Acknowledgement,
  concatenate,
  decodeAcknowledgement,
  decodeMessages,
  encodeMessage,
  NetlinkFlag,
  type NetlinkMessage,
  NetlinkType,
} from "../wire/netlink.ts";
import { libc } from "./libc.ts";
import { checkCall, describeErrno, Errno, systemCallError } from "./system-call.ts";

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 0x80003;
const NETLINK_ROUTE = 0;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const MSG_TRUNC = 0x20;
const RECEIVE_BYTES = 256 * 1024;
/** Questions that go out before the first answer is read: their answers have room in the socket's smallest usual buffer. */
const QUESTIONS_AT_ONCE = 32;
/** The kernel answers at once or not at all. */
const TIMEOUT_S = 10n;
/** A table that changes more often than this while it is read once is not to be read. */
const DUMP_ATTEMPTS = 25;

export interface NetlinkRequest {
  readonly type: number;
  readonly flags?: number;
  readonly payload: Uint8Array;
  /** Completes "cannot ...". */
  readonly attempted: string;
}

/** Raw socket of the routing family; the caller closes it. */
export function openRouteSocket(extraFlags = 0): number {
  return checkCall(libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC | extraFlags, NETLINK_ROUTE), "open a netlink socket");
}

/** A change; returns when the kernel has made it. */
export function change(request: NetlinkRequest): void {
  exchange({ ...request, flags: NetlinkFlag.REQUEST | NetlinkFlag.ACK | (request.flags ?? 0) });
}

/** A question with one answer. */
export function ask(request: NetlinkRequest): NetlinkMessage {
  const { messages } = exchange({ ...request, flags: NetlinkFlag.REQUEST | NetlinkFlag.ACK | (request.flags ?? 0) });
  const answer = messages[0];
  if (answer === undefined) throw netlinkError(request.attempted, 0, "the kernel acknowledged and answered nothing");
  return answer;
}

/** What the kernel answered, or why it did not. Not an Error: of ten thousand servers without a route each would take its trace. */
export type NetlinkAnswer =
  | { readonly kind: "message"; readonly message: NetlinkMessage }
  | ({ readonly kind: "refused" } & Acknowledgement);

/** Many questions with one answer each, over one socket. In their order. */
export function askAll(requests: readonly NetlinkRequest[]): readonly NetlinkAnswer[] {
  if (requests.length === 0) return [];
  return withRouteSocket((fd) => {
    const answers: NetlinkAnswer[] = [];
    for (let i = 0; i < requests.length; i += QUESTIONS_AT_ONCE) answers.push(...askTogether(fd, requests.slice(i, i + QUESTIONS_AT_ONCE)));
    return answers;
  });
}

/** All of a table, as one moment: what changed while it was read is read again. */
export function dump(request: NetlinkRequest): readonly NetlinkMessage[] {
  for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
    const { messages, interrupted } = exchange({ ...request, flags: NetlinkFlag.REQUEST | NetlinkFlag.DUMP | (request.flags ?? 0) });
    if (!interrupted) return messages;
  }
  throw netlinkError(request.attempted, 0, `the table changed during each of ${DUMP_ATTEMPTS} attempts to read it`);
}

function exchange(request: NetlinkRequest & { readonly flags: number }): { messages: readonly NetlinkMessage[]; interrupted: boolean } {
  const { type, flags, payload, attempted } = request;
  return withRouteSocket((fd) => {
    send(fd, encodeMessage({ type, flags, sequence: 1, payload }), attempted);
    return receiveAnswer(fd, attempted);
  });
}

/** Not acknowledged besides, each is answered by one message. Their places are the sequence numbers. */
function askTogether(fd: number, requests: readonly NetlinkRequest[]): readonly NetlinkAnswer[] {
  const attempted = requests[0]?.attempted ?? "";
  const messages = requests.map(({ type, flags = 0, payload }, sequence) =>
    encodeMessage({ type, flags: NetlinkFlag.REQUEST | flags, sequence, payload }),
  );
  send(fd, concatenate(messages), attempted);
  const answers = new Map<number, NetlinkAnswer>();
  while (answers.size < requests.length) {
    for (const message of receive(fd, attempted)) answers.set(message.sequence, answerOf(message));
  }
  return requests.map((request, sequence) => {
    const answer = answers.get(sequence);
    if (answer === undefined) throw netlinkError(request.attempted, 0, "the kernel answered another question");
    return answer;
  });
}

function answerOf(message: NetlinkMessage): NetlinkAnswer {
  return message.type === NetlinkType.ERROR ? { kind: "refused", ...decodeAcknowledgement(message) } : { kind: "message", message };
}

function withRouteSocket<T>(work: (fd: number) => T): T {
  const fd = openRouteSocket();
  try {
    prepare(fd);
    return work(fd);
  } finally {
    libc.close(fd);
  }
}

function send(fd: number, bytes: Uint8Array, attempted: string): void {
  if (libc.send(fd, bytes, bytes.length, 0) < 0) throw netlinkError(attempted, koffi.errno(), "");
}

function receiveAnswer(fd: number, attempted: string): { messages: readonly NetlinkMessage[]; interrupted: boolean } {
  const messages: NetlinkMessage[] = [];
  let interrupted = false;
  for (;;) {
    for (const message of receive(fd, attempted)) {
      if ((message.flags & NetlinkFlag.DUMP_INTERRUPTED) !== 0) interrupted = true;
      if (message.type === NetlinkType.ERROR || message.type === NetlinkType.DONE) {
        const { errno, text } = decodeAcknowledgement(message);
        if (errno !== 0) throw netlinkError(attempted, errno, text);
        return { messages, interrupted };
      }
      if (message.type !== NetlinkType.NOOP) messages.push(message);
    }
  }
}

/** One for all datagrams: to make so large a buffer takes longer than to ask the kernel. */
let room: Uint8Array | undefined;

function receive(fd: number, attempted: string): readonly NetlinkMessage[] {
  room ??= new Uint8Array(RECEIVE_BYTES);
  const buffer = room;
  for (;;) {
    const length = libc.recv(fd, buffer, buffer.length, MSG_TRUNC);
    if (length > buffer.length) throw netlinkError(attempted, 0, `an answer of ${length} bytes is longer than any we know`);
    if (length >= 0) return decodeMessages(buffer.slice(0, length));
    const errno = koffi.errno();
    if (errno === Errno.EINTR) continue;
    if (errno === Errno.EAGAIN) throw netlinkError(attempted, 0, `the kernel did not answer within ${TIMEOUT_S} seconds`);
    throw netlinkError(attempted, errno, "");
  }
}

function prepare(fd: number): void {
  const one = new Uint8Array(Uint32Array.of(1).buffer);
  checkCall(libc.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, one, 4), "ask netlink for explanations");
  checkCall(libc.setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, one, 4), "ask netlink for short acknowledgements");
  const timeout = new Uint8Array(BigInt64Array.of(TIMEOUT_S, 0n).buffer);
  checkCall(libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length), "set the netlink timeout");
}

export function netlinkError(attempted: string, errno: number, explanation: string): EvenkeelError {
  if (errno === Errno.EPERM && explanation === "")
    return systemCallError(attempted, errno, { code: "NOT_PERMITTED", cure: "run as root (sudo)" });
  const why = [explanation, errno === 0 ? "" : describeErrno(errno)].filter((part) => part !== "").join("; ");
  return new EvenkeelError("NETLINK", `cannot ${attempted}: ${why}`, { facts: { errno, kernel: explanation } });
}

/** Whether this is the kernel's refusal with that errno: for callers to whom "exists already" or "not there" is no failure. */
export function isNetlinkErrno(error: unknown, ...errnos: readonly number[]): boolean {
  return error instanceof EvenkeelError && error.code === "NETLINK" && errnos.includes(Number(error.facts["errno"]));
}
