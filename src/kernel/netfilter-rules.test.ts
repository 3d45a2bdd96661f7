/** The tools are asked wherever they are, with nothing of our environment; they may be missing, fail, hang or talk without end. */

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type NetfilterTools, readNetfilterRules } from "./netfilter-rules.ts";

/** A directory with programs of these names, each a script for sh. */
function tools(t: TestContext, scripts: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-tools-"));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, name), 0o755);
  }
  return directory;
}

const read = (directory: string, more: NetfilterTools = {}) =>
  readNetfilterRules({ directories: ["/nonexistent", directory], proc: "/nonexistent", ...more });
const TABLE = "printf '*mangle\\nCOMMIT\\n'";
const CHAINS = JSON.stringify({
  nftables: [
    { chain: { family: "ip", table: "mangle", name: "PREROUTING", type: "filter", hook: "prerouting", prio: -150 } },
    { chain: { family: "inet", table: "lb", name: "one", type: "filter", hook: "prerouting", prio: 0 } },
    { chain: { family: "inet", table: "lb", name: "two", type: "filter", hook: "input", prio: 0 } },
    { chain: { family: "inet", table: "fw", name: "forward", type: "filter", hook: "forward", prio: 0 } },
  ],
});

test("where no tool is, there are no rules", (t) => {
  assert.deepEqual(read(tools(t, {})), { iptables: [], nft: [], failures: [] });
});

test("each family's nft variant is asked for the one table", (t) => {
  const directory = tools(t, { "iptables-nft-save": `${TABLE}; echo "# $*"`, "ip6tables-nft-save": TABLE });
  assert.deepEqual(read(directory), {
    iptables: [
      { family: "ipv4", name: join(directory, "iptables-nft-save"), text: "*mangle\nCOMMIT\n# -t mangle\n" },
      { family: "ipv6", name: join(directory, "ip6tables-nft-save"), text: "*mangle\nCOMMIT\n" },
    ],
    nft: [],
    failures: [],
  });
});

test("a plain iptables-save of which nothing says that it is the nft variant would make its table: it is not asked", (t) => {
  assert.deepEqual(read(tools(t, { "iptables-save": TABLE })).iptables, []);
});

test("the old iptables is asked where the kernel has its table, and before the nft variant", (t) => {
  const proc = tools(t, {});
  writeFileSync(join(proc, "ip_tables_names"), "filter\nmangle\n");
  writeFileSync(join(proc, "ip6_tables_names"), "filter\n");
  const names = ["iptables-nft-save", "iptables-legacy-save", "ip6tables-legacy-save"];
  const directory = tools(t, Object.fromEntries(names.map((name) => [name, TABLE])));
  const asked = (found: string) => read(found, { proc }).iptables.map(({ name }) => name);
  assert.deepEqual(asked(directory), [join(directory, "iptables-legacy-save"), join(directory, "iptables-nft-save")]);
  const plain = tools(t, { "iptables-save": TABLE, "ip6tables-save": TABLE });
  assert.deepEqual(asked(plain), [join(plain, "iptables-save")]);
  mkdirSync(join(plain, "ip_tables_names"));
  assert.match(read(plain, { proc: plain }).failures.join(), /^EISDIR/, "who may not read it cannot know");
});

test("nft is asked for the tables that have such chains, and for no others", (t) => {
  const directory = tools(t, { nft: `case "$*" in "-j list chains") echo '${CHAINS}' ;; *) echo "$*" ;; esac` });
  assert.deepEqual(read(directory).nft, ["-j list table inet lb\n"]);
});

test("nothing of our environment reaches them", (t) => {
  process.env["EVENKEEL_SECRET"] = "x";
  t.after(() => delete process.env["EVENKEEL_SECRET"]);
  const text = read(tools(t, { "iptables-nft-save": "env; pwd" }))
    .iptables.map((each) => each.text)
    .join();
  assert.doesNotMatch(text, /SECRET|HOME|NODE/);
  assert.match(text, /^PATH=\/usr\/sbin:\/usr\/bin:\/sbin:\/bin$/m);
  assert.match(text, /^\/$/m);
});

test("a tool that says that it cannot knows of no rules", (t) => {
  const broken = "echo half; echo 'Protocol not supported' >&2; exit 1";
  const { iptables, nft, failures } = read(tools(t, { "iptables-nft-save": broken, nft: broken }));
  assert.deepEqual([iptables.map(({ text }) => text), nft, failures], [[""], [], []]);
});

test("one that hangs or talks without end, and one that talks rubbish, are failures, and soon", { timeout: 20_000 }, (t) => {
  const hangs = tools(t, { "iptables-nft-save": "exec sleep 60", "ip6tables-nft-save": "exec sleep 60" });
  const { failures } = read(hangs, { patienceMs: 200 });
  assert.equal(failures.length, 2);
  assert.match(failures.join("\n"), /iptables-nft-save -t mangle: .*ETIMEDOUT/);
  const endless = read(tools(t, { nft: "exec yes" }), { outputMax: 100_000 });
  assert.match(endless.failures.join(), /nft -j list chains: .*ENOBUFS/);
  assert.match(read(tools(t, { nft: "echo rubbish" })).failures.join(), /nft -j list chains: it is no JSON/);
  const killed = read(tools(t, { nft: "kill -KILL $$" }));
  assert.match(killed.failures.join(), /nft -j list chains: it was killed/);
});
