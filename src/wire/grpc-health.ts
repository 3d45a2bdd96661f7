/** The messages of grpc.health.v1.Health/Check: a frame of gRPC around two small messages of Protocol Buffers. */

import { badPacket } from "./packet-view.ts";

/** In the order of their numbers. */
export const SERVING_STATUSES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;
export type ServingStatus = (typeof SERVING_STATUSES)[number];

const FRAME_HEADER_BYTES = 5;
/** Field 1 of both messages: a string; a varint. */
const SERVICE_TAG = 0x0a;
const STATUS_FIELD = 1;

/** An empty name asks for the server as a whole. */
export function encodeHealthRequest(service: string): Uint8Array {
  const name = new TextEncoder().encode(service);
  const message = name.length === 0 ? [] : [SERVICE_TAG, ...varint(name.length), ...name];
  const frame = new Uint8Array(FRAME_HEADER_BYTES + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, FRAME_HEADER_BYTES);
  return frame;
}

/** Throws BAD_PACKET. */
export function decodeHealthResponse(bytes: Uint8Array): ServingStatus {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FRAME_HEADER_BYTES) throw badPacket("gRPC answer", `${bytes.length} bytes of ${FRAME_HEADER_BYTES}`);
  if (bytes[0] !== 0) throw badPacket("gRPC answer", "it is compressed, which was not asked for");
  const length = view.getUint32(1);
  if (bytes.length < FRAME_HEADER_BYTES + length) throw badPacket("gRPC answer", `${bytes.length - FRAME_HEADER_BYTES} bytes of ${length}`);
  const status = readStatus(bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length));
  const name = SERVING_STATUSES[status];
  if (name === undefined) throw badPacket("gRPC answer", `its status is ${status}`);
  return name;
}

/** The last one counts; what is left out is 0. Fields that are not known are passed over. */
function readStatus(message: Uint8Array): number {
  let status = 0;
  let at = 0;
  while (at < message.length) {
    const tag = readVarint(message, at);
    at = tag.end;
    const field = Math.floor(tag.value / 8);
    switch (tag.value & 7) {
      case 0: {
        const number = readVarint(message, at);
        at = number.end;
        if (field === STATUS_FIELD) status = number.value;
        break;
      }
      case 1:
        at += 8;
        break;
      case 2: {
        const length = readVarint(message, at);
        at = length.end + length.value;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw badPacket("gRPC answer", `a field is of the kind ${tag.value & 7}`);
    }
  }
  if (at > message.length) throw badPacket("gRPC answer", "a field is longer than its message");
  return status;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...bytes, left];
    bytes.push((left % 128) | 128);
  }
}

/** Up to ten bytes; beyond 2^53 the value is not exact, which no field here minds. */
function readVarint(message: Uint8Array, start: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = message[start + i];
    if (byte === undefined) throw badPacket("gRPC answer", "a number has no end");
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return { value, end: start + i + 1 };
  }
  throw badPacket("gRPC answer", "a number has more than ten bytes");
}
