/** A VIP on lo (or on a tunnel device), as a host address that this server never uses by itself. */

import { readFileSync } from "node:fs";
import { addAddress, deleteAddress, listAddresses } from "../kernel/addresses.ts";
import { findLink, getLink } from "../kernel/links.ts";
import { parseAddress, sameAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { HIDING_PLACE } from "./hidden-address.ts";
import { ABSENT, PRESENT, type Setting } from "./setting.ts";
import { conf, sysctlPath } from "./sysctl.ts";

type HiddenAddress = Extract<Setting, { kind: "hidden-address" | "tunnel-address" }>;

export function read(setting: HiddenAddress): string {
  const link = findLink(placeOf(setting));
  if (link === undefined) return ABSENT;
  const address = parseAddress(setting.address);
  return listAddresses(link.index).some((own) => sameAddress(own.address, address)) ? PRESENT : ABSENT;
}

export function write(setting: HiddenAddress, value: string): void {
  const address = parseAddress(setting.address);
  const host = { interfaceIndex: getLink(placeOf(setting)).index, address, prefixLength: address.family === "ipv4" ? 32 : 128 };
  if (value === ABSENT) {
    deleteAddress(host);
    return;
  }
  if (address.family === "ipv6") mustHaveIpv6(setting.address);
  // Neither scope host (IPv4) nor a deprecated address (IPv6) is chosen as the source of a connection that this server begins:
  // its answer would go to the director. Duplicates are the very idea, so nobody is asked for them.
  addAddress(address.family === "ipv4" ? { ...host, scope: "host" } : { ...host, noDad: true, deprecated: true });
}

function placeOf(setting: HiddenAddress): string {
  return setting.kind === "tunnel-address" ? setting.interfaceName : HIDING_PLACE;
}

function mustHaveIpv6(text: string): void {
  const { name } = conf("ipv6", HIDING_PLACE, "disable_ipv6");
  let value: string;
  try {
    value = readFileSync(sysctlPath(name), "utf8").trim();
  } catch (cause) {
    throw new EvenkeelError("KERNEL_FEATURE_MISSING", `cannot hide ${text} on lo: this kernel runs without IPv6`, {
      cure: "boot without ipv6.disable=1",
      cause,
    });
  }
  if (value === "0") return;
  throw new EvenkeelError("KERNEL_FEATURE_MISSING", `cannot hide ${text} on lo: IPv6 is switched off there (${name} is ${value})`, {
    cure: `sysctl -w ${name}=0`,
  });
}
