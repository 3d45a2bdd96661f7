/** What a real server must be like for its forwarding method: a name, how to see whether it holds, and what would make it hold. */

import type { Machine } from "./host.ts";
import type { Setting } from "./setting.ts";

export interface Finding {
  readonly holds: boolean;
  /** What was seen: "net.ipv4.conf.all.arp_ignore is 0". */
  readonly evidence: string;
}

export interface Requirement {
  /** What must be so, as a short clause: "192.0.2.10 is hidden on lo". */
  readonly name: string;
  check(machine: Machine): Finding;
  /** What `up` sets so that it holds; missing where only a person can help. */
  readonly remedy?: Remedy;
}

export interface Remedy {
  readonly setting: Setting;
  readonly wanted: string;
  /** Is there anything to do? A requirement may hold in effect and still be worth setting. */
  needed(machine: Machine): boolean;
}

/** The common case: the requirement is that a setting has a value. */
export function requireValue(request: {
  name: string;
  setting: Setting;
  wanted: string;
  evidence: (value: string) => string;
}): Requirement {
  const { name, setting, wanted, evidence } = request;
  return {
    name,
    check(machine) {
      const value = machine.read(setting);
      return { holds: value === wanted, evidence: evidence(value) };
    },
    remedy: { setting, wanted, needed: (machine) => machine.read(setting) !== wanted },
  };
}
