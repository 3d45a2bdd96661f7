/**
 * LVS as its tutorials set it up, typed on bare hosts: plain ip(8), sysctls and three lines of ipvsadm, with no daemon running. Then curl. A
 * tutorial's `modprobe ipip` and tunl0 are `evenkeel realserver up --method tun` here, which also works where the kernel has no such modules.
 */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pinDirectory } from "../src/kernel/pins.ts";
import { Hosts } from "./ipvsadm/hosts.ts";
import { HIDDEN_VIP, natSite, oneNetworkSite, type Site, type Tongue } from "./ipvsadm/sites.ts";
import { need } from "./need.ts";

const METHODS = [
  { name: "NAT", option: "-m", word: "Masq", seesReplies: true },
  { name: "DR", option: "-g", word: "Route", seesReplies: false },
  { name: "TUN", option: "-i", word: "Tunnel", seesReplies: false },
] as const;
type Method = (typeof METHODS)[number];

/** A site for one test, which goes with it. */
async function siteFor(t: TestContext, { name }: Pick<Method, "name">): Promise<Site> {
  const hosts = Hosts.for(t);
  if (name === "NAT") return natSite(hosts);
  const site = await oneNetworkSite(hosts);
  for (const server of site.realServers) {
    if (name === "DR") await server.type(...HIDDEN_VIP);
    else await server.type("evenkeel realserver up --method tun --vip 192.168.1.110 --vip fd00:1::110");
  }
  return site;
}

/** Curls one after the other, a connection each: how often each real server answered. */
async function curl({ client }: Site, url: string, times: number): Promise<Record<string, number>> {
  const { stdout, stderr } = await client.sh(
    `for i in $(seq ${times}); do curl --globoff --silent --show-error --max-time 20 ${url}; done`,
  );
  assert.equal(stderr, "");
  const names = stdout
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { server: string }).server);
  const counts = Object.entries(Object.groupBy(names, (name) => name)).map(([name, all]) => [name, all?.length ?? 0] as const);
  return Object.fromEntries(counts.toSorted(([one], [other]) => one.localeCompare(other)));
}

/** curl's exit code: 7 is refused. */
async function curlFails({ client }: Site, url: string): Promise<number | null> {
  return (await client.sh(`curl --globoff --silent --max-time 20 ${url} > /dev/null`)).status;
}

/** "ipvsadm -Ln" as the real one prints it. */
function listing(service: string, servers: readonly (readonly [server: string, word: string, weight: number, inactive: number])[]): string {
  return [
    "IP Virtual Server version 1.2.1 (size=4096)",
    "Prot LocalAddress:Port Scheduler Flags",
    "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
    service,
    ...servers.map(
      ([server, word, weight, inactive]) =>
        `  -> ${server.padEnd(28)} ${word.padEnd(7)} ${String(weight).padEnd(6)} 0          ${String(inactive).padEnd(10)}`,
    ),
    "",
  ].join("\n");
}

/** A connection is over for the director when the last FIN has passed, which is a moment after curl. */
async function quiet(site: Site, line: string): Promise<string> {
  const untilMs = performance.now() + 5000;
  for (;;) {
    const said = await site.director.type(line);
    if (!/ (Masq|Route|Tunnel) +\d+ +[1-9]/.test(said) || performance.now() > untilMs) return said;
    await sleep(50);
  }
}

/** The numbers of the line that begins so. */
function numbers(listed: string, beginning: string): number[] {
  const line = listed.split("\n").find((each) => each.startsWith(beginning));
  assert.ok(line !== undefined, `${beginning} in\n${listed}`);
  return line.slice(beginning.length).trim().split(/\s+/).map(Number);
}

for (const method of METHODS)
  test(`${method.name} in three lines, over IPv4 and IPv6`, { timeout: 180_000 }, async (t) => {
    if (!need(t, "root", "command:ip", "command:curl", "bpf", "bpf-loop", "syscall-programs")) return;
    const site = await siteFor(t, method);
    for (const tongue of site.tongues) await t.test(tongue.family, (each) => tutorial(each, site, tongue, method));
    await t.test("unloads with evenkeel teardown", async () => {
      const { director } = site;
      assert.equal(await director.type("evenkeel teardown"), "removed the packet path from this network namespace\n");
      assert.equal(
        director.inside(() => pinDirectory().exists()),
        false,
      );
      assert.match(await director.type("evenkeel teardown"), /nothing was changed/);
    });
  });

async function tutorial(t: TestContext, site: Site, tongue: Tongue, { option, word, seesReplies }: Method): Promise<void> {
  const { director } = site;
  const { vip, client } = tongue;
  const [rs1 = "", rs2 = "", rs3 = ""] = tongue.servers;
  const url = `http://${vip}/`;
  const own = `TCP  ${vip}:80`;

  await t.test("wrr spreads by weight", async () => {
    assert.equal(await curlFails(site, url), 7, "nobody serves there yet");
    const said = await director.type(
      `ipvsadm -A -t ${vip}:80 -s wrr`,
      `ipvsadm -a -t ${vip}:80 -r ${rs1}:80 ${option} -w 3`,
      `ipvsadm -a -t ${vip}:80 -r ${rs2}:80 ${option} -w 2`,
      // Without a port it is the service's; an IPv6 address needs one after its bracket.
      `ipvsadm -a -t ${vip}:80 -r ${rs3}${tongue.family === "ipv4" ? "" : ":80"} ${option}`,
    );
    assert.equal(said, "");
    assert.deepEqual(await curl(site, url, 60), { rs1: 30, rs2: 20, rs3: 10 });
  });

  await t.test("-Ln, -Lnc and --stats show them", async () => {
    const listed = await quiet(site, `ipvsadm -Ln -t ${vip}:80`);
    const servers = [
      [`${rs1}:80`, word, 3, 30],
      [`${rs2}:80`, word, 2, 20],
      [`${rs3}:80`, word, 1, 10],
    ] as const;
    // Of one service the real one prints no version.
    assert.equal(listed, listing(`${own} wrr`, servers).replace(/^.*\n/, ""));
    assert.equal(await director.type("ipvsadm -L -n"), listing(`${own} wrr`, servers));
    const connections = (await director.type("ipvsadm -Lnc")).split("\n").filter((line) => line.includes(` ${vip}:80 `));
    assert.equal(connections.length, 60);
    for (const line of connections) assert.match(line, /^TCP \d\d:\d\d {2}(TIME_WAIT|FIN_WAIT|CLOSE|CLOSE_WAIT) +\S+:\d+ +\S+:80 +\S+:80$/);
    assert.ok(connections.every((line) => line.includes(` ${client}:`)));
    const stats = await director.type("ipvsadm -L -n --stats --exact");
    const [total = 0, packetsIn = 0, packetsOut = 0, bytesIn = 0, bytesOut = 0] = numbers(stats, own);
    assert.equal(total, 60);
    assert.ok(packetsIn >= 240 && bytesIn > packetsIn * 40, `${packetsIn} packets, ${bytesIn} bytes`);
    if (seesReplies) assert.ok(packetsOut >= 240 && bytesOut > packetsOut * 40, `${packetsOut} packets, ${bytesOut} bytes`);
    else assert.deepEqual([packetsOut, bytesOut], [0, 0]);
    assert.deepEqual(
      [rs1, rs2, rs3].map((server) => numbers(stats, `  -> ${server}:80`)[0]),
      [30, 20, 10],
    );
    await director.type("ipvsadm -Z");
    assert.deepEqual(numbers(await director.type("ipvsadm -L -n --stats --exact"), own), [0, 0, 0, 0, 0]);
  });

  await t.test("-e ... -w 0 takes a server out, -d too, and -a brings it back", async () => {
    await director.type(`ipvsadm -e -t ${vip}:80 -r ${rs1}:80 ${option} -w 0`);
    assert.deepEqual(await curl(site, url, 12), { rs2: 8, rs3: 4 });
    await director.type(`ipvsadm -d -t ${vip}:80 -r ${rs2}:80`);
    assert.deepEqual(await curl(site, url, 6), { rs3: 6 });
    await director.type(`ipvsadm -e -t ${vip}:80 -r ${rs1}:80 ${option}`, `ipvsadm -a -t ${vip}:80 -r ${rs2}:80 ${option}`);
  });

  await t.test("-E -s rr takes turns, and wlc prefers the heavier", async () => {
    await director.type(`ipvsadm -E -t ${vip}:80 -s rr`);
    assert.deepEqual(await curl(site, url, 30), { rs1: 10, rs2: 10, rs3: 10 });
    await director.type(
      `ipvsadm -A -t ${vip}:8080 -s wlc`,
      `ipvsadm -a -t ${vip}:8080 -r ${rs1}:8080 ${option} -w 3`,
      `ipvsadm -a -t ${vip}:8080 -r ${rs2}:8080 ${option} -w 2`,
      `ipvsadm -a -t ${vip}:8080 -r ${rs3}:8080 ${option} -w 1`,
    );
    // A connection that is still closing counts as 256 that are over, so on a busy machine it is not exact.
    const spread = await curl(site, `http://${vip}:8080/`, 60);
    for (const [name, share] of [
      ["rs1", 30],
      ["rs2", 20],
      ["rs3", 10],
    ] as const)
      assert.ok(Math.abs((spread[name] ?? 0) - share) <= 5, JSON.stringify(spread));
  });

  await t.test("-p keeps a client with its server", async () => {
    await director.type(`ipvsadm -E -t ${vip}:80 -s rr -p 60`);
    assert.equal(Object.keys(await curl(site, url, 9)).length, 1);
    const templates = (await director.type("ipvsadm -Lnc")).split("\n").filter((line) => line.includes(` ${client}:0 `));
    assert.equal(templates.length, 1);
    assert.match(templates[0] ?? "", /^TCP 0[01]:\d\d {2}(ASSURED|NONE) /);
    assert.match(await director.type(`ipvsadm -Ln -t ${vip}:80`), /^TCP .* rr persistent 60$/m);
    // Templates, not the connections that they led.
    const persistent = await director.type("ipvsadm -Ln --persistent-conn");
    const counts = tongue.servers.map((server) => numbers(persistent, `  -> ${server}:80`)[1]);
    assert.deepEqual(
      counts.toSorted((one = 0, other = 0) => one - other),
      [0, 0, 1],
    );
  });

  await t.test("-C ends it for new connections", async () => {
    assert.equal(await director.type("ipvsadm -C"), "");
    assert.equal(await director.type("ipvsadm -Ln"), listing("", []).replace(/\n\n$/, "\n"));
    assert.equal(await curlFails(site, url), 7);
  });
}
