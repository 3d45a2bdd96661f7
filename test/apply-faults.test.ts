/** What `evenkeel apply` says when it cannot: the message, the cure, the exit code, and that nothing was changed. With the real program. */

import assert from "node:assert/strict";
import { existsSync, realpathSync, statSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { bpfObjectPath } from "../src/kernel/bpf-objects.ts";
import { libc } from "../src/kernel/libc.ts";
import { getLink } from "../src/kernel/links.ts";
import { loadObject } from "../src/kernel/object.ts";
import { programInfo } from "../src/kernel/object-info.ts";
import { attachTcx } from "../src/kernel/tcx.ts";
import { MAPS } from "../src/wire/abi.ts";
import { Host, type Run, type RunOptions, VIP } from "./apply/host.ts";
import { compileRefuseBpf, compileRefusedDirector } from "./apply/programs.ts";
import { need } from "./need.ts";
import { scratchObject } from "./scratch-object.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OBJECTS = fileURLToPath(new URL("../build/bpf", import.meta.url));
const EXIT = { failed: 1, usage: 2, configuration: 3, notPermitted: 5 } as const;

const GOOD = `
services:
  - address: ${VIP}
    port: 80
    method: dr
    servers:
      - { address: 10.77.0.11, weight: 3 }
      - { address: 10.77.0.12 }
`;

const OTHER = GOOD.replace("weight: 3", "weight: 5");

interface Refusal {
  readonly exit: number;
  readonly message: string;
  readonly cure: string;
}

function refusedAs({ exit, message, cure }: Refusal): Run {
  return { status: exit, stdout: "", stderr: `evenkeel: ${message}\n  cure: ${cure}\n` };
}

function hostFor(t: TestContext): Host {
  const host = new Host();
  t.after(() => host.remove());
  return host;
}

/** Refused where there is no packet path, which then is not there either, and where one stands, which stays exactly what it was. */
function checkRefused(host: Host, file: string, options: RunOptions, refusal: Refusal): void {
  const bare = host.snapshot();
  assert.equal(bare.services, undefined);
  assert.deepEqual(host.evenkeel(["apply", file], options), refusedAs(refusal));
  assert.deepEqual(host.snapshot(), bare);
  assert.equal(existsSync(host.pins().path), false);
  mustApply(host, GOOD);
  const standing = host.snapshot();
  assert.deepEqual(host.evenkeel(["apply", file], options), refusedAs(refusal));
  assert.deepEqual(host.snapshot(), standing);
}

function mustApply(host: Host, text: string): string {
  const run = host.evenkeel(["apply", "-"], { input: text });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout;
}

/** Runs after the commands in a mount namespace of its own. */
function mounted(...commands: readonly string[]): readonly string[] {
  return ["unshare", "--mount", "sh", "-c", `set -e; ${commands.join("; ")}; exec "$@"`, "sh"];
}

describe("apply without the rights", () => {
  const NOBODY = ["setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
  const drop = (names: string) => ["setpriv", `--bounding-set=${names}`, `--inh-caps=${names}`];
  const CASES = {
    "as a user who is not root": { through: NOBODY, lacking: "CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON" },
    "without any capability": { through: drop("-all"), lacking: "CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON" },
    "without CAP_NET_ADMIN": { through: drop("-net_admin"), lacking: "CAP_NET_ADMIN" },
    "without CAP_BPF and CAP_SYS_ADMIN": { through: drop("-bpf,-sys_admin"), lacking: "CAP_BPF" },
    "without CAP_PERFMON and CAP_SYS_ADMIN": { through: drop("-perfmon,-sys_admin"), lacking: "CAP_PERFMON" },
  } as const;
  for (const [how, { through, lacking }] of Object.entries(CASES)) {
    test(`${how} is refused, naming what is missing, as are status and teardown`, (t) => {
      if (!need(t, "root", "command:ip")) return;
      const host = hostFor(t);
      const refusal = (attempted: string): Refusal => ({
        exit: EXIT.notPermitted,
        message: `cannot ${attempted}: this process lacks ${lacking}`,
        cure: `run as root (sudo); a container needs ${lacking.replaceAll("CAP_", "--cap-add ").replaceAll(",", "")}`,
      });
      checkRefused(host, host.write("other.yaml", OTHER), { through }, refusal("load the packet path"));
      const standing = host.snapshot();
      assert.deepEqual(host.evenkeel(["status"], { through }), refusedAs(refusal("look at the packet path")));
      assert.deepEqual(host.evenkeel(["teardown"], { through }), refusedAs(refusal("take the packet path away")));
      assert.deepEqual(host.snapshot(), standing);
    });
  }
});

describe("apply without BPF", () => {
  test("is refused by a sandbox that forbids the system call", (t) => {
    if (!need(t, "root", "command:ip", "command:clang")) return;
    const host = hostFor(t);
    checkRefused(
      host,
      host.write("other.yaml", OTHER),
      { through: [compileRefuseBpf(host.directory), "1"] },
      {
        exit: EXIT.notPermitted,
        message: "cannot load the packet path: the system call bpf() is refused: EPERM (operation not permitted)",
        cure: "run outside of sandboxes and user namespaces, or let the container's seccomp profile allow bpf",
      },
    );
  });

  test("fails where the kernel has no such system call", (t) => {
    if (!need(t, "root", "command:ip", "command:clang")) return;
    const host = hostFor(t);
    checkRefused(
      host,
      host.write("other.yaml", OTHER),
      { through: [compileRefuseBpf(host.directory), "38"] },
      {
        exit: EXIT.failed,
        message: "cannot load the packet path: there is no system call bpf() here: ENOSYS (function not implemented)",
        cure: "use a kernel with CONFIG_BPF_SYSCALL=y; in a container, let its seccomp profile allow bpf",
      },
    );
  });

  test("fails where libbpf is missing, naming the package", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const [library] = host.command("sh", "-c", "ldconfig -p | sed -n 's/.*libbpf.so.1 .*=> //p'").split("\n");
    assert.ok(library);
    const run = host.evenkeel(["apply", host.write("good.yaml", GOOD)], {
      through: mounted(`mount --bind /dev/null ${realpathSync(library)}`),
    });
    assert.equal(run.status, EXIT.failed);
    assert.match(run.stderr, /^evenkeel: cannot load libbpf\.so\.1: .*\n {2}cure: apt-get install libbpf1\n$/);
    assert.equal(existsSync(host.pins().path), false);
  });

  test("fails where nothing was built, telling how to", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const run = host.evenkeel(["apply", host.write("good.yaml", GOOD)], { through: mounted(`mount -t tmpfs none ${OBJECTS}`) });
    assert.deepEqual(
      run,
      refusedAs({
        exit: EXIT.failed,
        message: `the BPF object ${bpfObjectPath("director-tc")} does not exist`,
        cure: "run make setup (or node tools/build-bpf.ts)",
      }),
    );
    assert.equal(existsSync(host.pins().path), false);
  });

  test("fails where what was built is no BPF object", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const through = mounted(`mount --bind /etc/hostname ${bpfObjectPath("director-tc")}`);
    const run = host.evenkeel(["apply", host.write("good.yaml", GOOD)], { through });
    assert.equal(run.status, EXIT.failed);
    assert.match(run.stderr, /^evenkeel: cannot read the BPF object .*director-tc\.o: LIBBPF_ERRNO__FORMAT \(not a BPF object file\)/);
    assert.match(run.stderr, /\n {2}cure: remove it and build it again \(node tools\/build-bpf\.ts\)\n$/);
    assert.equal(existsSync(host.pins().path), false);
  });

  test("fails where the verifier refuses the program, with the verifier's last lines, and a reload leaves the old one", (t) => {
    if (!need(t, "root", "command:ip", "command:clang")) return;
    const host = hostFor(t);
    const refused = compileRefusedDirector(host.directory);
    const through = mounted(`mount --bind ${refused} ${bpfObjectPath("director-tc")}`);
    const expectRefused = (run: Run) => {
      assert.equal(run.status, EXIT.failed);
      assert.match(
        run.stderr,
        /^evenkeel: the kernel's verifier refuses program refused of .*director-tc\.o \(EACCES \(permission denied\)\):\n/,
      );
      assert.match(run.stderr, /invalid mem access 'scalar'\n/);
      assert.match(
        run.stderr,
        /\n {2}cure: this is a fault of Evenkeel on this kernel: report it with these lines and the output of uname -r\n$/,
      );
    };
    expectRefused(host.evenkeel(["apply", "-"], { input: GOOD, through: through }));
    assert.equal(existsSync(host.pins().path), false);
    mustApply(host, GOOD);
    const standing = host.snapshot();
    expectRefused(host.evenkeel(["apply", "--reload", "-"], { input: OTHER, through }));
    assert.deepEqual(host.snapshot(), standing);
  });

  test("mounts the BPF file system where it is not, and says so where it cannot", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    // Its own first process as well: otherwise the machine's file system is found through it.
    const alone = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c"];
    const good = host.write("good.yaml", GOOD);
    const unmounted = "set -e; umount /sys/fs/bpf 2>/dev/null || true; ";
    const looked = host.evenkeel(["status"], {
      through: [...alone, `${unmounted} "$@" || true; grep -c ' /sys/fs/bpf bpf ' /proc/mounts`, "sh"],
    });
    assert.equal(looked.stdout, "0\n");
    const made = host.evenkeel(["apply", good], {
      through: [...alone, `${unmounted} "$@"; grep -c ' /sys/fs/bpf bpf ' /proc/mounts`, "sh"],
    });
    assert.equal(made.status, 0, made.stderr);
    assert.match(made.stdout, /applied 2 changes\n1\n$/);
    const refused = host.evenkeel(["apply", good], {
      through: [...alone, `${unmounted} mount -t tmpfs -o ro none /sys/fs; exec "$@"`, "sh"],
    });
    assert.deepEqual(
      refused,
      refusedAs({
        exit: EXIT.failed,
        message: "no BPF file system is mounted, and it cannot be mounted at /sys/fs/bpf: ENOENT (no such file or directory)",
        cure: "as root, outside of any container: mount -t bpf bpffs /sys/fs/bpf",
      }),
    );
  });
});

describe("apply on a host that does not fit", () => {
  test("names the interface that is missing, its place in the file, and those that are there", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const file = host.write("missing.yaml", `interfaces:\n  - name: eth0\n  - name: eth7\n${OTHER}`);
    checkRefused(
      host,
      file,
      {},
      {
        exit: EXIT.failed,
        message: `${file}:3:11: there is no interface eth7`,
        cure: "name one of: lo, eth0-peer, eth0, eth1-peer, eth1",
      },
    );
  });

  test("names the virtual address that is on no interface, and the command that puts it on one", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const file = host.write("elsewhere.yaml", OTHER.replace(VIP, "192.0.2.99"));
    checkRefused(
      host,
      file,
      {},
      {
        exit: EXIT.failed,
        message: `${file}:3:14: the virtual address 192.0.2.99 is on no interface of this host, so nobody would send packets for it here`,
        cure: "ip address add 192.0.2.99/32 dev eth0",
      },
    );
  });

  test("leaves an interface that has another XDP program, and takes back what it had done before", (t) => {
    if (!need(t, "root", "command:ip", "xdp")) return;
    const host = hostFor(t);
    using stranger = scratchObject('SEC("xdp") int stranger(void *ctx) { return 2; }');
    host.command("ip", "link", "set", "eth1", "xdpgeneric", "obj", stranger.path, "sec", "xdp");
    const id = /prog\/xdp id (\d+)/.exec(host.command("ip", "link", "show", "eth1"))?.[1];
    const file = host.write("xdp.yaml", `interfaces:\n  - { name: eth0, hook: tc }\n  - { name: eth1, hook: xdp-generic }\n${OTHER}`);
    checkRefused(
      host,
      file,
      {},
      {
        exit: EXIT.failed,
        message: `eth1 already has another XDP program: stranger (id ${id})`,
        cure: "see ip link show eth1; end the program that attached it (or ip link set dev eth1 xdp off), or use the hook tc",
      },
    );
    assert.match(host.command("ip", "link", "show", "eth1"), new RegExp(`prog/xdp id ${id} `));
  });

  test("leaves an interface that has another tc program", (t) => {
    if (!need(t, "root", "command:ip", "tcx")) return;
    const host = hostFor(t);
    using object = scratchObject('SEC("tc") int stranger(void *ctx) { return 0; }');
    const stranger = loadObject(object.path);
    const { fd } = stranger.program("stranger");
    const link = host.inside(() => attachTcx(fd, { ifindex: getLink("eth1").index, ifname: "eth1" }));
    t.after(() => {
      libc.close(link);
      stranger.close();
    });
    const file = host.write("both.yaml", `interfaces:\n  - { name: eth0, hook: tc }\n  - { name: eth1, hook: tc }\n${OTHER}`);
    checkRefused(
      host,
      file,
      {},
      {
        exit: EXIT.failed,
        message: `eth1 already has another tc program: stranger (id ${programInfo(fd).id})`,
        cure: "see bpftool net show dev eth1; end the program that attached it, or name another interface",
      },
    );
  });

  test("warns of tc filters that its program will go before, and leaves them when it goes", (t) => {
    if (!need(t, "root", "command:ip", "command:tc", "tcx")) return;
    const host = hostFor(t);
    using stranger = scratchObject('SEC("tc") int stranger(void *ctx) { return 0; }');
    host.command("tc", "qdisc", "add", "dev", "eth0", "clsact");
    host.command("tc", "filter", "add", "dev", "eth0", "ingress", "bpf", "da", "obj", stranger.path, "sec", "tc");
    const before = host.snapshot();
    const run = host.evenkeel(["apply", "-"], { input: GOOD });
    assert.equal(run.status, 0);
    assert.equal(
      run.stderr,
      "warning: eth0 has tc filters of others, and the packet path's answer is final there: see tc filter show dev eth0 ingress\n",
    );
    assert.equal(host.evenkeel(["teardown"]).status, 0);
    assert.deepEqual(host.snapshot(), before);
  });

  test("takes everything back when native XDP is asked of an interface that cannot have it", (t) => {
    if (!need(t, "root", "command:ip", "xdp")) return;
    const host = hostFor(t);
    // More than a page: veth cannot give XDP such frames.
    for (const name of ["eth1", "eth1-peer"]) host.ip(`link set ${name} mtu 9000`);
    const file = host.write("native.yaml", `interfaces:\n  - { name: eth0 }\n  - { name: eth1, hook: xdp }\n${OTHER}`);
    const bare = host.snapshot();
    const refusal = refusedAs({
      exit: EXIT.failed,
      message: "cannot attach to eth1 in native XDP mode: ERANGE (result too large): its MTU, queues or offloads do not allow XDP",
      cure: "use the hook tc, which every interface has",
    });
    assert.deepEqual(host.evenkeel(["apply", file]), refusal);
    assert.deepEqual(host.snapshot(), bare);
    mustApply(host, GOOD);
    const standing = host.snapshot();
    assert.deepEqual(host.evenkeel(["apply", file]), refusal);
    assert.deepEqual(host.snapshot(), standing);
  });

  test("takes everything back when there is no room for so many servers", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const file = host.write("many.yaml", tooManyServers());
    const bare = host.snapshot();
    const refusal = refusedAs({
      exit: EXIT.failed,
      message: "the packet path holds 16384 servers and has no room for another",
      cure: "remove servers that are not needed, or wait until the connections of deleted ones have ended",
    });
    assert.deepEqual(host.evenkeel(["apply", file]), refusal);
    assert.deepEqual(host.snapshot(), bare);
    mustApply(host, GOOD);
    const standing = host.snapshot();
    assert.deepEqual(host.evenkeel(["apply", file]), refusal);
    assert.deepEqual(host.snapshot(), standing);
    // And the room is there again.
    assert.match(mustApply(host, OTHER), /weight 3 -> 5|weight/);
  });

  test("says of another version's packet path what to do, and teardown removes it", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    mustApply(host, GOOD);
    host.inside(() => {
      const pins = host.pins();
      const plans = pins.open("maps", "plans");
      assert.ok(plans !== undefined);
      pins.repin("maps", "services", plans);
    });
    const standing = host.held();
    const refusal = refusedAs({
      exit: EXIT.failed,
      message: `map services has keys of 4 and values of ${MAPS.plans.value.size} bytes; this program knows 20 and ${MAPS.services.value.size}`,
      cure: "the packet path that stands is another version's: evenkeel teardown, then apply again; its connections end",
    });
    for (const verb of [["apply", host.write("good.yaml", GOOD)], ["status"]]) assert.deepEqual(host.evenkeel(verb), refusal);
    assert.deepEqual(host.held(), standing);
    assert.equal(host.evenkeel(["teardown"]).stdout, "removed the packet path from this network namespace\n");
    assert.equal(existsSync(host.pins().path), false);
    mustApply(host, GOOD);
  });
});

describe("apply of a wrong file", () => {
  const server = (text: string) => GOOD.replace("{ address: 10.77.0.12 }", text);
  const CASES: Readonly<Record<string, { readonly text: string; readonly says: string }>> = {
    "an unknown key": { text: server("{ address: 10.77.0.12, wieght: 2 }"), says: "8:32: services[0].servers[1]" },
    "an unknown method": { text: GOOD.replace("method: dr", "method: masq"), says: "5:13: services[0].method" },
    "a wrong address": { text: server("{ address: 10.77.0.300 }"), says: "8:20: services[0].servers[1].address" },
    "a port mapping with DR": { text: server("{ address: 10.77.0.12, port: 8080 }"), says: "8:38: services[0].servers[1].port" },
    "a port mapping with TUN": {
      text: server("{ address: 10.77.0.12, port: 8080, method: tun }"),
      says: "8:38: services[0].servers[1].port",
    },
    "a server twice": {
      text: server("{ address: 10.77.0.11 }"),
      says: "8:9: services[0].servers[1]: the server 10.77.0.11:80 stands here twice, first at 7:9",
    },
    "a weight of -1": {
      text: server("{ address: 10.77.0.12, weight: -1 }"),
      says: "8:40: services[0].servers[1].weight: -1 is below 0, the least weight",
    },
    "a weight of 70000": {
      text: server("{ address: 10.77.0.12, weight: 70000 }"),
      says: "8:40: services[0].servers[1].weight: 70000 is above 65535, the greatest weight",
    },
    "no YAML": { text: "services: [", says: "1:12: not valid YAML" },
    nothing: { text: "", says: "1:1: the file is empty; it needs at least: services: []" },
  };
  test("names file, line and column, and changes nothing", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    mustApply(host, GOOD);
    const standing = host.snapshot();
    for (const [what, { text, says }] of Object.entries(CASES)) {
      const file = host.write("wrong.yaml", text);
      const run = host.evenkeel(["apply", file]);
      assert.equal(run.status, EXIT.configuration, what);
      assert.equal(run.stdout, "");
      assert.ok(run.stderr.startsWith(`evenkeel: ${file}:${says}`), `${what}: ${run.stderr}`);
      assert.ok(run.stderr.endsWith(`\n  cure: correct ${file}; nothing of it was applied\n`), `${what}: ${run.stderr}`);
      const again = host.evenkeel(["apply", "-"], { input: text });
      assert.equal(again.stderr, run.stderr.replaceAll(file, "standard input"));
    }
    assert.deepEqual(host.snapshot(), standing);
  });

  test("that cannot be read, or is none, says which and why", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const unreadable = host.write("secret.yaml", GOOD);
    host.command("chmod", "0", unreadable);
    const without = ["setpriv", "--reuid=65534", "--clear-groups"];
    const cure = "give the path of a readable file, or - for the standard input";
    for (const [file, through, why] of [
      [host.directory, [], "EISDIR: illegal operation on a directory, read"],
      [`${host.directory}/none`, [], `ENOENT: no such file or directory, open '${host.directory}/none'`],
      ...(isReadableByAll() ? ([[unreadable, without, `EACCES: permission denied, open '${unreadable}'`]] as const) : []),
    ] as const) {
      assert.deepEqual(
        host.evenkeel(["apply", file], { through }),
        refusedAs({ exit: EXIT.configuration, message: `cannot read the configuration ${file}: ${why}`, cure }),
      );
    }
    assert.equal(existsSync(host.pins().path), false);
  });

  test("wants arguments that mean something", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    for (const [args, says] of [
      [["apply"], "missing required argument 'file'"],
      [["apply", "--connections", "0", "x"], "option '--connections <number>' argument '0' is invalid. it must be a whole number above 0"],
      [["apply", "-o", "xml", "x"], "option '-o, --output <form>' argument 'xml' is invalid. Allowed choices are text, json."],
    ] as const) {
      assert.deepEqual(host.evenkeel(args), { status: EXIT.usage, stdout: "", stderr: `evenkeel: ${says}\n(--help tells more)\n` });
    }
    assert.deepEqual(
      host.evenkeel(["apply", "--connections", "67108865", "-"], { input: GOOD }),
      refusedAs({
        exit: EXIT.usage,
        message: "cannot make a connection table for 67108865 connections",
        cure: "ask for 1 to 67108864",
      }),
    );
    assert.equal(existsSync(host.pins().path), false);
  });
});

/** Whether others than root can read the tree at all. */
function isReadableByAll(): boolean {
  return ROOT.split("/").every((_, i, parts) => (statSync(parts.slice(0, i + 1).join("/") || "/").mode & 0o5) === 0o5);
}

/** In lists of 1,000: one more than the packet path has numbers for. */
function tooManyServers(): string {
  const list = (count: number) =>
    Array.from({ length: count }, (_, i) => `      - { address: 10.77.${1 + (i >> 8)}.${i & 255} }`).join("\n");
  const services = Array.from(
    { length: 17 },
    (_, i) => `  - address: ${VIP}\n    port: ${i + 1000}\n    method: dr\n    servers:\n${list(i < 16 ? 1000 : 385)}`,
  );
  return `services:\n${services.join("\n")}\n`;
}
