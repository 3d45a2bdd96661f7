/**
 * ICMP echo for all checks of this process: one socket a family and source address, opened when the first check asks and closed when the last
 * has its answer. An unprivileged ping socket where net.ipv4.ping_group_range allows one, else a raw one (CAP_NET_RAW).
 */

import { randomBytes, randomInt } from "node:crypto";
import { getSystemErrorMap } from "node:util";
import koffi from "koffi";
import { libc } from "../kernel/libc.ts";
import { whenReadable } from "../kernel/readiness.ts";
import { Errno, systemCallError } from "../kernel/system-call.ts";
import { type Address, addressFromBytes, type Family, formatAddress, packetBytes, sameAddress } from "../model/address.ts";
import { ICMP_BYTES, IcmpKind } from "../wire/icmp.ts";
import { internetChecksum } from "../wire/internet-checksum.ts";
import { Unable } from "./fault.ts";

const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_NONBLOCK_CLOEXEC = 0x80800;
const SOL_RAW = 255;
const ICMP_FILTER = 1;
const ICMPV6_FILTER = 1;
const TOKEN_BYTES = 8;
const PACKET_BYTES_MAX = 2048;

const FAMILY = {
  ipv4: { number: 2, protocol: 1, addressAt: 4, addressBytes: 4, socketAddressBytes: 16 },
  ipv6: { number: 10, protocol: 58, addressAt: 8, addressBytes: 16, socketAddressBytes: 28 },
} as const;

const open = new Map<string, EchoSocket>();

/** Sends an echo request of `dataBytes` (at least 8); `answered` is called at most once. Returns the way to stop waiting. */
export function sendEcho({ to, from, dataBytes }: { to: Address; from?: Address; dataBytes: number }, answered: () => void): () => void {
  const key = `${to.family} ${from === undefined ? "" : formatAddress(from)}`;
  const socket = open.get(key) ?? new EchoSocket(to.family, from, () => open.delete(key));
  open.set(key, socket);
  return socket.send(to, dataBytes, answered);
}

interface Waiting {
  readonly to: Address;
  readonly data: Buffer;
  answered(): void;
}

class EchoSocket {
  readonly #family: Family;
  readonly #fd: number;
  readonly #isRaw: boolean;
  readonly #stopReading: () => void;
  readonly #closed: () => void;
  /** By sequence number. The kernel sets the identifier of a ping socket, so that is nothing to go by. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #identifier = randomInt(65_536);
  #sequence = randomInt(65_536);

  constructor(family: Family, from: Address | undefined, closed: () => void) {
    this.#family = family;
    const { fd, isRaw } = openSocket(family);
    this.#fd = fd;
    this.#isRaw = isRaw;
    this.#closed = closed;
    try {
      if (from !== undefined) {
        const address = socketAddress(from);
        if (libc.bind(fd, address, address.length) < 0) throw worldError(koffi.errno());
      }
      this.#stopReading = whenReadable(fd, () => this.#read());
    } catch (error) {
      libc.close(fd);
      throw error;
    }
  }

  send(to: Address, dataBytes: number, answered: () => void): () => void {
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) & 0xffff;
    try {
      if (this.#waiting.has(sequence)) throw new Unable("65,536 pings are under way");
      const data = randomBytes(Math.max(TOKEN_BYTES, dataBytes));
      const request = this.#request(sequence, data);
      const address = socketAddress(to);
      if (Number(libc.sendto(this.#fd, request, request.length, 0, address, address.length)) < 0) throw worldError(koffi.errno());
      this.#waiting.set(sequence, { to, data, answered });
    } catch (error) {
      this.#closeIfIdle();
      throw error;
    }
    return () => this.#forget(sequence);
  }

  /** The kernel sums ICMPv6 and what goes through ping sockets by itself. */
  #request(sequence: number, data: Buffer): Buffer {
    const [type] = IcmpKind.echoRequest[this.#family];
    const request = Buffer.concat([Buffer.alloc(ICMP_BYTES), data]);
    request.writeUInt8(type, 0);
    request.writeUInt16BE(this.#identifier, 4);
    request.writeUInt16BE(sequence, 6);
    if (this.#family === "ipv4") request.writeUInt16BE(internetChecksum(request), 2);
    return request;
  }

  #read(): void {
    const packet = Buffer.alloc(PACKET_BYTES_MAX);
    const address = Buffer.alloc(28);
    const addressLength = Buffer.alloc(4);
    const { addressAt, addressBytes } = FAMILY[this.#family];
    while (this.#waiting.size > 0) {
      addressLength.writeUInt32LE(address.length);
      const length = Number(libc.recvfrom(this.#fd, packet, packet.length, 0, address, addressLength));
      // EAGAIN; of errors that came back for somebody's packet nobody can be told.
      if (length < 0 && koffi.errno() === Errno.EAGAIN) return;
      if (length < 0) continue;
      // Only raw IPv4 sockets show the header before it.
      const skipped = this.#isRaw && this.#family === "ipv4" ? (packet.readUInt8(0) & 15) * 4 : 0;
      this.#take(packet.subarray(skipped, length), addressFromBytes(address.subarray(addressAt, addressAt + addressBytes)));
    }
  }

  #take(message: Buffer, from: Address): void {
    const [type] = IcmpKind.echoReply[this.#family];
    if (message.length < ICMP_BYTES || message.readUInt8(0) !== type) return;
    const sequence = message.readUInt16BE(6);
    const waiting = this.#waiting.get(sequence);
    if (waiting === undefined || !sameAddress(waiting.to, from) || !waiting.data.equals(message.subarray(ICMP_BYTES))) return;
    this.#waiting.delete(sequence);
    waiting.answered();
    this.#closeIfIdle();
  }

  #forget(sequence: number): void {
    if (this.#waiting.delete(sequence)) this.#closeIfIdle();
  }

  #closeIfIdle(): void {
    if (this.#waiting.size > 0) return;
    this.#closed();
    this.#stopReading();
    libc.close(this.#fd);
  }
}

function openSocket(family: Family): { readonly fd: number; readonly isRaw: boolean } {
  const { number, protocol } = FAMILY[family];
  const ping = libc.socket(number, SOCK_DGRAM | SOCK_NONBLOCK_CLOEXEC, protocol);
  if (ping >= 0) return { fd: ping, isRaw: false };
  const fd = libc.socket(number, SOCK_RAW | SOCK_NONBLOCK_CLOEXEC, protocol);
  if (fd < 0) {
    throw systemCallError("ping", koffi.errno(), {
      cure: "run as root, give the process CAP_NET_RAW, or let net.ipv4.ping_group_range include its group",
    });
  }
  ignoreAllBut(fd, family);
  return { fd, isRaw: true };
}

/** Every raw ICMP socket gets every ICMP message of the host. A set bit is a type that is ignored. */
function ignoreAllBut(fd: number, family: Family): void {
  const filter = new Uint32Array(family === "ipv4" ? 1 : 8).fill(0xffffffff);
  const [type] = IcmpKind.echoReply[family];
  filter[type >> 5] = ~(1 << (type & 31));
  const [level, name] = family === "ipv4" ? [SOL_RAW, ICMP_FILTER] : [FAMILY.ipv6.protocol, ICMPV6_FILTER];
  const bytes = new Uint8Array(filter.buffer);
  // Without the filter it would only cost more: replies are looked at one by one anyway.
  libc.setsockopt(fd, level, name, bytes, bytes.length);
}

function socketAddress(address: Address): Buffer {
  const { number, addressAt, socketAddressBytes } = FAMILY[address.family];
  const bytes = Buffer.alloc(socketAddressBytes);
  bytes.writeUInt16LE(number);
  bytes.set(packetBytes(address), addressAt);
  return bytes;
}

/** As Node's own: with the name of the errno as code. */
function worldError(errno: number): Error {
  const [code = `errno ${errno}`, text = ""] = getSystemErrorMap().get(-errno) ?? [];
  return Object.assign(new Error(`${code}: ${text}`), { code });
}
