/** What bpf/clients_way.bpf.c makes of single packets (BPF_PROG_TEST_RUN): bytes in, verdict, bytes out. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { serverValue } from "../src/director/server-value.ts";
import { type BpfMap, bpfMap } from "../src/kernel/maps.ts";
import { type BpfObject, loadObject } from "../src/kernel/object.ts";
import { testRunTc } from "../src/kernel/test-run.ts";
import { type Address, type Family, parseAddress } from "../src/model/address.ts";
import type { RealServer, Tunnel } from "../src/model/service.ts";
import { Family as FamilyNumber, type Probe, ProbeFlag, ProbePort, probeCodec, type Server, serverCodec } from "../src/wire/abi.ts";
import { u32 } from "../src/wire/codec.ts";
import { ETHERNET_BYTES, EtherType, encodeEthernet } from "../src/wire/ethernet.ts";
import { bpfObjectPath, buildBpf } from "../tools/build-bpf.ts";
import { need } from "./need.ts";
import { ACK, FAMILIES, hopped, SYN, server, TUNNEL_SOURCES, VIPS } from "./packet-rows/cast.ts";
import { inTunnel } from "./packet-rows/forwarding.ts";
import { type Facts, GUE_PORT, icmpError, packet, TRANSPORTS, type Transport, USUAL } from "./packet-rows/packets.ts";

/** TC_ACT_UNSPEC: whoever stands behind goes on. */
const GOES_ON = 0xffffffff;
const SLOT = 7;
const PORT = ProbePort.FIRST + SLOT;
const NO_MAC = new Uint8Array(6);
const TUNNELS: readonly Tunnel[] = [
  { type: "ipip" },
  { type: "gre" },
  { type: "gre", checksum: true },
  { type: "gue", port: GUE_PORT },
  { type: "gue", port: GUE_PORT, checksum: true },
];

interface Programs {
  readonly object: BpfObject;
  readonly probes: BpfMap<number, Probe>;
  readonly servers: BpfMap<number, Server>;
}

let programs: Programs | undefined;
after(() => programs?.object.close());

function loaded(): Programs {
  if (programs === undefined) {
    buildBpf();
    const object = loadObject(bpfObjectPath("clients_way"));
    programs = {
      object,
      probes: bpfMap("probes", object.map("probes").fd, u32, probeCodec),
      servers: bpfMap("servers", object.map("servers").fd, u32, serverCodec),
    };
  }
  return programs;
}

/** A probe of this server, as the control plane writes it before its first packet; `seen`: as after it. */
function write(to: RealServer, protocol: Transport, { seen = true, segmentMax = 0 } = {}): void {
  const { family } = to.address;
  const way = { ifindex: 1, mtu: 1500, nextHop: to.address, source: TUNNEL_SOURCES[family] };
  loaded().servers.update(SLOT, serverValue(0, to, way));
  loaded().probes.update(SLOT, {
    server: padded(to.address),
    virtualAddress: padded(VIPS[family]),
    source: seen ? padded(TUNNEL_SOURCES[family]) : new Uint8Array(16),
    protocol: protocol === "tcp" ? 6 : 17,
    family: family === "ipv4" ? FamilyNumber.IPV4 : FamilyNumber.IPV6,
    segmentMax,
    flags: ProbeFlag.WANTED,
  });
}

function padded({ bytes }: Address): Uint8Array {
  const all = new Uint8Array(16);
  all.set(bytes);
  return all;
}

/** The IP packet afterwards. */
function run(way: "in" | "out", sent: Uint8Array, ingressIfindex = 0): { readonly verdict: number; readonly became: Uint8Array } {
  const type = (sent[0] ?? 0) >> 4 === 6 ? EtherType.IPV6 : EtherType.IPV4;
  const frame = encodeEthernet({ destination: NO_MAC, source: NO_MAC, type, payload: sent });
  const { returned, data } = testRunTc(loaded().object.program(`probe_${way}`).fd, frame, { buffer: { ingressIfindex } });
  return { verdict: returned, became: data.subarray(ETHERNET_BYTES) };
}

/** From the check's socket to the server that it believes to speak to. */
function question(to: RealServer, protocol: Transport, facts: Partial<Facts> = {}): Facts {
  return { ...USUAL, protocol, source: TUNNEL_SOURCES[to.address.family], destination: to.address, sourcePort: PORT, ...facts };
}

function answer(to: RealServer, protocol: Transport, facts: Partial<Facts> = {}): Facts {
  const { family } = to.address;
  const ends = { source: VIPS[family], destination: TUNNEL_SOURCES[family], sourcePort: 80, destinationPort: PORT };
  return { ...USUAL, protocol, ...ends, flags: SYN | ACK, ...facts };
}

function check(promise: string, body: () => void): void {
  void test(promise, (t) => {
    if (need(t, "root", "bpf")) body();
  });
}

for (const family of FAMILIES)
  for (const protocol of TRANSPORTS) {
    const to = server(family, "dr");
    check(`DR, ${family}, ${protocol}: the question goes to the virtual address, and the answer comes from the server's`, () => {
      write(to, protocol, { seen: false });
      const asked = question(to, protocol);
      const sent = run("out", packet(asked));
      assert.equal(sent.verdict, GOES_ON);
      assert.deepEqual(sent.became, packet(hopped({ ...asked, destination: VIPS[family] })));
      const probe = loaded().probes.lookup(SLOT);
      assert.equal(probe?.flags, ProbeFlag.WANTED | ProbeFlag.SEEN);
      assert.deepEqual(probe.source, padded(asked.source));
      const answered = answer(to, protocol);
      const taken = run("in", packet(answered));
      assert.equal(taken.verdict, GOES_ON);
      assert.deepEqual(taken.became, packet({ ...answered, source: to.address }));
    });

    for (const tunnel of TUNNELS) {
      const far = server(family, "tun", tunnel.type === "ipip" ? {} : { tunnel });
      check(
        `TUN by ${tunnel.type}${tunnel.checksum ? " with a checksum" : ""}, ${family}, ${protocol}: as forwarding would put it around`,
        () => {
          write(far, protocol);
          const asked = question(far, protocol);
          const { verdict, became } = run("out", packet(asked));
          assert.equal(verdict, GOES_ON);
          const wanted = inTunnel(far, { ...asked, destination: VIPS[family] });
          assert.deepEqual(became, typeof wanted === "function" ? wanted(became) : wanted);
        },
      );
    }

    check(`${family}, ${protocol}: what is no probe's passes as it came`, () => {
      const other = TRANSPORTS.find((one) => one !== protocol) ?? protocol;
      write(to, protocol);
      const nobody = { ipv4: parseAddress("10.77.0.99"), ipv6: parseAddress("fd77::99") }[family];
      const outward: readonly (readonly [Facts, number?])[] = [
        [question(to, protocol), 1], // a client's
        [question(to, protocol, { sourcePort: PORT + 1 })],
        [question(to, protocol, { sourcePort: ProbePort.FIRST - 1 })],
        [question(to, protocol, { sourcePort: 65_535 })],
        [question(to, protocol, { destination: nobody })],
        [question(to, other)],
      ];
      for (const [facts, ingressIfindex] of outward) {
        const { verdict, became } = run("out", packet(facts), ingressIfindex);
        assert.equal(verdict, GOES_ON);
        assert.deepEqual(became, packet(facts));
      }
      const inward = [
        answer(to, protocol, { source: nobody }),
        answer(to, protocol, { destination: nobody }), // through this host to somebody else
        answer(to, protocol, { destinationPort: PORT + 1 }),
        answer(to, other),
      ];
      for (const facts of inward) {
        const { verdict, became } = run("in", packet(facts));
        assert.equal(verdict, GOES_ON);
        assert.deepEqual(became, packet(facts));
      }
    });

    for (const quoted of [8, 64])
      check(
        `${family}, ${protocol}: an ICMP error about a question is one about the packet that the socket sent (${quoted} bytes quoted)`,
        () => {
          write(to, protocol);
          const asked = question(to, protocol);
          const seen = packet(hopped({ ...asked, destination: VIPS[family] }));
          const own = packet(hopped(asked));
          const headers = family === "ipv4" ? 20 : 40;
          // The quoted transport's checksum stays the one of the way: nobody looks at it.
          own.set(seen.subarray(headers), headers);
          const quote = (bytes: Uint8Array) => bytes.subarray(0, headers + quoted);
          const router = { ipv4: parseAddress("203.0.113.9"), ipv6: parseAddress("2001:db8:9::9") }[family];
          for (const source of [VIPS[family], router]) {
            const header = { ...USUAL, source, destination: TUNNEL_SOURCES[family] };
            const { verdict, became } = run("in", icmpError(header, "portUnreachable", quote(seen)));
            assert.equal(verdict, GOES_ON);
            const from = source === VIPS[family] ? to.address : source;
            assert.deepEqual(became, icmpError({ ...header, source: from }, "portUnreachable", quote(own)));
          }
          const foreign = icmpError({ ...USUAL, source: router, destination: VIPS[family] }, "portUnreachable", quote(seen));
          assert.deepEqual(run("in", foreign).became, foreign, "to another address than the question came from");
        },
      );
  }

for (const family of FAMILIES)
  check(`TUN, ${family}: what the server offers in its SYN, ACK is lowered to what the tunnel takes, and never raised`, () => {
    const to = server(family, "tun");
    write(to, "tcp", { segmentMax: 1400 });
    const option = (value: number, kind = 2) => Uint8Array.of(kind, 4, value >> 8, value & 0xff);
    const taken = (facts: Partial<Facts>) => run("in", packet(answer(to, "tcp", facts))).became;
    const as = (facts: Partial<Facts>) => packet({ ...answer(to, "tcp", facts), source: to.address });
    assert.deepEqual(taken({ tcpOptions: option(1460) }), as({ tcpOptions: option(1400) }));
    assert.deepEqual(taken({ tcpOptions: option(1200) }), as({ tcpOptions: option(1200) }));
    assert.deepEqual(taken({ tcpOptions: option(1460, 8) }), as({ tcpOptions: option(1460, 8) }));
    assert.deepEqual(taken({ tcpOptions: new Uint8Array(0), payload: new Uint8Array(0) }), as({ payload: new Uint8Array(0) }));
    // Bytes of the conversation are never taken for an option.
    assert.deepEqual(taken({ flags: ACK, payload: option(1460) }), as({ flags: ACK, payload: option(1460) }));
  });

check("what is neither TCP nor UDP nor IP is nobody's", () => {
  const families: readonly Family[] = FAMILIES;
  for (const family of families) {
    const to = server(family, "dr");
    write(to, "tcp");
    const echo = icmpError({ ...USUAL, source: VIPS[family], destination: TUNNEL_SOURCES[family] }, "portUnreachable", new Uint8Array(8));
    for (const way of ["in", "out"] as const) assert.deepEqual(run(way, echo), { verdict: GOES_ON, became: echo });
  }
});
