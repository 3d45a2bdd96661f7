/**
 * Whatever stands in a file, parseConfiguration answers; it never throws. 100,000 files: small ones that are wrong in one or a few places, since
 * those come farthest. Options of checks have a test of their own (checker/check-kinds.fuzz.test.ts).
 */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { compareConfigurations } from "./compare.ts";
import { type Complaint, formatComplaint } from "./complaint.ts";
import { describeCheck } from "./describe-check.ts";
import { parseConfiguration } from "./parse.ts";
import { FILE_KEYS, SERVICE_PARTS, serverShape, serviceShape } from "./schema.ts";
import { checkShape } from "./schema-checks.ts";
import { apiShape, apiTcpShape, directorShape, notifyShape } from "./schema-director.ts";
import { INSTANCE_PARTS, instanceShape } from "./schema-instances.ts";
import { toDesired } from "./to-desired.ts";

const FILES_MIN = 100_000;
/** How often each property runs, in thousands; together FILES_MIN. */
const SHARES = { text: 5, bytes: 5, wounds: 30, values: 40, keys: 20 };

let answered = 0;
let accepted = 0;

/** Each part of the format once; small, so that many can be made of them. */
const PARTS: readonly object[] = [
  { interfaces: [{ name: "eth0", hook: "auto" }], settings: { timeouts: { tcp: 60 }, expire_nodest_conn: true } },
  { marks: [{ mark: 1, source: "198.51.100.0/24", ports: "80-90" }] },
  {
    services: [{ mark: 1, persistent: { timeout: 60, netmask: "255.255.255.0" }, method: "tun", servers: [tunnelled()] }],
    marks: [{ mark: 1 }],
  },
  { services: [service({ checks: ["tcp", { http: { path: "/" }, interval: "1s", fast_interval: "200ms", jitter: 0.1 }] })] },
  { services: [service({ quorum: { weight: 1, hysteresis: 0, up: "/bin/true" }, sorry_server: { address: "10.0.0.9" } })] },
  { services: [service({ hairpin: true, alpha: true, checks: [{ ping: null, rise: 1, fall: 2 }], drain_deadline: "5m" })] },
  { director: { by_hand: "revert", compare: 60 }, journal: { entries: 1000, days: 7 } },
  { api: { socket: "/run/a", group: "adm", tcp: { address: "::1", port: 80, token_file: "/etc/t" } } },
  { notify: [{ command: ["/bin/tell", "a"], user: "nobody", timeout: "5s", events: ["server-up"] }] },
  {
    instances: [
      { name: "a", interface: "eth0", vrid: 5, version: 2, addresses: ["192.0.2.1/24"], authentication: { type: "pass", password: "a" } },
    ],
  },
  {
    instances: [
      { name: "a", interface: "eth0", vrid: 5, addresses: ["192.0.2.1"], peers: ["10.0.0.1"], track: [{ interface: "b", weight: -5 }] },
    ],
  },
];

function service(more: object): object {
  return { name: "web", address: "192.0.2.10", port: 80, method: "nat", servers: [{ address: "10.0.0.11", weight: 3 }], ...more };
}

function tunnelled(): object {
  return { address: "10.0.0.9", tunnel: { type: "gue", port: 6080, checksum: true } };
}

const BASES = PARTS.map((part) => ({ services: [], ...part }));
const TEXTS = BASES.flatMap((base) => [stringify(base), JSON.stringify(base), stringify(base, { flow: true })]);
const GOOD = (() => {
  const result = parseConfiguration(stringify(BASES[3]), "good.yaml");
  assert.ok(!("complaints" in result));
  return result.configuration;
})();

function answers(file: string | Uint8Array): void {
  answered++;
  const result = parseConfiguration(file, "evenkeel.yaml");
  if ("complaints" in result) {
    assert.ok(result.complaints.length > 0);
    for (const complaint of result.complaints) assertGood(complaint);
    return;
  }
  accepted++;
  // What is accepted can be used.
  toDesired(result.configuration, []);
  compareConfigurations(GOOD, result.configuration);
  for (const { servers } of result.configuration.services)
    for (const { checks } of servers) for (const check of checks) describeCheck(check);
}

function assertGood(complaint: Complaint): void {
  const line = formatComplaint(complaint);
  assert.match(line, /^evenkeel\.yaml:[1-9]\d*:[1-9]\d*: ./);
  assert.ok(!/[\p{Cc}\p{Zl}\p{Zp}]/u.test(line), "a complaint is one line that no terminal obeys");
}

const PIECES =
  "\t|\n|- |: |[|]|{|}|&a |*a |!!map |---\n|#|'|\"|>\n|? |<<: |\0|\ufeff|%YAML 9\n|~|...|__proto__: |constructor: |65536|-1|1e999|.nan|0x1f|" +
  "::1|224.0.0.1|\ud800|services: |weight: |checks: |5s|1e-9s|http: |/";

const fragments = fc.oneof(fc.constantFrom(...PIECES.split("|")), fc.string({ maxLength: 6 }));

const scalars = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, 1, -1, 0.5, 65535, 65536, 2 ** 31, Number.NaN, Number.POSITIVE_INFINITY, 1e21),
  fc.constantFrom("", "tcp", "nat", "dr", "10.0.0.1", "::1", "192.0.2.0/24", "5s", "1e9d", "/bin/true", "eth0", "\u001b[2J", "\u2028"),
  fc.string({ maxLength: 4 }),
);

const KEYS = [
  ...FILE_KEYS,
  ...SERVICE_PARTS,
  ...INSTANCE_PARTS,
  ...[serviceShape, serverShape, checkShape, apiShape, apiTcpShape, directorShape, notifyShape, instanceShape].flatMap(Object.keys),
  ..."__proto__ constructor toString http tcp tunnel type netmask timeout".split(" "),
];
const key = fc.constantFrom(...new Set(KEYS));
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 2 }, scalars, fc.array(tie("value"), { maxLength: 3 }), fc.dictionary(key, tie("value"), { maxKeys: 3 })),
}));

function runs(share: number): { readonly numRuns: number } {
  return { numRuns: share * 1000 };
}

test("random text is answered with complaints", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 100 }), answers), runs(SHARES.text));
});

test("random bytes are answered with complaints", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), answers), runs(SHARES.bytes));
});

test("a valid file with pieces cut, repeated and put in is answered", () => {
  const wound = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat({ max: 12 }), insert: fragments });
  const wounds = fc.array(wound, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.constantFrom(...TEXTS), wounds, (text, cuts) => {
      answers(
        cuts.reduce((whole, { at, cut, insert }) => {
          const from = Math.floor(at * whole.length);
          return whole.slice(0, from) + insert + whole.slice(from + cut);
        }, text),
      );
    }),
    runs(SHARES.wounds),
  );
});

test("a valid file with any value in the place of one of its own is answered", () => {
  fc.assert(
    fc.property(fc.constantFrom(...BASES), fc.nat(), value, (base, at, other) => answers(JSON.stringify(replaced(base, at, other)))),
    runs(SHARES.values),
  );
});

test("the right keys with any values are answered", () => {
  const section = fc.constantFrom(...FILE_KEYS.filter((each) => each !== "services"));
  fc.assert(
    fc.property(section, value, value, (name, one, other) =>
      answers(JSON.stringify({ services: [service({ checks: other })], [name]: one })),
    ),
    runs(SHARES.keys),
  );
});

/** With one node, counted from 0 in the order of a walk, replaced; sometimes its key is, too. */
function replaced(base: object, at: number, other: unknown): unknown {
  let count = 0;
  const total = sizeOf(base);
  const chosen = at % total;
  const walk = (node: unknown): unknown => {
    if (count++ === chosen) return other;
    if (Array.isArray(node)) return node.map(walk);
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([name, inner]) => [name, walk(inner)]));
  };
  return walk(base);
}

function sizeOf(node: unknown): number {
  if (typeof node !== "object" || node === null) return 1;
  return Object.values(node).reduce((sum: number, inner) => sum + sizeOf(inner), 1);
}

after(() => {
  assert.ok(answered >= FILES_MIN, `${answered} files`);
  assert.ok(accepted > 1000, `${accepted} of them were accepted, so that what comes after the parser was asked too`);
  console.log(`${answered} configurations, ${accepted} of them right`);
});
