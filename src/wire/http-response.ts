/**
 * HTTP/1.x responses, read piece by piece as they come (RFC 9112). Strict where an answer could mean two things, bounded everywhere: a head
 * may have 16 KB, and of a body no more is kept than asked for. Throws BAD_PACKET for what is no response.
 */

import { badPacket } from "./packet-view.ts";

const HEAD_BYTES_MAX = 16_384;
const CHUNK_LINE_BYTES_MAX = 256;
const CR = 13;
const LF = 10;

export interface HttpHead {
  readonly status: number;
  /** Names in lower case; values of the same name are joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface HttpResponse {
  readonly head: HttpHead;
  readonly body: Uint8Array;
  /** Nothing of the body is missing. */
  readonly whole: boolean;
}

type BodyState =
  | { kind: "length"; left: number }
  | { kind: "chunk-size" }
  | { kind: "chunk"; left: number }
  | { kind: "chunk-end" }
  | { kind: "trailers" }
  | { kind: "until-end" };

export class HttpResponseReader {
  readonly #bodyless: boolean;
  readonly #bodyBytesMax: number;
  #pending: Uint8Array = new Uint8Array(0);
  #head: HttpHead | undefined;
  #state: BodyState = { kind: "until-end" };
  readonly #body: Uint8Array[] = [];
  #bodyBytes = 0;

  /** The answer to a HEAD has no body, whatever it says. */
  constructor({ bodyless, bodyBytesMax }: { bodyless: boolean; bodyBytesMax: number }) {
    this.#bodyless = bodyless;
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** Undefined until all of it was read. */
  get head(): HttpHead | undefined {
    return this.#head;
  }

  /** The response, as soon as it is whole or has more body than is kept. */
  feed(piece: Uint8Array): HttpResponse | undefined {
    this.#pending = this.#pending.length === 0 ? piece : joined([this.#pending, piece]);
    while (this.#head === undefined) {
      const head = this.#takeHead();
      if (head === undefined) return undefined;
      // 100 and 103 come before the answer; 101 was not asked for.
      if (head.status < 200) continue;
      this.#head = head;
      this.#state = bodyState(head, this.#bodyless);
    }
    return this.#takeBody(this.#head);
  }

  /** The stream is at its end. */
  end(): HttpResponse {
    if (this.#head === undefined) {
      throw badPacket("HTTP response", this.#pending.length === 0 ? "nothing came" : "it ended within its head");
    }
    if (this.#state.kind !== "until-end") throw badPacket("HTTP response", "it ended within its body");
    return this.#response(this.#head, true);
  }

  #takeHead(): HttpHead | undefined {
    const end = endOfHead(this.#pending);
    if (end === undefined) {
      if (this.#pending.length > HEAD_BYTES_MAX) throw badPacket("HTTP response", `its head has more than ${HEAD_BYTES_MAX} bytes`);
      // What begins otherwise will not become one.
      const begin = latin1(this.#pending.subarray(0, 5));
      if (!"HTTP/".startsWith(begin)) throw badPacket("HTTP response", `it begins with ${JSON.stringify(begin)}`);
      return undefined;
    }
    if (end > HEAD_BYTES_MAX) throw badPacket("HTTP response", `its head has more than ${HEAD_BYTES_MAX} bytes`);
    const head = parseHead(latin1(this.#pending.subarray(0, end)));
    this.#pending = this.#pending.subarray(end);
    return head;
  }

  #takeBody(head: HttpHead): HttpResponse | undefined {
    for (;;) {
      const state = this.#state;
      switch (state.kind) {
        case "until-end":
          this.#keep(this.#pending.length);
          if (this.#isFull()) return this.#response(head, false);
          return undefined;
        case "length":
        case "chunk": {
          const taken = Math.min(state.left, this.#pending.length);
          const left = state.left - taken;
          this.#keep(taken);
          this.#state = { kind: state.kind, left };
          if (this.#isFull()) return this.#response(head, left === 0 && state.kind === "length");
          if (left > 0) return undefined;
          if (state.kind === "length") return this.#response(head, true);
          this.#state = { kind: "chunk-end" };
          break;
        }
        case "chunk-size": {
          const line = this.#takeLine();
          if (line === undefined) return undefined;
          const [, size = ""] = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/.exec(line) ?? [];
          if (size === "") throw badPacket("HTTP response", `a chunk's size is ${JSON.stringify(line.slice(0, 40))}`);
          const left = Number.parseInt(size, 16);
          this.#state = left === 0 ? { kind: "trailers" } : { kind: "chunk", left };
          break;
        }
        case "chunk-end": {
          const line = this.#takeLine();
          if (line === undefined) return undefined;
          if (line !== "") throw badPacket("HTTP response", "a chunk is longer than its size");
          this.#state = { kind: "chunk-size" };
          break;
        }
        case "trailers": {
          const line = this.#takeLine();
          if (line === undefined) return undefined;
          if (line === "") return this.#response(head, true);
          this.#bodyBytes += line.length;
          if (this.#isFull()) throw badPacket("HTTP response", "its trailers have no end");
          break;
        }
      }
    }
  }

  #takeLine(): string | undefined {
    const end = this.#pending.indexOf(LF);
    if (end === -1) {
      if (this.#pending.length > CHUNK_LINE_BYTES_MAX) throw badPacket("HTTP response", "a chunk's size has no end");
      return undefined;
    }
    const line = latin1(this.#pending.subarray(0, this.#pending[end - 1] === CR ? end - 1 : end));
    this.#pending = this.#pending.subarray(end + 1);
    return line;
  }

  #keep(count: number): void {
    if (count === 0) return;
    const room = this.#bodyBytesMax - this.#bodyBytes;
    if (room > 0) this.#body.push(this.#pending.subarray(0, Math.min(count, room)));
    this.#bodyBytes += count;
    this.#pending = this.#pending.subarray(count);
  }

  #isFull(): boolean {
    return this.#bodyBytes > this.#bodyBytesMax;
  }

  #response(head: HttpHead, whole: boolean): HttpResponse {
    return { head, body: joined(this.#body), whole: whole && !this.#isFull() };
  }
}

function parseHead(text: string): HttpHead {
  const [first = "", ...lines] = text.split(/\r?\n/);
  const [, status] = /^HTTP\/1\.[01] ([1-9]\d\d)(?: .*)?$/.exec(first) ?? [];
  if (status === undefined) throw badPacket("HTTP response", `its first line is ${JSON.stringify(first.slice(0, 60))}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    if (line === "") continue;
    const [, name = "", value = ""] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === "") throw badPacket("HTTP response", `a header is ${JSON.stringify(line.slice(0, 60))}`);
    const key = name.toLowerCase();
    const before = headers.get(key);
    headers.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  return { status: Number(status), headers };
}

/** RFC 9112 6.3. */
function bodyState({ status, headers }: HttpHead, bodyless: boolean): BodyState {
  if (bodyless || status === 204 || status === 304) return { kind: "length", left: 0 };
  const encoding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (encoding !== undefined) return /(^|,)\s*chunked$/i.test(encoding) ? { kind: "chunk-size" } : { kind: "until-end" };
  if (length === undefined) return { kind: "until-end" };
  const lengths = new Set(length.split(/\s*,\s*/));
  const [only = ""] = lengths;
  if (lengths.size > 1 || !/^\d{1,15}$/.test(only))
    throw badPacket("HTTP response", `its length is ${JSON.stringify(length.slice(0, 40))}`);
  return { kind: "length", left: Number(only) };
}

/** Behind the empty line; lines may end without CR. */
function endOfHead(bytes: Uint8Array): number | undefined {
  const limit = Math.min(bytes.length, HEAD_BYTES_MAX + 4);
  for (let at = bytes.indexOf(LF); at !== -1 && at < limit; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
  }
  return undefined;
}

/** Each byte one character, as headers are. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return text;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
