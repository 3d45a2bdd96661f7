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
  command,
  directorAddress,
  duration,
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
export const FILE_KEYS = [
  "$schema",
  "interfaces",
  "settings",
  "marks",
  "services",
  "director",
  "api",
  "notify",
  "journal",
  "instances",
  "listeners",
] as const;

export const FAMILIES = ["ipv4", "ipv6"] as const;

const MARK_MAX = 4_294_967_295;
/** Thresholds are compared with counters of 32 bits; IPVS takes no more than this. */
const THRESHOLD_MAX = 2_147_483_647;

const QUORUM_MAX = 2_147_483_647;
const DAY_MS = 86_400_000;

const timeout = wholeNumber({ noun: "timeout", least: 1, greatest: SECONDS_MAX });
const mark = wholeNumber({ noun: "mark", least: 1, greatest: MARK_MAX });
const family = word("family", FAMILIES);
const threshold = wholeNumber({ noun: "threshold", least: 0, greatest: THRESHOLD_MAX });

export const interfaceShape = {
  name: interfaceName.describe("Such as eth0."),
  hook: word("hook", HOOK_CHOICES).default("auto").describe("How the packet path listens there; auto chooses by the device."),
} satisfies Shape;

const method = word("forwarding method", FORWARDING_METHODS).optional();
const drainDeadline = duration({ noun: "drain_deadline", leastMs: 0, greatestMs: 7 * DAY_MS }).optional();

/** What servers have in common is said once, at the service. */
const defaultsShape = {
  weight: wholeNumber({ noun: "weight", least: 0, greatest: WEIGHT_MAX })
    .optional()
    .describe("Of its servers that have none; 1 when left out."),
  // No default: ipvsadm's is dr, keepalived's is nat, and the wrong one looks like a broken network.
  method: method.describe("nat, dr or tun: how packets are forwarded; here, or at every server."),
  inhibit_on_failure: toggle
    .optional()
    .describe("A server that fails stays with weight 0, so that its connections may finish, instead of being taken out."),
  cut_templates: toggle.optional().describe("A server that fails loses its persistence templates: its clients are scheduled anew."),
  drain_deadline: drainDeadline.describe("What remains after so long is cut when a server is drained; without it, it may last."),
} satisfies Shape;

/** Beside these those of SERVICE_PARTS. */
export const serviceShape = {
  name: serviceLabel.optional().describe("What people call it."),
  address: virtualAddress.optional().describe("The virtual address: with port and protocol what the service is known by."),
  port: port.optional().describe("1 to 65535; 0 is every port, for a persistent service."),
  protocol: word("protocol", PROTOCOLS).default("tcp").describe("tcp when left out."),
  mark: mark.optional().describe("In place of address, port and protocol: the firewall mark that its packets carry."),
  family: family.optional().describe("Of a service by mark; ipv4 when left out."),
  // Equal weights make it rr.
  scheduler: word("scheduler", SCHEDULERS).default("wrr").describe("How a server is chosen for a new connection; wrr when left out."),
  scheduler_flags: words("scheduler flag", SCHEDULER_FLAGS)
    .default([])
    .describe("sh and mh: fallback takes another server where the chosen one does not serve; port lets the client's port count too."),
  one_packet: toggle.default(false).describe("UDP: every datagram is scheduled by itself."),
  sloppy: toggle.default(false).describe("Any packet may begin a connection, not only a SYN."),
  full_nat: directorAddress
    .optional()
    .describe("NAT also puts this address of the director's in the client's place: for clients in the servers' network."),
  hairpin: toggle.default(false).describe("As full_nat, with the address that the director has on its way to the servers."),
  alpha: toggle.default(false).describe("A server is down until its checks say otherwise; else it begins as it was last, or up."),
  omega: toggle.default(false).describe("When the director ends, what is told of a service and its servers that go down is told."),
  ...defaultsShape,
} satisfies Shape;

/** Keys of a service whose values are read by themselves. */
export const SERVICE_PARTS = ["persistent", "timeouts", "quorum", "sorry_server", "checks", "servers"] as const;

/** `persistent: 300` is the timeout alone. */
export const persistentShape = {
  timeout: timeout.describe("Seconds, from a client's last connection on."),
  netmask: netmask.optional().describe("What of a client's address counts: 255.255.255.0."),
  prefix_length: wholeNumber({ noun: "prefix length", least: 1, greatest: 128 }).optional().describe("The same as a length: 24."),
} satisfies Shape;

/** `quorum: 2` is the weight alone. */
export const quorumShape = {
  weight: wholeNumber({ noun: "quorum", least: 1, greatest: QUORUM_MAX })
    .default(1)
    .describe("What the servers that are well have to weigh together; 1 when left out."),
  hysteresis: wholeNumber({ noun: "hysteresis", least: 0, greatest: QUORUM_MAX })
    .default(0)
    .describe("Lost below weight - hysteresis, gained again from weight + hysteresis on."),
  up: command.optional().describe("Run when the quorum is gained: program and arguments, as nobody."),
  down: command.optional().describe("Run when the quorum is lost."),
} satisfies Shape;

export const timeoutsShape = {
  tcp: timeout.optional().describe("Seconds without a packet: an established connection."),
  tcp_fin: timeout.optional().describe("One that is closing."),
  udp: timeout.optional().describe("UDP."),
} satisfies Shape;

/** What a server and a sorry server have. Beside these `tunnel`. */
export const sorryShape = {
  address: serverAddress.describe("Of the server."),
  port: port.optional().describe("The service's when left out; only nat can map to another one. 0: the packet's own."),
  method: method.describe("nat, dr or tun; the service's when left out."),
} satisfies Shape;

/** Beside these `tunnel` and `checks`. */
export const serverShape = {
  ...sorryShape,
  weight: defaultsShape.weight.describe("0: no new connections, the present ones live on. The service's when left out, or 1."),
  upper_threshold: threshold.default(0).describe("No new connections from that many on; 0: no limit."),
  lower_threshold: threshold.default(0).describe("Until there are fewer than that; three quarters of the upper one when left out."),
  inhibit_on_failure: defaultsShape.inhibit_on_failure,
  cut_templates: defaultsShape.cut_templates,
  drain_deadline: defaultsShape.drain_deadline,
} satisfies Shape;

export const tunnelShape = {
  type: word("tunnel type", TUNNEL_TYPES).describe("ipip, gre or gue."),
  port: wholeNumber({ noun: "port", least: 1, greatest: 65535 }).optional().describe("gue: the UDP port that the server listens on."),
  checksum: toggle.default(false).describe("gre, gue: with a checksum."),
} satisfies Shape;

export const markShape = {
  mark: mark.describe("What packets get for which everything else here holds."),
  family: family.optional().describe("Of the packets; an address says it too."),
  protocol: word("protocol", PROTOCOLS).optional().describe("Any when left out."),
  source: prefix.optional().describe("Where they come from: an address, or a network such as 198.51.100.0/24."),
  destination: prefix.optional().describe("Where they go to."),
  port: wholeNumber({ noun: "port", least: 1, greatest: 65535 }).optional().describe("Destination port."),
  ports: portRange.optional().describe("Destination ports, both included: 1000-2000."),
  interface: interfaceName.optional().describe("Where they come in."),
} satisfies Shape;

/** Beside these `timeouts`. The names are those of IPVS's sysctls (net.ipv4.vs.*). */
export const settingsShape = {
  expire_nodest_conn: toggle.default(false).describe("Connections of a deleted server end at once."),
  expire_quiescent_template: toggle.default(false).describe("Persistence leads nobody to a server of weight 0."),
  conn_reuse_mode: wholeNumber({ noun: "conn_reuse_mode", least: 0, greatest: 3 })
    .default(1)
    .describe("0: a SYN never begins a connection anew; 1: it does where the old one is over; 2: also in FIN_WAIT."),
  marks_from_outside: toggle
    .default(false)
    .describe("Packets may carry marks that others gave them (tc), so that services may have marks that no rule here gives."),
} satisfies Shape;
