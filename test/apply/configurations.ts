/** Configurations for the host of host.ts. */

import { VIP, VIP6 } from "./host.ts";

export const GOOD = `
services:
  - address: ${VIP}
    port: 80
    method: dr
    servers:
      - { address: 10.77.0.11, weight: 3 }
      - { address: 10.77.0.12 }
`;

/** Differs from GOOD by one weight. */
export const HEAVIER = GOOD.replace("weight: 3", "weight: 5");

/** Differs from GOOD in everything that can differ: hooks, services, scheduler, servers, weights, methods. */
export const OTHER = `
interfaces:
  - { name: eth0, hook: xdp-generic }
  - { name: eth1, hook: tc }
services:
  - address: ${VIP}
    port: 80
    scheduler: rr
    method: nat
    servers:
      - { address: 10.77.0.12, weight: 7 }
      - { address: 10.77.0.13 }
  - address: "${VIP6}"
    port: 53
    protocol: udp
    method: tun
    servers:
      - { address: 10.77.0.14 }
`;

/** As many servers as the packet path has numbers for, or that many more, in lists of 1,000. */
export function allServers(more = 0): string {
  const list = (count: number) =>
    Array.from({ length: count }, (_, i) => `      - { address: 10.77.${1 + (i >> 8)}.${i & 255} }`).join("\n");
  const services = Array.from(
    { length: 33 },
    (_, i) => `  - address: ${VIP}\n    port: ${i + 1000}\n    method: dr\n    servers:\n${list(i < 32 ? 1000 : 768 + more)}`,
  );
  return `services:\n${services.join("\n")}\n`;
}
