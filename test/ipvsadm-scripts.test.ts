/**
 * ipvsadm as scripts and tools call it: saving and restoring, ldirectord's calls and the way it reads the list, interfaces that come later; from
 * wherever it is called, with whatever environment, by whatever link.
 */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Answer, type Host, Hosts } from "./ipvsadm/hosts.ts";
import { natSite } from "./ipvsadm/sites.ts";
import { need } from "./need.ts";

const BIN = fileURLToPath(new URL("../bin", import.meta.url));

/** One of each kind, as an administrator's file has them. */
const RULES = `-A -t 192.168.1.110:80 -s wlc
-a -t 192.168.1.110:80 -r 10.1.1.11:80 -m -w 1
-a -t 192.168.1.110:80 -r 10.1.1.12:8080 -m -w 2
-A -t 192.168.1.110:443 -s rr -p 600 -M 255.255.255.0
-a -t 192.168.1.110:443 -r 10.1.1.11:443 -g -w 1
-a -t 192.168.1.110:443 -r 10.1.1.12:443 -i -w 1 --tun-type ipip
-A -u 192.168.1.110:53 -s rr -o
-a -u 192.168.1.110:53 -r 10.1.1.11:53 -m -w 1
-A -t [fd00:1::110]:80 -s sh -b sh-fallback,sh-port
-a -t [fd00:1::110]:80 -r [fd00:10::11]:80 -m -w 100
-A -f 1 -s wrr -p 360
-a -f 1 -r 10.1.1.11:0 -g -w 1
`;

/** A test on a bare director, with eth0 and nothing else. */
function onDirector(promise: string, body: (director: Host, t: TestContext) => Promise<void>): void {
  test(promise, { timeout: 120_000 }, async (t) => {
    if (!need(t, "root", "command:ip", "bpf", "bpf-loop", "syscall-programs")) return;
    const hosts = Hosts.for(t);
    const director = hosts.add("director");
    await hosts.plug(director, "eth0", await hosts.addSwitch("lan"));
    await body(director, t);
  });
}

onDirector("ipvsadm -S > FILE; -C; -R < FILE, and ipvsadm-save | ipvsadm-restore", async (director) => {
  assert.deepEqual(await director.run(["sh", "-c", "ipvsadm -R"], { input: RULES }), quietly(""));
  assert.equal(await director.type("ipvsadm -Sn"), RULES);
  await director.type("ipvsadm -Sn > /tmp/rules.$$", "ipvsadm -C", "ipvsadm -R < /tmp/rules.$$", "rm /tmp/rules.$$");
  assert.equal(await director.type("ipvsadm --save --numeric"), RULES);
  assert.equal(await director.type("ipvsadm-save -n"), RULES);
  await director.type("ipvsadm-save -n | ipvsadm-restore");
  assert.equal(await director.type("ipvsadm-save -n"), RULES);
  const less = RULES.replaceAll(/^.* \[fd00.*\n/gm, "");
  assert.deepEqual(await director.run(["ipvsadm-restore"], { input: less }), quietly(""));
  assert.equal(await director.type("ipvsadm-save -n"), less, "what the lines do not say is gone");
  // Debian's /etc/ipvsadm.rules begins with a comment.
  assert.deepEqual(await director.run(["ipvsadm-restore"], { input: `# ipvsadm.rules\n${RULES}` }), quietly(""));
  assert.equal(await director.type("ipvsadm-save -n"), RULES);
});

onDirector("What stands in /etc/ipvsadm.rules with comments, and what -S writes of large marks, is restored", async (director) => {
  const rules = "# ipvsadm.rules\n-A -f 4294967295 -s sh -b flag-3\n-a -f 4294967295 -r 10.1.1.11:0 -g -w 1\n";
  assert.deepEqual(await director.run(["ipvsadm-restore"], { input: rules }), quietly(""));
  const listed = await director.type("ipvsadm -Ln");
  assert.match(listed, /^FWM {2}-1 sh \(\)$/m);
  await director.type(
    "ipvsadm-save -n | ipvsadm-restore",
    "ipvsadm -Sn > /tmp/rules.$$",
    "ipvsadm -C",
    "ipvsadm -R < /tmp/rules.$$",
    "rm /tmp/rules.$$",
  );
  assert.equal(await director.type("ipvsadm -Ln"), listed);
});

onDirector("-R waits for a writer that is slow, and does not take a directory for an empty file", async (director) => {
  // A Node that is killed leaves its standard input non-blocking, also for those who share it.
  const leaves = `'${process.execPath}' -e 'process.stdin.resume(); process.kill(process.pid, "SIGKILL")' 2> /dev/null`;
  const slow = `(sleep 2; echo '-A -t 192.0.2.1:80') | (${leaves}; ipvsadm -R)`;
  assert.deepEqual(await director.run(["sh", "-c", slow]), quietly(""));
  assert.equal(await director.type("ipvsadm -Sn"), "-A -t 192.0.2.1:80 -s wlc\n");
  const { status } = await director.run(["sh", "-c", "ipvsadm-restore < /"]);
  assert.equal(status, 1);
  assert.equal(await director.type("ipvsadm -Sn"), "-A -t 192.0.2.1:80 -s wlc\n");
});

onDirector("Names instead of numbers are saved, and restored from", async (director) => {
  await director.run(["ipvsadm", "-R"], { input: RULES });
  const named = await director.type("ipvsadm-save");
  assert.match(named, /^-A -t \S+:https? -s wlc$/m);
  await director.type("ipvsadm-save | ipvsadm-restore");
  assert.equal(await director.type("ipvsadm -Sn"), RULES);
});

onDirector("ipvsadm -R with a bad line says which, changes nothing and fails; --keep-going does what it can", async (director) => {
  await director.type("ipvsadm -A -t 192.168.1.110:80 -s rr");
  const lines = "-A -t 192.168.1.110:81 -s rr\n\n-a -t 192.168.1.110:99 -r 10.1.1.11:99 -m\n-A -t 192.168.1.110:82 -s rr\n";
  const strict = await director.run(["ipvsadm", "-R"], { input: lines });
  assert.equal(strict.status, 255);
  assert.match(strict.stderr, /line 3: Service not defined\n/);
  assert.equal(await director.type("ipvsadm -Sn"), "-A -t 192.168.1.110:80 -s rr\n");
  const lenient = await director.run(["ipvsadm", "-R", "--keep-going"], { input: lines });
  assert.deepEqual(lenient, { status: 0, stdout: "", stderr: "Service not defined\n" });
  assert.equal(
    await director.type("ipvsadm -Sn"),
    "-A -t 192.168.1.110:80 -s rr\n-A -t 192.168.1.110:81 -s rr\n-A -t 192.168.1.110:82 -s rr\n",
  );
});

onDirector("Timeouts, counters and sync daemons", async (director) => {
  await director.type("ipvsadm --set 30 5 60");
  assert.equal(await director.type("ipvsadm -L --timeout"), "Timeout (tcp tcpfin udp): 30 5 60\n");
  await director.type("ipvsadm --set 0 0 120");
  assert.equal(await director.type("ipvsadm -l --timeout"), "Timeout (tcp tcpfin udp): 30 5 120\n");
  await director.type(
    "ipvsadm -C",
    "ipvsadm -Z",
    "ipvsadm --start-daemon master --mcast-interface eth0 --syncid 1",
    "ipvsadm -L --daemon | grep -q master",
    "ipvsadm --stop-daemon master",
  );
  assert.equal(await director.type("ipvsadm -L --daemon"), "");
});

onDirector("What ldirectord calls and reads", async (director) => {
  assert.match(await director.type("ipvsadm -v"), /^ipvsadm v1\.31 /);
  // ldirectord's arguments end in a space, and it reads standard error along with the list.
  const start = await director.type(
    "ipvsadm -L -n 2>&1",
    "ipvsadm -A -t 192.168.1.110:80 -s wrr -p 600 ",
    "ipvsadm -E -t 192.168.1.110:80 -s wrr -p 600 -M 255.255.255.0 ",
    "ipvsadm -A -t [fd00:1::110]:80 -s rr ",
    "ipvsadm -A -u 192.168.1.110:53 -o -s rr ",
    "ipvsadm -A -f 7 -s rr ",
    "ipvsadm -A -f 7 -6 -s rr ",
    "ipvsadm -a -t 192.168.1.110:80 -r 10.1.1.11:80 -m -w 5",
    "ipvsadm -a -t 192.168.1.110:80 -r 127.0.0.1:80 -g -w 1",
    "ipvsadm -e -t 192.168.1.110:80 -r 10.1.1.11:80 -m -w 0",
    "ipvsadm -a -f 7 -r 10.1.1.11:80 -g -w 1",
    "ipvsadm -d -t 192.168.1.110:80 -r 127.0.0.1:80",
  );
  assert.deepEqual(readAsLdirectord(start), {});
  assert.deepEqual(readAsLdirectord(await director.type("ipvsadm -L -n 2>&1")), {
    "192.168.1.110:80 tcp": { scheduler: "wrr", persistent: "600", netmask: "255.255.255.0", real: { "10.1.1.11:80": "Masq 0" } },
    "[fd00:1::110]:80 tcp": { scheduler: "rr", real: {} },
    "192.168.1.110:53 udp": { scheduler: "rr", real: {} },
    "7 fwm": { scheduler: "rr", real: { "10.1.1.11:80": "Route 1" } },
    "7 fwm6": { scheduler: "rr", real: {} },
  });
  await director.type("ipvsadm -D -t 192.168.1.110:80", "ipvsadm -D -f 7", "ipvsadm -D -f 7 -6");
  assert.deepEqual(Object.keys(readAsLdirectord(await director.type("ipvsadm -L -n"))), ["192.168.1.110:53 udp", "[fd00:1::110]:80 tcp"]);
});

interface LdirectordService {
  readonly scheduler: string;
  readonly persistent?: string;
  readonly netmask?: string;
  /** "Masq 1" by address and port. */
  readonly real: Record<string, string>;
}

/** Three lines are passed over, then each is told by its beginning; the fields are parted by space. */
function readAsLdirectord(list: string): Record<string, LdirectordService> {
  const services: Record<string, LdirectordService> = {};
  let present: LdirectordService | undefined;
  for (const line of list.trimEnd().split("\n").slice(3)) {
    const server = /^ {2}-> +(\S+:\d+) +(\w+) +(\d+) /.exec(line);
    const service = /^(\w+) +(\S+)( IPv6)? (\w+)(?: persistent (\d+)(?: mask (\S+))?)?/.exec(line);
    if (server !== null) {
      assert.ok(present !== undefined, line);
      present.real[server[1] ?? ""] = `${server[2]} ${server[3]}`;
    } else {
      assert.ok(service !== null, line);
      const [, protocol = "", name = "", ipv6, scheduler = "", persistent, netmask] = service;
      present = { scheduler, ...(persistent && { persistent }), ...(netmask && { netmask }), real: {} };
      services[`${name} ${protocol.toLowerCase()}${ipv6 === undefined ? "" : "6"}`] = present;
    }
  }
  return services;
}

onDirector("An interface that comes later is listened on from the next call on", async (director) => {
  const listens = async (): Promise<readonly string[]> =>
    (JSON.parse(await director.type("evenkeel status -o json")) as { attachments: { interfaceName: string }[] }).attachments
      .map((attachment) => attachment.interfaceName)
      .toSorted();
  await director.type("ipvsadm -A -t 192.168.1.110:80 -s rr");
  assert.deepEqual(await listens(), ["eth0"]);
  await director.type("ip link add eth1 type veth peer name eth2", "ip link set eth1 up", "ip tuntap add tun0 mode tun");
  await director.type("ipvsadm -A -t 192.168.1.110:81 -s rr");
  assert.deepEqual(await listens(), ["eth0", "eth1", "eth2"], "tun0 has no Ethernet address");
});

test("Traffic goes on while the table is saved, cleared of what differs, and restored", { timeout: 120_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:curl", "bpf", "bpf-loop", "syscall-programs")) return;
  const { client, director } = await natSite(Hosts.for(t));
  const add = "-a -t 192.168.1.110:80 -r 10.1.1.1";
  const both = `-A -t 192.168.1.110:80 -s rr\n${add}1:80 -m -w 1\n${add}2:80 -m -w 1\n`;
  await director.run(["ipvsadm-restore"], { input: both });
  const traffic = client.sh(
    "for i in $(seq 150); do curl --silent --output /dev/null --max-time 20 http://192.168.1.110/ || echo failed; sleep 0.02; done",
  );
  for (let round = 0; round < 5; round++) {
    await director.type("ipvsadm-save -n | ipvsadm-restore");
    // A server that goes takes its connections along, as with IPVS; so none does here.
    const other = `${both.replace("-s rr", "-s wlc").replace("-w 1", "-w 3")}-A -t 192.168.1.110:81 -s rr\n`;
    assert.deepEqual(await director.run(["ipvsadm-restore"], { input: round % 2 === 0 ? other : both }), quietly(""));
  }
  assert.deepEqual(await traffic, quietly(""));
});

onDirector("The examples of docs/ipvsadm.md are lines that work", async (director) => {
  await director.type("ip addr add 192.0.2.10/24 dev eth0");
  const examples = /## Examples\n.*?```sh\n(.*?)```/s.exec(readFileSync(new URL("../docs/ipvsadm.md", import.meta.url), "utf8"))?.[1] ?? "";
  assert.ok(examples.split("\n").filter((line) => /^(ipvsadm|evenkeel)/.test(line)).length > 30);
  const said = await director.type("cd $(mktemp -d)", examples, "rm ipvsadm.rules; rmdir $PWD");
  assert.match(said, /^Timeout \(tcp tcpfin udp\): 600 60 300$/m);
  assert.match(said, /removed the packet path from this network namespace\n$/);
});

test("The director's own requests to the VIP are not balanced, and netfilter does not see what is", { timeout: 60_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:curl", "command:nft", "bpf", "bpf-loop", "syscall-programs")) return;
  const { client, director } = await natSite(Hosts.for(t));
  await director.type(
    "ipvsadm -A -t 192.168.1.110:80 -s rr",
    "ipvsadm -a -t 192.168.1.110:80 -r 10.1.1.11:80 -m",
    "nft add table inet wall",
    "nft 'add chain inet wall input { type filter hook input priority 0; policy drop; }'",
    "nft 'add chain inet wall forward { type filter hook forward priority 0; policy drop; }'",
  );
  const curl = "curl --silent --max-time 20 --output /dev/null http://192.168.1.110/";
  assert.deepEqual(await client.sh(curl), quietly(""));
  await director.type("nft delete table inet wall");
  assert.equal((await director.sh(curl)).status, 7);
});

onDirector("It works by any link, in any environment and from any directory", async (director, t) => {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-alternatives-"));
  t.after(() => rmSync(directory, { recursive: true }));
  // As update-alternatives lays them: /usr/sbin/ipvsadm -> /etc/alternatives/ipvsadm -> the program.
  for (const name of ["sbin", "alternatives"]) mkdirSync(join(directory, name));
  for (const name of ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"]) {
    symlinkSync(join(BIN, name), join(directory, "alternatives", name));
    symlinkSync(join(directory, "alternatives", name), join(directory, "sbin", name));
  }
  const ipvsadm = join(directory, "sbin", "ipvsadm");
  const rules = "-A -t 192.168.1.110:80 -s rr\n";
  await director.type("cd /", `${ipvsadm} -A -t 192.168.1.110:80 -s rr`);
  for (const [how, command] of [
    ["an empty environment", ["env", "-i", ipvsadm, "-Sn"]],
    ["what systemd gives", ["env", "-i", "PATH=/usr/bin:/bin", "LANG=C", ipvsadm, "-Sn"]],
    // dash itself complains of that.
    ["a directory that is gone", ["sh", "-c", `d=$(mktemp -d); cd $d; rmdir $d; exec ${ipvsadm} -Sn 2> /dev/null`]],
    ["a link to the directory", ["sh", "-c", `cd ${directory}; ln -s ${BIN} bin; exec bin/ipvsadm -Sn`]],
    ["a name on PATH", ["sh", "-c", `PATH=${directory}/sbin:$PATH; exec ipvsadm -Sn`]],
    ["a closed standard input", ["sh", "-c", `exec ${ipvsadm} -Sn <&-`]],
    ["the script that saves", ["env", "-i", join(directory, "sbin", "ipvsadm-save"), "-n"]],
    ["the verb", ["env", "-i", join(BIN, "evenkeel"), "ipvsadm", "-Sn"]],
  ] as const)
    assert.deepEqual(await director.run(command), quietly(rules), how);
  assert.deepEqual(await director.run(["env", "-i", join(directory, "sbin", "ipvsadm-restore")]), quietly(""));
  assert.equal(await director.type(`${ipvsadm} -Sn`), "");
});

function quietly(stdout: string): Answer {
  return { status: 0, stdout, stderr: "" };
}
