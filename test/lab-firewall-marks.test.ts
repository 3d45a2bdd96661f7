/**
 * LVS's tutorials on firewall marks, as they are printed: rules of iptables (both kinds of it) or nft that give several ports one mark, and
 * services by mark made by ipvsadm, on the lab's director. Real requests, in both families.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { type TestContext, test } from "node:test";
import { inside, runInside } from "../src/lab/commands.ts";
import { runOnDirector } from "../src/lab/director.ts";
import { down, up } from "../src/lab/lab.ts";
import { ADDRESSES, clientAddress, type LabOptions, namespaceOf, PORTS, serverAddress, serverNames } from "../src/lab/topology.ts";
import { sendHttp, vipTarget } from "../src/lab/traffic.ts";
import { type Need, need } from "./need.ts";

type Family = "ipv4" | "ipv6";
type Marker = (port: number) => readonly string[];

const FAMILIES: readonly Family[] = ["ipv4", "ipv6"];
const EVENKEEL = new URL("../bin/evenkeel", import.meta.url).pathname;

/** Each gives packets to a port of the VIP mark 1. */
const MARKERS: Readonly<Record<string, (family: Family) => Marker>> = {
  "iptables-nft": iptables("nft"),
  "iptables-legacy": iptables("legacy"),
  nft: (family) => (port) => {
    const rule = `${family === "ipv4" ? "ip" : "ip6"} daddr ${ADDRESSES.vip[family]} tcp dport ${port} meta mark set 1`;
    return [
      "sh",
      "-ec",
      `nft add table inet lvs; nft 'add chain inet lvs pre { type filter hook prerouting priority mangle; }'; nft add rule inet lvs pre ${rule}`,
    ];
  },
};

function iptables(variant: string): (family: Family) => Marker {
  return (family) => (port) => [
    `${family === "ipv4" ? "iptables" : "ip6tables"}-${variant}`,
    ..."-t mangle -A PREROUTING -d".split(" "),
    ADDRESSES.vip[family],
    ..."-p tcp --dport".split(" "),
    String(port),
    ..."-j MARK --set-mark 1".split(" "),
  ];
}

for (const [tool, markerOf] of Object.entries(MARKERS)) {
  const command: Need = tool === "nft" ? "command:nft" : "command:iptables";
  test(`ports that ${tool} marks share a service and its persistence`, { timeout: 180_000 }, async (t) => {
    if (!need(t, "root", "command:ip", "command:ethtool", command)) return;
    const lab = await upFor(t, { name: `fwm${tool.replaceAll(/[^a-z]/g, "")}`.slice(0, 12), clients: 3, method: "dr" });
    const director = new Director(lab);
    if (!director.can(markerOf("ipv4")(1))) return t.skip(`this kernel has no marks of ${tool}`);
    for (const family of FAMILIES) {
      await runOnDirector(lab.name, ["teardown"]);
      const mark = markerOf(family);
      director.type(mark(PORTS.http));
      director.type(mark(PORTS.alternate));
      const six = family === "ipv6" ? ["-6"] : [];
      director.ipvsadm("-A", "-f", "1", ...six, "-s", "rr", "-p");
      for (const server of serverNames(lab.servers))
        director.ipvsadm("-a", "-f", "1", ...six, "-r", `${serverAddress(server)[family]}`, "-g");
      const ask = asking({ ...lab, family });
      const web = [await ask(1, PORTS.http), await ask(2, PORTS.http), await ask(3, PORTS.http)];
      assert.equal(new Set(web).size, 3, `three clients, round robin: ${web.join(" ")}`);
      assert.deepEqual(
        [await ask(2, PORTS.alternate), await ask(3, PORTS.alternate), await ask(1, PORTS.alternate)],
        [web[1], web[2], web[0]],
      );
    }
  });
}

test("a rule that comes, changes or goes is found by the next ipvsadm that changes something", { timeout: 120_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:ethtool", "command:iptables")) return;
  const lab = await upFor(t, { name: "fwmlater", clients: 1, servers: 1, method: "dr" });
  const director = new Director(lab);
  const rule = (verb: string, port: number) =>
    `iptables -t mangle ${verb} PREROUTING -d ${ADDRESSES.vip.ipv4} -p tcp --dport ${port} -j MARK --set-mark 1`.split(" ");
  const edit = () => director.ipvsadm("-e", "-f", "1", "-r", serverAddress("rs1").ipv4, "-g", "-w", "1");
  await runOnDirector(lab.name, ["teardown"]);
  director.ipvsadm("-A", "-f", "1", "-s", "rr");
  director.ipvsadm("-a", "-f", "1", "-r", serverAddress("rs1").ipv4, "-g");
  assert.deepEqual(await director.marks(), []);
  director.type(rule("-A", PORTS.http));
  director.ipvsadm("-Ln");
  director.ipvsadm("-Z");
  assert.deepEqual(await director.marks(), [], "a list and a reset change nothing");
  edit();
  assert.deepEqual(await director.marks(), [PORTS.http]);
  assert.equal(await asking(lab)(1, PORTS.http), "rs1");
  director.type(rule("-A", PORTS.alternate));
  edit();
  assert.deepEqual(await director.marks(), [PORTS.alternate, PORTS.http]);
  director.type(rule("-D", PORTS.http));
  edit();
  assert.deepEqual(await director.marks(), [PORTS.alternate]);
  director.ipvsadm("-D", "-f", "1");
  assert.deepEqual(await director.marks(), [], "nobody needs them");
});

test("a rule that cannot be taken over is told on stderr, and the others hold", { timeout: 120_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:ethtool", "command:iptables")) return;
  const lab = await upFor(t, { name: "fwmtold", clients: 1, servers: 1, method: "dr" });
  const director = new Director(lab);
  const to = `-d ${ADDRESSES.vip.ipv4} -p tcp`;
  await runOnDirector(lab.name, ["teardown"]);
  director.type(`iptables -t mangle -A PREROUTING ${to} --dport ${PORTS.http} -j MARK --set-mark 1`.split(" "));
  director.type(`iptables -t mangle -A PREROUTING ${to} -m length --length 40:60 -j MARK --set-mark 1`.split(" "));
  director.type(`iptables -t mangle -A PREROUTING -i eth77 ${to} -j MARK --set-mark 2`.split(" "));
  const { status, stdout, stderr } = director.run("-A", "-f", "1", "-s", "rr");
  assert.deepEqual([status, stdout], [0, ""]);
  assert.match(
    stderr,
    /^ipvsadm: warning: mark 1: netfilter's rule "-A PREROUTING [^"]*-m length [^"]*" is not taken over, for -m length;.*\n$/,
  );
  assert.deepEqual(await director.marks(), [PORTS.http]);
});

/** The lab's director, typed at. */
class Director {
  readonly #lab: LabOptions;

  constructor(lab: LabOptions) {
    this.#lab = lab;
  }

  type(command: readonly string[]): void {
    runInside(this.#lab.name, namespaceOf(this.#lab.name, "director"), command);
  }

  can([program = "", ...args]: readonly string[]): boolean {
    const { program: nsenter, args: before } = inside(namespaceOf(this.#lab.name, "director"), [program, ...args]);
    return spawnSync(nsenter, before).status === 0;
  }

  run(...args: readonly string[]) {
    const { program, args: all } = inside(namespaceOf(this.#lab.name, "director"), [EVENKEEL, "ipvsadm", ...args]);
    return spawnSync(program, all, { encoding: "utf8", timeout: 60_000 });
  }

  /** It succeeds, and says nothing on stderr. */
  ipvsadm(...args: readonly string[]): void {
    const { status, stderr } = this.run(...args);
    assert.deepEqual([status, stderr], [0, ""], `ipvsadm ${args.join(" ")}`);
  }

  /** The ports of the rules in force. */
  async marks(): Promise<readonly (number | undefined)[]> {
    const { marks } = JSON.parse(await runOnDirector(this.#lab.name, ["status", "-o", "json"])) as {
      marks: { ports?: { first: number } }[];
    };
    return marks.map(({ ports }) => ports?.first);
  }
}

async function upFor(t: TestContext, options: Partial<LabOptions>): Promise<LabOptions> {
  const lab = await up(options);
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  return lab;
}

/** Who answered all of a client's requests to a port. */
function asking(lab: LabOptions): (client: number, port: number) => Promise<string | undefined> {
  return async (client, port) => {
    const { order, failed, errors } = await sendHttp(lab, {
      requests: 3,
      from: clientAddress(client)[lab.family],
      target: vipTarget(lab, port),
    });
    assert.equal(failed, 0, JSON.stringify(errors));
    assert.equal(new Set(order).size, 1, `one client, several servers: ${order.join(" ")}`);
    return order[0];
  };
}
