/** The options of ipvsadm 1.31, as its help lists them (and one that it does not: -X is --exact), and what each of them means. */

import { optionTable } from "./popt.ts";

/** By the names under which ipvsadm complains of them, in the order in which it looks at them (command-options.ts). */
export const OPTION_NAMES = [
  "numeric",
  "connection",
  "service-address",
  "scheduler",
  "persistent",
  "netmask",
  "real-server",
  "forwarding-method",
  "weight",
  "u-threshold",
  "l-threshold",
  "mcast-interface",
  "timeout",
  "daemon",
  "stats",
  "rate",
  "thresholds",
  "persistent-conn",
  "nosort",
  "syncid",
  "exact",
  "ops",
  "pe",
  "sched-flags",
  "mcast-group",
  "mcast-port",
  "mcast-ttl",
  "sync-maxlen",
  "tun-info",
  "tun-type",
  "tun-port",
  "tun-nocsum",
  "tun-csum",
  "tun-remcsum",
] as const;
export type OptionName = (typeof OPTION_NAMES)[number];

/** Likewise by the names in which it complains: --clear is "flush". */
export type CommandName =
  | "add-service"
  | "edit-service"
  | "delete-service"
  | "flush"
  | "list"
  | "add-server"
  | "delete-server"
  | "edit-server"
  | "set"
  | "start-daemon"
  | "stop-daemon"
  | "restore"
  | "save"
  | "zero";

/** Evenkeel's own; the real ipvsadm knows none of them. */
export type ExtensionName = "output" | "client" | "server" | "service" | "state" | "keep-going" | "replace";

interface Named {
  readonly long?: string;
  readonly short?: string;
  readonly argument?: "required" | "optional";
}

/** What stands first in a line. Two of them end it at once. */
export type CommandOption = Named & { readonly kind: "command"; readonly name: CommandName | "help" | "version" };

export type PlainOption =
  | (Named & { readonly kind: "option"; readonly name: OptionName })
  /** -6: the mark named before it is one of IPv6. */
  | (Named & { readonly kind: "ipv6" })
  /** --sort: nothing, for backwards compatibility. */
  | (Named & { readonly kind: "nothing" })
  | (Named & { readonly kind: "extension"; readonly name: ExtensionName });

export type IpvsadmOption = CommandOption | PlainOption;

const command = (name: CommandOption["name"], long?: string, short?: string, argument?: "required"): IpvsadmOption => ({
  kind: "command",
  name,
  ...(long === undefined ? {} : { long }),
  ...(short === undefined ? {} : { short }),
  ...(argument === undefined ? {} : { argument }),
});

const flag = (name: OptionName, short?: string, long: string = name): IpvsadmOption => ({
  kind: "option",
  name,
  long,
  ...(short === undefined ? {} : { short }),
});

const valued = (name: OptionName, short?: string, long: string = name): IpvsadmOption => ({
  ...flag(name, short, long),
  argument: "required",
});

const extension = (name: ExtensionName, argument?: "required"): IpvsadmOption => ({
  kind: "extension",
  name,
  long: name,
  ...(argument === undefined ? {} : { argument }),
});

const ALL: readonly IpvsadmOption[] = [
  command("add-service", "add-service", "A"),
  command("edit-service", "edit-service", "E"),
  command("delete-service", "delete-service", "D"),
  command("flush", "clear", "C"),
  command("list", "list", "L"),
  command("list", undefined, "l"),
  command("zero", "zero", "Z"),
  command("add-server", "add-server", "a"),
  command("edit-server", "edit-server", "e"),
  command("delete-server", "delete-server", "d"),
  command("set", "set"),
  command("help", "help", "h"),
  command("version", "version", "v"),
  command("restore", "restore", "R"),
  command("save", "save", "S"),
  command("start-daemon", "start-daemon", undefined, "required"),
  command("stop-daemon", "stop-daemon", undefined, "required"),
  valued("service-address", "t", "tcp-service"),
  valued("service-address", "u", "udp-service"),
  valued("service-address", undefined, "sctp-service"),
  valued("service-address", "f", "fwmark-service"),
  valued("scheduler", "s"),
  { kind: "option", name: "persistent", long: "persistent", short: "p", argument: "optional" },
  valued("netmask", "M"),
  valued("real-server", "r"),
  flag("forwarding-method", "m", "masquerading"),
  flag("forwarding-method", "i", "ipip"),
  flag("forwarding-method", "g", "gatewaying"),
  valued("weight", "w"),
  valued("u-threshold", "x"),
  valued("l-threshold", "y"),
  flag("numeric", "n"),
  flag("connection", "c"),
  valued("mcast-interface"),
  valued("syncid"),
  flag("timeout"),
  flag("daemon"),
  flag("stats"),
  flag("rate"),
  flag("thresholds"),
  flag("persistent-conn"),
  flag("nosort"),
  { kind: "nothing", long: "sort" },
  flag("exact", "X"),
  { kind: "ipv6", long: "ipv6", short: "6" },
  flag("ops", "o"),
  valued("pe"),
  valued("sched-flags", "b"),
  valued("mcast-group"),
  valued("mcast-port"),
  valued("mcast-ttl"),
  valued("sync-maxlen"),
  flag("tun-info"),
  valued("tun-type"),
  valued("tun-port"),
  flag("tun-nocsum"),
  flag("tun-csum"),
  flag("tun-remcsum"),
];

const OF_LISTS: readonly IpvsadmOption[] = [
  extension("output", "required"),
  extension("client", "required"),
  extension("server", "required"),
  extension("service", "required"),
  extension("state", "required"),
];

export const OPTIONS = optionTable(ALL);
export const LIST_OPTIONS = optionTable([...ALL, ...OF_LISTS]);
export const RESTORE_OPTIONS = optionTable([...ALL, extension("keep-going"), extension("replace")]);
