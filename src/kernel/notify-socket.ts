/** Words to the service manager that started us, as sd_notify(3): a datagram to the unix socket that NOTIFY_SOCKET names. Node has no such sockets. */

import koffi from "koffi";
import { EvenkeelError } from "../model/error.ts";
import { libc } from "./libc.ts";
import { checkCall, Errno, systemCallError } from "./system-call.ts";

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC_NONBLOCK = 0x80802;
const MSG_NOSIGNAL = 0x4000;
/** sizeof(sun_path) */
const PATH_MAX = 108;

/** `address`: a path, or an abstract name as "@name". A manager that does not read now is not waited for: then the words are lost. */
export function notify(address: string, words: string): void {
  const fd = checkCall(libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC_NONBLOCK, 0), "open a socket to the service manager");
  try {
    const to = addressOf(address);
    const data = new TextEncoder().encode(words);
    if (libc.sendto(fd, data, data.length, MSG_NOSIGNAL, to, to.length) >= 0) return;
    const errno = koffi.errno();
    if (errno !== Errno.EAGAIN) throw systemCallError(`tell the service manager at ${address}`, errno);
  } finally {
    libc.close(fd);
  }
}

/** struct sockaddr_un. A path ends with a zero byte, an abstract name begins with one and is as long as it is. */
function addressOf(address: string): Uint8Array {
  const abstract = address.startsWith("@");
  const path = new TextEncoder().encode(abstract ? `\0${address.slice(1)}` : `${address}\0`);
  if (!(abstract || address.startsWith("/")) || path.length > PATH_MAX)
    throw new EvenkeelError("BAD_ARGUMENT", `${address} is no address of a unix socket`, {
      cure: "NOTIFY_SOCKET is a path, or a name after @",
    });
  const bytes = new Uint8Array(2 + path.length);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(path, 2);
  return bytes;
}
