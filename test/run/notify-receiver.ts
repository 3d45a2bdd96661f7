/** A service manager's end of NOTIFY_SOCKET: a real unix datagram socket, at a path or under an abstract name. */

import { setTimeout as sleep } from "node:timers/promises";
import { libc } from "../../src/kernel/libc.ts";
import { checkCall } from "../../src/kernel/system-call.ts";

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC_NONBLOCK = 0x80802;

export class NotifyReceiver {
  readonly address: string;
  readonly #fd: number;
  /** Each datagram, as its lines. */
  readonly heard: string[][] = [];

  /** A path, or "@name". */
  constructor(address: string) {
    this.address = address;
    this.#fd = checkCall(libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC_NONBLOCK, 0), "open a socket");
    const name = new TextEncoder().encode(address.startsWith("@") ? `\0${address.slice(1)}` : `${address}\0`);
    const bytes = new Uint8Array(2 + name.length);
    new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
    bytes.set(name, 2);
    checkCall(libc.bind(this.#fd, bytes, bytes.length), `listen at ${address}`);
  }

  /** Reads what is there. */
  read(): readonly string[][] {
    const data = new Uint8Array(4096);
    for (let length = this.#receive(data); length > 0; length = this.#receive(data))
      this.heard.push(new TextDecoder().decode(data.subarray(0, length)).split("\n"));
    return this.heard;
  }

  /** Until a line of the kind has been heard that many times. */
  async wait(line: RegExp, times = 1, waitMs = 20_000): Promise<string> {
    for (const endMs = performance.now() + waitMs; performance.now() < endMs; await sleep(10)) {
      const found = this.read()
        .flat()
        .filter((one) => line.test(one));
      if (found.length >= times) return found[times - 1] ?? "";
    }
    throw new Error(`never heard ${line} ${times} times; heard ${JSON.stringify(this.heard)}`);
  }

  close(): void {
    libc.close(this.#fd);
  }

  #receive(data: Uint8Array): number {
    return libc.recv(this.#fd, data, data.length, 0);
  }
}
