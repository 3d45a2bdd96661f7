/** The machine itself: each kind of setting read from the kernel and written to it, in the calling thread's network namespace. */

import { readFileSync, writeFileSync } from "node:fs";
import { listAddresses } from "../kernel/addresses.ts";
import { listLinks } from "../kernel/links.ts";
import { EvenkeelError } from "../model/error.ts";
import * as decapsulation from "./decapsulation-program.ts";
import * as defaultRoute from "./default-route.ts";
import * as hiddenAddress from "./hidden-address-on-lo.ts";
import type { Host, Machine } from "./host.ts";
import { ABSENT, type Setting } from "./setting.ts";
import { sysctlPath } from "./sysctl.ts";
import * as tunnelDevice from "./tunnel-device.ts";

const MAC_BYTES = 6;

export function linuxMachine(): Machine {
  return { host: readHost, read, write, decapsulationCounters: decapsulation.readCounters };
}

function readHost(): Host {
  const addresses = listAddresses();
  const links = listLinks();
  const interfaces = links.map(({ name, index, up, mac, loopback }) => ({
    name,
    index,
    isUp: up,
    isEthernet: !loopback && mac.length === MAC_BYTES,
    addresses: addresses
      .filter(({ interfaceIndex }) => interfaceIndex === index)
      .map(({ address, prefixLength }) => ({ address, prefixLength })),
  }));
  return { interfaces, defaultRoutes: defaultRoute.list(links) };
}

function read(setting: Setting): string {
  switch (setting.kind) {
    case "sysctl":
      return readSysctl(setting.name);
    case "hidden-address":
    case "tunnel-address":
      return hiddenAddress.read(setting);
    case "default-route":
      return defaultRoute.read(setting);
    case "tunnel-device":
      return tunnelDevice.read(setting);
    case "decapsulation-program":
      return decapsulation.readProgram();
    case "decapsulation-address":
      return decapsulation.readAddress(setting);
    case "decapsulation-attachment":
      return decapsulation.readAttachment(setting);
  }
}

function write(setting: Setting, value: string): void {
  switch (setting.kind) {
    case "sysctl":
      writeSysctl(setting.name, value);
      break;
    case "hidden-address":
    case "tunnel-address":
      hiddenAddress.write(setting, value);
      break;
    case "default-route":
      defaultRoute.write(setting, value);
      break;
    case "tunnel-device":
      tunnelDevice.write(setting, value);
      break;
    case "decapsulation-program":
      decapsulation.writeProgram(value);
      break;
    case "decapsulation-address":
      decapsulation.writeAddress(setting, value);
      break;
    case "decapsulation-attachment":
      decapsulation.writeAttachment(setting, value);
      break;
  }
}

/** /proc/sys/net shows the network namespace of the thread that opens the file, so this works inside another one as well. */
function readSysctl(name: string): string {
  try {
    return readFileSync(sysctlPath(name), "utf8").trim();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return ABSENT;
    throw sysctlError(`read ${name}`, error);
  }
}

function writeSysctl(name: string, value: string): void {
  try {
    // Without "create": a switch that is gone with its interface is an error, not a new file.
    writeFileSync(sysctlPath(name), value, { flag: "r+" });
  } catch (error) {
    throw sysctlError(`set ${name} to ${value}`, error);
  }
}

function sysctlError(attempted: string, cause: unknown): EvenkeelError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new EvenkeelError("NOT_PERMITTED", `cannot ${attempted}: ${why}`, {
    cure: "run as root; in a container /proc/sys must be writable (for docker: --privileged, or --sysctl at its start)",
    cause,
  });
}
