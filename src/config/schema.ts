/**
 * The format of evenkeel.yaml: which keys a mapping may have, and what each holds. A key with a default may be left out. Keys whose values
 * are mappings or lists of mappings are read by themselves, so that a mistake in one hides none in another.
 * examples/every-key.yaml shows all of them.
 *
 *   interfaces: [{ name: eth0, hook: auto }]
 *   services:
 *     - { address: 192.0.2.10, port: 80, scheduler: wrr, method: nat, servers: [{ address: 10.0.0.11, port: 8080, weight: 3 }] }
 */

import { HOOK_CHOICES } from "../model/plane.ts";
import { FORWARDING_METHODS, PROTOCOLS, SCHEDULER_FLAGS, SCHEDULERS, TUNNEL_TYPES, WEIGHT_MAX } from "../model/service.ts";
import { SECONDS_MAX } from "../model/validity.ts";
import {
  directorAddress,
  interfaceName,
  netmask,
  port,
  portRange,
  prefix,
  serverAddress,
  serviceLabel,
  toggle,
  virtualAddress,
  wholeNumber,
  word,
  words,
} from "./fields.ts";
import type { Shape } from "./mapping.ts";

/** The keys of the file. Without `interfaces`: every interface that carries a virtual address or leads to a NAT server. */
export const FILE_KEYS = ["$schema", "interfaces", "settings", "marks", "services"] as const;

export const FAMILIES = ["ipv4", "ipv6"] as const;

const MARK_MAX = 4_294_967_295;
/** Thresholds are compared with counters of 32 bits; IPVS takes no more than this. */
const THRESHOLD_MAX = 2_147_483_647;

const timeout = wholeNumber({ noun: "timeout", least: 1, greatest: SECONDS_MAX });
const mark = wholeNumber({ noun: "mark", least: 1, greatest: MARK_MAX });
const family = word("family", FAMILIES);
const threshold = wholeNumber({ noun: "threshold", least: 0, greatest: THRESHOLD_MAX });

export const interfaceShape = {
  name: interfaceName,
  hook: word("hook", HOOK_CHOICES).default("auto"),
} satisfies Shape;

/** Beside these `persistent`, `timeouts` and `servers`. */
export const serviceShape = {
  /** What people call it. */
  name: serviceLabel.optional(),
  /** Address, port and protocol, or a mark. */
  address: virtualAddress.optional(),
  port: port.optional(),
  protocol: word("protocol", PROTOCOLS).default("tcp"),
  mark: mark.optional(),
  family: family.optional(),
  // Equal weights make it rr.
  scheduler: word("scheduler", SCHEDULERS).default("wrr"),
  scheduler_flags: words("scheduler flag", SCHEDULER_FLAGS).default([]),
  // No default: ipvsadm's is dr, keepalived's is nat, and the wrong one looks like a broken network.
  method: word("forwarding method", FORWARDING_METHODS).optional(),
  one_packet: toggle.default(false),
  sloppy: toggle.default(false),
  full_nat: directorAddress.optional(),
} satisfies Shape;

/** `persistent: 300` is the timeout alone. */
export const persistentShape = {
  timeout,
  netmask: netmask.optional(),
  prefix_length: wholeNumber({ noun: "prefix length", least: 1, greatest: 128 }).optional(),
} satisfies Shape;

export const timeoutsShape = { tcp: timeout.optional(), tcp_fin: timeout.optional(), udp: timeout.optional() } satisfies Shape;

/** Beside these `tunnel`. */
export const serverShape = {
  address: serverAddress,
  /** Without it the service's; only nat can map to another one. 0: the packet's own. */
  port: port.optional(),
  weight: wholeNumber({ noun: "weight", least: 0, greatest: WEIGHT_MAX }).default(1),
  /** Without it the service's. */
  method: word("forwarding method", FORWARDING_METHODS).optional(),
  upper_threshold: threshold.default(0),
  lower_threshold: threshold.default(0),
} satisfies Shape;

export const tunnelShape = {
  type: word("tunnel type", TUNNEL_TYPES),
  port: wholeNumber({ noun: "port", least: 1, greatest: 65535 }).optional(),
  checksum: toggle.default(false),
} satisfies Shape;

export const markShape = {
  mark,
  family: family.optional(),
  protocol: word("protocol", PROTOCOLS).optional(),
  source: prefix.optional(),
  destination: prefix.optional(),
  port: wholeNumber({ noun: "port", least: 1, greatest: 65535 }).optional(),
  ports: portRange.optional(),
  interface: interfaceName.optional(),
} satisfies Shape;

/** Beside these `timeouts`. The names are those of IPVS's sysctls (net.ipv4.vs.*). */
export const settingsShape = {
  expire_nodest_conn: toggle.default(false),
  expire_quiescent_template: toggle.default(false),
  conn_reuse_mode: wholeNumber({ noun: "conn_reuse_mode", least: 0, greatest: 3 }).default(1),
} satisfies Shape;
