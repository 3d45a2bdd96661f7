/** Builds the cluster of one row from the lab's own parts, with servers fast enough not to be what is measured. */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, placeVip } from "../../src/lab/cables.ts";
import { spawnInside } from "../../src/lab/commands.ts";
import { runOnDirector } from "../../src/lab/director.ts";
import { finished } from "../../src/lab/finished.ts";
import { ipBatch, setSysctls } from "../../src/lab/ip.ts";
import { setUpRealServers } from "../../src/lab/real-servers.ts";
import { labDirectory } from "../../src/lab/state.ts";
import { ADDRESSES, FRONT, LAN, type LabOptions, labOptions, namespaceOf, sides, topologyOf } from "../../src/lab/topology.ts";
import { EvenkeelError } from "../../src/model/error.ts";
import { logsOf, startDaemon } from "./daemon.ts";
import { filledIn, startPeer } from "./peers.ts";
import { BULK_PORT, HTTP_PORT, pinned, SERVER, SERVER_ADDRESS, targetOf, UDP_PORT, VIP } from "./ports.ts";
import type { Row } from "./rows.ts";
import { UDP_PROGRAM } from "./tools.ts";

export interface Stand {
  readonly row: Row;
  readonly lab: string;
}

const READY_WITHIN_S = 10;

export async function buildStand(row: Row, lab: string): Promise<Stand> {
  const { job, method } = row;
  const hook = job.kind === "evenkeel" ? job.hook : "tc";
  const options = labOptions({ name: lab, method, servers: 1, hook });
  mkdirSync(labDirectory(lab), { recursive: true, mode: 0o755 });
  build(topologyOf(options), options);
  makeSwitchPlain(lab);
  widenPorts(lab);
  setUpRealServers(options);
  placeVip(options);
  if (job.kind === "router") routeThroughDirector(options);
  startServers(row, lab);
  if (job.kind === "peer") startPeer(job.peer, lab);
  if (job.kind === "evenkeel") await applyEvenkeel(options);
  await untilItAnswers({ row, lab });
  return { row, lab };
}

/** Where br_netfilter is loaded, each bridge of the machine would otherwise hand every frame to iptables. No switch does that. */
function makeSwitchPlain(lab: string): void {
  const names = ["iptables", "ip6tables", "arptables"].map((table) => `net/bridge/bridge-nf-call-${table}`);
  const present = names.filter((name) => existsSync(`/proc/sys/${name}`));
  setSysctls(lab, "switch", Object.fromEntries(present.map((name) => [name, "0"])));
}

/** A new connection for each request takes a port each. */
function widenPorts(lab: string): void {
  for (const node of ["client", "director"]) setSysctls(lab, node, { "net/ipv4/ip_local_port_range": "'1024 65000'" });
  for (const node of ["client", "director", SERVER])
    setSysctls(lab, node, { "net/core/somaxconn": "8192", "net/ipv4/tcp_max_syn_backlog": "8192" });
}

/** The client's packets take the way that they take to the VIP, but to the real server's own address. */
function routeThroughDirector({ name, method }: LabOptions): void {
  const { vipPort, routerPort } = sides(method);
  const director = vipPort === FRONT ? ADDRESSES.directorFront : ADDRESSES.directorLan;
  ipBatch(name, "router", [`route replace ${SERVER_ADDRESS}/32 via ${director.ipv4} dev ${routerPort}`]);
}

function startServers(row: Row, lab: string): void {
  const namespace = namespaceOf(lab, SERVER);
  const configuration = join(labDirectory(lab), "nginx-server.conf");
  writeFileSync(configuration, filledIn("nginx-server.conf", lab));
  // With DR and TUN the answer must come from the VIP, which stands on the server; with NAT the director sees to that.
  const own = row.job.kind !== "router" && row.method !== "nat" ? VIP : SERVER_ADDRESS;
  const servers = {
    "nginx-server": ["nginx", "-p", labDirectory(lab), "-c", configuration],
    iperf3: ["iperf3", "--server", "--port", `${BULK_PORT}`],
    udp: [UDP_PROGRAM, "echo", own, `${UDP_PORT}`],
  };
  for (const [name, command] of Object.entries(servers)) startDaemon(lab, namespace, { name, command: pinned("server", command) });
}

async function applyEvenkeel({ name, method, hook }: LabOptions): Promise<void> {
  const file = join(labDirectory(name), "evenkeel.yaml");
  const service = (protocol: string, port: number) =>
    `  - { address: ${VIP}, port: ${port}, protocol: ${protocol}, scheduler: rr, method: ${method}, servers: [{ address: ${SERVER_ADDRESS}, port: ${port} }] }`;
  const lines = [
    "interfaces:",
    ...[FRONT, LAN].map((port) => `  - { name: ${port}, hook: ${hook} }`),
    "services:",
    service("tcp", HTTP_PORT),
    service("tcp", BULK_PORT),
    service("udp", UDP_PORT),
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  await runOnDirector(name, ["apply", file]);
}

/** Also lets every neighbour be found before anything is measured. */
async function untilItAnswers({ row, lab }: Stand): Promise<void> {
  const command = ["curl", "--silent", "--show-error", "--fail", "--max-time", `${READY_WITHIN_S}`, "--connect-timeout", "1"];
  const patience = ["--retry", "20", "--retry-delay", "0", "--retry-max-time", `${READY_WITHIN_S}`, "--retry-all-errors"];
  const child = spawnInside(lab, namespaceOf(lab, "client"), [...command, ...patience, `http://${targetOf(row)}:${HTTP_PORT}/`], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    if ((await finished(child, "curl")) !== "yes\n") throw new Error("an answer came that no server of the bench gives");
  } catch (cause) {
    throw new EvenkeelError("EXPECTATION_FAILED", `the first request to ${row.title} was not served`, {
      cause,
      facts: { logs: logsOf(lab) },
    });
  }
}
