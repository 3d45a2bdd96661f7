import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatAddress, parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import {
  type Attribute,
  decodeAcknowledgement,
  decodeAttributes,
  decodeMessages,
  encodeAttributes,
  encodeMessage,
  NetlinkFlag,
  NetlinkType,
  textAttribute,
  u32Attribute,
  u32Of,
} from "./netlink.ts";
import { decodeAddress, encodeAddress } from "./netlink-address.ts";
import { decodeEvent } from "./netlink-event.ts";
import { decodeFilter } from "./netlink-filter.ts";
import { decodeLink, encodeLinkChange, encodeNewLink } from "./netlink-link.ts";
import { decodeNeighbour, encodeNeighbour } from "./netlink-neighbour.ts";
import { decodeRoute, encodeRoute } from "./netlink-route.ts";

const hex = (text: string) => Uint8Array.from(text.replaceAll(/\s/g, "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

function throwsOnlyBadPacket(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    assert.ok(error instanceof EvenkeelError && error.code === "BAD_PACKET", String(error));
  }
}

describe("netlink messages", () => {
  it("are read back as they were written, several to a datagram", () => {
    const first = encodeMessage({ type: 16, flags: 5, sequence: 7, payload: Uint8Array.of(1, 2, 3) });
    const padded = new Uint8Array(20 + 16);
    padded.set(first);
    padded.set(encodeMessage({ type: 3, flags: 2, sequence: 7, payload: new Uint8Array(0) }), 20);
    const [one, two, none] = decodeMessages(padded);
    assert.deepEqual({ ...one, payload: [...(one?.payload ?? [])] }, { type: 16, flags: 5, sequence: 7, port: 0, payload: [1, 2, 3] });
    assert.equal(two?.type, 3);
    assert.equal(none, undefined);
  });

  it("with lengths that lie are refused", () => {
    assert.throws(() => decodeMessages(hex("0f000000 0000 0000 00000000 00000000")), { code: "BAD_PACKET" });
    assert.throws(() => decodeMessages(hex("11000000 0000 0000 00000000 00000000")), { code: "BAD_PACKET" });
    assert.throws(() => decodeMessages(hex("1000")), { code: "BAD_PACKET" });
  });

  it("carry the kernel's explanation of a refusal", () => {
    // errno 22, the request's header, NLMSGERR_ATTR_MSG "mtu less than device minimum": as Linux 6.18 answered.
    const attribute = encodeAttributes([textAttribute(1, "mtu less than device minimum")]);
    const payload = new Uint8Array(20 + attribute.length);
    payload.set(hex("eaffffff 28000000 1300 0500 01000000 00000000"));
    payload.set(attribute, 20);
    const message = { type: NetlinkType.ERROR, flags: NetlinkFlag.CAPPED | NetlinkFlag.ACK_ATTRIBUTES, sequence: 1, port: 0, payload };
    assert.deepEqual(decodeAcknowledgement(message), { errno: 22, text: "mtu less than device minimum" });
  });

  it("without a refusal are an acknowledgement", () => {
    const payload = hex("00000000 20000000 1300 0500 01000000 00000000");
    assert.deepEqual(decodeAcknowledgement({ type: NetlinkType.ERROR, flags: 0, sequence: 1, port: 0, payload }), { errno: 0, text: "" });
  });
});

describe("netlink attributes", () => {
  it("are read back whatever their length", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 0x3fff }), fc.uint8Array({ maxLength: 40 })), { selector: ([type]) => type }),
        (list) => {
          const attributes: Attribute[] = list.map(([type, value]) => ({ type, value }));
          const read = decodeAttributes(encodeAttributes(attributes));
          assert.deepEqual(
            new Map([...read].map(([type, value]) => [type, [...value]])),
            new Map(list.map(([type, value]) => [type, [...value]])),
          );
        },
      ),
    );
  });

  it("within attributes are marked as such and read as plain ones", () => {
    const bytes = encodeAttributes([{ type: 18, value: [u32Attribute(1, 0x01020304)] }]);
    assert.deepEqual([...bytes], [...hex("0c00 1280 0800 0100 04030201")]);
    assert.equal(u32Of(decodeAttributes(decodeAttributes(bytes).get(18) ?? new Uint8Array(0)).get(1)), 0x01020304);
  });
});

describe("netlink decoders", () => {
  const decoders = {
    messages: (bytes: Uint8Array) => decodeMessages(bytes).map(decodeEvent),
    attributes: decodeAttributes,
    link: decodeLink,
    address: decodeAddress,
    route: decodeRoute,
    neighbour: decodeNeighbour,
    filter: decodeFilter,
    acknowledgement: (payload: Uint8Array) =>
      decodeAcknowledgement({ type: NetlinkType.ERROR, flags: 0x300, sequence: 0, port: 0, payload }),
  };

  for (const [name, decode] of Object.entries(decoders)) {
    it(`of ${name} throw nothing but BAD_PACKET, whatever comes`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => throwsOnlyBadPacket(() => decode(bytes))),
        { numRuns: 2000 },
      );
    });
  }

  it("throw nothing but BAD_PACKET for well-formed messages with one byte wrong", () => {
    const messages = [
      { type: 16, payload: encodeNewLink({ kind: "veth", name: "a", mac: Uint8Array.of(2, 0, 0, 0, 0, 1), peer: { name: "b" } }) },
      { type: 20, payload: encodeAddress({ interfaceIndex: 1, address: parseAddress("2001:db8::1"), prefixLength: 64, noDad: true }) },
      {
        type: 24,
        payload: encodeRoute({ destination: parseAddress("10.0.0.0"), prefixLength: 8, gateway: parseAddress("fd00::1"), mtu: 1400 }),
      },
      { type: 28, payload: encodeNeighbour({ interfaceIndex: 1, address: parseAddress("10.0.0.1"), mac: new Uint8Array(6) }) },
    ].map(({ type, payload }) => encodeMessage({ type, flags: 0, sequence: 0, payload }));
    fc.assert(
      fc.property(fc.constantFrom(...messages), fc.nat(), fc.integer({ min: 0, max: 255 }), (message, where, byte) => {
        const bytes = message.slice();
        bytes[where % bytes.length] = byte;
        throwsOnlyBadPacket(() => decodeMessages(bytes).map(decodeEvent));
      }),
      { numRuns: 5000 },
    );
  });
});

describe("netlink words", () => {
  it("say an address and its flags", () => {
    const bytes = encodeAddress({ interfaceIndex: 3, address: parseAddress("fd00::1"), prefixLength: 128, noDad: true, scope: "host" });
    const read = decodeAddress(bytes);
    assert.ok(read);
    assert.equal(formatAddress(read.address), "fd00::1");
    assert.deepEqual(
      { ...read, address: 0 },
      { ...read, address: 0, interfaceIndex: 3, prefixLength: 128, noDad: true, scope: "host", tentative: false },
    );
  });

  it("say a default route with its metrics, and one through the other family", () => {
    const read = decodeRoute(
      encodeRoute({ destination: parseAddress("0.0.0.0"), prefixLength: 0, gateway: parseAddress("10.0.0.1"), mtu: 1480, advmss: 1440 }),
    );
    assert.deepEqual([read?.prefixLength, read?.mtu, read?.advmss, read?.table, read?.scope], [0, 1480, 1440, 254, "global"]);
    const mixed = decodeRoute(encodeRoute({ destination: parseAddress("10.0.0.0"), prefixLength: 8, gateway: parseAddress("fd00::9") }));
    assert.equal(mixed?.gateway && formatAddress(mixed.gateway), "fd00::9");
  });

  it("say the ways of a route that has several", () => {
    // struct rtnexthop (16 bytes, ifindex 2, RTA_GATEWAY 10.0.0.2) and another (ifindex 3, 10.0.0.3) inside RTA_MULTIPATH.
    const hops = "1000 00 00 02000000 0800 0500 0a000002  1000 00 00 03000000 0800 0500 0a000003";
    const read = decodeRoute(hex(`02 00 00 00 fe 04 00 01 00000000  2400 0900 ${hops}`));
    assert.deepEqual(
      read?.nextHops.map((hop) => [hop.interfaceIndex, hop.gateway && formatAddress(hop.gateway)]),
      [
        [2, "10.0.0.2"],
        [3, "10.0.0.3"],
      ],
    );
    assert.equal(read?.interfaceIndex, 2);
  });

  it("touch a link's state only when asked to", () => {
    assert.deepEqual([...encodeLinkChange(5, { mtu: 1500 }).subarray(8, 16)], Array(8).fill(0));
    assert.deepEqual([...encodeLinkChange(5, { up: true }).subarray(8, 16)], [1, 0, 0, 0, 1, 0, 0, 0]);
    assert.deepEqual([...encodeLinkChange(5, { up: false }).subarray(8, 16)], [0, 0, 0, 0, 1, 0, 0, 0]);
  });
});
