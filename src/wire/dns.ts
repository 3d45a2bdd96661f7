/** DNS messages as far as a question and the answer to it (RFC 1035, RFC 3596). The decoder throws BAD_PACKET and follows no loop. */

import { addressFromBytes, formatAddress } from "../model/address.ts";
import { badPacket, headerView } from "./packet-view.ts";

export const DNS_TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33, ANY: 255 } as const;
export type DnsType = keyof typeof DNS_TYPES;

/** In the order of their numbers. */
export const DNS_RCODES = [
  "NOERROR",
  "FORMERR",
  "SERVFAIL",
  "NXDOMAIN",
  "NOTIMP",
  "REFUSED",
  "YXDOMAIN",
  "YXRRSET",
  "NXRRSET",
  "NOTAUTH",
  "NOTZONE",
] as const;

export interface DnsQuestion {
  readonly id: number;
  /** "www.example.org", "." for the root. */
  readonly name: string;
  readonly type: DnsType;
}

export interface DnsAnswer {
  readonly name: string;
  readonly type: number;
  /** As people write it; of types that are not known, hexadecimal. */
  readonly data: string;
}

export interface DnsResponse {
  readonly id: number;
  /** "RCODE11" and the like for those without a name here. */
  readonly rcode: string;
  /** The answer did not fit; TCP has room for it. */
  readonly truncated: boolean;
  /** Undefined: the server repeated none. */
  readonly question: { readonly name: string; readonly type: number } | undefined;
  readonly answers: readonly DnsAnswer[];
}

const HEADER_BYTES = 12;
const FLAG_RESPONSE = 0x8000;
const FLAG_TRUNCATED = 0x0200;
const FLAG_RECURSION_DESIRED = 0x0100;
const CLASS_INTERNET = 1;
/** A name has at most 255 bytes, so no more labels or pointers than these are worth following. */
const NAME_STEPS_MAX = 128;

/** Why this is no name, or undefined. */
export function dnsNameMistake(name: string): string | undefined {
  const labels = labelsOf(name);
  if (labels.some((label) => label.length === 0 || label.length > 63)) return "each part of a name has 1 to 63 characters";
  if (labels.some((label) => /[^\x21-\x7e]/.test(label))) return "a name has plain characters only (punycode for others)";
  return labels.reduce((sum, { length }) => sum + length + 1, 1) > 255 ? "a name has at most 255 characters" : undefined;
}

export function encodeDnsQuestion({ id, name, type }: DnsQuestion): Uint8Array {
  const mistake = dnsNameMistake(name);
  if (mistake !== undefined) throw new RangeError(`${name}: ${mistake}`);
  const labels = labelsOf(name);
  const bytes = new Uint8Array(HEADER_BYTES + labels.reduce((sum, { length }) => sum + length + 1, 1) + 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, FLAG_RECURSION_DESIRED);
  view.setUint16(4, 1);
  let at = HEADER_BYTES;
  for (const label of labels) {
    bytes[at] = label.length;
    for (let i = 0; i < label.length; i++) bytes[at + 1 + i] = label.charCodeAt(i);
    at += label.length + 1;
  }
  view.setUint16(at + 1, DNS_TYPES[type]);
  view.setUint16(at + 3, CLASS_INTERNET);
  return bytes;
}

export function decodeDnsResponse(bytes: Uint8Array): DnsResponse {
  const view = headerView(bytes, HEADER_BYTES, "DNS message");
  const flags = view.getUint16(2);
  if ((flags & FLAG_RESPONSE) === 0) throw badPacket("DNS response", "it is a question");
  const questions = view.getUint16(4);
  if (questions > 1) throw badPacket("DNS response", `it has ${questions} questions`);
  let at = HEADER_BYTES;
  let question: DnsResponse["question"];
  if (questions === 1) {
    const { name, end } = readName(bytes, at);
    mustReach(bytes, end + 4);
    question = { name, type: view.getUint16(end) };
    at = end + 4;
  }
  const answers: DnsAnswer[] = [];
  for (let left = view.getUint16(6); left > 0; left--) {
    const { name, end } = readName(bytes, at);
    mustReach(bytes, end + 10);
    const type = view.getUint16(end);
    const start = end + 10;
    at = start + view.getUint16(end + 8);
    mustReach(bytes, at);
    answers.push({ name, type, data: readData(bytes, type, start, at) });
  }
  const rcode = flags & 15;
  return {
    id: view.getUint16(0),
    rcode: DNS_RCODES[rcode] ?? `RCODE${rcode}`,
    truncated: (flags & FLAG_TRUNCATED) !== 0,
    question,
    answers,
  };
}

/** "example.org." and "example.org" are the same; case does not count. */
export function sameDnsName(one: string, other: string): boolean {
  return one.replace(/\.$/, "").toLowerCase() === other.replace(/\.$/, "").toLowerCase();
}

function labelsOf(name: string): string[] {
  const bare = name.replace(/\.$/, "");
  return bare === "" ? [] : bare.split(".");
}

function readData(bytes: Uint8Array, type: number, start: number, end: number): string {
  const data = bytes.subarray(start, end);
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  const nameAt = (offset: number): string => {
    const name = readName(bytes, start + offset);
    if (name.end > end) throw badPacket("DNS response", "a name is longer than its record");
    return name.name;
  };
  switch (type) {
    case DNS_TYPES.A:
    case DNS_TYPES.AAAA:
      if (data.length !== (type === DNS_TYPES.A ? 4 : 16)) throw badPacket("DNS response", `an address has ${data.length} bytes`);
      return formatAddress(addressFromBytes(data));
    case DNS_TYPES.NS:
    case DNS_TYPES.CNAME:
    case DNS_TYPES.PTR:
      return nameAt(0);
    case DNS_TYPES.MX:
      atLeast(data, 3);
      return `${view.getUint16(start)} ${nameAt(2)}`;
    case DNS_TYPES.SRV:
      atLeast(data, 7);
      return `${view.getUint16(start)} ${view.getUint16(start + 2)} ${view.getUint16(start + 4)} ${nameAt(6)}`;
    case DNS_TYPES.SOA: {
      const primary = readName(bytes, start);
      const mailbox = readName(bytes, primary.end);
      if (mailbox.end + 20 !== end) throw badPacket("DNS response", "a SOA record has another length than its fields");
      const numbers = Array.from({ length: 5 }, (_, i) => view.getUint32(mailbox.end + 4 * i));
      return [primary.name, mailbox.name, ...numbers].join(" ");
    }
    case DNS_TYPES.TXT:
      return readTexts(data);
    default:
      return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}

/** Of several strings the content in a row. */
function readTexts(data: Uint8Array): string {
  let text = "";
  for (let at = 0; at < data.length; ) {
    const length = data[at] ?? 0;
    if (at + 1 + length > data.length) throw badPacket("DNS response", "a text is longer than its record");
    text += String.fromCharCode(...data.subarray(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return text;
}

/** RFC 1035 4.1.4. A pointer may only lead back, so there is no loop. */
function readName(bytes: Uint8Array, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  let end: number | undefined;
  let before = start;
  for (let steps = 0; steps < NAME_STEPS_MAX; steps++) {
    mustReach(bytes, at + 1);
    const length = bytes[at] ?? 0;
    if (length === 0) return { name: labels.length === 0 ? "." : labels.join("."), end: end ?? at + 1 };
    if (length < 64) {
      mustReach(bytes, at + 1 + length);
      labels.push(String.fromCharCode(...bytes.subarray(at + 1, at + 1 + length)));
      at += 1 + length;
      continue;
    }
    if (length < 192) throw badPacket("DNS response", "a name has a part of a kind that does not exist");
    mustReach(bytes, at + 2);
    const target = ((length & 63) << 8) | (bytes[at + 1] ?? 0);
    if (target >= before) throw badPacket("DNS response", "a name points forward");
    end ??= at + 2;
    before = target;
    at = target;
  }
  throw badPacket("DNS response", "a name has no end");
}

function mustReach(bytes: Uint8Array, length: number): void {
  if (bytes.length < length) throw badPacket("DNS response", `${bytes.length} bytes of ${length}`);
}

function atLeast(data: Uint8Array, length: number): void {
  if (data.length < length) throw badPacket("DNS response", `a record of ${data.length} bytes is too short`);
}
