import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { need } from "../../test/need.ts";
import { scratchObject } from "../../test/scratch-object.ts";
import { MAPS } from "../wire/abi.ts";
import { u32, u64 } from "../wire/codec.ts";
import { type BpfMap, bpfMap, openMap } from "./maps.ts";
import { loadObject } from "./object.ts";
import { countCpus, possibleCpus } from "./possible-cpus.ts";

const SOURCE = `
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 3000); __type(key, __u32); __type(value, __u64); } hash SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1500); __type(key, __u32); __type(value, __u64); } percpu SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 2000); __uint(map_flags, BPF_F_MMAPABLE); __type(key, __u32); __type(value, __u64); } array SEC(".maps");
SEC("tc") int nothing(struct __sk_buff *skb) { return 0; }
`;

function withMaps(t: TestContext, work: (map: (name: string) => BpfMap<number, bigint>) => void): void {
  if (!need(t, "root", "bpf", "command:clang")) return;
  using scratch = scratchObject(SOURCE);
  const object = loadObject(scratch.path);
  try {
    work((name) => bpfMap(name, object.map(name).fd, u32, u64));
  } finally {
    object.close();
  }
}

describe("a BPF map", () => {
  it("is looked up, written and deleted from by key", (t) => {
    withMaps(t, (map) => {
      const hash = map("hash");
      hash.update(1, 10n, "new");
      assert.throws(() => hash.update(1, 11n, "new"), { code: "SYSTEM_CALL", message: /EEXIST/ });
      assert.throws(() => hash.update(2, 11n, "existing"), { message: /ENOENT/ });
      assert.deepEqual([hash.lookup(1), hash.lookup(2)], [10n, undefined]);
      assert.deepEqual([hash.delete(1), hash.delete(1)], [true, false]);
    });
  });

  it("is written and listed in batches", (t) => {
    withMaps(t, (map) => {
      const entries = Array.from({ length: 2500 }, (_, i) => [i, BigInt(i) * 3n] as const);
      const hash = map("hash");
      hash.updateAll(entries);
      assert.deepEqual(new Map(hash.entries()), new Map(entries));
      assert.deepEqual([...map("array").entries()].length, 2000);
    });
  });

  it("that is full says so and how much it holds", (t) => {
    withMaps(t, (map) => {
      const many = Array.from({ length: 3500 }, (_, i) => [i, 0n] as const);
      assert.throws(() => map("hash").updateAll(many), { code: "LIMIT_REACHED", message: /hash is full: it holds 3000/ });
    });
  });

  it("per CPU is read as the sum and written as a whole", (t) => {
    withMaps(t, (map) => {
      const percpu = map("percpu");
      percpu.update(7, 100n);
      assert.equal(percpu.lookup(7), 100n);
      assert.deepEqual(percpu.lookupEach(7), [100n, ...Array<bigint>(possibleCpus() - 1).fill(0n)]);
      const entries = new Map(percpu.entries());
      assert.deepEqual([entries.size, entries.get(7), entries.get(8)], [1500, 100n, 0n]);
    });
  });

  it("is cleared by its keys, on every CPU and nowhere else", (t) => {
    withMaps(t, (map) => {
      for (const name of ["percpu", "array"]) {
        const cleared = map(name);
        cleared.updateAll(Array.from({ length: 1500 }, (_, i) => [i, BigInt(i) + 1n] as const));
        cleared.clear(Array.from({ length: 1200 }, (_, i) => i));
        cleared.clear([]);
        assert.deepEqual([cleared.lookup(0), cleared.lookup(1199), cleared.lookup(1200)], [0n, 0n, 1201n]);
      }
    });
  });

  it("that is an array gives many elements at once, of each CPU the sum", (t) => {
    withMaps(t, (map) => {
      for (const [name, length] of [
        ["percpu", 1500],
        ["array", 2000],
      ] as const) {
        const array = map(name);
        array.updateAll(Array.from({ length }, (_, i) => [i, BigInt(i) + 1n] as const));
        const sought = [length - 1, 0, 700, 701, 717, 734, 0, ...Array.from({ length: 1200 }, (_, i) => i)];
        assert.deepEqual(array.lookupAll(sought), new Map(sought.map((index) => [index, BigInt(index) + 1n])));
        assert.deepEqual(array.lookupAll([]), new Map());
        assert.throws(() => array.lookupAll([length]), { code: "SYSTEM_CALL" });
      }
    });
  });

  it("that can be mapped is shared memory until it is closed", (t) => {
    withMaps(t, (map) => {
      const array = map("array");
      const memory = array.map();
      array.update(3, 33n);
      assert.equal(memory.read(3), 33n);
      memory.write(4, 44n);
      assert.equal(array.lookup(4), 44n);
      assert.equal(memory.view.getBigUint64(3 * memory.stride, true), 33n);
      assert.throws(() => memory.read(2000), RangeError);
      const kept = memory.view;
      memory.close();
      memory.close();
      assert.throws(() => memory.read(3), RangeError);
      assert.throws(() => kept.getUint8(0), TypeError);
      assert.throws(() => map("hash").map(), { code: "BPF_UNAVAILABLE" });
    });
  });

  it("with other sizes than its codecs is refused", (t) => {
    withMaps(t, (map) => {
      assert.throws(() => openMap("services", map("hash").fd), {
        code: "BPF_UNAVAILABLE",
        message: /keys of 4 and values of 8 bytes; this program knows 20 and 60/,
      });
    });
  });

  it("of the packet path has keys and values by its name", () => {
    // Compiles only when the types follow the table.
    const plan: Parameters<ReturnType<typeof openMap<"plans">>["update"]>[0] = 1;
    assert.equal(plan, 1);
    assert.equal(MAPS.plans.kind, "array");
  });
});

describe("countCpus()", () => {
  it("counts ranges and single ones", () => {
    assert.deepEqual([countCpus("0\n"), countCpus("0-3\n"), countCpus("0-3,8,10-11")], [1, 4, 7]);
    assert.ok(possibleCpus() >= 1);
  });
});
