/**
 * The kernel's own tunnel devices, which come with their modules and take packets from anybody: tunl0, sit0, ip6tnl0.
 * Where one is missing and wanted all the same, its module is loaded. A module is never taken out again: devices in other
 * namespaces may be in use, and nothing tells.
 */

import { spawnSync } from "node:child_process";
import { changeLink, findLink } from "../kernel/links.ts";
import { EvenkeelError } from "../model/error.ts";
import { ABSENT, type Setting } from "./setting.ts";

type TunnelDevice = Extract<Setting, { kind: "tunnel-device" }>;

const MODULES: Readonly<Record<string, string>> = { tunl0: "ipip", sit0: "sit", ip6tnl0: "ip6_tunnel" };
/** Where modprobe lives; sudo and services do not always have it on their PATH. */
const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;

export function read({ name }: TunnelDevice): string {
  const link = findLink(name);
  return link === undefined ? ABSENT : link.up ? "up" : "down";
}

/** "absent" is as far as "down" goes. */
export function write({ name }: TunnelDevice, value: string): void {
  if (value === "up" && findLink(name) === undefined) loadModule(name);
  changeLink(name, { up: value === "up" });
}

function loadModule(device: string): void {
  const module = MODULES[device] ?? device;
  const run = spawnSync("modprobe", [module], { encoding: "utf8", env: { ...process.env, PATH } });
  if (findLink(device) !== undefined) return;
  const why =
    run.error !== undefined
      ? `modprobe cannot be run (${run.error.message})`
      : run.status !== 0
        ? run.stderr.trim()
        : "its module is loaded, but makes the device in the first network namespace only";
  throw new EvenkeelError("KERNEL_FEATURE_MISSING", `there is no tunnel device ${device}: ${why}`, {
    cure: "use --decap bpf, which needs no device",
    facts: { device, module },
  });
}
