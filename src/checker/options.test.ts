import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { CheckOptionsError } from "./checker.ts";
import { CHECK_KINDS, type CheckKind, prepareCheck } from "./index.ts";

const MISTAKES: readonly [kind: CheckKind, options: unknown, complaints: readonly string[]][] = [
  ["tcp", { port: 0, bind: "eth0" }, ["port: 0 is below 1, the least port", 'bind: "eth0" is not an IPv4 or IPv6 address']],
  ["tcp", { adress: "10.0.0.1" }, ['adress: unknown key; did you mean "address"? allowed: address, port, bind']],
  ["tcp", { address: "2001:db8::1", bind: "10.0.0.1" }, ["bind: an IPv4 address cannot be bound to reach an address of the other family"]],
  ["http", { method: "FETCH" }, ['method: "FETCH" is not a method; allowed: GET, HEAD, OPTIONS, POST']],
  ["http", { path: "health" }, ['path: "health" is not a path; it begins with a slash and has no spaces']],
  ["http", { path: "/a b\r\nX: y" }, ['path: "/a b\\r\\nX: y" is not a path; it begins with a slash and has no spaces']],
  ["http", { status: 99 }, ['status: "99" is not a status; a status is 100 to 999, a range is written "200-299", several stand in a list']],
  [
    "http",
    { status: "300-200" },
    ['status: "300-200" is not a status; a status is 100 to 999, a range is written "200-299", several stand in a list'],
  ],
  ["http", { headers: { "X Y": "z" } }, ['headers: "X Y" is not the name of a header']],
  ["http", { headers: { Host: "a" } }, ['headers: the header Host is not set here; use the key "host"']],
  ["http", { headers: { A: "b\r\nC: d" } }, ["headers: the value of the header A has characters that a header cannot have"]],
  ["http", { body: "x" }, ["body: only a POST has a body"]],
  ["http", { version: 3 }, ["version: 3 is not a version of HTTP; allowed: 1.1, 2"]],
  ["http", { matches: "(" }, ['matches: "(": Invalid regular expression: /(/: Unterminated group']],
  [
    "http",
    { matches: "(a+)+\\1" },
    ['matches: "(a+)+\\\\1": it cannot be matched in linear time; leave out lookahead, lookbehind, backreferences and repeats of hundreds'],
  ],
  [
    "http",
    { digest: "sha256:12" },
    ['digest: "sha256:12" is not a digest; write md5:, sha1:, sha256: or sha512: and its hexadecimal digits'],
  ],
  [
    "http",
    { verify: true },
    ["verify: unknown key; allowed: address, port, bind, method, path, host, headers, body, status, version, contains, matches, digest"],
  ],
  ["https", { server_name: "a b" }, ['server_name: "a b" is not a host name']],
  [
    "tls",
    { days_left: -1, verify: "no" },
    ['verify: "no" is neither on nor off; it is true or false, or 1 or 0', "days_left: -1 is below 0, the least number of days"],
  ],
  ["udp", { payload: "a", payload_hex: "61" }, ["payload_hex: the payload stands here twice: payload, payload_hex"]],
  ["udp", { payload_hex: "6" }, ['payload_hex: "6" is not hexadecimal; write two digits a byte']],
  [
    "dns",
    { name: "a..b", type: "AAA" },
    [
      'name: "a..b": each part of a name has 1 to 63 characters',
      'type: "AAA" is not a record type; allowed: A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, ANY',
    ],
  ],
  ["smtp", { hello: "a\r\nQUIT" }, ['hello: "a\\r\\nQUIT" is not a host name or an address in brackets']],
  ["ping", { port: 80 }, ["port: unknown key; allowed: address, bind, bytes"]],
  ["grpc", { service: 7 }, ["service: 7 is not the name of a service"]],
  ["script", {}, ['the key "command" is missing']],
  ["agent", { send: 7 }, ["send: 7 is not text"]],
];

describe("the options of a check", () => {
  for (const [kind, options, complaints] of MISTAKES)
    test(`${kind} refuses ${JSON.stringify(options)}, and says what is allowed`, () =>
      assert.deepEqual(complaintsOf(kind, options), complaints));

  test("of any kind are read or refused, whatever they are", () => {
    const values = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(fc.string()),
      fc.dictionary(fc.string(), fc.anything()),
    );
    const keys = fc.constantFrom(
      "address",
      "port",
      "bind",
      "path",
      "status",
      "headers",
      "matches",
      "digest",
      "payload",
      "name",
      "bytes",
      "send",
      "ca",
    );
    fc.assert(
      fc.property(fc.constantFrom(...CHECK_KINDS), fc.oneof(fc.dictionary(keys, values), fc.anything()), (kind, options) => {
        complaintsOf(kind, options);
      }),
      { numRuns: 2000 },
    );
  });
});

function complaintsOf(kind: CheckKind, options: unknown): string[] {
  try {
    prepareCheck(kind, options);
    return [];
  } catch (error) {
    if (!(error instanceof CheckOptionsError)) throw error;
    return error.mistakes.map(({ path, text }) => [...(path.length === 0 ? [] : [path.join(".")]), text].join(": "));
  }
}
