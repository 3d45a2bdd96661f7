/** The lab's director: its configuration file, and `evenkeel apply` run where it stands. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GUE_PORT } from "../realserver/options.ts";
import { spawnInside } from "./commands.ts";
import { finished } from "./finished.ts";
import { labDirectory } from "./state.ts";
import { ADDRESSES, FRONT, LAN, type LabOptions, namespaceOf, PORTS, serverAddress, serverNames } from "./topology.ts";

const EVENKEEL = fileURLToPath(new URL("../../bin/evenkeel", import.meta.url));
const APPLY_WITHIN_MS = 60_000;

export function directorFile(lab: string): string {
  return join(labDirectory(lab), "evenkeel.yaml");
}

/** Writes the file and makes the director forward as it says. */
export async function applyDirector(options: LabOptions): Promise<void> {
  writeFileSync(directorFile(options.name), directorConfiguration(options));
  await runOnDirector(options.name, ["apply", directorFile(options.name)]);
}

/** Runs a verb of ours on the director and returns what it printed. */
export function runOnDirector(lab: string, args: readonly string[]): Promise<string> {
  const child = spawnInside(lab, namespaceOf(lab, "director"), [EVENKEEL, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: APPLY_WITHIN_MS,
    env: { NO_COLOR: "1" },
  });
  return finished(child, `evenkeel ${args[0]} on the director`);
}

/** GUE by the port that `realserver up` takes when none is named. */
function tunnelOf({ method, tunnel }: Pick<LabOptions, "method" | "tunnel">): string {
  if (method !== "tun" || tunnel === "ipip") return "";
  return `, tunnel: { type: ${tunnel}${tunnel === "gue" ? `, port: ${GUE_PORT}` : ""} }`;
}

/** Both VIPs, each with HTTP, a second HTTP port (mapped where the method can) and UDP. */
export function directorConfiguration(options: LabOptions): string {
  const mapped = options.method === "nat" ? PORTS.mapped : PORTS.alternate;
  const services = (["ipv4", "ipv6"] as const).flatMap((family) => {
    const service = (name: string, protocol: "tcp" | "udp", port: number, serverPort: number) => [
      `  - name: ${name}-${family}`,
      `    address: "${ADDRESSES.vip[family]}"`,
      `    port: ${port}`,
      `    protocol: ${protocol}`,
      `    scheduler: ${options.scheduler}`,
      `    method: ${options.method}`,
      ...(options.persistent === 0 ? [] : [`    persistent: ${options.persistent}`]),
      "    servers:",
      ...serverNames(options.servers).map(
        (server, i) =>
          `      - { address: "${serverAddress(server)[family]}", port: ${serverPort}, weight: ${options.weights[i]}${tunnelOf(options)} }`,
      ),
    ];
    return [
      ...service("web", "tcp", PORTS.http, PORTS.http),
      ...service("alternate", "tcp", PORTS.alternate, mapped),
      ...service("echo", "udp", PORTS.udp, PORTS.udp),
    ];
  });
  return [
    `# The director of lab "${options.name}". Change it and run: evenkeel lab exec --name ${options.name} director -- evenkeel apply FILE`,
    "interfaces:",
    ...[FRONT, LAN].map((name) => `  - { name: ${name}, hook: ${options.hook} }`),
    "services:",
    ...services,
    "",
  ].join("\n");
}
