/** Whatever netfilter's tools print, netfilterMarks answers: with rules that the packet path takes, or with why there are none. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "../model/address.ts";
import { mistakeIn } from "../model/validity.ts";
import { type NetfilterRules, netfilterMarks } from "./netfilter-marks.ts";

const SERVICES = [1, 2, 0xffff_ffff].map((mark) => ({ mark, address: parseAddress("0.0.0.0"), port: 0, protocol: "tcp" as const }));

const words = fc.constantFrom(
  ..."-A -j -g -m -s -d -p -i -f ! PREROUTING INPUT one two MARK CONNMARK ACCEPT DROP RETURN LOG TPROXY tcp udp sctp all icmp 6 multiport".split(
    " ",
  ),
  ..."comment mark conntrack state iprange rpfilter set --dport --dports --sport --tcp-flags --syn --mark --ctstate --comment --src-range".split(
    " ",
  ),
  ..."--set-xmark --set-mark --or-mark --and-mark --xor-mark --restore-mark --nfmask --invert --match-set eth0 eth+ + 80 80:443 443:80 : 0:65535".split(
    " ",
  ),
  ..."65536 99999 80,443 1,,2 0x1 0x1/0xff 0xffffffff/0x0 0x1ffffffff -1 1/ /1 10.0.0.0/8 10.0.0.0/33 2001:db8::/32 ::/0 0.0.0.0/0 10.0.0.1-10.0.0.9".split(
    " ",
  ),
  ..."0.0.0.0-255.255.255.255 ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 255.0.255.0 FIN,SYN ALL NEW ESTABLISHED constructor __proto__ toString length".split(
    " ",
  ),
  '"',
  '""',
  '"a \\" b"',
  '"-j',
  "\\",
  "\0",
  "[1:2]",
  ":one - [0:0]",
  "*mangle",
  "COMMIT",
  "#",
);
const line = fc
  .tuple(
    fc.constantFrom("-A PREROUTING", "-A INPUT", "-A one", "-A two", "[1:1] -A one", "-A", ":one -", ":constructor -", ""),
    fc.array(words, { maxLength: 14 }),
  )
  .map(([head, rest]) => [head, ...rest].join(" "));
const saved = fc
  .array(fc.oneof({ weight: 9, arbitrary: line }, { weight: 1, arbitrary: fc.string() }), { maxLength: 30 })
  .map((lines) => ["*mangle", ":one -", ":two -", ...lines].join("\n"));

const names = fc.constantFrom(
  ..."rule chain set map family table name handle expr type hook prio policy elem match op left right payload protocol field meta ct key mangle value".split(
    " ",
  ),
  ..."vmap data jump goto target accept drop return range prefix addr len concat & | ^ counter limit xt val __proto__ constructor".split(
    " ",
  ),
);
const values = fc.constantFrom<unknown>(
  ..."ip ip6 inet lb pre other filter prerouting input accept drop == != in < > <= >= tcp udp th daddr saddr dport mark iifname l4proto nfproto state".split(
    " ",
  ),
  "new",
  "syn",
  "eth0",
  "eth*",
  "@s",
  "10.0.0.1",
  "2001:db8::1",
  0,
  1,
  80,
  65_536,
  -1,
  1.5,
  2 ** 32,
  null,
  true,
  "",
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof({ maxDepth: 6 }, values, fc.array(tie("tree"), { maxLength: 3 }), fc.dictionary(names, tie("tree"), { maxKeys: 4 })),
}));
const expressions = fc.array(
  fc.oneof(
    tree,
    fc.record({ match: fc.record({ op: values, left: tree, right: tree }) }),
    fc.record({ mangle: fc.record({ key: fc.constant({ meta: { key: "mark" } }), value: tree }) }),
    fc.record({ vmap: fc.record({ key: tree, data: fc.record({ set: fc.array(fc.tuple(tree, tree), { maxLength: 3 }) }) }) }),
  ),
  { maxLength: 5 },
);
const head = { family: "inet", table: "lb" };
const pre = { chain: { ...head, name: "pre", type: "filter", hook: "prerouting", prio: 0, policy: "accept" } };
const objects = fc.oneof(
  fc.record({
    rule: fc.record({ family: fc.constant("inet"), table: fc.constant("lb"), chain: fc.constantFrom("pre", "other"), expr: expressions }),
  }),
  tree,
);
const listing = fc.array(objects, { maxLength: 10 }).map((list) => JSON.stringify({ nftables: [pre, ...list] }));

const PATIENCE_MS = 5_000;

function answers(rules: NetfilterRules): void {
  const startMs = performance.now();
  const { rules: after, complaints } = netfilterMarks(rules, SERVICES);
  assert.ok(performance.now() - startMs < PATIENCE_MS, "it takes too long");
  if (after === undefined) assert.notEqual(complaints.length, 0);
  else assert.equal(mistakeIn({ kind: "edit-marks", before: [], after }), undefined);
}

test("whatever iptables-save prints is answered", { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(saved, fc.constantFrom("ipv4", "ipv6"), (text, family) =>
      answers({ iptables: [{ family, name: "iptables", text }], nft: [] }),
    ),
    { numRuns: 3000 },
  );
});

test("whatever nft prints is answered", { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.oneof({ weight: 9, arbitrary: listing }, { weight: 1, arbitrary: fc.json() }), (nft) =>
      answers({ iptables: [], nft: [nft] }),
    ),
    { numRuns: 3000 },
  );
});
