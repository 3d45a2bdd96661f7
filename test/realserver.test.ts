/**
 * The real server's side on a real network stack: a server and a peer in namespaces of their own. What `up` makes, a neighbour
 * sees or does not see; what `down` leaves is compared byte for byte with what was there before.
 */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { findLink } from "../src/kernel/links.ts";
import { createNamespace, currentCookie, deleteNamespace, inNamespace, namespacePath } from "../src/kernel/namespace.ts";
import { findBpfFileSystem } from "../src/kernel/pins.ts";
import { parseAddress } from "../src/model/address.ts";
import { EvenkeelError } from "../src/model/error.ts";
import { down, type RealServerOptions, status, up } from "../src/realserver/realserver.ts";
import { buildBpf } from "../tools/build-bpf.ts";
import { need } from "./need.ts";
import { ethernet, ipv4, ipv6, udp } from "./realserver/frames.ts";
import { receive, refusedFrom, sendFrame, udpSocket } from "./realserver/sockets.ts";

const SERVER = `ek-t${process.pid}-rs`;
const PEER = `ek-t${process.pid}-peer`;
const VIP = "192.0.2.10";
const VIP6 = "2001:db8::10";
const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
const KILLED_UP = fileURLToPath(new URL("realserver/killed-up.ts", import.meta.url));

const OPTIONS = {
  dr: options("dr", [VIP, VIP6]),
  tun: options("tun", [VIP, VIP6], ["10.9.0.1"]),
  nat: options("nat", [VIP, VIP6], ["10.9.0.254", "fd00:9::fe"]),
};

function options(method: RealServerOptions["method"], vips: readonly string[], gateways: readonly string[] = []): RealServerOptions {
  return { method, vips: vips.map(parseAddress), gateways: gateways.map(parseAddress), decapsulation: "bpf" };
}

const server = <T>(work: () => T): T => inNamespace(namespacePath(SERVER), work);
const peer = <T>(work: () => T): T => inNamespace(namespacePath(PEER), work);

function ip(namespace: string, command: string): string {
  const run = spawnSync("ip", ["-n", namespace, ...command.split(" ")], { encoding: "utf8" });
  assert.equal(run.status, 0, `ip -n ${namespace} ${command}: ${run.stderr}`);
  return run.stdout;
}

/** Everything `up` could have touched. Lifetimes of addresses run, so only what was said of them is compared. */
function snapshot(): Record<string, string> {
  const seen: Record<string, string> = {};
  for (const what of ["addr", "link", "-4 route show table all", "-6 route show table all", "rule", "neigh show proxy"]) {
    seen[what] = ip(SERVER, `-j ${what}`);
  }
  server(() => {
    for (const family of ["ipv4", "ipv6"]) {
      const root = `/proc/sys/net/${family}/conf`;
      for (const name of readdirSync(root)) {
        for (const key of readdirSync(join(root, name))) {
          // Write-only, or a random number made anew at each look.
          if (key === "stable_secret") continue;
          seen[`${family}.${name}.${key}`] = readFileSync(join(root, name, key), "utf8");
        }
      }
    }
    seen["tc"] = spawnSync("tc", ["qdisc", "show"], { encoding: "utf8" }).stdout;
    seen["pins"] = existsSync(pinPath()) ? "there" : "none";
    seen["record"] = existsSync(recordPath()) ? "there" : "none";
  });
  return seen;
}

/** The command itself, in the server's namespace. */
async function evenkeel(...args: readonly string[]): Promise<{ readonly code: number | null; readonly out: string }> {
  const command = [`--net=${namespacePath(SERVER)}`, process.execPath, MAIN, "realserver", ...args];
  const child = spawn("nsenter", command, { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (out += String(data)));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out })));
}

/** The state of a link that has just come up, and what IPv6 makes of it, follow a moment later. */
function awaitCarrier(): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; waitedMs < 5000; waitedMs += 20) {
    const link = ip(SERVER, "-6 addr show eth0.5");
    if (/state UP/.test(link) && /fe80::/.test(link) && !/tentative/.test(link)) return;
    Atomics.wait(sleeper, 0, 0, 20);
  }
  assert.fail("the link between server and peer does not come up");
}

/** Only what differs, because the whole is a thousand lines. */
function mustBeAs(was: Record<string, string>, when = ""): void {
  const now = snapshot();
  const differ = [...new Set([...Object.keys(was), ...Object.keys(now)])].filter((key) => was[key] !== now[key]);
  const pick = (of: Record<string, string>) => Object.fromEntries(differ.map((key) => [key, of[key]]));
  assert.deepEqual({ when, ...pick(now) }, { when, ...pick(was) });
}

function pinPath(): string {
  return join(findBpfFileSystem() ?? "/nowhere", "evenkeel", `net-${currentCookie()}`);
}

function recordPath(): string {
  return `/run/evenkeel/realserver/${currentCookie()}.json`;
}

function mustHold(): void {
  const broken = server(() => status()).requirements.filter(({ holds }) => !holds);
  assert.deepEqual(broken, []);
}

const ready = { skip: process.geteuid?.() !== 0 && "needs root" };

describe("evenkeel realserver", ready, () => {
  before(() => {
    buildBpf();
    createNamespace(SERVER);
    createNamespace(PEER);
    // Addresses are usable at once.
    for (const inside of [server, peer]) inside(() => writeFileSync("/proc/sys/net/ipv6/conf/default/accept_dad", "0"));
    // "Nothing listens here" is what tells us that a packet came through.
    server(() => writeFileSync("/proc/sys/net/ipv4/icmp_ratelimit", "0"));
    server(() => writeFileSync("/proc/sys/net/ipv6/icmp/ratelimit", "0"));
    ip(PEER, `link add p0 type veth peer name eth0.5 netns ${SERVER}`);
    for (const [namespace, device, host] of [
      [PEER, "p0", "1"],
      [SERVER, "eth0.5", "2"],
    ] as const) {
      ip(namespace, `addr add 10.9.0.${host}/24 dev ${device}`);
      ip(namespace, `addr add fd00:9::${host}/64 dev ${device} nodad`);
      ip(namespace, "link set lo up");
      ip(namespace, `link set ${device} up`);
    }
    ip(SERVER, "route add default via 10.9.0.1");
    ip(SERVER, "route add default via fd00:9::1");
    ip(PEER, `route add ${VIP} dev p0`);
    ip(PEER, `route add ${VIP6} dev p0`);
    awaitCarrier();
    // Strict everywhere, as some distributions have it.
    server(() => writeFileSync("/proc/sys/net/ipv4/conf/all/rp_filter", "1"));
  });

  after(() => {
    for (const name of [SERVER, PEER]) {
      inNamespace(namespacePath(name), () => down());
      deleteNamespace(name);
    }
  });

  // A test that fails leaves nothing for the next.
  afterEach(() => void server(() => down()));

  for (const method of ["dr", "tun", "nat"] as const) {
    it(`${method}: up makes it so, up again changes nothing, down puts back exactly what was there`, (t) => {
      if (!need(t, "root", "command:ip", "command:tc", "command:clang")) return;
      const was = snapshot();
      const first = server(() => up(OPTIONS[method]));
      assert.ok(first.changed.length > 0);
      mustHold();
      const standing = snapshot();
      assert.deepEqual(
        server(() => up(OPTIONS[method])),
        { changed: [], left: [] },
      );
      mustBeAs(standing);
      const last = server(() => down());
      assert.equal(last?.changed.length, first.changed.length);
      assert.deepEqual(last?.left, []);
      mustBeAs(was);
      assert.equal(
        server(() => down()),
        undefined,
      );
    });
  }

  it("goes from each method to each other, and down still leads back to the very beginning", () => {
    const was = snapshot();
    for (const method of ["dr", "tun", "nat", "tun", "dr", "nat", "dr"] as const) {
      server(() => up(OPTIONS[method]));
      mustHold();
    }
    server(() => down());
    mustBeAs(was);
  });

  it("goes from one kind of tunnel to another by changing its ends alone, and says what it takes", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const was = snapshot();
    server(() => up({ ...OPTIONS.tun, tunnel: { type: "gre" } }));
    mustHold();
    const { changed } = server(() => up({ ...OPTIONS.tun, tunnel: { type: "gue", port: 5555 } }));
    assert.deepEqual(changed, ["accept tunnels to 10.9.0.2 (gue 5555)", "accept tunnels to fd00:9::2 (gue 5555)"]);
    mustHold();
    const again = await evenkeel("up", "--method", "tun", "--tunnel-port", "5555", "--vip", VIP, "--vip", VIP6, "--decap", "bpf");
    assert.match(again.out, /already; nothing was changed/);
    const asked = ["--method", "tun", "--tunnel", "gre", "--vip", VIP];
    const other = await evenkeel("status", ...asked);
    assert.equal(other.code, 1);
    assert.match(other.out, /it takes gue 5555, not gre/);
    assert.match((await evenkeel("up", ...asked, "--decap", "device")).out, /no tunnel device of the kernel unwraps GRE/);
    assert.match((await evenkeel("up", "--method", "dr", "--tunnel", "gre", "--vip", VIP)).out, /DR has no tunnel/);
    server(() => down());
    mustBeAs(was);
  });

  it("killed at any of its changes, it leaves what down puts back", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const was = snapshot();
    for (const method of ["tun", "nat"] as const) {
      const changes = server(() => up(OPTIONS[method])).changed.length;
      server(() => down());
      for (let killAt = 1; killAt <= changes; killAt++) {
        const run = server(() => spawnSync(process.execPath, [KILLED_UP, method, String(killAt)], { encoding: "utf8" }));
        assert.equal(run.signal, "SIGKILL", run.stderr);
        server(() => down());
        mustBeAs(was, `${method}, killed at change ${killAt} of ${changes}`);
      }
    }
  });

  it("changes nothing when it cannot do all of it", () => {
    const was = snapshot();
    const refusals: readonly [RealServerOptions, RegExp][] = [
      [options("dr", ["10.9.0.2"]), /own address on eth0\.5/],
      [options("dr", ["127.0.0.1"]), /loopback/],
      [options("dr", ["224.0.0.1"]), /multicast/],
      [options("nat", [VIP]), /no IPv4 gateway/],
      [options("nat", [VIP], ["10.8.0.1"]), /on no network of eth0\.5/],
      [options("nat", [VIP], ["10.9.0.2"]), /this server itself/],
      [options("nat", [VIP], ["10.9.0.1", "10.9.0.3"]), /two gateways/],
      [{ ...options("dr", [VIP]), interfaces: ["eth7"] }, /no interface "eth7"/],
      [{ ...options("dr", [VIP]), interfaces: ["lo"] }, /no Ethernet interface/],
    ];
    for (const [wrong, text] of refusals) {
      assert.throws(
        () => server(() => up(wrong)),
        (error) => error instanceof EvenkeelError && text.test(error.message) && error.cure !== "",
      );
      mustBeAs(was);
    }
  });

  it("takes turns when several are at work at once, and answers programs in JSON", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const was = snapshot();
    const methods = [["dr"], ["tun"], ["nat", "--gateway", "10.9.0.254"], ["dr"]] as const;
    const answers = await Promise.all(
      methods.map(([method, ...rest]) => evenkeel("up", "--method", method, "--vip", VIP, "-o", "json", ...rest)),
    );
    for (const { code, out } of answers) {
      assert.equal(code, 0, out);
      assert.deepEqual(Object.keys(JSON.parse(out)), ["method", "changed", "left"]);
    }
    const found = await evenkeel("status", "-o", "json");
    assert.equal(found.code, 0);
    assert.equal(JSON.parse(found.out).holds, true);
    // A gateway that none of them named.
    const asked = await evenkeel("status", "--method", "nat", "--vip", VIP, "--gateway", "10.9.0.77", "-o", "json");
    assert.equal(asked.code, 1, "a requirement that does not hold is an exit code");
    assert.equal((await evenkeel("down")).code, 0);
    mustBeAs(was);
    assert.match((await evenkeel("down")).out, /nothing was changed/);
    assert.equal((await evenkeel("status")).code, 1);
    assert.equal((await evenkeel("up", "--method", "dr", "--vip", "10.9.0.2")).code, 2);
  });

  it("reports what somebody else changed meanwhile, and leaves it", () => {
    server(() => up(OPTIONS.dr));
    server(() => writeFileSync("/proc/sys/net/ipv4/conf/eth0.5/arp_announce", "1"));
    server(() => writeFileSync("/proc/sys/net/ipv4/conf/all/arp_announce", "0"));
    const found = server(() => status());
    assert.equal(found.holds, false);
    assert.deepEqual(
      found.requirements.filter(({ holds }) => !holds).map(({ name }) => name),
      ["arp_announce on all", "arp_announce on eth0.5"],
    );
    const { left } = server(() => down()) ?? { left: [] };
    assert.deepEqual(left, ["left net.ipv4.conf.eth0/5.arp_announce alone: it is 1, neither 2 as set nor 0 as before"]);
    server(() => writeFileSync("/proc/sys/net/ipv4/conf/eth0.5/arp_announce", "0"));
  });

  it("does not tell the network of the VIP: no answer to ARP or NDP, no question in its name", () => {
    server(() => up(OPTIONS.dr));
    for (const vip of [VIP, VIP6]) {
      ip(PEER, "neigh flush all");
      assert.equal(
        peer(() => refusedFrom(vip)),
        false,
        `${vip} must not be found by its neighbours`,
      );
      assert.doesNotMatch(ip(PEER, "neigh"), new RegExp(`${vip} .*lladdr`));
    }
    // With the way there written down, as the director does it, the packet is taken.
    const mac = /link\/ether (\S+)/.exec(ip(SERVER, "link show eth0.5"))?.[1] ?? "";
    for (const vip of [VIP, VIP6]) {
      ip(PEER, `neigh replace ${vip} lladdr ${mac} dev p0`);
      assert.equal(
        peer(() => refusedFrom(vip)),
        true,
        `${vip} must be reached by its MAC address`,
      );
    }
    for (const vip of [VIP, VIP6]) ip(PEER, `neigh del ${vip} dev p0`);
    // Speaking as the VIP, the server has to ask for its neighbour: whoever hears "tell 192.0.2.10" would learn the way to the VIP.
    for (const [to, vip] of [
      ["10.9.0.1", VIP],
      ["fd00:9::1", VIP6],
    ] as const) {
      ip(SERVER, "neigh flush all");
      server(() => refusedFrom(to, vip));
      assert.doesNotMatch(ip(PEER, "neigh"), new RegExp(`${vip} .*lladdr`));
    }
  });

  it("shows the mistake it prevents: without it the neighbours find the VIP", () => {
    ip(PEER, "neigh flush all");
    ip(SERVER, `addr add ${VIP}/32 dev lo`);
    assert.equal(
      peer(() => refusedFrom(VIP)),
      true,
    );
    assert.match(ip(PEER, "neigh"), new RegExp(`${VIP} .*lladdr`));
    ip(SERVER, `addr del ${VIP}/32 dev lo`);
    ip(PEER, `neigh flush all`);
  });

  it("unwraps all four kinds of tunnel packet on their way to a socket, and only for a VIP", () => {
    server(() => up(OPTIONS.tun));
    withSockets((sockets) => {
      for (const tunnel of TUNNELS) {
        send(tunnel.type, tunnel.wrap(tunnel.inner(tunnel.name)));
        assert.equal(receive(sockets[tunnel.socket]), tunnel.name);
      }
      send(0x0800, ipv4("10.9.0.1", "10.9.0.2", 4, inner4("to the server itself", "10.9.0.2")));
      send(0x0800, inner4("not in a tunnel", "10.9.0.2"));
      assert.equal(receive(sockets.own), "not in a tunnel");
    });
    const { decapsulated } = server(() => status());
    assert.deepEqual(
      ["IPV4_IN_IPV4", "IPV4_IN_IPV6", "IPV6_IN_IPV4", "IPV6_IN_IPV6", "PASS_NOT_A_VIP"].map((name) => decapsulated?.[name]),
      [1n, 1n, 1n, 1n, 1n],
    );
  });

  it("unwraps with the kernel's tunnel devices where it has them, and leaves them down as they were", (t) => {
    for (const module of ["ipip", "sit", "ip6_tunnel"]) spawnSync("modprobe", [module]);
    if (!["tunl0", "sit0", "ip6tnl0"].every((name) => server(() => findLink(name)) !== undefined)) {
      t.skip("needs the kernel modules ipip, sit and ip6_tunnel");
      return;
    }
    // A device that has been up once keeps a queueing discipline and its IPv6 switches; only the first time is different.
    for (const name of ["tunl0", "sit0", "ip6tnl0"]) for (const state of ["up", "down"]) ip(SERVER, `link set ${name} ${state}`);
    const was = snapshot();
    const { changed } = server(() => up({ ...OPTIONS.tun, decapsulation: "device" }));
    assert.ok(changed.includes("set tunnel device tunl0 down -> up"));
    assert.ok(changed.includes(`add ${VIP}/32 to tunl0`));
    // Strict "all" would drop what comes out of the device.
    assert.ok(changed.includes("set net.ipv4.conf.tunl0.rp_filter 0 -> 2"));
    mustHold();
    withSockets((sockets) => {
      for (const tunnel of TUNNELS.filter(({ name }) => name !== "IPv4 in IPv6")) {
        send(tunnel.type, tunnel.wrap(tunnel.inner(tunnel.name)));
        assert.equal(receive(sockets[tunnel.socket]), tunnel.name);
      }
    });
    server(() => down());
    mustBeAs(was);
  });
});

const inner4 = (text: string, to = VIP): Uint8Array => ipv4("10.9.0.1", to, 17, udp("10.9.0.1", to, 5000, 7000, text));
const inner6 = (text: string): Uint8Array => ipv6("fd00:9::1", VIP6, 17, udp("fd00:9::1", VIP6, 5000, 7000, text));

interface Tunnel {
  readonly name: string;
  readonly type: number;
  readonly socket: "ipv4" | "ipv6";
  inner(text: string): Uint8Array;
  wrap(inner: Uint8Array): Uint8Array;
}

const TUNNELS: readonly Tunnel[] = [
  { name: "IPv4 in IPv4", type: 0x0800, socket: "ipv4", inner: inner4, wrap: (inner) => ipv4("10.9.0.1", "10.9.0.2", 4, inner) },
  { name: "IPv4 in IPv6", type: 0x86dd, socket: "ipv4", inner: inner4, wrap: (inner) => ipv6("fd00:9::1", "fd00:9::2", 4, inner) },
  { name: "IPv6 in IPv4", type: 0x0800, socket: "ipv6", inner: inner6, wrap: (inner) => ipv4("10.9.0.1", "10.9.0.2", 41, inner) },
  { name: "IPv6 in IPv6", type: 0x86dd, socket: "ipv6", inner: inner6, wrap: (inner) => ipv6("fd00:9::1", "fd00:9::2", 41, inner) },
];

/** From the peer to the server, as a director would. */
function send(type: number, packet: Uint8Array): void {
  const mac = /link\/ether (\S+)/.exec(ip(SERVER, "link show eth0.5"))?.[1] ?? "";
  peer(() => sendFrame("p0", ethernet(mac, type, packet)));
}

function withSockets(work: (fds: { ipv4: number; ipv6: number; own: number }) => void): void {
  const sockets = server(() => ({ ipv4: udpSocket(VIP, 7000), ipv6: udpSocket(VIP6, 7000), own: udpSocket("10.9.0.2", 7000) }));
  try {
    work({ ipv4: sockets.ipv4.fd, ipv6: sockets.ipv6.fd, own: sockets.own.fd });
  } finally {
    for (const socket of Object.values(sockets)) socket.close();
  }
}
