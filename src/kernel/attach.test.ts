import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { need } from "../../test/need.ts";
import { type ScratchObject, scratchObject } from "../../test/scratch-object.ts";
import { type Attached, attach, attached, detach, replace } from "./attach.ts";
import { isRoot } from "./capability.ts";
import { driverOf } from "./driver.ts";
import { chooseHook } from "./hook-choice.ts";
import { addLink, changeLink, deleteLink, getLink } from "./links.ts";
import { inNewNamespace } from "./namespace.ts";
import { type BpfObject, loadObject } from "./object.ts";
import { programInfo } from "./object-info.ts";
import { listPinDirectories, type PinDirectory, pinDirectory, pinnedLinks, removeStalePins } from "./pins.ts";

const SOURCE = `
SEC("tc") int tc_pass(struct __sk_buff *skb) { return TC_ACT_UNSPEC; }
SEC("xdp") int xdp_pass(struct xdp_md *ctx) { return XDP_PASS; }
`;

let scratch: ScratchObject;
let first: BpfObject;
let second: BpfObject;

interface Room {
  readonly pins: PinDirectory;
  readonly target: { readonly ifindex: number; readonly ifname: string; readonly pinDirectory: PinDirectory };
}

const programs = (object: BpfObject) => ({ tcProgramFd: object.program("tc_pass").fd, xdpProgramFd: object.program("xdp_pass").fd });
const programId = (fd: number) => programInfo(fd).id;
const hooks = (list: readonly Attached[]) => list.map(({ ifname, hook, tcMechanism }) => `${ifname} ${hook} ${tcMechanism}`);

/** A namespace with a veth pair "eth.0" (bpffs allows no dots) and "eth1", and its own pins; all gone afterwards. */
function inRoom(t: TestContext, work: (room: Room) => void): void {
  if (!need(t, "root", "bpf", "xdp-native-veth", "command:clang")) return;
  inNewNamespace(() => {
    addLink({ kind: "veth", name: "eth.0", peer: { name: "eth1" } });
    changeLink("eth.0", { up: true });
    const pins = pinDirectory();
    try {
      work({ pins, target: { ifindex: getLink("eth.0").index, ifname: "eth.0", pinDirectory: pins } });
    } finally {
      pins.remove();
    }
  });
}

describe("attach()", () => {
  before(() => {
    if (!isRoot()) return;
    scratch = scratchObject(SOURCE);
    first = loadObject(scratch.path);
    second = loadObject(scratch.path);
  });
  after(() => {
    first?.close();
    second?.close();
    scratch?.[Symbol.dispose]();
  });

  it("chooses tc on a veth and is found again by its pins", (t) => {
    inRoom(t, ({ pins, target }) => {
      const result = attach({ ...target, ...programs(first), hook: "auto" });
      assert.equal(result.hook, "tc");
      const [found] = attached(pinDirectory());
      assert.equal(found?.tcProgramId, programId(first.program("tc_pass").fd));
      assert.equal(found?.ifname, "eth.0");
      assert.deepEqual([detach(target), detach(target)], [true, false]);
      assert.deepEqual(attached(pins), []);
      assert.deepEqual(pins.names("links"), []);
    });
  });

  it("goes from hook to hook, with tc behind XDP always", (t) => {
    inRoom(t, ({ pins, target }) => {
      for (const hook of ["xdp", "xdp-generic", "xdp", "tc", "xdp"] as const) {
        attach({ ...target, ...programs(first), hook });
        const [found] = attached(pins);
        assert.equal(found?.hook, hook);
        assert.equal(found?.xdpProgramId !== undefined, hook !== "tc");
        assert.equal(getLink("eth.0").xdp?.mode, hook === "tc" ? undefined : hook === "xdp" ? "native" : "generic");
      }
      detach(target);
      assert.equal(getLink("eth.0").xdp, undefined);
    });
  });

  it("replaces its programs in place", (t) => {
    inRoom(t, ({ pins, target }) => {
      attach({ ...target, ...programs(first), hook: "xdp" });
      const linkIds = pinnedLinks(pins).map(({ info }) => info.id);
      for (const one of attached(pins)) replace(one, { ...programs(second), pinDirectory: pins });
      const [found] = attached(pins);
      assert.equal(found?.tcProgramId, programId(second.program("tc_pass").fd));
      assert.equal(found?.xdpProgramId, programId(second.program("xdp_pass").fd));
      assert.deepEqual(
        pinnedLinks(pins).map(({ info }) => info.id),
        linkIds,
      );
    });
  });

  it("works without tcx, by a filter that it replaces and removes together with clsact", (t) => {
    inRoom(t, ({ pins, target }) => {
      attach({ ...target, ...programs(first), hook: "tc", tcMechanism: "clsact" });
      assert.deepEqual(hooks(attached(pins)), ["eth.0 tc clsact"]);
      attach({ ...target, ...programs(second), hook: "xdp", tcMechanism: "clsact" });
      const [found] = attached(pins);
      assert.equal(found?.tcProgramId, programId(second.program("tc_pass").fd));
      assert.deepEqual(hooks(attached(pins)), ["eth.0 xdp clsact"]);
      assert.equal(detach(target), true);
      assert.deepEqual(attached(pins), []);
    });
  });

  // By filter, one Evenkeel cannot tell its own program from another's of the same name; by link it can.
  it("leaves another's program alone and says whose it is", (t) => {
    if (!need(t, "root", "tcx")) return;
    inRoom(t, ({ target }) => {
      attach({ ...target, ...programs(first), hook: "xdp" });
      const stranger = pinDirectory(0xfffffffffffffff0n);
      try {
        const again = { ...target, ...programs(second), pinDirectory: stranger };
        assert.throws(() => attach({ ...again, hook: "tc" }), {
          code: "ALREADY_ATTACHED",
          message: /eth\.0 already has another tc program: tc_pass \(id \d+\)/,
        });
        assert.throws(() => attach({ ...again, hook: "xdp", tcMechanism: "clsact" }), {
          code: "ALREADY_ATTACHED",
          message: /another XDP program: xdp_pass/,
        });
        assert.deepEqual(attached(stranger), []);
      } finally {
        stranger.remove();
      }
    });
  });

  it("says when a driver has no native XDP, and leaves nothing behind", (t) => {
    inRoom(t, ({ pins, target }) => {
      addLink({ kind: "bridge", name: "br0" });
      const bridge = { ...target, ifindex: getLink("br0").index, ifname: "br0" };
      assert.throws(() => attach({ ...bridge, ...programs(first), hook: "xdp" }), {
        code: "KERNEL_FEATURE_MISSING",
        message: /br0 in native XDP mode: EOPNOTSUPP .*driver has no XDP/,
      });
      assert.deepEqual(attached(pins), []);
    });
  });

  it("leaves pins of a namespace that has gone to removeStalePins()", (t) => {
    if (!need(t, "root", "bpf", "tcx", "xdp-native-veth", "command:clang")) return;
    const cookie = inNewNamespace(() => {
      addLink({ kind: "veth", name: "eth0", peer: { name: "eth1" } });
      const pins = pinDirectory();
      attach({ ifindex: getLink("eth0").index, ifname: "eth0", pinDirectory: pins, ...programs(first), hook: "tc" });
      assert.deepEqual(
        removeStalePins().filter((one) => pins.path.endsWith(`net-${one}`)),
        [],
      );
      deleteLink("eth0");
      return BigInt(/net-(\d+)$/.exec(pins.path)?.[1] ?? 0);
    });
    assert.ok(removeStalePins().includes(cookie));
    assert.ok(!listPinDirectories().some((one) => one.cookie === cookie));
  });
});

describe("chooseHook()", () => {
  const physical = { kind: undefined, bus: "pci", loopback: false };

  it("takes native XDP on physical cards only", () => {
    assert.equal(chooseHook(physical, "ixgbe").hook, "xdp");
    assert.equal(chooseHook(physical, "ena").hook, "tc");
    assert.equal(chooseHook({ ...physical, bus: "virtio" }, "virtio_net").hook, "tc");
    assert.equal(chooseHook({ ...physical, bus: undefined }, undefined).hook, "tc");
    for (const kind of ["veth", "bridge", "bond", "vlan", "tun", "macvlan"])
      assert.equal(chooseHook({ ...physical, kind }, kind).hook, "tc", kind);
    assert.equal(chooseHook({ kind: undefined, bus: undefined, loopback: true }, undefined).hook, "tc");
  });

  it("learns the driver from the kernel", (t) => {
    if (!need(t, "root")) return;
    inNewNamespace(() => {
      addLink({ kind: "veth", name: "v0", peer: { name: "v1" } });
      assert.equal(driverOf("v0"), "veth");
      assert.equal(driverOf("lo"), undefined);
    });
  });
});
