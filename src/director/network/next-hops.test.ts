import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatAddress, parseAddress } from "../../model/address.ts";
import type { NeighbourState } from "../../wire/netlink-neighbour.ts";
import { makeNextHops, type NextHop, type NextHops, TICK_MS } from "./next-hops.ts";

const hop = (last: number): NextHop => ({ interfaceIndex: 2, address: parseAddress(`10.0.${last >> 8}.${last & 255}`) });
const entry = (last: number, state: NeighbourState, mac = 1) => ({ ...hop(last), state, mac: Uint8Array.of(2, 0, 0, 0, 0, mac) });

function stage(count: number): {
  hops: NextHops;
  link: { up: boolean };
  readonly run: (fromMs: number, toMs: number) => { asked: string[]; told: string[] };
} {
  const link = { up: true };
  const hops = makeNextHops({ nameOf: () => "eth0", carries: () => link.up });
  hops.set(
    Array.from({ length: count }, (_, i) => hop(i + 1)),
    0,
  );
  return {
    hops,
    link,
    run(fromMs, toMs) {
      const asked: string[] = [];
      const told: string[] = [];
      for (let nowMs = fromMs; nowMs < toMs; nowMs += TICK_MS) {
        const { ask, tell } = hops.tick(nowMs);
        asked.push(...ask.map(({ address }) => `${nowMs} ${formatAddress(address)}`));
        told.push(...tell);
      }
      return { asked, told };
    },
  };
}

describe("next hops", () => {
  it("that are absent are asked for at once, then at growing intervals, and told of when nobody answers", () => {
    const { run, hops } = stage(1);
    const { asked, told } = run(0, 100_000);
    assert.deepEqual(
      asked.map((line) => Number.parseInt(line, 10)),
      [0, 1000, 3000, 7000, 15_000, 31_000, 61_000, 91_000],
    );
    assert.deepEqual(told, ["10.0.0.1 cannot be resolved on eth0: nobody answers"]);
    assert.equal(hops.unresolved, 1);
    hops.observe(entry(1, "reachable"), 100_000);
    assert.deepEqual(run(100_000, 110_000), { asked: [], told: ["10.0.0.1 resolved again on eth0"] });
    assert.equal(hops.unresolved, 0);
  });

  it("that are reachable are left alone; those that are stale for long are asked again", () => {
    const { run, hops } = stage(1);
    hops.observe(entry(1, "reachable"), 0);
    assert.deepEqual(run(0, 30_000).asked, []);
    hops.observe(entry(1, "stale"), 30_000);
    assert.deepEqual(run(30_000, 95_000).asked, ["60000 10.0.0.1", "90000 10.0.0.1"]);
    hops.observe(entry(1, "permanent"), 95_000);
    assert.deepEqual(run(95_000, 200_000), { asked: [], told: [] });
  });

  it("whose MAC address changes are told of, each change that lasts once, and not too often", () => {
    const { run, hops } = stage(1);
    hops.observe(entry(1, "reachable", 1), 0);
    assert.deepEqual(run(0, 1000).told, []);
    hops.observe(entry(1, "reachable", 2), 1000);
    assert.deepEqual(run(1000, 2000).told, ["the MAC address of 10.0.0.1 on eth0 changed: 02:00:00:00:00:01 -> 02:00:00:00:00:02"]);
    const flapping = [];
    for (let i = 0; i < 100; i++) {
      hops.observe(entry(1, "reachable", i & 1 ? 1 : 2), 2000 + i * 250);
      flapping.push(...run(2000 + i * 250, 2250 + i * 250).told);
    }
    assert.ok(flapping.length <= 3, flapping.join("\n"));
  });

  it("of a server that was exchanged are told of twice: resolved again, and by another MAC address", () => {
    const { run, hops } = stage(1);
    hops.observe(entry(1, "reachable", 1), 0);
    hops.observe(entry(1, "failed"), 1000);
    run(1000, 6000);
    hops.observe(entry(1, "reachable", 9), 6000);
    assert.deepEqual(run(6000, 7000).told, [
      "10.0.0.1 resolved again on eth0",
      "the MAC address of 10.0.0.1 on eth0 changed: 02:00:00:00:00:01 -> 02:00:00:00:00:09",
    ]);
  });

  it("on an interface without a carrier are neither asked for nor told of", () => {
    const { run, hops, link } = stage(3);
    link.up = false;
    for (const i of [1, 2, 3]) hops.forget(hop(i), 0);
    assert.deepEqual(run(0, 20_000), { asked: [], told: [] });
    link.up = true;
    assert.equal(run(20_000, 20_250).asked.length, 3);
  });

  it("that the kernel refuses to ask for are told of with its reason", () => {
    const { run, hops } = stage(1);
    run(0, 250);
    hops.refused(hop(1), "no buffer space");
    assert.deepEqual(run(250, 500).told, ["10.0.0.1 cannot be resolved on eth0: no buffer space"]);
  });

  it("of ten thousand servers are asked for a few at a time, all in their turn, and told of together", () => {
    const { run, hops } = stage(10_000);
    const { asked, told } = run(0, 20_000);
    const eachTick = Map.groupBy(asked, (line) => line.split(" ")[0]);
    assert.ok([...eachTick.values()].every((lines) => lines.length <= 250));
    const names = new Set(asked.map((line) => line.split(" ")[1]));
    assert.equal(names.size, 10_000);
    assert.ok(told.length < 100 && told.every((line) => line.length < 200), `${told.length}`);
    const begin = performance.now();
    hops.observeAll(
      Array.from({ length: 10_000 }, (_, i) => entry(i + 1, "reachable")),
      20_000,
    );
    assert.equal(run(20_000, 20_250).asked.length, 0);
    assert.ok(performance.now() - begin < 500);
    hops.observeAll([], 21_000);
    assert.equal(run(21_000, 21_250).asked.length, 250);
  });

  it("that stay over a change of servers keep what is known of them", () => {
    const { run, hops } = stage(2);
    for (const i of [1, 2]) hops.observe(entry(i, "reachable"), 0);
    assert.equal(hops.set([hop(2)], 1000), false);
    assert.equal(hops.set([hop(2), hop(3)], 1000), true);
    assert.deepEqual(run(1000, 1250).asked, ["1000 10.0.0.3"]);
  });
});
