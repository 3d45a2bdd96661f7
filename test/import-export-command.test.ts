/** `evenkeel import` and `evenkeel export` as they are called: what goes where, and with which exit code. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { addAddress } from "../src/kernel/addresses.ts";
import { addLink, changeLink, getLink } from "../src/kernel/links.ts";
import { parseAddress } from "../src/model/address.ts";
import { OwnNamespace } from "./ipvsadm/own-namespace.ts";
import { recordings } from "./ipvsadm/recordings.ts";
import { need } from "./need.ts";

const EVENKEEL = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "evenkeel-import-"));
after(() => rmSync(directory, { recursive: true, force: true }));

function evenkeel(
  args: readonly string[],
  input = "",
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(EVENKEEL, args, { encoding: "utf8", input, cwd: directory, timeout: 60_000 });
  return { status, stdout, stderr };
}

function file(name: string, text: string): string {
  writeFileSync(join(directory, name), text);
  return name;
}

const GOOD = "virtual_server 192.0.2.1 80 {\n  protocol TCP\n  ha_suspend\n  real_server 10.0.0.1 80 {\n  }\n}\n";
const YAML = `# From k.conf, by evenkeel import. The account of it says what could not be carried.

services:
  # k.conf:1
  - address: 192.0.2.1
    port: 80
    scheduler: wlc
    method: nat
    servers:
      - { address: 10.0.0.1 }
`;

test("The configuration goes to the standard output, the account to the standard error or where it is wanted", () => {
  file("k.conf", GOOD);
  const { status, stdout, stderr } = evenkeel(["import", "keepalived", "k.conf"]);
  assert.deepEqual([status, stdout], [0, YAML]);
  assert.match(stderr, /^k\.conf: 4 statements: 3 exact, 0 approximated, 1 not carried\n(.*\n){4}$/);
  const toFile = evenkeel(["import", "keepalived", "k.conf", "--report", "account"]);
  assert.deepEqual([toFile.stdout, toFile.stderr, readFileSync(join(directory, "account"), "utf8")], [YAML, "", stderr]);
  assert.deepEqual(evenkeel(["import", "keepalived", "k.conf", "--report", "-"]), { status: 0, stdout: stderr, stderr: "" });
  const json = JSON.parse(evenkeel(["import", "keepalived", "k.conf", "-o", "json"]).stdout) as Record<string, unknown>;
  assert.deepEqual([json["configuration"], (json["entries"] as unknown[]).length], [parse(YAML), 4]);
  const piped = evenkeel(["import", "keepalived", "-"], GOOD);
  assert.deepEqual([piped.status, parse(piped.stdout)], [0, parse(YAML)]);
});

test("Exit code 1 with --strict when something was not carried, 3 for a broken file, 2 for no file", () => {
  file("k.conf", GOOD);
  assert.equal(evenkeel(["import", "keepalived", "k.conf", "--strict"]).status, 1);
  file("all.conf", GOOD.replace("  ha_suspend\n", ""));
  assert.equal(evenkeel(["import", "keepalived", "all.conf", "--strict"]).status, 0);
  const broken = evenkeel(["import", "keepalived", file("broken.conf", GOOD.replace("192.0.2.1", "192.0.2.x"))]);
  assert.deepEqual([broken.status, broken.stdout], [3, ""]);
  assert.match(
    broken.stderr,
    /^evenkeel: broken\.conf:1:16: "192\.0\.2\.x" is not an IPv4 or IPv6 address\n {2}cure: correct broken\.conf; nothing was written\n$/,
  );
  assert.equal(evenkeel(["import", "keepalived", "none.conf"]).status, 3);
  assert.equal(evenkeel(["import", "keepalived"]).status, 2);
});

test("Files are included by patterns, in their order, relative to the file that includes", () => {
  mkdirSync(join(directory, "conf.d"), { recursive: true });
  const server = (last: number) => `virtual_server 192.0.2.${last} 80 {\nprotocol TCP\ninclude ../pool.inc\n}\n`;
  file("conf.d/b.conf", server(2));
  file("conf.d/a.conf", server(1));
  file("pool.inc", "real_server 10.0.0.1 80 {\n}\n");
  file("main.conf", "include conf.d/*.conf\ninclude nothing/*.conf\n");
  const { status, stdout } = evenkeel(["import", "keepalived", "main.conf"]);
  assert.equal(status, 0);
  assert.deepEqual(
    (parse(stdout) as { services: { address: string }[] }).services.map(({ address }) => address),
    ["192.0.2.1", "192.0.2.2"],
  );
  const endless = evenkeel(["import", "keepalived", file("endless.conf", "include /dev/zero\n")]);
  assert.equal(endless.status, 3);
  assert.match(endless.stderr, /"\/dev\/zero" cannot be included: it is no regular file/);
  const missing = evenkeel(["import", "keepalived", file("missing.conf", "\ninclude none.conf\n")]);
  assert.equal(missing.status, 3);
  assert.match(missing.stderr, /missing\.conf:2:1: the file "none\.conf" cannot be included: ENOENT/);
});

test("ipvsadm's lines are imported with an account of each; what is wrong is told by its line", () => {
  const rules = `# by hand
--set 900 60 30
-A -t 192.0.2.1:80 -s rr -b flag-1
-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 70000 -x 10
-A -f 7 -6 -s wlc -p 360 -M 64
--start-daemon master --mcast-interface eth0
`;
  const { status, stdout, stderr } = evenkeel(["import", "ipvsadm", "-"], rules);
  assert.equal(status, 0);
  assert.deepEqual(parse(stdout), {
    settings: { timeouts: { tcp: 900, tcp_fin: 60, udp: 30 }, marks_from_outside: true },
    services: [
      {
        address: "192.0.2.1",
        port: 80,
        scheduler: "rr",
        method: "nat",
        servers: [{ address: "10.0.0.1", port: 8080, weight: 65535, upper_threshold: 10 }],
      },
      { mark: 7, family: "ipv6", scheduler: "wlc", method: "nat", persistent: { timeout: 360, prefix_length: 64 }, servers: [] },
    ],
  });
  assert.equal(
    stderr,
    `standard input: 5 statements: 2 exact, 2 approximated, 1 not carried
standard input:2  exact         --set 900 60 30
standard input:3  approximated  -A -t 192.0.2.1:80 -s rr -b flag-1                fallback of rr has no effect, and no key
standard input:4  approximated  -a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 700...  65535, the greatest weight
standard input:5  exact         -A -f 7 -6 -s wlc -p 360 -M 64
standard input:6  not carried   --start-daemon master --mcast-interface eth0      comes with high availability
`,
  );
  const wrong = evenkeel(
    ["import", "ipvsadm", "-"],
    "-A -t 192.0.2.1:80 -s rr\n-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.2:80 -r 10.0.0.1\n-X\n-L -n\n",
  );
  assert.deepEqual([wrong.status, wrong.stdout], [3, ""]);
  assert.match(wrong.stderr, /standard input:2:1: the service tcp 192\.0\.2\.1:80 is there already\n/);
  assert.match(wrong.stderr, /standard input:3:1: there is no service tcp 192\.0\.2\.2:80\n/);
  assert.match(wrong.stderr, /standard input:4:1: /);
  assert.match(wrong.stderr, /standard input:5:1: only changes can be imported\n/);
});

test("What the real ipvsadm saved of a large table comes out of an export of its import as it went in, but for two words", () => {
  const saved = recordings(51, 60).find(({ args }) => args.join(" ") === "-S -n" || args.join(" ") === "-Sn");
  assert.ok(saved !== undefined, "there is a recording of -Sn");
  const imported = evenkeel(["import", "ipvsadm", "-", "--report", "account"], saved.stdout);
  assert.deepEqual([imported.status, imported.stderr], [0, ""]);
  assert.match(
    readFileSync(join(directory, "account"), "utf8"),
    /^standard input: \d+ statements: \d+ exact, 2 approximated, 0 not carried\n/,
  );
  const exported = evenkeel(["export", "ipvsadm", file("large.yaml", imported.stdout)]);
  assert.equal(exported.status, 0, exported.stderr);
  assert.equal(exported.stdout, saved.stdout.replace(" --pe sip", "").replace("--tun-remcsum", "--tun-nocsum"));
});

const SERVICES = `settings: { timeouts: { tcp: 60 } }
services:
  - address: 192.0.2.1
    port: 80
    scheduler: wrr
    method: nat
    sloppy: true
    checks: [tcp]
    servers:
      - { address: 10.0.0.2, weight: 3, upper_threshold: 100, lower_threshold: 80 }
`;
const LINES = "--set 60 120 300\n-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 3 -x 100 -y 80\n";

test("export says thresholds and timeouts too, and tells what ipvsadm has no word for", () => {
  assert.deepEqual(evenkeel(["export", "ipvsadm", file("evenkeel.yaml", SERVICES)]), {
    status: 0,
    stdout: LINES,
    stderr: "tcp 192.0.2.1:80: ipvsadm has no word for sloppy\nchecks, quorums and sorry servers are not ipvsadm's\n",
  });
});

test("What ipvsadm made is exported, and planned to be as it is by what is imported", async (t) => {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
  const namespace = OwnNamespace.make();
  try {
    // One end only, so that all there is to listen on is what a configuration would choose.
    addLink({ kind: "bridge", name: "eth0" });
    changeLink("eth0", { up: true });
    const interfaceIndex = getLink("eth0").index;
    addAddress({ interfaceIndex, address: parseAddress("192.0.2.1"), prefixLength: 32 });
    addAddress({ interfaceIndex, address: parseAddress("10.0.0.1"), prefixLength: 8 });
    const nothing = evenkeel(["export", "ipvsadm"]);
    assert.deepEqual([nothing.status, nothing.stdout], [0, ""]);
    assert.equal(evenkeel(["ipvsadm", "-R"], LINES).status, 0);
    assert.equal(evenkeel(["export", "ipvsadm"]).stdout, LINES);
    const plan = (yaml: string) => {
      const { status, stdout } = evenkeel(["plan", "-"], yaml);
      return [status, stdout];
    };
    assert.deepEqual(plan(evenkeel(["import", "ipvsadm", "-"], LINES).stdout), [0, "nothing to change\n"]);
    const inside = "protocol TCP\nlb_algo wrr\nreal_server 10.0.0.2 80 {\nweight 3\nuthreshold 100\nlthreshold 80\n}\n";
    const conf = `global_defs {\nlvs_timeouts tcp 60\n}\nvirtual_server 192.0.2.1 80 {\n${inside}}\n`;
    assert.deepEqual(plan(evenkeel(["import", "keepalived", "-"], conf).stdout), [0, "nothing to change\n"]);
    const other = plan(evenkeel(["import", "keepalived", "-"], conf.replace("weight 3", "weight 4")).stdout);
    assert.deepEqual(other, [10, "edit server 10.0.0.2:80 of tcp 192.0.2.1:80: weight 3 -> 4\n"]);
  } finally {
    await namespace.leave();
  }
});
