/** Network settings of the current namespace, below /proc/sys/net. Names as in sysctl(8) but with slashes: interfaces have dots. */

import { readFileSync, writeFileSync } from "node:fs";
import { EvenkeelError } from "../model/error.ts";

const ROOT = "/proc/sys/";

/** undefined when this kernel (or this interface) has no such setting. */
export function readSysctl(name: string): string | undefined {
  const path = pathOf(name);
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw sysctlError(`read ${name}`, error);
  }
}

export function writeSysctl(name: string, value: string | number): void {
  const path = pathOf(name);
  try {
    writeFileSync(path, `${value}\n`);
  } catch (error) {
    throw sysctlError(`set ${name} to ${value}`, error);
  }
}

/** Writes only what differs. The value before, or undefined when nothing had to be done. */
export function changeSysctl(name: string, value: string | number): string | undefined {
  const before = readSysctl(name);
  if (before === String(value)) return undefined;
  writeSysctl(name, value);
  return before ?? "";
}

function pathOf(name: string): string {
  if (!/^net\/[^\0]+$/.test(name) || name.split("/").some((part) => part === "" || part === "." || part === "..")) {
    throw new EvenkeelError("BAD_ARGUMENT", `"${name}" is not a network setting (net/ipv4/conf/eth0/arp_ignore)`);
  }
  return ROOT + name;
}

function sysctlError(attempted: string, error: unknown): EvenkeelError {
  const code = codeOf(error);
  const denied = code === "EACCES" || code === "EPERM" || code === "EROFS";
  const cure =
    code === "ENOENT"
      ? "this kernel, or this interface, has no such setting"
      : denied
        ? "run as root; in a container with a writable /proc/sys"
        : "";
  return new EvenkeelError(
    denied ? "NOT_PERMITTED" : "SYSTEM_CALL",
    `cannot ${attempted}: ${error instanceof Error ? error.message : String(error)}`,
    {
      cure,
      cause: error,
    },
  );
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
