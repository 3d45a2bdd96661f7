/**
 * Netlink messages and their attributes (include/uapi/linux/netlink.h): bytes <-> values, no socket.
 * Everything is in host order and on four-byte boundaries. A decoder checks length before it reads and throws BAD_PACKET only.
 */

import { EvenkeelError } from "../model/error.ts";

export const NetlinkFlag = Object.freeze({
  REQUEST: 0x1,
  MULTI: 0x2,
  ACK: 0x4,
  DUMP_INTERRUPTED: 0x10,
  /** A get for all (NLM_F_ROOT | NLM_F_MATCH). */
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCLUSIVE: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
  /** On an error message: the request is not repeated in it; attributes follow. */
  CAPPED: 0x100,
  ACK_ATTRIBUTES: 0x200,
} as const);

/** Message types below RTM_BASE. */
export const NetlinkType = Object.freeze({ NOOP: 1, ERROR: 2, DONE: 3, OVERRUN: 4 } as const);

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly port: number;
  readonly payload: Uint8Array;
}

/** A value, or attributes within. */
export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array | readonly Attribute[];
}

/** What the kernel answers to a request it refuses, or acknowledges (errno 0). */
export interface Acknowledgement {
  readonly errno: number;
  /** In the kernel's words (NETLINK_EXT_ACK), or empty. */
  readonly text: string;
}

export type Attributes = ReadonlyMap<number, Uint8Array>;

const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER sit in the type. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;
const NESTED = 0x8000;
const EXT_ACK_TEXT = 1;

/** Padded, so that another message may follow. */
export function encodeMessage(message: { type: number; flags: number; sequence: number; payload: Uint8Array }): Uint8Array {
  const length = HEADER_BYTES + message.payload.length;
  const bytes = new Uint8Array(align(length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, message.type, true);
  view.setUint16(6, message.flags, true);
  view.setUint32(8, message.sequence, true);
  bytes.set(message.payload, HEADER_BYTES);
  return bytes;
}

/** The messages of one datagram. */
export function decodeMessages(datagram: Uint8Array): readonly NetlinkMessage[] {
  const view = viewOf(datagram);
  const messages: NetlinkMessage[] = [];
  let at = 0;
  while (at < datagram.length) {
    if (datagram.length - at < HEADER_BYTES) throw badPacket("message header", datagram.length - at);
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || length > datagram.length - at) throw badPacket("message length", length);
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      port: view.getUint32(at + 12, true),
      payload: datagram.subarray(at + HEADER_BYTES, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** Of an ERROR message, or of the DONE that ends a dump. */
export function decodeAcknowledgement(message: NetlinkMessage): Acknowledgement {
  const { payload, flags } = message;
  // A DONE without a payload ends a dump well.
  if (payload.length < 4) return { errno: 0, text: "" };
  const errno = Math.abs(viewOf(payload).getInt32(0, true));
  if ((flags & NetlinkFlag.ACK_ATTRIBUTES) === 0) return { errno, text: "" };
  const text = decodeAttributes(payload.subarray(attributesStart(message))).get(EXT_ACK_TEXT);
  return { errno, text: text === undefined ? "" : textOf(text) };
}

function attributesStart({ type, flags, payload }: NetlinkMessage): number {
  if (type === NetlinkType.DONE) return 4;
  // The request's header is always repeated, its payload only when not capped.
  if ((flags & NetlinkFlag.CAPPED) !== 0 || payload.length < 4 + HEADER_BYTES) return Math.min(payload.length, 4 + HEADER_BYTES);
  return Math.min(payload.length, 4 + align(viewOf(payload).getUint32(4, true)));
}

export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  return concatenate(attributes.map(encodeAttribute));
}

function encodeAttribute({ type, value }: Attribute): Uint8Array {
  const nested = !(value instanceof Uint8Array);
  const body = nested ? encodeAttributes(value) : value;
  const length = ATTRIBUTE_HEADER_BYTES + body.length;
  const bytes = new Uint8Array(align(length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, length, true);
  view.setUint16(2, nested ? type | NESTED : type, true);
  bytes.set(body, ATTRIBUTE_HEADER_BYTES);
  return bytes;
}

/** By type; of one that comes twice the last counts. */
export function decodeAttributes(bytes: Uint8Array): Attributes {
  const attributes = new Map<number, Uint8Array>();
  for (const { type, value } of eachAttribute(bytes)) attributes.set(type, value);
  return attributes;
}

export function* eachAttribute(bytes: Uint8Array): Generator<{ readonly type: number; readonly value: Uint8Array }> {
  const view = viewOf(bytes);
  let at = 0;
  while (bytes.length - at >= ATTRIBUTE_HEADER_BYTES) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_BYTES || length > bytes.length - at) throw badPacket("attribute length", length);
    yield { type: view.getUint16(at + 2, true) & ATTRIBUTE_TYPE_MASK, value: bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length) };
    at += align(length);
  }
}

// ---- values of attributes

export function u8Attribute(type: number, value: number): Attribute {
  return { type, value: Uint8Array.of(value) };
}

export function u16Attribute(type: number, value: number): Attribute {
  return { type, value: Uint8Array.of(value & 0xff, value >>> 8) };
}

export function u32Attribute(type: number, value: number): Attribute {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return { type, value: bytes };
}

/** With the closing zero that the kernel's string policy allows everywhere. */
export function textAttribute(type: number, value: string): Attribute {
  const text = new TextEncoder().encode(value);
  const bytes = new Uint8Array(text.length + 1);
  bytes.set(text);
  return { type, value: bytes };
}

export function u32Of(value: Uint8Array | undefined): number | undefined {
  return value === undefined || value.length < 4 ? undefined : viewOf(value).getUint32(0, true);
}

export function textOf(value: Uint8Array): string {
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}

// ---- bytes

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The fixed head of a message of some family; throws when the payload is shorter. */
export function headView(payload: Uint8Array, bytes: number, what: string): DataView {
  if (payload.length < bytes) throw badPacket(what, payload.length);
  return viewOf(payload);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function align(length: number): number {
  return (length + 3) & ~3;
}

function badPacket(what: string, length: number): EvenkeelError {
  return new EvenkeelError("BAD_PACKET", `netlink: impossible ${what} (${length})`);
}
