/** Files for the lab's director with checks: one web service in each family, every rule of it to be chosen. */

import { ADDRESSES, FRONT, LAN, type LabOptions, PORTS, serverAddress, serverNames } from "../../src/lab/topology.ts";

export interface ConfigurationWishes {
  /** As the file has it, at every service; none when left out. */
  readonly checks?: string;
  readonly weights?: readonly number[];
  readonly scheduler?: string;
  /** More lines of each service, and of the file. */
  readonly service?: readonly string[];
  readonly file?: readonly string[];
}

/** Every 200 ms, as the acceptance has it: out after two failures. */
export const FAST_CHECKS = "[{ http: { path: / }, interval: 200ms, fast_interval: 200ms, timeout: 150ms, rise: 2, fall: 2, jitter: 0 }]";

export function configurationText(lab: LabOptions, wishes: ConfigurationWishes = {}): string {
  const services = (["ipv4", "ipv6"] as const).flatMap((family) => [
    `  - name: web-${family}`,
    `    address: "${ADDRESSES.vip[family]}"`,
    `    port: ${PORTS.http}`,
    `    scheduler: ${wishes.scheduler ?? lab.scheduler}`,
    `    method: ${lab.method}`,
    ...(wishes.checks === undefined ? [] : [`    checks: ${wishes.checks}`]),
    ...(wishes.service ?? []),
    "    servers:",
    ...serverNames(lab.servers).map(
      (server, i) => `      - { address: "${serverAddress(server)[family]}", port: ${PORTS.http}, weight: ${wishes.weights?.[i] ?? 1} }`,
    ),
  ]);
  return [
    "interfaces:",
    ...[FRONT, LAN].map((name) => `  - { name: ${name}, hook: ${lab.hook} }`),
    ...(wishes.file ?? []),
    "services:",
    ...services,
    "",
  ].join("\n");
}
