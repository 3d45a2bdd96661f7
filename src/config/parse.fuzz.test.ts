/** Whatever stands in a file, parseConfiguration answers; it never throws. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatComplaint } from "./complaint.ts";
import { parseConfiguration } from "./parse.ts";
import { toDesired } from "./to-desired.ts";

const valid = `interfaces: [{name: eth0, hook: auto}]
settings: {timeouts: {tcp: 60}, expire_nodest_conn: true}
marks: [{mark: 1, source: 198.51.100.0/24, ports: 80-90}]
services:
  - {mark: 1, persistent: {timeout: 60, netmask: 255.255.255.0}, method: tun, servers: [{address: 10.0.0.9, tunnel: {type: gre}}]}
  - name: web
    address: 192.0.2.10
    port: 80
    scheduler: wrr
    method: nat
    servers:
      - { address: 10.0.0.11, port: 8080, weight: 3 }
      - { address: 10.0.0.12 }
`;

const fragments = fc.oneof(
  fc.constantFrom(
    "\t",
    "\n",
    "- ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "!!map ",
    "---\n",
    "#",
    "'",
    '"',
    "|\n",
    "? ",
    "<<: ",
    "\0",
    "\ufeff",
    "%YAML 9\n",
    "~",
    "...",
  ),
  fc.constantFrom(
    "__proto__: ",
    "constructor: ",
    "65536",
    "-1",
    "1e999",
    ".nan",
    "0x1f",
    "::1",
    "224.0.0.1",
    "\ud800",
    "services: ",
    "weight: ",
  ),
  fc.string({ maxLength: 6 }),
);

function answers(file: string | Uint8Array): void {
  const result = parseConfiguration(file, "evenkeel.yaml");
  if (!("complaints" in result)) {
    toDesired(result.configuration, []);
    return;
  }
  assert.ok(result.complaints.length > 0);
  for (const complaint of result.complaints) {
    const line = formatComplaint(complaint);
    assert.match(line, /^evenkeel\.yaml:[1-9]\d*:[1-9]\d*: ./);
    assert.ok(
      Array.from(line).every((character) => character >= " " && character !== "\u007f"),
      "a complaint is one line that no terminal obeys",
    );
  }
}

test("random text is answered with complaints", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), answers), { numRuns: 1000 });
});

test("random bytes are answered with complaints", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), answers), { numRuns: 1000 });
});

test("a valid file with pieces cut, repeated and put in is answered", () => {
  const wound = fc.record({ at: fc.nat({ max: valid.length }), cut: fc.nat({ max: 20 }), insert: fragments });
  fc.assert(
    fc.property(fc.array(wound, { minLength: 1, maxLength: 5 }), (wounds) => {
      answers(wounds.reduce((text, { at, cut, insert }) => text.slice(0, at) + insert + text.slice(at + cut), valid));
    }),
    { numRuns: 2000 },
  );
});

test("a mapping of the right keys with any values is answered", () => {
  const key = fc.constantFrom(
    "interfaces",
    "services",
    "servers",
    "address",
    "port",
    "weight",
    "method",
    "name",
    "hook",
    "scheduler",
    "protocol",
    "marks",
    "mark",
    "family",
    "source",
    "destination",
    "ports",
    "interface",
    "settings",
    "timeouts",
    "tcp",
    "conn_reuse_mode",
    "persistent",
    "timeout",
    "netmask",
    "prefix_length",
    "scheduler_flags",
    "one_packet",
    "full_nat",
    "upper_threshold",
    "lower_threshold",
    "tunnel",
    "type",
    "checksum",
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(key, tie("value"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(value, value, value, value, (services, interfaces, marks, settings) =>
      answers(JSON.stringify({ services, interfaces, marks, settings })),
    ),
    { numRuns: 1000 },
  );
});
