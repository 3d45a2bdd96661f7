/**
 * Moves this whole process into a network of its own, where a test may have silence and missing routes: loopback, a device that swallows
 * what is sent through it, and a route that says no. Ends with the process.
 */

import { execFileSync } from "node:child_process";
import { isRoot } from "../../src/kernel/capability.ts";
import { libc } from "../../src/kernel/libc.ts";
import { checkCall } from "../../src/kernel/system-call.ts";

const CLONE_NEWNET = 0x40000000;

/** Nobody answers there. */
export const SILENT = { ipv4: "198.18.0.2", ipv6: "2001:db8:18::2" } as const;
/** The kernel knows no way there. */
export const UNROUTED = { ipv4: "203.0.113.1", ipv6: "2001:db8:ffff::1" } as const;
/** The route there says: host unreachable. */
export const UNREACHABLE = { ipv4: "198.18.9.1", ipv6: "2001:db8:9::1" } as const;

const COMMANDS = `
link set lo up
link add silent type veth peer name abyss
addr add 198.18.0.1/24 dev silent
addr add 2001:db8:18::1/64 dev silent nodad
link set silent up
link set abyss up
neigh add 198.18.0.2 lladdr 02:00:00:00:00:02 dev silent
neigh add 2001:db8:18::2 lladdr 02:00:00:00:00:02 dev silent
route add unreachable 198.18.9.0/24
route add unreachable 2001:db8:9::/64
`;

/** Only root can; others stay where they are, and tests that need it say need(t, "root"). */
export function enterPrivateNetwork(): void {
  if (!isRoot()) return;
  checkCall(libc.unshare(CLONE_NEWNET), "make a network namespace");
  execFileSync("ip", ["-batch", "-"], { input: COMMANDS });
}
