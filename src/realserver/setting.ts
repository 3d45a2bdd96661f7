/**
 * Everything that `up` may set on a real server, named so that a later process can put it back: a setting has one value,
 * a text, and a change is that value before and after. "absent" is a value too.
 */

export type DecapsulationMap = "decap_endpoints" | "decap_vips";

export type Setting =
  /** Below /proc/sys, with dots as sysctl(8) writes them but an interface's own dots as slashes. */
  | { readonly kind: "sysctl"; readonly name: string }
  /** A VIP as a host address on lo. */
  | { readonly kind: "hidden-address"; readonly address: string }
  /** The same on a tunnel device, which nobody can ask for it. */
  | { readonly kind: "tunnel-address"; readonly interfaceName: string; readonly address: string }
  | { readonly kind: "default-route"; readonly gateway: string; readonly interfaceName: string }
  /** tunl0, sit0, ip6tnl0: "up", "down" or "absent". */
  | { readonly kind: "tunnel-device"; readonly name: string }
  /** Our own decapsulation: program and maps loaded and pinned, */
  | { readonly kind: "decapsulation-program" }
  /** what it may unwrap (of an end of tunnels "ipip", "gre", "gue 6080"), */
  | { readonly kind: "decapsulation-address"; readonly map: DecapsulationMap; readonly address: string }
  /** and where it looks at packets. */
  | { readonly kind: "decapsulation-attachment"; readonly interfaceName: string };

/** An end of tunnels as a value. */
export function tunnelValue({ type, port }: { readonly type: string; readonly port?: number }): string {
  return port === undefined ? type : `${type} ${port}`;
}

export const ABSENT = "absent";
export const PRESENT = "present";
/** What a process leaves that is killed while it makes something of several parts: ours, to be finished or taken away. */
export const HALF_MADE = "half-made";

export interface Change {
  readonly setting: Setting;
  readonly before: string;
  readonly after: string;
}

/** What two changes of the same thing have in common. */
export function settingKey(setting: Setting): string {
  switch (setting.kind) {
    case "sysctl":
      return `sysctl ${setting.name}`;
    case "hidden-address":
      return `hidden-address ${setting.address}`;
    case "tunnel-address":
      return `tunnel-address ${setting.interfaceName} ${setting.address}`;
    case "default-route":
      return `default-route ${setting.gateway} ${setting.interfaceName}`;
    case "tunnel-device":
      return `tunnel-device ${setting.name}`;
    case "decapsulation-program":
      return "decapsulation-program";
    case "decapsulation-address":
      return `decapsulation-address ${setting.map} ${setting.address}`;
    case "decapsulation-attachment":
      return `decapsulation-attachment ${setting.interfaceName}`;
  }
}

export function sameSetting(one: Setting, other: Setting): boolean {
  return settingKey(one) === settingKey(other);
}

/** The change that takes this one back. */
export function reversed(change: Change): Change {
  return { setting: change.setting, before: change.after, after: change.before };
}

/** One line for people: "set net.ipv4.conf.all.arp_ignore 0 -> 1". */
export function describeChange({ setting, before, after }: Change): string {
  const gone = after === ABSENT;
  switch (setting.kind) {
    case "sysctl":
      return `set ${setting.name} ${before} -> ${after}`;
    case "hidden-address":
      return gone ? `remove ${hostPrefix(setting.address)} from lo` : `add ${hostPrefix(setting.address)} to lo`;
    case "tunnel-address":
      return gone
        ? `remove ${hostPrefix(setting.address)} from ${setting.interfaceName}`
        : `add ${hostPrefix(setting.address)} to ${setting.interfaceName}`;
    case "default-route": {
      const route = `via ${setting.gateway} dev ${setting.interfaceName}`;
      return gone ? `remove default route ${route}` : `add default route ${route}`;
    }
    case "tunnel-device":
      return `set tunnel device ${setting.name} ${before} -> ${after}`;
    case "decapsulation-program":
      return gone ? "unload the eBPF decapsulation" : "load the eBPF decapsulation";
    case "decapsulation-address":
      if (setting.map === "decap_vips")
        return gone ? `stop unwrapping packets to ${setting.address}` : `unwrap packets to ${setting.address}`;
      return gone
        ? `stop accepting tunnels to ${setting.address}`
        : `accept tunnels to ${setting.address}${after === "ipip" ? "" : ` (${after})`}`;
    case "decapsulation-attachment":
      return gone
        ? `detach the eBPF decapsulation from ${setting.interfaceName}`
        : `attach the eBPF decapsulation to ${setting.interfaceName}`;
  }
}

/** What is set, for a report of what could not be put back. */
export function describeSetting(setting: Setting): string {
  switch (setting.kind) {
    case "sysctl":
      return setting.name;
    case "hidden-address":
      return `${hostPrefix(setting.address)} on lo`;
    case "tunnel-address":
      return `${hostPrefix(setting.address)} on ${setting.interfaceName}`;
    case "default-route":
      return `default route via ${setting.gateway} dev ${setting.interfaceName}`;
    case "tunnel-device":
      return `tunnel device ${setting.name}`;
    case "decapsulation-program":
      return "eBPF decapsulation";
    case "decapsulation-address":
      return setting.map === "decap_vips" ? `unwrapping of packets to ${setting.address}` : `tunnels to ${setting.address}`;
    case "decapsulation-attachment":
      return `eBPF decapsulation on ${setting.interfaceName}`;
  }
}

function hostPrefix(address: string): string {
  return address.includes(":") ? `${address}/128` : `${address}/32`;
}
