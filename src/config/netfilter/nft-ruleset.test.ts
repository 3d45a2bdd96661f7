/** Rulesets of nft's own, as `nft -j list ruleset` prints them (nftables 1.0.6), to mark rules. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../model/address.ts";
import { describeMark } from "../../model/mark-rule.ts";
import { type NetfilterMarks, netfilterMarks } from "../netfilter-marks.ts";

type Expression = readonly unknown[];

const SERVICES = [1, 2].flatMap((mark) =>
  ["0.0.0.0", "::"].map((any) => ({ mark, address: parseAddress(any), port: 0, protocol: "tcp" as const })),
);

interface Table {
  readonly family?: string;
  readonly name?: string;
  /** More than the one at prerouting, "pre". */
  readonly objects?: readonly unknown[];
  readonly other?: readonly Expression[];
}

function listing(rules: readonly Expression[], { family = "inet", name = "lb", objects = [], other = [] }: Table = {}): string {
  const chain = { family, table: name, name: "pre", handle: 1, type: "filter", hook: "prerouting", prio: -150, policy: "accept" };
  const rule = (inChain: string) => (expr: Expression, i: number) => ({
    rule: { family, table: name, chain: inChain, handle: i + 2, expr },
  });
  const nftables = [{ metainfo: { version: "1.0.6", json_schema_version: 1 } }, { table: { family, name } }, { chain }, ...objects];
  return JSON.stringify({ nftables: [...nftables, ...other.map(rule("other")), ...rules.map(rule("pre"))] });
}

const takenOver = (nft: string) => netfilterMarks({ iptables: [], nft: [nft] }, SERVICES);
const described = ({ rules }: NetfilterMarks) => rules?.map(describeMark);
function come(nft: string, to: readonly string[]): void {
  const found = takenOver(nft);
  assert.deepEqual(found.complaints, []);
  assert.deepEqual(described(found), to);
}

const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
const meta = (key: string) => ({ meta: { key } });
const match = (left: unknown, right: unknown, op = "==") => ({ match: { op, left, right } });
const setMark = (value: unknown) => ({ mangle: { key: meta("mark"), value } });
const DPORT = payload("tcp", "dport");
const DADDR = payload("ip", "daddr");

test("the docs' example: two ports of one address", () => {
  come(listing([[match(DADDR, "192.0.2.10"), match(DPORT, { set: [80, 443] }), setMark(1)]], { family: "ip", name: "mangle" }), [
    "mark 1: tcp to 192.0.2.10/32 port 80",
    "mark 1: tcp to 192.0.2.10/32 port 443",
  ]);
});

test("each match that a mark rule can say is taken over", () => {
  const web = { prefix: { addr: "192.0.2.32", len: 28 } };
  const forms: readonly (readonly [Expression, readonly string[]])[] = [
    [[match(DADDR, web)], ["any protocol to 192.0.2.32/28"]],
    [[match(DADDR, { range: ["192.0.2.1", "192.0.2.3"] })], ["any protocol to 192.0.2.1/32", "any protocol to 192.0.2.2/31"]],
    [[match(payload("ip6", "saddr"), { prefix: { addr: "2001:db8::", len: 64 } })], ["any protocol from 2001:db8::/64"]],
    [[match(payload("sctp", "dport"), { range: [80, 90] })], ["sctp ports 80-90"]],
    [[match(payload("th", "dport"), 53)], ["any protocol port 53"]],
    [[match(meta("l4proto"), { set: ["tcp", "udp"] })], ["tcp", "udp"]],
    [[match(payload("ip", "protocol"), "udp")], ["udp ipv4"]],
    [[match(payload("ip6", "nexthdr"), "udp")], ["udp ipv6"]],
    [[match(meta("nfproto"), "ipv6"), match(meta("l4proto"), "udp")], ["udp ipv6"]],
    [[match(meta("protocol"), "ip"), match(meta("l4proto"), "udp")], ["udp ipv4"]],
    [[match(payload("ip", "protocol"), "icmp")], []],
    [[match(meta("iifname"), { set: ["eth0", "eth1"] })], ["any protocol on eth0", "any protocol on eth1"]],
    [[match(DPORT, 1024, ">=")], ["tcp ports 1024-65535"]],
    [[match(DPORT, 1024, "<")], ["tcp ports 0-1023"]],
    [[match({ concat: [DADDR, DPORT] }, { set: [{ concat: ["192.0.2.9", { range: [90, 99] }] }] })], ["tcp to 192.0.2.9/32 ports 90-99"]],
    [[match({ ct: { key: "state" } }, ["established", "related"], "in")], []],
    [[match({ ct: { key: "state" } }, "new", "in")], ["any protocol"]],
    [[match({ ct: { key: "state" } }, "new", "!=")], []],
    [[match({ ct: { key: "state" } }, { "|": ["established", "related"] }, "!="), match(DPORT, 80)], ["tcp port 80"]],
    [[match({ ct: { key: "state" } }, ["established", "new"], "!")], []],
    [[match({ ct: { key: "state" } }, { set: ["established", "related"] })], []],
    [[match(payload("tcp", "flags"), { set: [{ "|": ["syn", "ack"] }, "syn"] }), match(DPORT, 80)], ["tcp port 80"]],
    [[match(payload("tcp", "flags"), ["fin", "rst"], "!"), match(DPORT, 80)], ["tcp port 80"]],
    [[match({ "&": [payload("tcp", "flags"), ["fin", "syn", "rst", "ack"]] }, "syn"), match(DPORT, 80)], ["tcp port 80"]],
    [[match(payload("tcp", "flags"), "syn", "in")], ["tcp"]],
    [[match(payload("icmp", "type"), "echo-request")], []],
    [[match({ "&": [payload("tcp", "flags"), ["syn", "ack"]] }, ["syn", "ack"])], []],
    [[match(meta("mark"), 0), match(DPORT, 80)], ["tcp port 80"]],
    [[match({ "&": [meta("mark"), 255] }, 0, "!=")], []],
    [[{ counter: { packets: 1, bytes: 60 } }, { log: { prefix: "x" } }, match(DPORT, 80)], ["tcp port 80"]],
  ];
  for (const [matches, packets] of forms)
    come(
      listing([[...matches, setMark(1)]]),
      packets.map((each) => `mark 1: ${each}`),
    );
});

test("what a rule excepts is excepted, of packets that have the field", () => {
  come(listing([[match(DPORT, 22, "!="), setMark(1)]]), ["no mark: tcp port 22", "mark 1: tcp"]);
  come(listing([[match(DADDR, { set: ["192.0.2.1", "192.0.2.2"] }, "!="), setMark(1)]]), [
    "no mark: any protocol to 192.0.2.1/32",
    "no mark: any protocol to 192.0.2.2/32",
    "mark 1: any protocol ipv4",
  ]);
});

test("marks are set, or some bits of them are changed", () => {
  const tcp = match(meta("l4proto"), "tcp");
  const values: readonly (readonly [unknown, number])[] = [
    [{ "|": [meta("mark"), 1] }, 1],
    [{ "^": [meta("mark"), 2] }, 2],
    [{ "|": [{ "&": [meta("mark"), 0xffff_ff00] }, 2] }, 2],
  ];
  for (const [value, mark] of values) come(listing([[tcp, setMark(value)]]), [`mark ${mark}: tcp`]);
  come(listing([[tcp, setMark(0x101)], [setMark({ "&": [meta("mark"), 0xff] })]]), ["mark 1: tcp"]);
  come(listing([[tcp, setMark(1)], [setMark({ ct: { key: "mark" } })]]), []);
  come(listing([[tcp, setMark(1)], [{ mangle: { key: { ct: { key: "mark" } }, value: meta("mark") } }]]), ["mark 1: tcp"]);
});

test("maps and sets of the table are looked up by their names", () => {
  const objects = [
    { set: { family: "inet", table: "lb", name: "vips", elem: ["192.0.2.1", { elem: { val: "192.0.2.3", timeout: 60 } }] } },
    { set: { family: "inet", table: "other", name: "vips", elem: ["192.0.2.99"] } },
    {
      map: {
        family: "inet",
        table: "lb",
        name: "marks",
        map: "mark",
        elem: [
          [80, 1],
          [443, 2],
        ],
      },
    },
  ];
  come(listing([[match(DADDR, "@vips"), setMark(1)]], { objects }), [
    "mark 1: any protocol to 192.0.2.1/32",
    "mark 1: any protocol to 192.0.2.3/32",
  ]);
  for (const data of [
    "@marks",
    {
      set: [
        [80, 1],
        [443, 2],
      ],
    },
  ])
    come(listing([[setMark({ map: { key: DPORT, data } })]], { objects }), ["mark 2: tcp port 443", "mark 1: tcp port 80"]);
});

test("verdicts end the way, and chains and maps of verdicts are followed", () => {
  const other = [[match(DPORT, 22), { return: null }], [setMark(2)]];
  come(listing([[match(DADDR, "192.0.2.1"), { jump: { target: "other" } }]], { other }), [
    "no mark: tcp to 192.0.2.1/32 port 22",
    "mark 2: any protocol to 192.0.2.1/32",
  ]);
  const byState = {
    vmap: {
      key: { ct: { key: "state" } },
      data: {
        set: [
          ["established", { accept: null }],
          ["new", { jump: { target: "other" } }],
        ],
      },
    },
  };
  come(listing([[match(DADDR, "192.0.2.1"), byState]], { other: other.slice(1) }), ["mark 2: any protocol to 192.0.2.1/32"]);
  const byPort = {
    vmap: {
      key: DPORT,
      data: {
        set: [
          [80, { goto: { target: "other" } }],
          [{ range: [1, 9] }, { accept: null }],
        ],
      },
    },
  };
  come(listing([[byPort], [match(meta("l4proto"), "tcp"), setMark(1)]], { other: other.slice(1) }), [
    "mark 2: tcp port 80",
    "no mark: tcp ports 1-9",
    "mark 1: tcp",
  ]);
  come(listing([[match(DPORT, 80), setMark(1), { accept: null }], [setMark(2)]]), ["mark 1: tcp port 80", "mark 2: any protocol"]);
});

test("base chains are asked by priority, and those of other hooks and types not at all", () => {
  const base = (name: string, facts: object) => ({
    chain: { family: "inet", table: "lb", name, type: "filter", hook: "prerouting", prio: 0, policy: "accept", ...facts },
  });
  const rule = (chain: string, mark: number) => ({
    rule: { family: "inet", table: "lb", chain, handle: 9, expr: [match(meta("l4proto"), "tcp"), setMark(mark)] },
  });
  const with2 = (facts: object) =>
    listing([[match(meta("l4proto"), "tcp"), setMark(1)]], { objects: [base("more", facts), rule("more", 2)] });
  come(with2({ prio: -100 }), ["mark 2: tcp"]);
  come(with2({ prio: -300 }), ["mark 1: tcp"]);
  come(with2({ hook: "input", prio: -300 }), ["mark 2: tcp"]);
  come(with2({ hook: "output" }), ["mark 1: tcp"]);
  come(with2({ type: "nat" }), ["mark 1: tcp"]);
});

test("the tables of iptables-nft are left to iptables-save", () => {
  const chain = { family: "ip", table: "mangle", name: "PREROUTING", type: "filter", hook: "prerouting", prio: -150, policy: "accept" };
  const rule = { family: "ip", table: "mangle", chain: "PREROUTING", handle: 4, expr: [setMark(1)] };
  come(JSON.stringify({ nftables: [{ chain }, { rule }] }), []);
  come(JSON.stringify({ nftables: [{ chain: { ...chain, table: "own" } }, { rule: { ...rule, table: "own" } }] }), [
    "mark 1: any protocol ipv4",
  ]);
});

test("what cannot be said is told by the rule's handle", () => {
  const cases: readonly (readonly [Expression, string])[] = [
    [[match(meta("iifname"), "eth*"), setMark(1)], "meta iifname"],
    [[match({ fib: { result: "type", flags: ["daddr"] } }, "local"), setMark(1)], "fib"],
    [[{ limit: { rate: 10, burst: 5, per: "second" } }, setMark(1)], "limit"],
    [[match(payload("tcp", "sport"), 80), setMark(1)], "tcp sport"],
    [[match(meta("mark"), { set: [1, 2] }), setMark(1)], "meta mark"],
    [[match({ "&": [DADDR, "255.0.0.255"] }, "10.0.0.1"), setMark(1)], "ip daddr"],
    [[match(DADDR, "@nowhere"), setMark(1)], "ip daddr"],
    [[{ xt: { type: "match", name: "string" } }, setMark(1)], "xt"],
    [[setMark(1), match(DPORT, 80), { accept: null }], "tcp dport behind a statement"],
  ];
  for (const [expression, why] of cases) {
    const { rules, complaints } = takenOver(listing([expression]));
    assert.deepEqual(rules, []);
    assert.equal(
      complaints.join(),
      `mark 1: netfilter's rule "nft rule inet lb pre handle 2" is not taken over, for ${why}; addresses, protocol, destination ports, interface and mark can be`,
    );
  }
});

test("an answer that is no JSON is told, and other JSON has no rules", () => {
  assert.match(takenOver("{").complaints.join(), /^netfilter's rules for marks are not taken over: nft's answer is not understood: /);
  assert.equal(takenOver("{").rules, undefined);
  for (const text of ["null", "[]", "7", '{"nftables":7}', '{"nftables":[null,{"rule":7},{"chain":{"type":"filter"}}]}'])
    assert.deepEqual(takenOver(text), { rules: [], complaints: [] });
});
