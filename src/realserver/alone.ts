/**
 * One `up` or `down` at a time in a network namespace: two would record each other's changes as what was there before.
 * The lock is an abstract Unix socket's name: there is one set of them a namespace, and the kernel frees it with the process.
 */

import koffi from "koffi";
import { libc } from "../kernel/libc.ts";
import { checkCall, Errno, systemCallError } from "../kernel/system-call.ts";
import { EvenkeelError } from "../model/error.ts";

const NAME = "evenkeel-realserver";
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0x80002;
const PATIENCE_MS = 10_000;
const PAUSE_MS = 20;

export function alone<T>(work: () => T): T {
  const fd = checkCall(libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0), "open a socket for the lock");
  try {
    take(fd);
    return work();
  } finally {
    libc.close(fd);
  }
}

function take(fd: number): void {
  const address = abstractAddress(NAME);
  for (let waitedMs = 0; libc.bind(fd, address, address.length) < 0; waitedMs += PAUSE_MS) {
    const errno = koffi.errno();
    if (errno !== Errno.EADDRINUSE) throw systemCallError("take the lock", errno);
    if (waitedMs >= PATIENCE_MS) {
      throw new EvenkeelError(
        "TIMEOUT",
        `another evenkeel realserver has been at work in this network namespace for ${PATIENCE_MS / 1000} s`,
        {
          cure: `wait for it, or end it: ss -xlp shows who holds @${NAME}`,
        },
      );
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
}

/** struct sockaddr_un with a name that begins with a zero byte: no file. */
function abstractAddress(name: string): Uint8Array {
  const text = new TextEncoder().encode(name);
  const address = new Uint8Array(3 + text.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(text, 3);
  return address;
}
