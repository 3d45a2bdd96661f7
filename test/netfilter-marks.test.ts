/**
 * Marks that are taken over are those that the kernel gives: random rules of iptables and nft, packets through them, and what netfilter has
 * written on each by the time IPVS would look at it.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { holds, type Packets, withPrefix } from "../src/config/netfilter/packets.ts";
import { netfilterMarks } from "../src/config/netfilter-marks.ts";
import { addAddress } from "../src/kernel/addresses.ts";
import { getLink } from "../src/kernel/links.ts";
import { readNetfilterRules } from "../src/kernel/netfilter-rules.ts";
import { parseAddress } from "../src/model/address.ts";
import { OwnNamespace } from "./ipvsadm/own-namespace.ts";
import { need } from "./need.ts";
import { randomFrom } from "./random.ts";

const SOURCES = ["10.0.0.1", "10.1.0.1", "10.1.0.2"];
const DESTINATIONS = ["192.0.2.1", "192.0.2.2", "192.0.2.9"];
const PORTS = [79, 80, 85, 443];
const PROTOCOLS = ["tcp", "udp"] as const;
const MARKS = [1, 2, 3, 0x103];
const ROUNDS = 12;
const RULES = 14;

const SERVICES = MARKS.map((mark) => ({ mark, address: parseAddress("0.0.0.0"), port: 0, protocol: "tcp" as const }));

interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly protocol: (typeof PROTOCOLS)[number];
  readonly port: number;
}

const PACKETS: readonly Packet[] = SOURCES.flatMap((source) =>
  DESTINATIONS.flatMap((destination) => PROTOCOLS.flatMap((protocol) => PORTS.map((port) => ({ source, destination, protocol, port })))),
);

type Pick = <Value>(values: readonly Value[]) => Value;
interface Tool {
  readonly load: readonly string[];
  /** Taken where the kernel has what is needed. */
  readonly simple: string;
  readonly random: (pick: Pick) => string;
}

const SIMPLE_TABLE = "*mangle\n-A PREROUTING -p tcp -j MARK --set-mark 1\nCOMMIT\n";
const TOOLS: Readonly<Record<string, Tool>> = {
  "iptables-nft": { load: ["iptables-nft-restore"], simple: SIMPLE_TABLE, random: iptablesTable },
  "iptables-legacy": { load: ["iptables-legacy-restore"], simple: SIMPLE_TABLE, random: iptablesTable },
  nft: { load: ["nft", "-f", "-"], simple: "table inet lvs { }\n", random: nftTable },
};

for (const [name, tool] of Object.entries(TOOLS)) {
  test(`each packet gets the mark that ${name} would give it`, { timeout: 120_000 }, async (t) => {
    if (!need(t, "root", name === "nft" ? "command:nft" : "command:iptables", "command:nft")) return;
    const refused = await inNamespace(() => run(tool.load, tool.simple).stderr);
    if (refused !== "") return t.skip(`this kernel does not take rules of ${name}: ${refused}`);
    const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 32));
    const random = randomFrom(seed);
    const pick: Pick = (values) => {
      const value = values[Math.floor(random() * values.length)];
      assert.ok(value !== undefined);
      return value;
    };
    for (let round = 0; round < ROUNDS; round++) {
      const rules = tool.random(pick);
      await inNamespace(() => sameMarks(tool, rules, `SEED=${seed}, round ${round}:\n${rules}`));
    }
  });
}

async function sameMarks({ load }: Tool, input: string, story: string): Promise<void> {
  for (const address of [...SOURCES, ...DESTINATIONS])
    addAddress({ interfaceIndex: getLink("lo").index, address: parseAddress(address), prefixLength: 32 });
  assert.equal(run(load, input).stderr, "", story);
  assert.equal(run(["nft", "-f", "-"], WATCHER).stderr, "");
  await Promise.all(PACKETS.map(send));
  const seen = seenMarks();
  const { failures, ...listing } = readNetfilterRules();
  assert.deepEqual(failures, []);
  const { rules = [], complaints } = netfilterMarks(listing, SERVICES);
  assert.deepEqual(complaints, [], story);
  for (const packet of PACKETS) {
    const mark = rules.find((rule) => holds(rule, setOf(packet)))?.mark ?? 0;
    const given = seen.get(keyOf(packet)) ?? 0;
    assert.equal(mark, MARKS.includes(given) ? given : 0, `${JSON.stringify(packet)}, ${story}`);
  }
}

async function inNamespace<T>(work: () => T | Promise<T>): Promise<T> {
  const namespace = OwnNamespace.make();
  try {
    return await work();
  } finally {
    await namespace.leave();
  }
}

function run([program = "", ...args]: readonly string[], input = ""): { readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: "utf8" });
  return { stdout, stderr: status === 0 ? "" : stderr || `it ended with ${status}` };
}

/** Behind all others at input: where IPVS looks at the mark. */
const WATCHER = `table ip seen {
  set packets { typeof meta mark . ip saddr . ip daddr . meta l4proto . th dport; size 65535; flags dynamic; }
  chain last { type filter hook input priority 90; update @packets { meta mark . ip saddr . ip daddr . meta l4proto . th dport }; }
}
`;

/** What the kernel wrote on each packet that came to the end of netfilter's input. */
function seenMarks(): ReadonlyMap<string, number> {
  const { nftables } = JSON.parse(run(["nft", "-j", "list", "set", "ip", "seen", "packets"]).stdout) as {
    nftables: { set?: { elem?: ({ elem: { val: Concat } } | Concat)[] } }[];
  };
  const elements = nftables.flatMap(({ set }) => set?.elem ?? []).map((each) => ("elem" in each ? each.elem.val : each));
  return new Map(elements.map(({ concat: [mark, ...rest] }) => [rest.join(" "), Number(mark)]));
}

interface Concat {
  readonly concat: readonly (string | number)[];
}

function keyOf({ source, destination, protocol, port }: Packet): string {
  return [source, destination, protocol, port].join(" ");
}

function setOf({ source, destination, protocol, port }: Packet): Packets {
  const ends = [["source", source] as const, ["destination", destination] as const].map(([end, text]) =>
    withPrefix(end, { address: parseAddress(text), length: 32 }),
  );
  return { ...ends[0], ...ends[1], protocol, ports: { first: port, last: port }, interfaceName: "lo" };
}

/** Nobody listens: it is refused, or dropped. */
async function send({ source, destination, protocol, port }: Packet): Promise<void> {
  if (protocol === "udp") {
    const socket = createSocket("udp4");
    socket.bind({ address: source });
    await once(socket, "listening");
    await new Promise((resolve) => socket.send("x", port, destination, resolve));
    socket.close();
    return;
  }
  const socket = connect({ host: destination, port, localAddress: source });
  await new Promise((resolve) => {
    socket.setTimeout(200, () => resolve(undefined)).on("error", () => resolve(undefined));
  });
  socket.destroy();
}

const CHAINS = ["PREROUTING", "INPUT", "one", "two"];

function iptablesTable(pick: Pick): string {
  const rules = Array.from({ length: RULES }, () => {
    const chain = pick(["PREROUTING", ...CHAINS]);
    return `-A ${chain} ${iptablesMatches(pick)} ${iptablesTarget(pick, chain)}`;
  });
  return ["*mangle", ":one -", ":two -", ...rules, "COMMIT", ""].join("\n");
}

function iptablesMatches(pick: Pick): string {
  const not = () => pick(["", "", "! "]);
  const ports = () =>
    pick([`${not()}--dport 80`, "--dport 80:100", `-m multiport ${not()}--dports 79,85:443`, `${not()}--dport 81:65535`, "--syn".slice(5)]);
  const kinds = [
    () => `${not()}-s ${pick(["10.0.0.0/8", "10.1.0.0/16", "10.1.0.1"])}`,
    () => `${not()}-d ${pick(["192.0.2.0/30", "192.0.2.1", "192.0.2.0/255.255.255.0"])}`,
    () => `-p ${pick(PROTOCOLS)} ${ports()}`,
    () => `${not()}-p ${pick([...PROTOCOLS, "icmp"])}`,
    () => `${not()}-i ${pick(["lo", "eth0"])}`,
    () => `-m mark ${not()}--mark ${pick(["0", "1", "2", "0x3/0x3", "0/0xff"])}`,
    () => `-m conntrack ${not()}--ctstate ${pick(["NEW", "ESTABLISHED,RELATED"])}`,
    () => `-m iprange ${not()}--src-range 10.1.0.0-10.1.0.1`,
    () => `-m comment --comment "${pick(["a b", '\\"', "-j ACCEPT"])}"`,
  ];
  // Not two of a kind, which iptables refuses.
  const chosen = new Set([pick(kinds), pick(kinds)]);
  const [protocol, plain] = [kinds[2], kinds[3]];
  if (protocol !== undefined && chosen.has(protocol) && plain !== undefined) chosen.delete(plain);
  return [...chosen].map((kind) => kind()).join(" ");
}

function iptablesTarget(pick: Pick, chain: string): string {
  const targets = [
    ...["--set-mark 1", "--set-mark 2", "--set-mark 3", "--set-mark 7", "--set-mark 0x103", "--set-mark 0"].map(
      (form) => `-j MARK ${form}`,
    ),
    ...["--or-mark 1", "--and-mark 0xff", "--xor-mark 2", "--set-xmark 1/3", "--set-mark 2/0xf"].map((form) => `-j MARK ${form}`),
    "-j ACCEPT",
    "-j RETURN",
    "-j DROP",
    "",
    "-j CONNMARK --restore-mark",
    "-j LOG --log-prefix x",
  ];
  const deeper = chain === "one" ? ["two"] : chain === "two" ? [] : ["one", "two"];
  return pick([...targets, ...deeper.flatMap((name) => [`-j ${name}`, `-g ${name}`])]);
}

function nftTable(pick: Pick): string {
  const rules = (chain: string) => {
    const deeper = chain === "one" ? ["two"] : chain === "two" ? [] : ["one", "two"];
    return Array.from({ length: RULES / 3 }, () => `    ${nftMatches(pick)} ${nftDeed(pick, deeper)}`).join("\n");
  };
  const base = (name: string, hook: string, priority: number) =>
    `  chain ${name} {\n    type filter hook ${hook} priority ${priority}; policy accept;\n${rules(name)}\n  }`;
  const bases = [base("late", "prerouting", 10), base("early", "prerouting", -150), base("in", "input", 0)];
  const own = ["two", "one"].map((name) => `  chain ${name} {\n${rules(name)}\n  }`);
  const sets = "  set vips { type ipv4_addr; flags interval; elements = { 192.0.2.0/31, 192.0.2.9 } }";
  return [`table ${pick(["ip", "inet"])} lvs {`, sets, ...own, ...bases, "}", ""].join("\n");
}

function nftMatches(pick: Pick): string {
  const op = () => pick(["", "", "!= "]);
  const network = [
    () => `ip saddr ${op()}${pick(["10.0.0.0/8", "10.1.0.1", "{ 10.0.0.1, 10.1.0.2 }", "10.1.0.0-10.1.0.1"])}`,
    () => `ip daddr ${op()}${pick(["192.0.2.0/30", "192.0.2.1", "@vips"])}`,
    () => `iifname ${op()}${pick(["lo", "eth0"])}`,
    () => "",
  ];
  const transport = [
    () => `${pick(PROTOCOLS)} dport ${op()}${pick(["80", "80-100", "{ 79, 85-443 }"])}`,
    () => `tcp dport ${pick(["<", ">", "<=", ">="])} 85`,
    () => `meta l4proto ${op()}${pick(["tcp", "udp", "icmp", "{ tcp, udp }"])}`,
    () => "ip saddr . tcp dport { 10.0.0.1 . 80, 10.1.0.1 . 443, 10.1.0.2 . 79-85 }",
    () => `tcp flags ${pick(["syn", "!= syn", "& (syn | ack) == syn", "& fin == 0"])}`,
    () => `meta mark ${op()}${pick(["0", "1", "2"])}`,
    () => `meta mark and 0x3 ${pick(["==", "!="])} ${pick(["0", "1"])}`,
    () => `ct state ${op()}${pick(["new", "established,related"])}`,
    () => "",
  ];
  return `${pick(network)()} ${pick(transport)()}`;
}

function nftDeed(pick: Pick, deeper: readonly string[]): string {
  return pick([
    ...["1", "2", "3", "7", "0x103", "0", "mark or 0x1", "mark and 0xff", "mark xor 0x2", "mark and 0xf0 or 0x2"].map(
      (value) => `meta mark set ${value}`,
    ),
    "meta mark set th dport map { 80 : 1, 85 : 2 }",
    "counter meta mark set 2 accept",
    "ct mark set mark",
    "accept",
    "return",
    "drop",
    'log prefix "x"',
    ...deeper.flatMap((name) => [`jump ${name}`, `goto ${name}`, `th dport vmap { 80 : jump ${name}, 443 : accept }`]),
  ]);
}
