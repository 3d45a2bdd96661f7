import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../model/address.ts";
import { differentConnections } from "./connection-lines.ts";
import { parseOrder } from "./ipvsadm.ts";
import { type Marked, markOf, parseMarkRules } from "./marks.ts";
import { BadRecording } from "./recorded.ts";
import { referenceEngines, replayRecording } from "./replay-recording.ts";

const order = (line: string) => parseOrder(line.split(" "));

test("a server's command says address, port, weight, method and thresholds", () => {
  const parsed = order("-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 5 -x 6 -y 3");
  assert.equal(parsed.kind, "add-server");
  if (parsed.kind !== "add-server") return;
  const { port, weight, method, upperThreshold, lowerThreshold } = parsed.facts;
  assert.deepEqual(
    { port, weight, method, upperThreshold, lowerThreshold },
    { port: 8080, weight: 5, method: "nat", upperThreshold: 6, lowerThreshold: 3 },
  );
});

test("what a command leaves out is as ipvsadm has it", () => {
  const service = order("-A -f 7 -p");
  assert.ok(service.kind === "add-service");
  assert.equal(service.rules.schedulerName, "wlc");
  assert.deepEqual(service.rules.persistence, { timeoutSeconds: 300, prefixLength: 32 });
  const server = order("-a -t [2001:db8::1]:80 -r [2001:db8::2]");
  assert.ok(server.kind === "add-server");
  assert.deepEqual([server.facts.port, server.facts.weight, server.facts.method], [80, 1, "dr"]);
  assert.ok(order("--add-service --tcp-service 192.0.2.1:80 --scheduler sh --sched-flags sh-port,sh-fallback").kind === "add-service");
});

test("netmasks are prefixes, and whole bytes of any kind", () => {
  for (const [mask, length] of [
    ["255.255.255.0", 24],
    ["255.255.240.0", 20],
    ["255.255.255.255", 32],
  ] as const) {
    const parsed = order(`-A -t 192.0.2.1:80 -s rr -p 10 -M ${mask}`);
    assert.ok(parsed.kind === "add-service");
    assert.equal(parsed.rules.persistence?.prefixLength, length);
  }
});

test("a command that would be misread is refused by name", () => {
  for (const line of [
    "-Q",
    "-A -t 192.0.2.1:80 --pe sip",
    "-A -t 192.0.2.1:80 -s best",
    "-a -t 192.0.2.1:80",
    "-A -t 192.0.2.1:80 -p 9 -M 255.0.255.0",
  ]) {
    assert.throws(() => order(line), BadRecording);
  }
});

test("marks are those of the last rule that matches", () => {
  const packet: Marked = { protocol: "tcp", client: parseAddress("198.51.100.1"), address: parseAddress("198.18.3.4"), port: 80 };
  const rules = [
    ...parseMarkRules(["iptables", "-t", "mangle", "-A", "PREROUTING", "-d", "198.18.0.0/15", "-j", "MARK", "--set-mark", "7"]),
    ...parseMarkRules([
      "iptables",
      "-t",
      "mangle",
      "-A",
      "PREROUTING",
      "-d",
      "198.18.0.0/15",
      "-p",
      "tcp",
      "--dport",
      "8000:8080",
      "-j",
      "MARK",
      "--set-mark",
      "0x8",
    ]),
    ...parseMarkRules([
      "nft",
      "add table ip m; add chain ip m pre { type filter hook prerouting priority mangle; }; add rule ip m pre ip saddr 203.0.113.0/24 meta mark set 9",
    ]),
  ];
  assert.equal(markOf(rules, packet), 7);
  assert.equal(markOf(rules, { ...packet, port: 8080 }), 8);
  assert.equal(markOf(rules, { ...packet, protocol: "udp", port: 8080 }), 7);
  assert.equal(markOf(rules, { ...packet, client: parseAddress("203.0.113.9") }), 9);
  assert.equal(markOf(rules, { ...packet, address: parseAddress("198.20.0.1") }), 0);
  assert.throws(() => parseMarkRules(["iptables", "-i", "eth0", "-j", "MARK", "--set-mark", "7"]), BadRecording);
});

test("lists of connections are equal in any order, and a second apart", () => {
  const [one, other] = ["TCP A 1 B 2 C 3 ESTABLISHED 900", "TCP D 1 B 2 C 3 TIME_WAIT 119"];
  const differ = (expected: string[], found: string[]) => {
    const told = differentConnections(expected, found);
    return told.expected !== told.chosen;
  };
  assert.ok(!differ([one, other], [other.replace("119", "120"), one]));
  assert.ok(differ([one, other], [one]));
  assert.ok(differ([one], [one.replace("900", "902")]));
  assert.ok(differ([one], [one.replace("ESTABLISHED", "CLOSE")]));
});

const AFTER_ADD = [["10.0.0.1:80", 1, 0, 0]];
const CASE = {
  case: "tiny",
  scheduler: "rr",
  events: [
    { op: "ipvsadm", args: ["-A", "-t", "192.0.2.1:80", "-s", "rr"], t: 0, rc: 0, after: [] },
    { op: "ipvsadm", args: ["-a", "-t", "192.0.2.1:80", "-r", "10.0.0.1:80", "-m"], t: 0.1, rc: 0, after: AFTER_ADD },
    {
      op: "connect",
      id: 0,
      src: "198.51.100.1",
      sport: 4000,
      dst: "192.0.2.1",
      dport: 80,
      t: 0.2,
      dest: "10.0.0.1:80",
      after: [["10.0.0.1:80", 1, 1, 0]],
    },
  ],
};

test("a case that agrees has no difference, and one that does not tells the event", () => {
  assert.deepEqual(replayRecording(CASE, referenceEngines()), { decisions: 1, differences: [] });
  const other = { ...CASE, events: CASE.events.map((event) => ("dest" in event ? { ...event, dest: "10.0.0.2:80" } : event)) };
  assert.deepEqual(replayRecording(other, referenceEngines())?.differences, [
    { part: "tiny", event: 2, expected: "10.0.0.2:80", chosen: "10.0.0.1:80" },
  ]);
  const counted = { ...CASE, events: CASE.events.map((event) => ("dest" in event ? { ...event, after: AFTER_ADD } : event)) };
  assert.equal(replayRecording(counted, referenceEngines())?.differences.length, 1);
});

test("a command that was refused then has to be refused now", () => {
  const again = { ...CASE, events: [...CASE.events.slice(0, 1), { ...CASE.events[0], rc: 254 }] };
  assert.deepEqual(replayRecording(again, referenceEngines())?.differences, []);
  const wrongly = { ...CASE, events: [...CASE.events.slice(0, 1), CASE.events[0]] };
  assert.equal(replayRecording(wrongly, referenceEngines())?.differences[0]?.chosen, "EEXIST");
});

test("what is not a recording is passed over, and a broken one is named", () => {
  for (const other of [null, 1, [], {}, { case: "vrrp", events: [] }]) assert.equal(replayRecording(other, referenceEngines()), undefined);
  assert.throws(() => replayRecording({ ...CASE, events: [{ op: "zap", t: 0, after: [] }] }, referenceEngines()), BadRecording);
  assert.throws(
    () => replayRecording({ scenarios: [{ seed: "x", ops: [["svc", "twos", 0, 4], ["zap"]] }] }, referenceEngines()),
    BadRecording,
  );
  assert.throws(() => replayRecording({ ...CASE, events: [{ ...CASE.events[2], src: "nowhere" }] }, referenceEngines()), BadRecording);
});
