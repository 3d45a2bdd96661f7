import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatAddress, formatEndpoint } from "../../model/address.ts";
import { parseQuestion, type QuestionOptions } from "./question.ts";

const web = { service: "tcp:192.0.2.1:80", from: "198.51.100.7" };

function read(options: Partial<QuestionOptions>) {
  const { client, clientPort, destination, protocol, mark, interfaceName } = parseQuestion({ ...web, ...options });
  const to = destination === undefined ? undefined : formatEndpoint(destination.address, destination.port);
  return { protocol, client: formatAddress(client), clientPort, to, mark, interfaceName };
}

const usual = {
  protocol: "tcp",
  client: "198.51.100.7",
  clientPort: undefined,
  to: "192.0.2.1:80",
  mark: undefined,
  interfaceName: undefined,
} as const;
const six = { ...usual, client: "2001:db8:c::7", to: "[2001:db8::1]:53" } as const;

describe("a question", () => {
  for (const [options, expected] of [
    [{}, usual],
    [{ service: "192.0.2.1:80" }, usual],
    [{ service: "udp:192.0.2.1:53" }, { ...usual, protocol: "udp", to: "192.0.2.1:53" }],
    [
      { service: "sctp:192.0.2.1:80", from: "198.51.100.7:40000" },
      { ...usual, protocol: "sctp", clientPort: 40_000 },
    ],
    [
      { service: "udp:[2001:db8::1]:53", from: "2001:db8:c::7" },
      { ...six, protocol: "udp" },
    ],
    [
      { service: "[2001:db8::1]:53", from: "[2001:db8:c::7]:9" },
      { ...six, clientPort: 9 },
    ],
    [{ service: "[2001:db8::1]:53", from: "[2001:db8:c::7]" }, six],
    [{ service: "mark:7" }, { ...usual, to: undefined, mark: 7 }],
    [{ service: "mark:4294967295:ipv4" }, { ...usual, to: undefined, mark: 4_294_967_295 }],
    [
      { service: "mark:7:ipv6", from: "2001:db8:c::7" },
      { ...six, to: undefined, mark: 7 },
    ],
    [
      { service: "mark:7", to: "udp:192.0.2.1:53" },
      { ...usual, protocol: "udp", to: "192.0.2.1:53", mark: 7 },
    ],
    [{ interface: "eth1" }, { ...usual, interfaceName: "eth1" }],
  ] as const) {
    test(`is read from ${JSON.stringify(options)}`, () => assert.deepEqual(read(options), expected));
  }

  for (const [options, message] of [
    [{ service: "tcp:192.0.2.300:80" }, '--service tcp:192.0.2.300:80 at character 5: "192.0.2.300" is not an IPv4 or IPv6 address'],
    [{ service: "tcp:192.0.2.1" }, "--service tcp:192.0.2.1 at character 14: the port is missing"],
    [{ service: "tcp:192.0.2.1:" }, "--service tcp:192.0.2.1: at character 15: the port is missing"],
    [{ service: "tcp:192.0.2.1:http" }, '--service tcp:192.0.2.1:http at character 15: "http" is no port'],
    [{ service: "tcp:192.0.2.1:0" }, "--service tcp:192.0.2.1:0 at character 15: there is no port 0: those are 1 to 65535"],
    [{ service: "tcp:192.0.2.1:65536" }, "--service tcp:192.0.2.1:65536 at character 15: there is no port 65536: those are 1 to 65535"],
    [{ service: "icmp:192.0.2.1:80" }, '--service icmp:192.0.2.1:80: there is no protocol "icmp"'],
    [{ service: "tcp::80" }, "--service tcp::80 at character 5: the address is missing"],
    [{ service: "" }, "--service : the address is missing"],
    [{ service: "tcp:2001:db8::1" }, "--service tcp:2001:db8::1 at character 16: the port is missing"],
    [{ service: "tcp:[2001:db8::1]:80" }, "--service tcp:[2001:db8::1]:80: the client is ipv4, and this is not"],
    [{ service: "mark:0" }, '--service mark:0 at character 6: "0" is no mark: those are 1 to 4294967295'],
    [{ service: "mark:" }, '--service mark: at character 6: "" is no mark: those are 1 to 4294967295'],
    [{ service: "mark:7:ipv5" }, '--service mark:7:ipv5 at character 8: "ipv5" is neither ipv4 nor ipv6'],
    [{ service: "mark:7:ipv6" }, "--service mark:7:ipv6: the client is ipv4, and this is not"],
    [{ from: "198.51.100.7/24" }, '--from 198.51.100.7/24: "198.51.100.7/24" is not an IPv4 or IPv6 address'],
    [{ from: "[2001:db8::1]:x" }, '--from [2001:db8::1]:x at character 15: "x" is no port'],
    [{ to: "192.0.2.1:80" }, "--to 192.0.2.1:80: only a service by mark is asked with --to: --service says where the packet goes"],
    [{ service: "mark:7", to: "192.0.2.1" }, "--to 192.0.2.1 at character 10: the port is missing"],
    [{ service: "mark:7", to: "[::1]:80" }, "--to [::1]:80: the client is ipv4, and this is not"],
  ] as const) {
    test(`is refused with the place of the mistake: ${JSON.stringify(options)}`, () =>
      assert.throws(() => read(options), { code: "BAD_ARGUMENT", message }));
  }
});
