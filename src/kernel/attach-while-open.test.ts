import assert from "node:assert/strict";
import { after, describe, it, type TestContext } from "node:test";
import { need } from "../../test/need.ts";
import { attach, attached, detach } from "./attach.ts";
import { attachWhileOpen, clearLeftFilters, type Direction, type Hold } from "./attach-while-open.ts";
import { bpfObjectPath } from "./bpf-objects.ts";
import { filters } from "./clsact.ts";
import { addLink, changeLink, deleteLink, getLink } from "./links.ts";
import { inNewNamespace } from "./namespace.ts";
import { type BpfObject, loadObject } from "./object.ts";
import { pinDirectory } from "./pins.ts";
import { programName, queryTcx, tcxAvailable } from "./tcx.ts";

const DIRECTIONS = ["ingress", "egress"] as const;

let object: BpfObject | undefined;
after(() => object?.close());

interface Room {
  readonly ifindex: number;
  readonly hold: (direction: Direction, mechanism?: "tcx" | "clsact") => Hold;
}

/** A namespace with a veth pair, gone afterwards. */
function inRoom(t: TestContext, work: (room: Room) => void): void {
  if (!need(t, "root", "bpf")) return;
  object ??= loadObject(bpfObjectPath("clients_way"));
  const programs = { ingress: object.program("probe_in").fd, egress: object.program("probe_out").fd };
  inNewNamespace(() => {
    addLink({ kind: "veth", name: "eth0", peer: { name: "eth1" } });
    changeLink("eth0", { up: true });
    const { index: ifindex } = getLink("eth0");
    const hold = (direction: Direction, mechanism?: "tcx" | "clsact") =>
      attachWhileOpen(programs[direction], { ifindex, ifname: "eth0", direction }, mechanism);
    work({ ifindex, hold });
  });
}

const onLinks = (ifindex: number) => DIRECTIONS.flatMap((direction) => (queryTcx(ifindex, direction) ?? []).map(programName));
const inFilters = (ifindex: number) =>
  DIRECTIONS.map((direction) => filters(ifindex, direction).filter(({ handle }) => handle !== 0).length);

describe("attachWhileOpen()", () => {
  it("puts a program on either direction, and takes it off once", (t) =>
    inRoom(t, ({ ifindex, hold }) => {
      if (!tcxAvailable()) {
        t.skip("no tcx");
        return;
      }
      const [one, other] = DIRECTIONS.map((direction) => hold(direction));
      assert.deepEqual(onLinks(ifindex), ["probe_in", "probe_out"]);
      one?.release();
      one?.release();
      assert.deepEqual(onLinks(ifindex), ["probe_out"]);
      assert.deepEqual([one?.stands(), other?.stands()], [false, true]);
      other?.release();
      assert.deepEqual(onLinks(ifindex), []);
    }));

  it("as a filter, stays until somebody clears what a dead process left, and is seen to be gone", (t) =>
    inRoom(t, ({ ifindex, hold }) => {
      const holds = DIRECTIONS.map((direction) => hold(direction, "clsact"));
      assert.deepEqual(inFilters(ifindex), [1, 1]);
      assert.equal(clearLeftFilters(), 2);
      assert.deepEqual(inFilters(ifindex), [0, 0]);
      assert.deepEqual(
        holds.map((each) => each.stands()),
        [false, false],
      );
      for (const each of holds) each.release();
      assert.equal(clearLeftFilters(), 0);
      const [again] = DIRECTIONS.map((direction) => hold(direction, "clsact"));
      again?.release();
      assert.deepEqual(inFilters(ifindex), [0, 1]);
    }));

  it("gives way to the packet path, whichever comes first", (t) =>
    inRoom(t, ({ ifindex, hold }) => {
      const director = loadObject(bpfObjectPath("director-tc"), {
        maps: { connections: { maxEntries: 64 }, overflow: { maxEntries: 64 } },
      });
      const target = { ifindex, ifname: "eth0", pinDirectory: pinDirectory() };
      const tcProgramFd = director.program("director").fd;
      try {
        for (const tcMechanism of tcxAvailable() ? (["tcx", "clsact"] as const) : (["clsact"] as const)) {
          const before = hold("ingress", tcMechanism);
          attach({ ...target, hook: "tc", tcMechanism, tcProgramFd, xdpProgramFd: -1 });
          assert.equal(attached(target.pinDirectory)[0]?.tcMechanism, tcMechanism);
          before.release();
          const behind = hold("ingress", tcMechanism);
          assert.ok(behind.stands());
          assert.ok(detach(target));
          assert.ok(behind.stands());
          behind.release();
          assert.deepEqual([onLinks(ifindex), inFilters(ifindex)], [[], [0, 0]]);
        }
      } finally {
        target.pinDirectory.remove();
        director.close();
      }
    }));

  it("is let go of though the interface has gone", (t) =>
    inRoom(t, ({ hold }) => {
      const mechanisms = tcxAvailable() ? (["tcx", "clsact"] as const) : (["clsact"] as const);
      const holds = mechanisms.flatMap((mechanism) => DIRECTIONS.map((direction) => hold(direction, mechanism)));
      deleteLink("eth0");
      for (const each of holds) each.release();
    }));
});
