/**
 * The director that the recordings were made on, as a network namespace: clients beyond dc, real servers beyond ds, and a name service
 * that answers nobody; and in it a process that plays command lines (player.ts).
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PacketPath } from "../../src/director/packet-path.ts";
import { addAddress } from "../../src/kernel/addresses.ts";
import { addLink, changeLink, getLink } from "../../src/kernel/links.ts";
import { createNamespace, deleteNamespace, inNamespace } from "../../src/kernel/namespace.ts";
import { setNeighbour } from "../../src/kernel/neighbours.ts";
import { addRoute } from "../../src/kernel/routes.ts";
import { writeSysctl } from "../../src/kernel/sysctl.ts";
import { parseAddress } from "../../src/model/address.ts";
import { parseMac } from "../../src/wire/ethernet.ts";

import type { Answer, Order, Printed } from "./player.ts";
import { NEIGHBOUR_MAC } from "./traffic.ts";

const PLAYER = fileURLToPath(new URL("player.ts", import.meta.url));
const BIN = fileURLToPath(new URL("../../bin/", import.meta.url));

/** Own address, the neighbour beyond, and what is behind that. */
const LINKS = {
  dc: [
    ["172.31.0.1/24", "172.31.0.2", "10.0.0.0/8"],
    ["fd00::1/64", "fd00::2", "fd10::/16"],
  ],
  ds: [
    ["172.31.1.1/24", "172.31.1.2", "192.168.0.0/16"],
    ["fd00:0:0:1::1/64", "fd00:0:0:1::2", "fd92::/16"],
  ],
} as const;

const VIPS = ["207.1.1.1/32", "fd07::1/128"] as const;

/** What names and services mean here, whatever they mean on the machine: as in the recordings, no name server answers. */
const ETC = {
  "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
  "nsswitch.conf": "hosts: files dns\nservices: files\nprotocols: files\n",
  hosts: "127.0.0.1 localhost\n",
  services:
    "domain 53/tcp\ndomain 53/udp\nhttp 80/tcp www\nhttps 443/tcp\nhttps 443/udp\ntftp 69/udp\nsyslog 514/udp\nshell 514/tcp cmd syslog\nhttp-alt 8080/tcp webcache\nsip 5060/tcp\nsip 5060/udp\nsip-tls 5061/tcp\nsip-tls 5061/udp\n",
} as const;

/**
 * Seen by the player and what it starts alone: files of its own over those in /etc, and netfilter's tools, which are asked with each edit where
 * there are marks, say at once that there is nothing.
 */
const COVER = [
  "directory=$1; shift",
  'for f in $(ls "$directory"); do [ ! -e "/etc/$f" ] || mount --bind "$directory/$f" "/etc/$f"; done',
  'for f in /usr/sbin/nft /usr/sbin/*tables*-save; do [ ! -e "$f" ] || mount --bind /bin/true "$f"; done',
  'exec "$@"',
];

let made = 0;

export class DirectorHost {
  readonly #name = `evenkeel-ipvsadm-${process.pid}-${made++}`;
  readonly #directory = mkdtempSync(join(tmpdir(), "evenkeel-ipvsadm-"));
  readonly #path: string;
  readonly #player: ChildProcess;
  #said = "";

  constructor() {
    this.#path = createNamespace(this.#name);
    try {
      inNamespace(this.#path, layOut);
      for (const [name, text] of Object.entries(ETC)) writeFileSync(join(this.#directory, name), text);
      const cover = COVER.join("; ");
      const node = [process.execPath, "--disable-warning=ExperimentalWarning", PLAYER];
      this.#player = spawn("nsenter", [`--net=${this.#path}`, "unshare", "--mount", "sh", "-ec", cover, "-", this.#directory, ...node], {
        stdio: ["ignore", "pipe", "pipe", "ipc"],
      });
    } catch (error) {
      this.#remove();
      throw error;
    }
    for (const stream of [this.#player.stdout, this.#player.stderr]) stream?.on("data", (piece) => (this.#said += piece));
  }

  async ipvsadm(args: readonly string[], { input = "", walkSalt = 32 } = {}): Promise<Printed> {
    return await this.order({ kind: "ipvsadm", args, input, walkSalt });
  }

  /** One at a time. */
  async order(order: Order): Promise<Printed> {
    const ended = new AbortController();
    try {
      this.#player.send(order);
      const [answer] = (await Promise.race([
        once(this.#player, "message", { signal: ended.signal }),
        once(this.#player, "exit", { signal: ended.signal }).then(() => [{ failed: `the player ended:\n${this.#said}` }]),
      ])) as [Answer];
      if ("failed" in answer) throw new Error(answer.failed);
      return answer;
    } finally {
      ended.abort();
    }
  }

  /** A program of bin, by itself, beside the player: as anybody would call it. */
  program(name: string, args: readonly string[], { input = "", user = 0 } = {}): Printed {
    const as = user === 0 ? [] : ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
    const { status, stdout, stderr, error } = spawnSync(
      "nsenter",
      [`--target=${this.#player.pid}`, "--net", "--mount", ...as, join(BIN, name), ...args],
      { encoding: "utf8", input, timeout: 60_000 },
    );
    if (status === null) throw error ?? new Error(`${name} ${args.join(" ")} did not end`);
    return { status, stdout, stderr };
  }

  async close(): Promise<void> {
    if (this.#player.exitCode === null && this.#player.signalCode === null) {
      const exit = once(this.#player, "exit");
      this.#player.kill("SIGKILL");
      await exit;
    }
    this.#remove();
  }

  #remove(): void {
    inNamespace(this.#path, () => PacketPath.remove());
    deleteNamespace(this.#name);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function layOut(): void {
  writeSysctl("net/ipv4/ip_forward", 1);
  writeSysctl("net/ipv6/conf/all/forwarding", 1);
  changeLink("lo", { up: true });
  for (const vip of VIPS) addAddress({ interfaceIndex: getLink("lo").index, ...prefix(vip), noDad: true });
  for (const [name, ways] of Object.entries(LINKS)) {
    addLink({ kind: "veth", name, mtu: 1500, peer: { name: `${name}-far`, mtu: 1500 } });
    changeLink(`${name}-far`, { up: true });
    changeLink(name, { up: true });
    const interfaceIndex = getLink(name).index;
    for (const [own, neighbour, behind] of ways) {
      const gateway = parseAddress(neighbour);
      const { address: destination, prefixLength } = prefix(behind);
      addAddress({ interfaceIndex, ...prefix(own), noDad: true });
      setNeighbour({ interfaceIndex, address: gateway, mac: parseMac(NEIGHBOUR_MAC), state: "permanent" });
      addRoute({ destination, prefixLength, gateway });
    }
  }
}

function prefix(text: string): { readonly address: ReturnType<typeof parseAddress>; readonly prefixLength: number } {
  const [address = "", length = ""] = text.split("/");
  return { address: parseAddress(address), prefixLength: Number(length) };
}
