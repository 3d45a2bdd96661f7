/** What is none of our business goes on to the host's own stack, not a byte changed. */

import { type Family, parseAddress } from "../../src/model/address.ts";
import { EtherType, parseMac } from "../../src/wire/ethernet.ts";
import { IpProtocol } from "../../src/wire/ipv4.ts";
import { ACK, FAMILIES, FIN, opened, PSH, passed, RST, reply, request, SYN, server, service, towards, VIPS } from "./cast.ts";
import { network, packet } from "./packets.ts";
import type { PacketStep, Row } from "./row.ts";

const strangers = FAMILIES.flatMap((family): Row[] => {
  const to = server(family, "nat");
  const services = [service(family, [to])];
  const there = request(family);
  const elsewhere = server(family, "nat", { n: 3 }).address;
  const opening: PacketStep = { send: packet(there), expect: { kind: "forwarded", server: to, as: packet(towards(to, there)) } };
  const step = (send: Uint8Array, outcome: string): PacketStep => ({ send, expect: passed(outcome) });
  const fromServer = (send: Uint8Array): PacketStep => ({ send, arrives: "back", expect: passed("PASS_NO_SERVICE") });
  return [
    {
      name: `${family}: no service has this address, port or protocol`,
      services,
      steps: [
        step(packet(request(family, { destinationPort: 81 })), "PASS_NO_SERVICE"),
        step(packet(request(family, { protocol: "udp" })), "PASS_NO_SERVICE"),
        step(packet(request(family, { destination: elsewhere })), "PASS_NO_SERVICE"),
      ],
      left: [],
    },
    {
      name: `${family}: the middle of a connection that is not ours`,
      services,
      steps: [ACK, ACK | PSH, FIN | ACK, RST, RST | ACK, SYN | RST, 0].map((flags) =>
        step(packet(request(family, { flags })), "PASS_NOT_NEW"),
      ),
      left: [],
    },
    {
      name: `${family}: what a NAT server says to others, from another port, or in another protocol, is no reply`,
      services,
      steps: [
        opening,
        fromServer(packet(reply(to, { destinationPort: 40_001 }))),
        fromServer(packet(reply(to, { sourcePort: 81 }))),
        fromServer(packet(reply(to, { protocol: "udp" }))),
        fromServer(packet(reply(to, { destination: VIPS[family] }))),
        fromServer(packet(reply(server(family, "nat", { n: 2 })))),
      ],
      left: [opened(to, "tcp")],
    },
    {
      name: `${family}: other protocols`,
      services,
      steps: [family === "ipv4" ? IpProtocol.ICMPV6 : IpProtocol.ICMP, 47, 50, 112].map((protocol) =>
        step(network(request(family), protocol, new Uint8Array(40)), "PASS_PROTOCOL"),
      ),
      left: [],
    },
    {
      name: `${family}: frames for another host, for all, for a group`,
      services,
      steps: ["02:00:00:00:00:bb", "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"].map((mac) => ({
        send: packet(there),
        frameTo: parseMac(mac),
        expect: passed("PASS_OTHER_HOST"),
      })),
      left: [],
    },
    {
      name: `${family}: frames that are not IP, whatever they look like`,
      services,
      steps: [EtherType.ARP, EtherType.VLAN, 0x88cc].map((etherType) => ({
        send: packet(there),
        etherType,
        expect: passed("PASS_NOT_IP"),
      })),
      left: [],
    },
  ];
});

/** Bytes altered at these places; the header checksum is left as it is, since nobody may look so far. */
function altered(bytes: Uint8Array, ...changes: readonly (readonly [number, number])[]): Uint8Array {
  const copy = bytes.slice();
  for (const [at, value] of changes) copy[at] = value;
  return copy;
}

const malformed =
  (etherType: number) =>
  (send: Uint8Array): PacketStep => ({ send, etherType, expect: passed("PASS_MALFORMED") });

function wrong(): Row[] {
  const four = packet(request("ipv4", { payload: new Uint8Array(20) }));
  const six = packet(request("ipv6", { payload: new Uint8Array(20) }));
  const udp4 = packet(request("ipv4", { protocol: "udp", payload: new Uint8Array(30) }));
  const udp6 = packet(request("ipv6", { protocol: "udp", payload: new Uint8Array(30) }));
  const lengthOf4 = (length: number) => altered(four, [2, length >> 8], [3, length & 0xff]);
  const lengthOf6 = (length: number) => altered(six, [4, length >> 8], [5, length & 0xff]);
  const both = (family: "ipv4" | "ipv6") => {
    const servers = [server(family, "tun")];
    return [service(family, servers), service(family, servers, { protocol: "udp" })];
  };
  return [
    {
      name: "ipv4: headers that contradict themselves or the frame",
      services: both("ipv4"),
      steps: [
        altered(four, [0, 0x55]),
        altered(four, [0, 0x65]),
        altered(four, [0, 0x44]),
        altered(four, [0, 0x40]),
        lengthOf4(19),
        lengthOf4(0),
        lengthOf4(four.length + 1),
        lengthOf4(0xffff),
        // The transport header lies in what is only padding.
        lengthOf4(39),
        lengthOf4(20),
      ].map(malformed(EtherType.IPV4)),
      left: [],
    },
    {
      name: "ipv6: headers that contradict themselves or the frame",
      services: both("ipv6"),
      steps: [
        altered(six, [0, 0x50]),
        altered(six, [0, 0x40]),
        lengthOf6(six.length - 40 + 1),
        lengthOf6(0xffff),
        lengthOf6(19),
        lengthOf6(0),
      ].map(malformed(EtherType.IPV6)),
      left: [],
    },
    ...FAMILIES.flatMap((family): Row[] => {
      const headers = family === "ipv4" ? 20 : 40;
      const [tcp, udp] = family === "ipv4" ? [four, udp4] : [six, udp6];
      return [
        {
          // The kernel makes no test run of tc with less than a network header.
          hooks: ["xdp"],
          name: `${family}: a frame that ends too early, at each byte of its network header`,
          services: both(family),
          steps: cuts(tcp, 1, headers),
          left: [],
        },
        {
          name: `${family}: a frame that ends too early, at each byte of its transport header`,
          services: both(family),
          steps: [...cuts(tcp, headers, headers + 20), ...cuts(udp, headers, headers + 8)],
          left: [],
        },
      ];
    }),
  ];
}

/** The packet cut after so many bytes. */
function cuts(whole: Uint8Array, from: number, to: number): PacketStep[] {
  const etherType = (whole[0] ?? 0) >> 4 === 6 ? EtherType.IPV6 : EtherType.IPV4;
  return Array.from({ length: to - from }, (_, i) => ({ send: whole.slice(0, from + i), etherType, expect: passed("PASS_MALFORMED") }));
}

const coincidences = FAMILIES.map((family): Row => {
  const to = server(family, "nat");
  const facts = request(family, { sourcePort: 80 });
  return {
    name: `${family}: a client's port may be the service's own`,
    services: [service(family, [to])],
    steps: [
      { send: packet(facts), expect: { kind: "forwarded", server: to, as: packet(towards(to, facts)) } },
      { send: packet({ ...facts, destinationPort: 443 }), expect: passed("PASS_NO_SERVICE") },
    ],
    left: [opened(to, "tcp")],
  };
});

const NOBODY = {
  ipv4: ["192.0.2.1", "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"],
  ipv6: ["2001:db8::1", "::", "::1", "ff02::1"],
} as const satisfies Record<Family, readonly string[]>;

/** No connection begins with them, and nobody gets an answer by ICMP. */
const martians = FAMILIES.map((family): Row => {
  const facts = NOBODY[family].map((source) => request(family, { source: parseAddress(source) }));
  return {
    name: `${family}: from addresses that no client has, and from the virtual address itself`,
    services: [service(family, [server(family, "nat")])],
    steps: [...facts, ...facts.map((each) => ({ ...each, ttl: 1 }))].map((each) => ({
      send: packet(each),
      expect: passed("PASS_MALFORMED"),
    })),
    left: [],
  };
});

export const PASSING_ROWS: readonly Row[] = [...strangers, ...wrong(), ...coincidences, ...martians];
