/** Sockets that are made, used and answered before the call returns, so that they can be made inside another network namespace. */

import koffi from "koffi";
import { libc } from "../../src/kernel/libc.ts";
import { getLink } from "../../src/kernel/links.ts";
import { checkCall } from "../../src/kernel/system-call.ts";
import { packetBytes, parseAddress } from "../../src/model/address.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const WAIT_US = 900_000n;
const DISCARD = 9;
/** Whole packets, header and all; IPv4's length and checksum the kernel writes anew. */
const IPPROTO_RAW = 255;

export function udpSocket(address: string, port: number): { readonly fd: number; close(): void } {
  const fd = checkCall(libc.socket(address.includes(":") ? AF_INET6 : AF_INET, SOCK_DGRAM, 0), "open a UDP socket");
  // struct timeval
  const wait = new Uint8Array(BigInt64Array.of(0n, WAIT_US).buffer);
  checkCall(libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, wait, wait.length), "set the timeout");
  const name = socketAddress(address, port);
  checkCall(libc.bind(fd, name, name.length), `bind ${address}`);
  return { fd, close: () => void libc.close(fd) };
}

/** The text that came; undefined when none did in time. */
export function receive(fd: number): string | undefined {
  const buffer = new Uint8Array(65_536);
  const length = libc.recv(fd, buffer, buffer.length, 0);
  return length < 0 ? undefined : new TextDecoder().decode(buffer.subarray(0, length));
}

/** Whether somebody at the address answers that nothing listens there: proof that it was reached, and found a way back. */
export function refusedFrom(to: string, from = to.includes(":") ? "::" : "0.0.0.0"): boolean {
  const socket = udpSocket(from, 0);
  try {
    const name = socketAddress(to, DISCARD);
    checkCall(connect(socket.fd, name, name.length), `connect to ${to}`);
    libc.send(socket.fd, Uint8Array.of(0), 1, 0);
    const length = libc.recv(socket.fd, new Uint8Array(16), 16, 0);
    return length < 0 && koffi.errno() === koffi.os.errno["ECONNREFUSED"];
  } finally {
    socket.close();
  }
}

/** What becomes of a datagram: the error that the network answers with, by its name, or that it was answered; undefined when nothing came. */
export function errorOf(to: string, port: number, datagram: Uint8Array): string | undefined {
  const socket = udpSocket(to.includes(":") ? "::" : "0.0.0.0", 0);
  try {
    const name = socketAddress(to, port);
    checkCall(connect(socket.fd, name, name.length), `connect to ${to}`);
    const sent = libc.send(socket.fd, datagram, datagram.length, 0);
    if (sent >= 0 && libc.recv(socket.fd, new Uint8Array(16), 16, 0) >= 0) return "answered";
    const error = koffi.errno();
    return Object.entries(koffi.os.errno).find(([, number]) => number === error && error !== koffi.os.errno["EAGAIN"])?.[0];
  } finally {
    socket.close();
  }
}

/** Packets made by hand, one behind the other. */
export function sendPackets(to: string, packets: readonly Uint8Array[]): void {
  const fd = checkCall(libc.socket(to.includes(":") ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_RAW), "open a raw socket");
  try {
    const name = socketAddress(to, 0);
    for (const packet of packets) checkCall(libc.sendto(fd, packet, packet.length, 0, name, name.length), `send to ${to}`);
  } finally {
    libc.close(fd);
  }
}

export function sendFrame(interfaceName: string, frame: Uint8Array): void {
  const fd = checkCall(libc.socket(AF_PACKET, SOCK_RAW, 0), "open a packet socket");
  try {
    const address = new DataView(new ArrayBuffer(20));
    address.setUint16(0, AF_PACKET, true);
    address.setInt32(4, getLink(interfaceName).index, true);
    const name = new Uint8Array(address.buffer);
    checkCall(libc.sendto(fd, frame, frame.length, 0, name, name.length), `send to ${interfaceName}`);
  } finally {
    libc.close(fd);
  }
}

const connect = koffi.load("libc.so.6").func("int connect(int fd, const void *address, uint32_t length)") as (
  fd: number,
  address: Uint8Array,
  length: number,
) => number;

/** struct sockaddr_in or sockaddr_in6. */
function socketAddress(address: string, port: number): Uint8Array {
  const value = packetBytes(parseAddress(address));
  const view = new DataView(new ArrayBuffer(value.length === 4 ? 16 : 28));
  view.setUint16(0, value.length === 4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  new Uint8Array(view.buffer).set(value, value.length === 4 ? 4 : 8);
  return new Uint8Array(view.buffer);
}
