/**
 * Persistence with real requests from several clients: for one port (PPC), for every port (PCC), for a firewall mark (PFMC), and by the
 * client's network. In each method, as the replies go different ways.
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { directorFile, runOnDirector } from "../src/lab/director.ts";
import { down, up } from "../src/lab/lab.ts";
import { ADDRESSES, clientAddress, type LabOptions, PORTS, serverAddress, serverNames } from "../src/lab/topology.ts";
import { type SpreadResult, sendHttp, sendUdp, vipTarget } from "../src/lab/traffic.ts";
import { need } from "./need.ts";

const METHODS = ["nat", "dr", "tun"] as const;
const FAMILIES = ["ipv4", "ipv6"] as const;

for (const method of METHODS) {
  test(`each kind of persistence keeps clients with their servers, by ${method.toUpperCase()}`, { timeout: 180_000 }, async (t) => {
    if (!need(t, "root", "command:ip", "command:ethtool")) return;
    const lab = await upFor(t, { name: `persist${method}`, method, clients: 20 });
    for (const family of FAMILIES) {
      const clients = clientsOf({ ...lab, family });
      await applyServices(lab, family, ["port: 80, persistent: 60", "port: 8080, persistent: 60"]);
      await keepsOnePort(clients);
      await applyServices(lab, family, ["port: 0, persistent: 60"]);
      await keepsEveryPort(clients);
      await applyServices(lab, family, [`mark: 1, family: ${family}, persistent: 60`], marksOf(family));
      await keepsEveryMarked(clients);
      const prefix = family === "ipv4" ? 28 : 124;
      await applyServices(lab, family, [`port: 80, persistent: { timeout: 60, prefix_length: ${prefix} }`]);
      await keepsNetworks(clients);
    }
  });
}

test("persistence ends with its time, and not before", { timeout: 60_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:ethtool")) return;
  const lab = await upFor(t, { name: "persistshort", clients: 2 });
  const { askUdp } = clientsOf(lab);
  // Connections are shorter than the template: where one outlives it, it waits for a minute more (as in IPVS).
  await applyServices(lab, "ipv4", [`port: ${PORTS.udp}, protocol: udp, persistent: 3, timeouts: { udp: 1 }`]);
  const first = only(await askUdp(1, 5));
  const templates = () => templatesOn(lab);
  assert.equal(await templates(), 1);
  const deadlineMs = performance.now() + 20_000;
  while ((await templates()) > 0 && performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(await templates(), 0);
  assert.notEqual(only(await askUdp(1, 1)), first);
});

test("a client stays with a server of weight 0, unless expire_quiescent_template is said", { timeout: 60_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:ethtool")) return;
  const lab = await upFor(t, { name: "persistdrain" });
  const { ask } = clientsOf(lab);
  const configuration = (quiesced: string, settings = "") => {
    const server = (name: string) => `{ address: ${serverAddress(name).ipv4}, weight: ${name === quiesced ? 0 : 1} }`;
    const list = serverNames(lab.servers).map(server).join(", ");
    return `${settings}services:\n  - { address: ${ADDRESSES.vip.ipv4}, port: 80, persistent: 60, method: nat, servers: [${list}] }\n`;
  };
  await applyText(lab, configuration("nobody"));
  const first = only(await ask(1, PORTS.http));
  await applyText(lab, configuration(first));
  assert.equal(only(await ask(1, PORTS.http)), first);
  await applyText(lab, configuration(first, "settings: { expire_quiescent_template: true }\n"));
  assert.notEqual(only(await ask(1, PORTS.http)), first);
});

interface Clients {
  /** Who answered a client's requests on a port, one after the other. */
  readonly ask: (client: number, port: number, requests?: number) => Promise<readonly string[]>;
  readonly askUdp: (client: number, requests?: number) => Promise<readonly string[]>;
}

/** One port: a client has a server for each. */
async function keepsOnePort({ ask }: Clients): Promise<void> {
  const web = [only(await ask(1, PORTS.http)), only(await ask(2, PORTS.http)), only(await ask(3, PORTS.http))];
  assert.equal(new Set(web).size, 3, `three clients, round robin: ${web.join(" ")}`);
  // In another order, so that each meets another server on the other port.
  const other = [only(await ask(2, PORTS.alternate)), only(await ask(3, PORTS.alternate)), only(await ask(1, PORTS.alternate))];
  assert.deepEqual([other[2] === web[0], other[0] === web[1], other[1] === web[2]], [false, false, false], "each port by itself");
  assert.equal(only(await ask(1, PORTS.http)), web[0]);
}

/** Every port of the address: a client has one server. */
async function keepsEveryPort({ ask }: Clients): Promise<void> {
  const servers = [only(await ask(1, PORTS.http)), only(await ask(2, PORTS.alternate)), only(await ask(3, PORTS.http))];
  assert.equal(new Set(servers).size, 3, `three clients, round robin: ${servers.join(" ")}`);
  assert.equal(only(await ask(3, PORTS.alternate)), servers[2]);
  assert.equal(only(await ask(2, PORTS.http)), servers[1]);
  assert.equal(only(await ask(1, PORTS.alternate)), servers[0]);
}

/** Whatever carries the mark: ports and protocols together. */
async function keepsEveryMarked({ ask, askUdp }: Clients): Promise<void> {
  const servers = [only(await ask(1, PORTS.http)), only(await ask(2, PORTS.alternate)), only(await askUdp(3))];
  assert.equal(new Set(servers).size, 3, `three clients, round robin: ${servers.join(" ")}`);
  assert.deepEqual([only(await askUdp(1)), only(await ask(1, PORTS.alternate))], [servers[0], servers[0]]);
  assert.deepEqual([only(await askUdp(2)), only(await ask(2, PORTS.http))], [servers[1], servers[1]]);
  assert.deepEqual([only(await ask(3, PORTS.http)), only(await ask(3, PORTS.alternate))], [servers[2], servers[2]]);
}

/** Clients .2 to .15 are of one /28, and the rest of the next. */
async function keepsNetworks({ ask }: Clients): Promise<void> {
  const near = [only(await ask(1, PORTS.http)), only(await ask(2, PORTS.http)), only(await ask(14, PORTS.http))];
  assert.equal(new Set(near).size, 1, `one network: ${near.join(" ")}`);
  const far = [only(await ask(15, PORTS.http)), only(await ask(20, PORTS.http))];
  assert.equal(new Set(far).size, 1, `the other network: ${far.join(" ")}`);
  assert.notEqual(far[0], near[0]);
}

async function upFor(t: TestContext, options: Partial<LabOptions>): Promise<LabOptions> {
  const lab = await up(options);
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  return lab;
}

/** The director serves these and nothing else, from an empty memory. */
async function applyServices(
  lab: LabOptions,
  family: (typeof FAMILIES)[number],
  services: readonly string[],
  marks: readonly string[] = [],
): Promise<void> {
  const address = (head: string) => (head.startsWith("mark") ? "" : `address: "${ADDRESSES.vip[family]}", `);
  const servers = serverNames(lab.servers).map((server) => `{ address: "${serverAddress(server)[family]}" }`);
  const text = [
    "interfaces: [{ name: eth0 }, { name: eth1 }]",
    ...(marks.length === 0 ? [] : [`marks: [${marks.join(", ")}]`]),
    "services:",
    ...services.map((head) => `  - { ${address(head)}${head}, scheduler: rr, method: ${lab.method}, servers: [${servers.join(", ")}] }`),
    "",
  ].join("\n");
  await runOnDirector(lab.name, ["teardown"]);
  await applyText(lab, text);
}

async function applyText({ name }: LabOptions, text: string): Promise<void> {
  writeFileSync(directorFile(name), text);
  await runOnDirector(name, ["apply", directorFile(name)]);
}

function marksOf(family: (typeof FAMILIES)[number]): string[] {
  const destination = `destination: "${ADDRESSES.vip[family]}"`;
  return [
    `{ mark: 1, protocol: tcp, ${destination}, port: ${PORTS.http} }`,
    `{ mark: 1, protocol: tcp, ${destination}, ports: 8000-9000 }`,
    `{ mark: 1, protocol: udp, ${destination} }`,
  ];
}

function clientsOf(lab: LabOptions): Clients {
  const from = (client: number) => clientAddress(client)[lab.family];
  return {
    ask: async (client, port, requests = 4) =>
      answers(await sendHttp(lab, { requests, from: from(client), target: vipTarget(lab, port) }), from(client)),
    askUdp: async (client, requests = 4) => answers(await sendUdp(lab, { requests, from: from(client) }), from(client)),
  };
}

function answers({ order, failed, errors, clients }: SpreadResult, from: string): readonly string[] {
  assert.equal(failed, 0, JSON.stringify(errors));
  assert.deepEqual(Object.keys(clients), [from], "the servers see the client");
  return order;
}

/** All answers came from one server. */
function only(order: readonly string[]): string {
  assert.equal(new Set(order).size, 1, `one client, several servers: ${order.join(" ")}`);
  return order[0] ?? "";
}

async function templatesOn(lab: LabOptions): Promise<number> {
  const { services } = JSON.parse(await runOnDirector(lab.name, ["status", "-o", "json"])) as {
    services: { servers: { persistent: number }[] }[];
  };
  return services.reduce((all, { servers }) => all + servers.reduce((sum, { persistent }) => sum + persistent, 0), 0);
}
