/**
 * Real connections: each call makes sockets in the client's and the server's namespace and waits until its packets are through. All is on
 * one processor, and what a call sets off is done before it returns, but for the kernel's own later work.
 */

import koffi from "koffi";
import { libc } from "../../src/kernel/libc.ts";
import { inNamespace } from "../../src/kernel/namespace.ts";
import { checkCall, describeErrno } from "../../src/kernel/system-call.ts";
import type { Network } from "./network.ts";
import { SERVERS_MAX, serverAddress, TCP_PORTS, UDP_PORTS, VIRTUAL } from "./script.ts";

const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 0x80001;
const SOCK_DGRAM_CLOEXEC = 0x80002;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_LINGER = 13;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const MSG_DONTWAIT = 0x40;
const EINTR = 4;
const EISCONN = 106;
const EINPROGRESS = 115;
const ADDRESS_BYTES = 16;
/** Less than a second, when a SYN would be sent again. */
const PATIENCE_MS = 800;
const BACKLOG = 512;
/** Milliseconds until a datagram counts as lost. */
const LOOKS_MAX = 30;
const STILL = new Int32Array(new SharedArrayBuffer(4));

interface Pair {
  readonly client: number;
  readonly server: number;
}

export class Sockets {
  readonly #network: Network;
  readonly #listeners = new Map<number, number>();
  readonly #datagramSockets: readonly { readonly fd: number; readonly name: string }[];
  readonly #open = new Map<number, Pair>();
  readonly #flows = new Map<string, number>();

  constructor(network: Network) {
    this.#network = network;
    this.#datagramSockets = inNamespace(network.path("server"), () => {
      for (const port of TCP_PORTS) {
        const fd = bound(SOCK_STREAM_CLOEXEC, "0.0.0.0", port);
        checkCall(libc.listen(fd, BACKLOG), "listen");
        this.#listeners.set(port, fd);
      }
      const addresses = [VIRTUAL, ...Array.from({ length: SERVERS_MAX }, (_, i) => serverAddress(i))];
      return UDP_PORTS.flatMap((port) =>
        addresses.map((address) => ({ fd: bound(SOCK_DGRAM_CLOEXEC, address, port), name: `${address}:${port}` })),
      );
    });
  }

  /** What the client saw: where it got to as far as the server's end says, or why it did not. */
  open(id: number, client: string, clientPort: number, port: number): string {
    const fd = inNamespace(this.#network.path("client"), () => bound(SOCK_STREAM_CLOEXEC, client, clientPort));
    const errno = connect(fd, addressBytes(VIRTUAL, port));
    if (errno !== 0) {
      libc.close(fd);
      return errno === EINPROGRESS ? "no answer" : describeErrno(errno);
    }
    const server = libc.accept(this.#listeners.get(port) ?? -1, null, null);
    if (server < 0) {
      libc.close(fd);
      return "nobody accepted";
    }
    wait(server);
    this.#open.set(id, { client: fd, server });
    return nameOf(server);
  }

  /** `stalled`: packets of it get nowhere, so both ends give up. */
  close(id: number, how: "fin" | "rst" | "server-fin", stalled: boolean): string {
    const pair = this.#open.get(id);
    if (pair === undefined) return "was never open";
    this.#open.delete(id);
    const { client, server } = pair;
    if (stalled) return giveUp([client, server]);
    if (how === "rst") return giveUp([client]) && end(server);
    const [first, second] = how === "fin" ? [client, server] : [server, client];
    libc.close(first);
    const left = Number(libc.recv(second, new Uint8Array(1), 1, 0));
    const said = left === 0 ? how : describeErrno(koffi.errno());
    libc.close(second);
    return said;
  }

  /** Which server got it. */
  datagram(client: string, clientPort: number, port: number): string {
    const key = `${client}:${clientPort}`;
    const fd = this.#flows.get(key) ?? inNamespace(this.#network.path("client"), () => bound(SOCK_DGRAM_CLOEXEC, client, clientPort));
    this.#flows.set(key, fd);
    const byte = Uint8Array.of(1);
    // An error that an earlier one brought back is reported by the next call.
    if (Number(libc.sendto(fd, byte, 1, 0, addressBytes(VIRTUAL, port), ADDRESS_BYTES)) < 0) {
      libc.sendto(fd, byte, 1, 0, addressBytes(VIRTUAL, port), ADDRESS_BYTES);
    }
    for (let i = 0; i < LOOKS_MAX; i++) {
      // The processor is left to the kernel, which puts off what it has no time for.
      Atomics.wait(STILL, 0, 0, 1);
      const found = this.#received();
      if (found === undefined) continue;
      libc.sendto(found.fd, byte, 1, 0, found.from, ADDRESS_BYTES);
      const answered = Number(libc.recv(fd, new Uint8Array(8), 8, 0)) === 1;
      return `${found.name}${answered ? "" : ", not answered"}`;
    }
    return "nobody got it";
  }

  #received(): { readonly fd: number; readonly name: string; readonly from: Uint8Array } | undefined {
    for (const { fd, name } of this.#datagramSockets) {
      const from = new Uint8Array(ADDRESS_BYTES);
      const length = new Uint8Array(Uint32Array.of(ADDRESS_BYTES).buffer);
      if (Number(libc.recvfrom(fd, new Uint8Array(8), 8, MSG_DONTWAIT, from, length)) >= 0) return { fd, name, from };
    }
    return undefined;
  }

  closeAll(): void {
    for (const { client, server } of this.#open.values()) giveUp([client, server]);
    for (const fd of [...this.#flows.values(), ...this.#listeners.values(), ...this.#datagramSockets.map((one) => one.fd)]) libc.close(fd);
  }
}

function bound(type: number, address: string, port: number): number {
  const fd = checkCall(libc.socket(AF_INET, type, 0), "make a socket");
  checkCall(libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, new Uint8Array(Uint32Array.of(1).buffer), 4), "set SO_REUSEADDR");
  wait(fd);
  checkCall(libc.bind(fd, addressBytes(address, port), ADDRESS_BYTES), `bind to ${address}:${port}`);
  return fd;
}

/** 0 or why not. A child that ends meanwhile interrupts it. */
function connect(fd: number, address: Uint8Array): number {
  for (;;) {
    if (libc.connect(fd, address, ADDRESS_BYTES) >= 0) return 0;
    const errno = koffi.errno();
    if (errno === EISCONN) return 0;
    if (errno !== EINTR) return errno;
  }
}

function wait(fd: number): void {
  const time = new Uint8Array(BigInt64Array.of(0n, BigInt(PATIENCE_MS) * 1000n).buffer);
  for (const option of [SO_RCVTIMEO, SO_SNDTIMEO]) checkCall(libc.setsockopt(fd, SOL_SOCKET, option, time, time.length), "set a timeout");
}

/** By RST. */
function giveUp(fds: readonly number[]): string {
  for (const fd of fds) {
    checkCall(libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, new Uint8Array(Uint32Array.of(1, 0).buffer), 8), "set SO_LINGER");
    libc.close(fd);
  }
  return "gave up";
}

function end(fd: number): string {
  libc.close(fd);
  return "rst";
}

function addressBytes(address: string, port: number): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  bytes.set(address.split(".").map(Number), 4);
  return bytes;
}

function nameOf(fd: number): string {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  checkCall(libc.getsockname(fd, bytes, new Uint8Array(Uint32Array.of(ADDRESS_BYTES).buffer)), "ask a socket's name");
  return `${bytes.subarray(4, 8).join(".")}:${new DataView(bytes.buffer).getUint16(2)}`;
}
