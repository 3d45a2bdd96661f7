/** Which options a command needs and takes, and what ipvsadm says of the others, in its order: the first complaint is the only one. */

import { CommandError } from "./command.ts";
import { type CommandName, OPTION_NAMES, type OptionName } from "./options.ts";

interface Rule {
  readonly needs?: readonly OptionName[];
  readonly takes?: readonly OptionName[];
  /** Of these, one at most. */
  readonly oneOf?: readonly OptionName[];
}

const SERVICE_RULE: Rule = { needs: ["service-address"], takes: ["scheduler", "persistent", "netmask", "ops", "pe", "sched-flags"] };

const SERVER_RULE: Rule = {
  needs: ["service-address", "real-server"],
  takes: ["forwarding-method", "weight", "u-threshold", "l-threshold", "tun-type", "tun-port", "tun-nocsum", "tun-csum", "tun-remcsum"],
};

const COMMANDS: Readonly<Record<CommandName, Rule>> = {
  "add-service": SERVICE_RULE,
  "edit-service": SERVICE_RULE,
  "delete-service": { needs: ["service-address"] },
  flush: {},
  list: {
    takes: ["numeric", "stats", "rate", "thresholds", "persistent-conn", "nosort", "syncid", "exact", "tun-info"],
    oneOf: ["connection", "service-address", "timeout", "daemon"],
  },
  "add-server": SERVER_RULE,
  "edit-server": SERVER_RULE,
  "delete-server": { needs: ["service-address", "real-server"] },
  set: {},
  "start-daemon": { takes: ["mcast-interface", "syncid", "mcast-group", "mcast-port", "mcast-ttl", "sync-maxlen"] },
  "stop-daemon": { takes: ["syncid"] },
  restore: {},
  save: { takes: ["numeric"] },
  zero: { takes: ["service-address"] },
};

const CHECKSUMS = ["tun-nocsum", "tun-csum", "tun-remcsum"] as const;

const TUNNELS = {
  ipip: {},
  gue: { needs: ["tun-port"], oneOf: CHECKSUMS },
  gre: { oneOf: ["tun-nocsum", "tun-csum"] },
} as const satisfies Record<string, Rule>;

export type TunnelType = keyof typeof TUNNELS;

const TUNNEL_OPTIONS: readonly OptionName[] = ["tun-port", ...CHECKSUMS];

/** Throws the first complaint: an option that is missing, one that does not belong, two that exclude each other. */
export function checkCommandOptions(command: CommandName, given: ReadonlySet<OptionName>): void {
  check(COMMANDS[command], OPTION_NAMES, given, `'${command}' command`);
}

/** The same of the options of a tunnel. */
export function checkTunnelOptions(type: TunnelType, given: ReadonlySet<OptionName>): void {
  check(TUNNELS[type], TUNNEL_OPTIONS, given, `'${type}' tunnel type`);
}

export function hasTunnelOptions(given: ReadonlySet<OptionName>): boolean {
  return given.has("tun-type") || TUNNEL_OPTIONS.some((name) => given.has(name));
}

function check({ needs, takes, oneOf }: Rule, names: readonly OptionName[], given: ReadonlySet<OptionName>, whose: string): void {
  let first: OptionName | undefined;
  for (const name of names) {
    if (!given.has(name)) {
      if (needs?.includes(name)) throw new CommandError(`You need to supply the '${name}' option for the ${whose}`, 2);
    } else if (oneOf?.includes(name)) {
      if (first !== undefined) throw new CommandError(`The option '${name}' conflicts with the '${first}' option in the ${whose}`, 2);
      first = name;
    } else if (!needs?.includes(name) && !takes?.includes(name)) {
      throw new CommandError(`Illegal '${name}' option with the ${whose}`, 2);
    }
  }
}
