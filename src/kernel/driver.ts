/** Which driver stands behind an interface (ethtool's GDRVINFO), in the current network namespace. */

import koffi from "koffi";
import { libc } from "./libc.ts";
import { checkCall } from "./system-call.ts";

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 0x80002;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_GDRVINFO = 3;
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;
/** struct ethtool_drvinfo: cmd, driver[32], ... */
const DRVINFO_BYTES = 196;

/** "veth", "virtio_net", "ixgbe", ...; undefined for devices that do not say (lo). */
export function driverOf(interfaceName: string): string | undefined {
  const info = new Uint8Array(DRVINFO_BYTES);
  new DataView(info.buffer).setUint32(0, ETHTOOL_GDRVINFO, true);
  const request = new Uint8Array(IFREQ_BYTES);
  request.set(new TextEncoder().encode(interfaceName).subarray(0, NAME_BYTES - 1));
  new DataView(request.buffer).setBigUint64(NAME_BYTES, BigInt(koffi.address(info)), true);
  const fd = checkCall(libc.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0), "open a socket to ask for the driver");
  try {
    if (libc.ioctl(fd, SIOCETHTOOL, request) < 0) return undefined;
  } finally {
    libc.close(fd);
  }
  const name = info.subarray(4, 36);
  const end = name.indexOf(0);
  return new TextDecoder().decode(end < 0 ? name : name.subarray(0, end)) || undefined;
}
