/** What bpf/decap.bpf.c makes of single packets (BPF_PROG_TEST_RUN): bytes in, verdict, bytes out. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { bpfMap } from "../src/kernel/maps.ts";
import { type BpfObject, loadObject } from "../src/kernel/object.ts";
import { testRunTc } from "../src/kernel/test-run.ts";
import { parseAddress } from "../src/model/address.ts";
import { DecapOutcome, DecapTakes, decapAddressCodec, Family } from "../src/wire/abi.ts";
import { u32, u64 } from "../src/wire/codec.ts";
import { bpfObjectPath, buildBpf } from "../tools/build-bpf.ts";
import { need } from "./need.ts";
import { ethernet, ipv4, ipv6, udp } from "./realserver/frames.ts";

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const ARP = 0x0806;
const IPIP = 4;
const IPV6_INSIDE = 41;
const UDP = 17;
const GRE = 47;
const DESTINATION_OPTIONS = 60;
const FRAGMENT = 44;

const CLIENT = "198.51.100.7";
const CLIENT6 = "2001:db8:c::7";
const VIP = "192.0.2.10";
const VIP6 = "2001:db8::10";
const DIRECTOR = "10.0.0.1";
const DIRECTOR6 = "fd00::1";
const SERVER = "10.0.0.11";
const SERVER6 = "fd00::11";
/** Ends that take IPIP alone. */
const PLAIN_END = "10.0.0.13";
const PLAIN_END6 = "fd00::13";
const GUE_PORT = 6080;

/** lo, on which a test packet is when nothing else is said, has this address. */
const OWN_MAC = "00:00:00:00:00:00";
const OTHER_MAC = "02:00:00:00:00:09";
const ECN = { notCapable: 0, capable1: 1, capable0: 2, congestion: 3 } as const;
/** Both of TC_ACT: an unspecified verdict lets whoever stands behind go on. */
const PASSED = 0xffffffff;
const DROPPED = 2;

const inner4 = (options: { tos?: number; to?: string; text?: string } = {}): Uint8Array => {
  const { tos = 0, to = VIP, text = "x" } = options;
  return ipv4(CLIENT, to, UDP, udp(CLIENT, to, 5000, 53, text), tos);
};
const inner6 = (options: { tos?: number; to?: string; text?: string } = {}): Uint8Array => {
  const { tos = 0, to = VIP6, text = "x" } = options;
  return ipv6(CLIENT6, to, UDP, udp(CLIENT6, to, 5000, 53, text), tos);
};
const over4 = (inner: Uint8Array, protocol: number, options: { tos?: number; to?: string } = {}): Uint8Array =>
  ipv4(DIRECTOR, options.to ?? SERVER, protocol, inner, options.tos ?? 0);
const over6 = (inner: Uint8Array, protocol: number, options: { tos?: number; to?: string } = {}): Uint8Array =>
  ipv6(DIRECTOR6, options.to ?? SERVER6, protocol, inner, options.tos ?? 0);
const gre = (type: number, inner: Uint8Array, flags = 0): Uint8Array =>
  Uint8Array.from([flags, 0, type >> 8, type & 0xff, ...(flags & 0x80 ? [0x12, 0x34, 0, 0] : []), ...inner]);
/** Without a UDP checksum, unless there is one to be seen. */
const gue = (protocol: number, inner: Uint8Array, options: { head?: number; port?: number; checksum?: number } = {}): Uint8Array => {
  const { head = 0, port = GUE_PORT, checksum = 0 } = options;
  const length = 12 + inner.length;
  return Uint8Array.from([
    0xc0,
    0x01,
    port >> 8,
    port & 0xff,
    length >> 8,
    length & 0xff,
    checksum >> 8,
    checksum & 0xff,
    head,
    protocol,
    0,
    0,
    ...inner,
  ]);
};
const frame = (type: number, packet: Uint8Array, mac = OWN_MAC): Uint8Array => ethernet(mac, type, packet);

function altered(bytes: Uint8Array, changes: Readonly<Record<number, number>>): Uint8Array {
  const copy = bytes.slice();
  for (const [at, value] of Object.entries(changes)) copy[Number(at)] = value;
  return copy;
}

interface Row {
  readonly name: string;
  readonly given: Uint8Array;
  /** Missing: the packet is left as it is. */
  readonly becomes?: Uint8Array;
  readonly verdict?: typeof PASSED | typeof DROPPED;
  /** Missing: nothing is counted, because the packet is no tunnel's. */
  readonly counted?: keyof typeof DecapOutcome;
}

const LIMIT_OPTION = [4, 1, 4, 1, 0];

const ROWS: readonly Row[] = [
  { name: "IPv4 in IPv4", given: frame(IPV4, over4(inner4(), IPIP)), becomes: frame(IPV4, inner4()), counted: "IPV4_IN_IPV4" },
  { name: "IPv6 in IPv4", given: frame(IPV4, over4(inner6(), IPV6_INSIDE)), becomes: frame(IPV6, inner6()), counted: "IPV6_IN_IPV4" },
  { name: "IPv4 in IPv6", given: frame(IPV6, over6(inner4(), IPIP)), becomes: frame(IPV4, inner4()), counted: "IPV4_IN_IPV6" },
  { name: "IPv6 in IPv6", given: frame(IPV6, over6(inner6(), IPV6_INSIDE)), becomes: frame(IPV6, inner6()), counted: "IPV6_IN_IPV6" },
  {
    name: "the shortest packet that IPv4 in IPv6 can carry",
    given: frame(IPV6, over6(ipv4(CLIENT, VIP, UDP, new Uint8Array(0)), IPIP)),
    becomes: frame(IPV4, ipv4(CLIENT, VIP, UDP, new Uint8Array(0))),
    counted: "IPV4_IN_IPV6",
  },
  {
    name: "a packet as long as Ethernet carries",
    given: frame(IPV4, over4(inner6({ text: "x".repeat(1432) }), IPV6_INSIDE)),
    becomes: frame(IPV6, inner6({ text: "x".repeat(1432) })),
    counted: "IPV6_IN_IPV4",
  },
  {
    name: "ip6tnl's encapsulation limit before an IPv4 packet",
    given: frame(IPV6, over6(Uint8Array.from([IPIP, 0, ...LIMIT_OPTION, 0, ...inner4()]), DESTINATION_OPTIONS)),
    becomes: frame(IPV4, inner4()),
    counted: "IPV4_IN_IPV6",
  },
  {
    name: "an inner fragment, which the stack puts together",
    given: frame(IPV4, over4(withChecksum(altered(inner4(), { 6: 0x20 })), IPIP)),
    becomes: frame(IPV4, withChecksum(altered(inner4(), { 6: 0x20 }))),
    counted: "IPV4_IN_IPV4",
  },

  {
    name: "congestion on the way is told to the receiver (IPv4)",
    given: frame(IPV4, over4(inner4({ tos: 0x28 | ECN.capable0 }), IPIP, { tos: ECN.congestion })),
    becomes: frame(IPV4, inner4({ tos: 0x28 | ECN.congestion })),
    counted: "IPV4_IN_IPV4",
  },
  {
    name: "congestion on the way is told to the receiver (IPv6)",
    given: frame(IPV4, over4(inner6({ tos: 0x28 | ECN.capable1 }), IPV6_INSIDE, { tos: ECN.congestion })),
    becomes: frame(IPV6, inner6({ tos: 0x28 | ECN.congestion })),
    counted: "IPV6_IN_IPV4",
  },
  {
    name: "ECT(1) outside replaces ECT(0) inside",
    given: frame(IPV6, over6(inner6({ tos: ECN.capable0 }), IPV6_INSIDE, { tos: ECN.capable1 })),
    becomes: frame(IPV6, inner6({ tos: ECN.capable1 })),
    counted: "IPV6_IN_IPV6",
  },
  {
    name: "congestion inside stays",
    given: frame(IPV4, over4(inner4({ tos: ECN.congestion }), IPIP, { tos: ECN.capable0 })),
    becomes: frame(IPV4, inner4({ tos: ECN.congestion })),
    counted: "IPV4_IN_IPV4",
  },
  {
    name: "congestion that the inner packet cannot carry drops it",
    given: frame(IPV6, over6(inner4(), IPIP, { tos: ECN.congestion })),
    verdict: DROPPED,
    counted: "DROP_CONGESTION",
  },

  {
    name: "GRE: IPv4 in IPv4",
    given: frame(IPV4, over4(gre(IPV4, inner4()), GRE)),
    becomes: frame(IPV4, inner4()),
    counted: "IPV4_IN_IPV4",
  },
  {
    name: "GRE: IPv6 in IPv4",
    given: frame(IPV4, over4(gre(IPV6, inner6()), GRE)),
    becomes: frame(IPV6, inner6()),
    counted: "IPV6_IN_IPV4",
  },
  {
    name: "GRE: IPv4 in IPv6",
    given: frame(IPV6, over6(gre(IPV4, inner4()), GRE)),
    becomes: frame(IPV4, inner4()),
    counted: "IPV4_IN_IPV6",
  },
  {
    name: "GRE: IPv6 in IPv6",
    given: frame(IPV6, over6(gre(IPV6, inner6()), GRE)),
    becomes: frame(IPV6, inner6()),
    counted: "IPV6_IN_IPV6",
  },
  {
    name: "GRE with a checksum",
    given: frame(IPV4, over4(gre(IPV6, inner6(), 0x80), GRE)),
    becomes: frame(IPV6, inner6()),
    counted: "IPV6_IN_IPV4",
  },
  {
    name: "GRE with a checksum (IPv6)",
    given: frame(IPV6, over6(gre(IPV4, inner4(), 0x80), GRE)),
    becomes: frame(IPV4, inner4()),
    counted: "IPV4_IN_IPV6",
  },
  {
    name: "GUE: IPv4 in IPv4",
    given: frame(IPV4, over4(gue(IPIP, inner4()), UDP)),
    becomes: frame(IPV4, inner4()),
    counted: "IPV4_IN_IPV4",
  },
  {
    name: "GUE: IPv6 in IPv4",
    given: frame(IPV4, over4(gue(IPV6_INSIDE, inner6()), UDP)),
    becomes: frame(IPV6, inner6()),
    counted: "IPV6_IN_IPV4",
  },
  {
    name: "GUE: IPv4 in IPv6",
    given: frame(IPV6, over6(gue(IPIP, inner4()), UDP)),
    becomes: frame(IPV4, inner4()),
    counted: "IPV4_IN_IPV6",
  },
  {
    name: "GUE: IPv6 in IPv6, with a checksum",
    given: frame(IPV6, over6(gue(IPV6_INSIDE, inner6(), { checksum: 0x1234 }), UDP)),
    becomes: frame(IPV6, inner6()),
    counted: "IPV6_IN_IPV6",
  },
  {
    name: "congestion on the way is told to the receiver (GUE)",
    given: frame(IPV4, over4(gue(IPIP, inner4({ tos: ECN.capable0 })), UDP, { tos: ECN.congestion })),
    becomes: frame(IPV4, inner4({ tos: ECN.congestion })),
    counted: "IPV4_IN_IPV4",
  },
  { name: "GRE with a key", given: frame(IPV4, over4(gre(IPV4, inner4(), 0x20), GRE)), counted: "PASS_MALFORMED" },
  { name: "GRE that carries no IP", given: frame(IPV6, over6(gre(0x6558, inner4()), GRE)), counted: "PASS_MALFORMED" },
  { name: "GUE with options", given: frame(IPV4, over4(gue(IPIP, inner4(), { head: 1 }), UDP)), counted: "PASS_MALFORMED" },
  { name: "GUE of another version", given: frame(IPV4, over4(gue(IPIP, inner4(), { head: 0x40 }), UDP)), counted: "PASS_MALFORMED" },
  { name: "a control message of GUE", given: frame(IPV6, over6(gue(IPIP, inner4(), { head: 0x20 }), UDP)), counted: "PASS_MALFORMED" },
  { name: "GUE that carries no IP", given: frame(IPV4, over4(gue(UDP, inner4()), UDP)), counted: "PASS_MALFORMED" },
  {
    name: "GRE to an end that does not take it",
    given: frame(IPV4, over4(gre(IPV4, inner4()), GRE, { to: PLAIN_END })),
    counted: "PASS_NOT_OURS",
  },
  { name: "GUE to an end that does not take it", given: frame(IPV4, over4(gue(IPIP, inner4()), UDP, { to: PLAIN_END })) },
  { name: "GUE to an end that does not take it (IPv6)", given: frame(IPV6, over6(gue(IPIP, inner4()), UDP, { to: PLAIN_END6 })) },
  { name: "a datagram to another port than GUE's", given: frame(IPV4, over4(gue(IPIP, inner4(), { port: 53 }), UDP)) },
  {
    name: "a packet to the server's own address in GRE",
    given: frame(IPV4, over4(gre(IPV4, inner4({ to: SERVER })), GRE)),
    counted: "PASS_NOT_A_VIP",
  },
  {
    name: "a packet to anybody in GUE (IPv6)",
    given: frame(IPV6, over6(gue(IPV6_INSIDE, inner6({ to: SERVER6 })), UDP)),
    counted: "PASS_NOT_A_VIP",
  },

  { name: "a tunnel to another host", given: frame(IPV4, over4(inner4(), IPIP, { to: "10.0.0.12" })), counted: "PASS_NOT_OURS" },
  {
    name: "a tunnel to another host (IPv6)",
    given: frame(IPV6, over6(inner6(), IPV6_INSIDE, { to: "fd00::12" })),
    counted: "PASS_NOT_OURS",
  },
  {
    name: "a packet to the server's own address in a tunnel",
    given: frame(IPV4, over4(inner4({ to: SERVER }), IPIP)),
    counted: "PASS_NOT_A_VIP",
  },
  {
    name: "a packet to anybody in a tunnel (IPv6)",
    given: frame(IPV4, over4(inner6({ to: SERVER6 }), IPV6_INSIDE)),
    counted: "PASS_NOT_A_VIP",
  },
  { name: "a tunnel in a tunnel", given: frame(IPV4, over4(over4(inner4(), IPIP), IPIP)), counted: "PASS_NOT_A_VIP" },
  {
    name: "an outer fragment",
    given: frame(IPV4, withChecksum(altered(over4(inner4(), IPIP), { 6: 0x20 }))),
    counted: "PASS_FRAGMENT",
  },
  {
    name: "an outer fragment (IPv6 in options)",
    given: frame(IPV6, over6(Uint8Array.from([FRAGMENT, 0, ...LIMIT_OPTION, 0, ...inner4()]), DESTINATION_OPTIONS)),
    counted: "PASS_FRAGMENT",
  },
  {
    name: "an outer header with a wrong checksum",
    given: frame(IPV4, altered(over4(inner4(), IPIP), { 8: 63 })),
    counted: "PASS_MALFORMED",
  },
  { name: "an inner packet that says another version", given: frame(IPV4, over4(inner6(), IPIP)), counted: "PASS_MALFORMED" },
  { name: "an inner packet that is cut off", given: frame(IPV4, over4(inner4().slice(0, 12), IPIP)), counted: "PASS_MALFORMED" },
  {
    name: "an inner packet that is cut off (IPv6)",
    given: frame(IPV6, over6(inner6().slice(0, 39), IPV6_INSIDE)),
    counted: "PASS_MALFORMED",
  },
  { name: "a frame for another station", given: frame(IPV4, over4(inner4(), IPIP), OTHER_MAC) },
  { name: "a packet in no tunnel", given: frame(IPV4, inner4()) },
  { name: "a packet in no tunnel (IPv6)", given: frame(IPV6, inner6()) },
  { name: "no IP at all", given: frame(ARP, new Uint8Array(46)) },
];

/** Of a header whose bytes were altered. */
function withChecksum(packet: Uint8Array): Uint8Array {
  const view = new DataView(packet.buffer, packet.byteOffset);
  view.setUint16(10, 0);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  view.setUint16(10, ~sum & 0xffff);
  return packet;
}

function loaded(t: TestContext): BpfObject | undefined {
  if (!need(t, "root", "bpf", "command:clang")) return undefined;
  buildBpf();
  const object = loadObject(bpfObjectPath("decap"));
  t.after(() => object.close());
  const fill = (map: string, addresses: readonly string[], value: number): void => {
    const entries = bpfMap(map, object.map(map).fd, decapAddressCodec, u32);
    for (const { bytes, family } of addresses.map(parseAddress)) {
      entries.update({ address: bytes, family: family === "ipv4" ? Family.IPV4 : Family.IPV6 }, value);
    }
  };
  fill("decap_endpoints", [SERVER, SERVER6], DecapTakes.IPIP | DecapTakes.GRE | DecapTakes.GUE | GUE_PORT);
  fill("decap_endpoints", [PLAIN_END, PLAIN_END6], DecapTakes.IPIP);
  fill("decap_vips", [VIP, VIP6], 1);
  return object;
}

describe("bpf/decap.bpf.c", () => {
  it("takes off, leaves alone, drops and counts as each row says", async (t) => {
    const object = loaded(t);
    if (object === undefined) return;
    const outcomes = bpfMap("decap_outcomes", object.map("decap_outcomes").fd, u32, u64);
    const counts = (): Record<string, bigint> =>
      Object.fromEntries(
        Object.entries(DecapOutcome)
          .filter(([name]) => name !== "COUNT")
          .map(([name, value]) => [name, outcomes.lookup(value) ?? 0n]),
      );
    for (const row of ROWS) {
      await t.test(row.name, () => {
        const before = counts();
        const run = testRunTc(object.program("decap").fd, row.given);
        assert.equal(run.returned, row.verdict ?? PASSED);
        if (row.verdict !== DROPPED) assert.equal(hex(run.data), hex(row.becomes ?? row.given));
        const after = counts();
        const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
        assert.deepEqual(changed, row.counted === undefined ? [] : [row.counted]);
      });
    }
  });

  it("leaves alone whatever random bytes come, unless they are what it takes off", (t) => {
    const object = loaded(t);
    if (object === undefined) return;
    const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
    const random = mulberry32(seed);
    const originals = ROWS.filter(({ becomes }) => becomes !== undefined).map(({ given }) => given);
    for (let round = 0; round < 3000; round++) {
      const original = originals[Math.floor(random() * originals.length)] ?? new Uint8Array(64);
      // The kernel itself refuses test frames that do not hold the header of their kind.
      const given = original.slice(0, 54 + Math.floor(random() * (original.length - 53)));
      for (let i = 0; i < 3; i++) given[12 + Math.floor(random() * (given.length - 12))] = Math.floor(random() * 256);
      const run = testRunTc(object.program("decap").fd, given);
      assert.ok(run.returned === PASSED || run.returned === DROPPED, `seed ${seed}, round ${round}: ${hex(given)}`);
      const taken = given.length - run.data.length;
      if (run.returned === DROPPED || taken === 0) continue;
      assert.ok(taken >= 20 && taken < 600, `seed ${seed}, round ${round}: ${hex(given)} -> ${hex(run.data)}`);
      // What remains is a packet to a VIP.
      const version = (run.data[14] ?? 0) >> 4;
      const to = version === 4 ? run.data.slice(30, 34) : run.data.slice(38, 54);
      assert.ok(
        [VIP, VIP6].some((vip) => hex(parseAddress(vip).bytes).startsWith(hex(to))),
        `seed ${seed}, round ${round}: ${hex(given)}`,
      );
    }
  });
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** A small generator with a seed that can be printed. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
