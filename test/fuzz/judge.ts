/**
 * What must be true of any frame that went through the packet path, however broken it was: the verdict is one of those that the hook
 * knows; what is passed on to the stack is as it came; what is sent on differs only where forwarding writes; what was right stays right.
 */

import { internetChecksum } from "../../src/wire/internet-checksum.ts";
import { isSctpIntact, SCTP_BYTES } from "../../src/wire/sctp.ts";
import type { Hook } from "../packet-rows/stage.ts";

export type Fate = "passed" | "dropped" | "sent";

const FATES: Readonly<Record<Hook, ReadonlyMap<number, Fate>>> = {
  // TC_ACT_UNSPEC, TC_ACT_SHOT, TC_ACT_REDIRECT.
  tc: new Map([
    [0xffffffff, "passed"],
    [2, "dropped"],
    [7, "sent"],
  ]),
  // XDP_PASS, XDP_DROP, XDP_TX, XDP_REDIRECT; never XDP_ABORTED.
  xdp: new Map([
    [2, "passed"],
    [1, "dropped"],
    [3, "sent"],
    [4, "sent"],
  ]),
};

const ETHERNET = 14;
const TCP = 6;
const UDP = 17;
const SCTP = 132;
const ICMP = 1;
const ICMPV6 = 58;
/** What a tunnel puts in front: IPv4 or IPv6, alone or with GRE (4, 8 with a checksum) or UDP and GUE (12). */
const GROWTHS = new Set([20, 40].flatMap((outer) => [0, 4, 8, 12].map((between) => outer + between)));

export function fateOf(hook: Hook, verdict: number): Fate | undefined {
  return FATES[hook].get(verdict);
}

export interface Judgement {
  /** What is wrong with the frame, or "". */
  readonly wrong: string;
  /** It is an error of the director's own, about the packet. */
  readonly isAnswer: boolean;
}

/** Of a frame that was passed or sent. A server on the director itself gets what was passed, rewritten when it is NAT's. */
export function judge(fate: Fate, sent: Uint8Array, out: Uint8Array, local: boolean): Judgement {
  const forwarded = (wrong: string): Judgement => ({ wrong, isAnswer: false });
  if (fate === "dropped") return forwarded("");
  if (fate === "passed" && same(sent, out)) return forwarded("");
  if (fate === "passed" && !local) return forwarded("a frame that was passed on was altered");
  const before = read(sent);
  if (before === undefined) return forwarded("a frame was sent on that is no whole IP packet");
  const growth = out.length - sent.length;
  const misdeed = growth === 0 ? rewriteMisdeed(before, out, 0) : "a frame of another length";
  if (misdeed === "") return forwarded("");
  const quoted = fate === "sent" ? quotedAt(before, out) : undefined;
  if (quoted !== undefined) return { wrong: answerMisdeed(before, out, quoted), isAnswer: true };
  if (growth === 0) return forwarded(misdeed);
  if (growth < 0) return forwarded(partMisdeed(before, out));
  if (!GROWTHS.has(growth)) return forwarded(`a frame grew by ${growth} bytes`);
  return forwarded(tunnelMisdeed(out) || rewriteMisdeed(before, out, growth));
}

interface Read {
  readonly frame: Uint8Array;
  /** Where the IP header begins. */
  readonly network: number;
  readonly ipv6: boolean;
  readonly protocol: number;
  /** Where the transport's header begins; undefined in a later fragment. */
  readonly transport: number | undefined;
  readonly isFragment: boolean;
  /** Where the packet ends, as its header says. */
  readonly end: number;
}

const wordAt = (bytes: Uint8Array, at: number) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

function read(frame: Uint8Array): Read | undefined {
  let network = ETHERNET;
  for (let tags = 0; tags < 2 && (wordAt(frame, network - 2) === 0x8100 || wordAt(frame, network - 2) === 0x88a8); tags++) network += 4;
  const type = wordAt(frame, network - 2);
  const version = (frame[network] ?? 0) >> 4;
  if (type === 0x0800 && version === 4 && frame.length >= network + 20) {
    const header = 4 * ((frame[network] ?? 0) & 15);
    const cut = wordAt(frame, network + 6) & 0x3fff;
    const first = (cut & 0x1fff) === 0;
    return {
      frame,
      network,
      ipv6: false,
      protocol: frame[network + 9] ?? 0,
      transport: first ? network + header : undefined,
      isFragment: cut !== 0,
      end: network + wordAt(frame, network + 2),
    };
  }
  if (type !== 0x86dd || version !== 6 || frame.length < network + 40) return undefined;
  let protocol = frame[network + 6] ?? 0;
  let at = network + 40;
  let [isFragment, first] = [false, true];
  for (let i = 0; i < 16 && at + 8 <= frame.length; i++) {
    const next = frame[at] ?? 0;
    if (protocol === 44) {
      isFragment = wordAt(frame, at + 2) >> 3 !== 0 || (wordAt(frame, at + 2) & 1) !== 0;
      first = wordAt(frame, at + 2) >> 3 === 0;
      at += 8;
    } else if (protocol === 51) at += 4 * ((frame[at + 1] ?? 0) + 2);
    else if ([0, 43, 60, 135, 139, 140].includes(protocol)) at += 8 * ((frame[at + 1] ?? 0) + 1);
    else break;
    protocol = next;
    if (!first) break;
  }
  const end = network + 40 + wordAt(frame, network + 4);
  return { frame, network, ipv6: true, protocol, transport: first ? at : undefined, isFragment, end };
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && Buffer.compare(one, other) === 0;
}

/**
 * Where the packet begins that an error of the director's own is about, in the frame that came: all of it, or what an error about a
 * tunnel's packet quoted of the packet inside. Undefined: what was sent is no such error.
 */
function quotedAt(before: Read, out: Uint8Array): number | undefined {
  const after = read(out);
  if (after?.transport === undefined || after.protocol !== (after.ipv6 ? ICMPV6 : ICMP)) return undefined;
  if (!(after.ipv6 ? [1, 2, 3] : [3, 11]).includes(out[after.transport] ?? 0)) return undefined;
  const quote = out.subarray(after.transport + 8);
  const [source, size] = after.ipv6 ? [8, 16] : [12, 4];
  const to = out.subarray(after.network + source + size, after.network + source + 2 * size);
  // It goes to whom the packet came from.
  if (Buffer.compare(to, quote.subarray(source, source + size)) !== 0) return undefined;
  const at = Buffer.from(before.frame.buffer, before.frame.byteOffset, before.frame.length).indexOf(
    quote.subarray(0, after.ipv6 ? 40 : 20),
  );
  return at < before.network ? undefined : at;
}

function answerMisdeed(before: Read, out: Uint8Array, at: number): string {
  const after = read(out);
  if (after?.transport === undefined) return "an answer is no whole packet";
  if (after.end !== out.length) return `an answer says that it ends at ${after.end} of ${out.length} bytes`;
  if (!headerIsGood(after)) return "an answer's header has a wrong checksum";
  if (!transportIsGood(after)) return "an answer has a wrong checksum";
  const quoted = out.subarray(after.transport + 8);
  return Buffer.compare(quoted, before.frame.subarray(at, at + quoted.length)) === 0 ? "" : "an answer quotes what was not there";
}

function headerIsGood({ frame, network, ipv6 }: Read): boolean {
  if (ipv6) return true;
  return internetChecksum(frame.subarray(network, network + 4 * ((frame[network] ?? 0) & 15))) === 0;
}

/** Whether the checksum of a whole TCP, UDP, SCTP or ICMP packet is right; true for UDP without one over IPv4. */
function transportIsGood(of: Read): boolean {
  const { frame, network, ipv6, protocol, transport, end } = of;
  if (transport === undefined || end > frame.length || transport >= end) return false;
  if (protocol === UDP && !ipv6 && wordAt(frame, transport + 6) === 0) return true;
  const bytes = frame.subarray(transport, end);
  if (protocol === SCTP) return bytes.length >= SCTP_BYTES && isSctpIntact(bytes);
  if (protocol === UDP && wordAt(frame, transport + 4) !== bytes.length) return false;
  if (protocol === ICMP) return internetChecksum(bytes) === 0;
  const ends = frame.subarray(network + (ipv6 ? 8 : 12), network + (ipv6 ? 40 : 20));
  const whole = new Uint8Array(ends.length + 8 + bytes.length);
  whole.set(ends);
  const view = new DataView(whole.buffer);
  view.setUint32(ends.length, bytes.length);
  view.setUint32(ends.length + 4, protocol);
  whole.set(bytes, ends.length + 8);
  return internetChecksum(whole) === 0;
}

/** What forwarding may write of a packet: the frame's addresses, the hop, addresses, ports, checksums. All else is the sender's. */
function rewriteMisdeed(before: Read, out: Uint8Array, growth: number): string {
  const { frame, network } = before;
  const allowed = writable(before);
  for (let at = network; at < frame.length; at++) {
    if (frame[at] !== out[at + growth] && allowed[at - network] !== 1)
      return `byte ${at - network} of a packet that was sent on was altered`;
  }
  if (growth > 0) return "";
  const after = read(out);
  if (after === undefined) return "a packet that was sent on is none any more";
  if (headerIsGood(before) && !headerIsGood(after)) return "a right header checksum became a wrong one";
  if (before.isFragment || ![TCP, UDP, SCTP, ICMP, ICMPV6].includes(before.protocol)) return "";
  return transportIsGood(before) && !transportIsGood(after) ? "a right checksum became a wrong one" : "";
}

function writable({ frame, network, ipv6, protocol, transport }: Read): Uint8Array {
  const mask = new Uint8Array(frame.length - network);
  const allow = (from: number, size: number) => mask.fill(1, Math.max(0, from - network), Math.max(0, from - network + size));
  allowHeader(allow, network, ipv6);
  if (transport === undefined) return mask;
  allowTransport(allow, transport, protocol);
  if (protocol !== ICMP && protocol !== ICMPV6) return mask;
  // The packet that an error is about.
  const inner = transport + 8;
  const innerIpv6 = (frame[inner] ?? 0) >> 4 === 6;
  allowHeader(allow, inner, innerIpv6);
  const quoted = new Uint8Array(ETHERNET + Math.max(0, frame.length - inner));
  quoted.set([innerIpv6 ? 0x86 : 0x08, innerIpv6 ? 0xdd : 0], 12);
  quoted.set(frame.subarray(inner), ETHERNET);
  const within = read(quoted);
  if (within?.transport !== undefined) allowTransport(allow, within.transport - ETHERNET + inner, within.protocol);
  return mask;
}

type Allow = (from: number, size: number) => void;

function allowHeader(allow: Allow, network: number, ipv6: boolean): void {
  if (ipv6) {
    allow(network + 7, 33);
    return;
  }
  allow(network + 8, 1);
  allow(network + 10, 10);
}

function allowTransport(allow: Allow, transport: number, protocol: number): void {
  if (protocol === TCP) {
    allow(transport, 4);
    allow(transport + 16, 2);
  } else if (protocol === UDP) {
    allow(transport, 4);
    allow(transport + 6, 2);
  } else if (protocol === SCTP) {
    allow(transport, 4);
    allow(transport + 8, 4);
  } else if (protocol === ICMP || protocol === ICMPV6) allow(transport + 2, 2);
}

/** The second part of a packet that was cut: a header of its own, and the packet's last bytes. */
function partMisdeed(before: Read, out: Uint8Array): string {
  const { frame, network, ipv6, end } = before;
  const after = read(out);
  if (ipv6 || (wordAt(frame, network + 6) & 0x4000) !== 0) return "a packet was cut that may not be";
  if (after === undefined || after.end !== out.length) return "a part is no whole packet";
  if (headerIsGood(before) && !headerIsGood(after)) return "a part's header has a wrong checksum";
  const data = out.subarray(after.network + 4 * ((out[after.network] ?? 0) & 15));
  return Buffer.compare(data, frame.subarray(end - data.length, end)) === 0 ? "" : "a part's bytes are not the packet's last ones";
}

function tunnelMisdeed(out: Uint8Array): string {
  const outer = read(out);
  if (outer === undefined) return "a tunnel's packet has no header";
  if (!headerIsGood(outer)) return "a tunnel's header has a wrong checksum";
  return outer.end <= out.length ? "" : `a tunnel's packet says that it ends at ${outer.end} of ${out.length} bytes`;
}
