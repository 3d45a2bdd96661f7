/** What is seldom, in a lab with real senders and hearers: fragments in any order, and the errors that a network and its hosts send. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { getLink } from "../src/kernel/links.ts";
import { inNamespace } from "../src/kernel/namespace.ts";
import { namespaceFile } from "../src/lab/commands.ts";
import { directorConfiguration, directorFile, runOnDirector } from "../src/lab/director.ts";
import { down, setMethod, up } from "../src/lab/lab.ts";
import { ADDRESSES, FRONT, namespaceOf, PORTS } from "../src/lab/topology.ts";
import { type Family, parseAddress } from "../src/model/address.ts";
import { EtherType, encodeEthernet, parseMac } from "../src/wire/ethernet.ts";
import { need } from "./need.ts";
import { type Facts, fragments, packet, USUAL } from "./packet-rows/packets.ts";
import { errorOf, receive, sendFrame, sendPackets, udpSocket } from "./realserver/sockets.ts";

const FAMILIES = ["ipv4", "ipv6"] as const satisfies readonly Family[];
/** Text, because a server of the lab answers with it. */
const DATAGRAM = new TextEncoder().encode("0123456789".repeat(400));
const FRAGMENT_BYTES = 1400;

const ORDERS: Readonly<Record<string, (pieces: readonly Uint8Array[]) => readonly Uint8Array[]>> = {
  forwards: (pieces) => pieces,
  backwards: (pieces) => pieces.toReversed(),
  "the first one last": ([first, ...others]) => (first === undefined ? others : [...others, first]),
  "the first one in the middle": ([first, second, ...others]) => [second, first, ...others].filter((piece) => piece !== undefined),
};

test("a datagram in fragments arrives in whatever order they come, by every method and family", { timeout: 120_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:ethtool")) return;
  const lab = await up({ name: "rare" });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  let sourcePort = 20_000;
  for (const method of ["nat", "dr", "tun"] as const) {
    if (method !== lab.method) await setMethod(lab.name, method);
    for (const family of FAMILIES) {
      for (const [order, arrange] of Object.entries(ORDERS)) {
        sourcePort++;
        const answer = inClient(lab.name, () => sendInFragments(family, sourcePort, arrange));
        const wanted = `${ADDRESSES.client[family]}:${sourcePort} ${new TextDecoder().decode(DATAGRAM)}`;
        assert.equal(answer?.replace(/^rs\d /, ""), wanted, `${order}, ${method} over ${family}`);
      }
    }
  }
});

test("a client of a tunnel hears that its datagram is too long, and how long it may be", { timeout: 60_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:ethtool")) return;
  const lab = await up({ name: "toobig", method: "tun" });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  for (const [family, headers, mtu] of [
    ["ipv4", 28, 1480],
    ["ipv6", 48, 1460],
  ] as const) {
    const send = (length: number) => inClient(lab.name, () => errorOf(ADDRESSES.vip[family], PORTS.udp, new Uint8Array(length - headers)));
    assert.equal(send(mtu + 1), "EMSGSIZE", family);
    assert.equal(send(mtu), "answered", family);
  }
});

test("that nothing listens on a NAT server's port the client hears as from the virtual address", { timeout: 60_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:ethtool")) return;
  const lab = await up({ name: "unheard", method: "nat" });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  const silent = PORTS.udp + 1;
  const configuration = directorConfiguration(lab).replaceAll(/(port: )9000(, weight)/g, `$1${silent}$2`);
  assert.match(configuration, new RegExp(`port: ${silent}, weight`));
  writeFileSync(directorFile(lab.name), configuration);
  await runOnDirector(lab.name, ["apply", directorFile(lab.name)]);
  for (const family of FAMILIES) {
    // The client's kernel takes the error only if it quotes what the client sent: its port, and the virtual address and port.
    const heard = inClient(lab.name, () => errorOf(ADDRESSES.vip[family], PORTS.udp, new Uint8Array(100)));
    assert.equal(heard, "ECONNREFUSED", family);
  }
});

test("a frame with a priority but no VLAN is forwarded like any other", { timeout: 60_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:ethtool")) return;
  const lab = await up({ name: "tagged", method: "nat", hook: "tc" });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  const { mac } = inNamespace(namespaceFile(namespaceOf(lab.name, "director")), () => getLink(FRONT));
  for (const family of FAMILIES) {
    const facts = { ...datagram(family, 20_000), payload: new TextEncoder().encode("urgent") };
    const type = family === "ipv6" ? EtherType.IPV6 : EtherType.IPV4;
    const payload = Uint8Array.from([...tag({ priority: 5, vlan: 0 }), type >> 8, type & 0xff, ...packet(facts)]);
    const frame = encodeEthernet({ destination: mac, source: parseMac("02:00:00:00:00:01"), type: EtherType.VLAN, payload });
    const socket = inClient(lab.name, () => udpSocket(ADDRESSES.client[family], facts.sourcePort));
    t.after(() => socket.close());
    inNamespace(namespaceFile(namespaceOf(lab.name, "router")), () => sendFrame("eth1", frame));
    assert.equal(receive(socket.fd)?.replace(/^rs\d /, ""), `${ADDRESSES.client[family]}:${facts.sourcePort} urgent`, family);
  }
});

/** IEEE 802.1Q: three bits of priority, one of eligibility, twelve of the VLAN. */
function tag({ priority, vlan }: { readonly priority: number; readonly vlan: number }): readonly [number, number] {
  return [(priority << 5) | (vlan >> 8), vlan & 0xff];
}

function inClient<T>(lab: string, work: () => T): T {
  return inNamespace(namespaceFile(namespaceOf(lab, "client")), work);
}

function datagram(family: Family, sourcePort: number): Facts {
  return {
    ...USUAL,
    protocol: "udp",
    source: parseAddress(ADDRESSES.client[family]),
    destination: parseAddress(ADDRESSES.vip[family]),
    sourcePort,
    destinationPort: PORTS.udp,
    identification: sourcePort,
    payload: DATAGRAM,
  };
}

/** The answer; undefined when none came. */
function sendInFragments(family: Family, sourcePort: number, arrange: (typeof ORDERS)[string]): string | undefined {
  const socket = udpSocket(ADDRESSES.client[family], sourcePort);
  try {
    sendPackets(ADDRESSES.vip[family], arrange(fragments(datagram(family, sourcePort), FRAGMENT_BYTES)));
    return receive(socket.fd);
  } finally {
    socket.close();
  }
}
