/** Names of the kernel's per-interface switches. */

import type { Setting } from "./setting.ts";

export type SysctlSetting = Extract<Setting, { kind: "sysctl" }>;

/** An interface's own dots become slashes, as in sysctl(8): "eth0.5" stands in net.ipv4.conf.eth0/5.arp_ignore. */
export function conf(family: "ipv4" | "ipv6", interfaceName: string, key: string): SysctlSetting {
  return { kind: "sysctl", name: `net.${family}.conf.${interfaceName.replaceAll(".", "/")}.${key}` };
}

/** The way back: the file below /proc/sys. */
export function sysctlPath(name: string): string {
  return `/proc/sys/${name.replace(/[./]/g, (mark) => (mark === "." ? "/" : "."))}`;
}
