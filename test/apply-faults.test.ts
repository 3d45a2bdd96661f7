/** What `evenkeel apply` says when it cannot: the message, the cure, the exit code, and that nothing was changed. With the real program. */

import assert from "node:assert/strict";
import { existsSync, realpathSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { bpfObjectPath } from "../src/kernel/bpf-objects.ts";
import { libc } from "../src/kernel/libc.ts";
import { getLink } from "../src/kernel/links.ts";
import { loadObject } from "../src/kernel/object.ts";
import { programInfo } from "../src/kernel/object-info.ts";
import { attachTcx } from "../src/kernel/tcx.ts";
import { attachXdp } from "../src/kernel/xdp.ts";
import { MAPS } from "../src/wire/abi.ts";
import { allServers, GOOD, HEAVIER } from "./apply/configurations.ts";
import { type Host, hostFor, type Run, type RunOptions, VIP } from "./apply/host.ts";
import { compileRefuseBpf, compileRefusedDirector } from "./apply/programs.ts";
import { EXIT, type Refusal, refusedAs } from "./apply/refusal.ts";
import { need } from "./need.ts";
import { scratchObject } from "./scratch-object.ts";

const OBJECTS = fileURLToPath(new URL("../build/bpf", import.meta.url));

/** Refused where there is no packet path, which then is not there either, and where one stands, which stays exactly what it was. */
function checkRefused(host: Host, file: string, options: RunOptions, refusal: Refusal): void {
  const bare = host.snapshot();
  assert.equal(bare.services, undefined);
  assert.deepEqual(host.evenkeel(["apply", file], options), refusedAs(refusal));
  assert.deepEqual(host.snapshot(), bare);
  assert.equal(existsSync(host.pins().path), false);
  host.mustApply(GOOD);
  const standing = host.snapshot();
  assert.deepEqual(host.evenkeel(["apply", file], options), refusedAs(refusal));
  assert.deepEqual(host.snapshot(), standing);
}

/** Somebody else's program, which lets everything pass. */
function strangerFor(t: TestContext, hook: "tc" | "xdp"): number {
  using source = scratchObject(`SEC("${hook}") int stranger(void *ctx) { return ${hook === "tc" ? 0 : 2}; }`);
  const object = loadObject(source.path);
  t.after(() => object.close());
  return object.program("stranger").fd;
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
      checkRefused(host, host.write("other.yaml", HEAVIER), { through }, refusal("load the packet path"));
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
      host.write("other.yaml", HEAVIER),
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
      host.write("other.yaml", HEAVIER),
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
    host.mustApply(GOOD);
    const standing = host.snapshot();
    expectRefused(host.evenkeel(["apply", "--reload", "-"], { input: HEAVIER, through }));
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
    const file = host.write("missing.yaml", `interfaces:\n  - name: eth0\n  - name: eth7\n${HEAVIER}`);
    checkRefused(
      host,
      file,
      {},
      {
        exit: EXIT.configuration,
        message: `${file}:3:11: interfaces[1].name: there is no interface eth7; name one of: lo, eth0-peer, eth0, eth1-peer, eth1`,
        cure: `correct ${file}; nothing of it was applied`,
      },
    );
  });

  test("names the virtual address that is on no interface, and the command that puts it on one", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const file = host.write("elsewhere.yaml", HEAVIER.replace(VIP, "192.0.2.99"));
    checkRefused(
      host,
      file,
      {},
      {
        exit: EXIT.configuration,
        message: `${file}:3:14: services[0].address: the virtual address 192.0.2.99 is on no interface of this host, so nobody would send packets for it here; ip address add 192.0.2.99/32 dev eth0`,
        cure: `correct ${file}; nothing of it was applied`,
      },
    );
  });

  test("leaves an interface that has another XDP program, and takes back what it had done before", (t) => {
    if (!need(t, "root", "command:ip", "xdp")) return;
    const host = hostFor(t);
    const fd = strangerFor(t, "xdp");
    const { id } = programInfo(fd);
    const link = host.inside(() => attachXdp(fd, { ifindex: getLink("eth1").index, ifname: "eth1" }, "generic"));
    t.after(() => libc.close(link));
    const file = host.write("xdp.yaml", `interfaces:\n  - { name: eth0, hook: tc }\n  - { name: eth1, hook: xdp-generic }\n${HEAVIER}`);
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
    const fd = strangerFor(t, "tc");
    const link = host.inside(() => attachTcx(fd, { ifindex: getLink("eth1").index, ifname: "eth1" }));
    t.after(() => libc.close(link));
    const file = host.write("both.yaml", `interfaces:\n  - { name: eth0, hook: tc }\n  - { name: eth1, hook: tc }\n${HEAVIER}`);
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
    const pins = host.pins();
    pins.pin("programs", "stranger", strangerFor(t, "tc"));
    host.command("tc", "qdisc", "add", "dev", "eth0", "clsact");
    host.command("tc", "filter", "add", "dev", "eth0", "ingress", "bpf", "da", "object-pinned", `${pins.path}/programs/stranger`);
    pins.unpin("programs", "stranger");
    pins.prune();
    const before = host.snapshot();
    const run = host.evenkeel(["apply", "-"], { input: GOOD });
    assert.equal(run.status, 0);
    assert.equal(
      run.stderr,
      "warning: eth0 has tc filters of others, which do not see what the packet path forwards: see tc filter show dev eth0 ingress\n",
    );
    assert.equal(host.evenkeel(["teardown"]).status, 0);
    assert.deepEqual(host.snapshot(), before);
  });

  test("takes everything back when native XDP is asked of an interface that cannot have it", (t) => {
    if (!need(t, "root", "command:ip", "xdp")) return;
    const host = hostFor(t);
    // More than a page: veth cannot give XDP such frames.
    for (const name of ["eth1", "eth1-peer"]) host.ip(`link set ${name} mtu 9000`);
    const file = host.write("native.yaml", `interfaces:\n  - { name: eth0 }\n  - { name: eth1, hook: xdp }\n${HEAVIER}`);
    const bare = host.snapshot();
    const refusal = refusedAs({
      exit: EXIT.failed,
      message: "cannot attach to eth1 in native XDP mode: ERANGE (result too large): its MTU, queues or offloads do not allow XDP",
      cure: "use the hook tc, which every interface has",
    });
    assert.deepEqual(host.evenkeel(["apply", file]), refusal);
    assert.deepEqual(host.snapshot(), bare);
    host.mustApply(GOOD);
    const standing = host.snapshot();
    assert.deepEqual(host.evenkeel(["apply", file]), refusal);
    assert.deepEqual(host.snapshot(), standing);
  });

  test("refuses more servers than there is room for before it changes anything, also when it is only asked", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const file = host.write("many.yaml", allServers(1));
    const bare = host.snapshot();
    const refusal = refusedAs({
      exit: EXIT.failed,
      message: "32769 servers are wanted, and the packet path has room for 32768",
      cure: "share them out among several directors, or leave some out; nothing was changed",
    });
    assert.deepEqual(host.evenkeel(["apply", file]), refusal);
    assert.deepEqual(host.evenkeel(["apply", "--dry-run", file]), refusal);
    assert.deepEqual(host.snapshot(), bare);
  });

  test("takes everything back when there is no room for so many servers beside those that go", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const file = host.write("many.yaml", allServers());
    host.mustApply(GOOD);
    const standing = host.snapshot();
    const refusal = refusedAs({
      exit: EXIT.failed,
      message: "the packet path holds 32768 servers and has no room for another",
      cure: "remove servers that are not needed, or wait until the connections of deleted ones have ended",
    });
    assert.deepEqual(host.evenkeel(["apply", file]), refusal);
    assert.deepEqual(host.snapshot(), standing);
    // And the room is there again.
    assert.match(host.mustApply(HEAVIER), /weight 3 -> 5|weight/);
  });

  test("says of another version's packet path what to do, and teardown removes it", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    host.mustApply(GOOD);
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
    host.mustApply(GOOD);
  });

  test("refuses another version's map also where only its room differs", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    host.mustApply(GOOD);
    host.inside(() => {
      const pins = host.pins();
      const smaller = pins.open("maps", "service_zero");
      assert.ok(smaller !== undefined);
      pins.repin("maps", "server_zero", smaller);
    });
    const refusal = refusedAs({
      exit: EXIT.failed,
      message: `map server_zero has room for ${MAPS.service_zero.maxEntries} entries; this program knows ${MAPS.server_zero.maxEntries}`,
      cure: "the packet path that stands is another version's: evenkeel teardown, then apply again; its connections end",
    });
    assert.deepEqual(host.evenkeel(["apply", host.write("good.yaml", GOOD)]), refusal);
    assert.equal(host.evenkeel(["teardown"]).stdout, "removed the packet path from this network namespace\n");
    host.mustApply(GOOD);
  });
});
