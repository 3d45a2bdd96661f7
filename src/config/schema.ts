/**
 * The format of evenkeel.yaml: which keys a mapping may have, and what each holds. A key with a default may be left out.
 *
 *   interfaces: [{ name: eth0, hook: auto }]
 *   services:
 *     - { address: 192.0.2.10, port: 80, scheduler: wrr, method: nat, servers: [{ address: 10.0.0.11, port: 8080, weight: 3 }] }
 */

import { HOOK_CHOICES } from "../model/plane.ts";
import { FORWARDING_METHODS, PROTOCOLS, SCHEDULERS, WEIGHT_MAX } from "../model/service.ts";
import { interfaceName, port, serverAddress, serviceLabel, virtualAddress, wholeNumber, word } from "./fields.ts";
import type { Shape } from "./mapping.ts";

/** The keys of the file. Without `interfaces`: every interface that carries a virtual address or leads to a NAT server. */
export const FILE_KEYS = ["$schema", "interfaces", "services"] as const;

export const interfaceShape = {
  name: interfaceName,
  hook: word("hook", HOOK_CHOICES).default("auto"),
} satisfies Shape;

/** Without `servers`, which are read one by one so that a mistake in one hides none in another. */
export const serviceShape = {
  /** What people call it. */
  name: serviceLabel.optional(),
  address: virtualAddress,
  port,
  protocol: word("protocol", PROTOCOLS).default("tcp"),
  // Equal weights make it rr.
  scheduler: word("scheduler", SCHEDULERS).default("wrr"),
  // No default: ipvsadm's is dr, keepalived's is nat, and the wrong one looks like a broken network.
  method: word("forwarding method", FORWARDING_METHODS).optional(),
} satisfies Shape;

export const serverShape = {
  address: serverAddress,
  /** Without it the service's; only nat can map to another one. */
  port: port.optional(),
  weight: wholeNumber({ noun: "weight", least: 0, greatest: WEIGHT_MAX }).default(1),
  /** Without it the service's. */
  method: word("forwarding method", FORWARDING_METHODS).optional(),
} satisfies Shape;
