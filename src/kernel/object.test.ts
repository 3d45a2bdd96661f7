import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { need } from "../../test/need.ts";
import { scratchObject } from "../../test/scratch-object.ts";
import { u32, u64 } from "../wire/codec.ts";
import { bpfMap } from "./maps.ts";
import { loadObject } from "./object.ts";
import { runSyscallProgram, testRunTc, testRunXdp } from "./test-run.ts";

const TWO_PROGRAMS = `
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, __u32); __type(value, __u64); } seen SEC(".maps");
const volatile __u32 step = 3;
SEC("tc") int count(struct __sk_buff *skb)
{
	__u32 key = skb->mark;
	__u64 one = step, *value = bpf_map_lookup_elem(&seen, &key);

	if (value)
		*value += step;
	else
		bpf_map_update_elem(&seen, &key, &one, 0);
	skb->mark = key + 1;
	return TC_ACT_SHOT;
}
SEC("xdp") int pass(struct xdp_md *ctx) { return bpf_get_smp_processor_id() > 4096 ? XDP_DROP : XDP_PASS; }
struct question { __u32 in, out; };
SEC("syscall") int answer(struct question *ctx) { ctx->out = ctx->in * 2; return 5; }
`;

const FRAME = new Uint8Array(64);

describe("loadObject()", () => {
  it("loads programs and maps, sized as asked, and runs them", (t) => {
    if (!need(t, "root", "bpf", "syscall-programs", "command:clang")) return;
    using scratch = scratchObject(TWO_PROGRAMS);
    const object = loadObject(scratch.path, { maps: { seen: { maxEntries: 9 } }, readOnlyData: new Uint8Array(Uint32Array.of(40).buffer) });
    try {
      const seen = bpfMap("seen", object.map("seen").fd, u32, u64);
      assert.equal(seen.maxEntries, 9);
      const run = testRunTc(object.program("count").fd, FRAME, { buffer: { mark: 6 } });
      assert.deepEqual([run.returned, run.buffer.mark, run.data.length], [2, 7, 64]);
      assert.equal(seen.lookup(6), 40n);
      assert.equal(testRunXdp(object.program("pass").fd, FRAME).returned, 2);
      const { returned, argument } = runSyscallProgram(object.program("answer").fd, new Uint8Array(Uint32Array.of(21, 0).buffer));
      assert.deepEqual([returned, new Uint32Array(argument.buffer)[1]], [5, 42]);
    } finally {
      object.close();
    }
  });

  it("shares a map that stands already", (t) => {
    if (!need(t, "root", "bpf", "command:clang")) return;
    using scratch = scratchObject(TWO_PROGRAMS);
    const first = loadObject(scratch.path);
    const second = loadObject(scratch.path, { maps: { seen: { reuseFd: first.map("seen").fd } }, programs: ["count"] });
    try {
      testRunTc(second.program("count").fd, FRAME, { buffer: { mark: 1 } });
      assert.equal(bpfMap("seen", first.map("seen").fd, u32, u64).lookup(1), 3n);
      assert.deepEqual(
        second.programs.map(({ name }) => name),
        ["count"],
      );
    } finally {
      second.close();
      first.close();
    }
  });

  it("says which program the verifier refuses and its last words, after a log of any length", (t) => {
    if (!need(t, "root", "bpf", "command:clang")) return;
    const steps = Array.from({ length: 3000 }, (_, i) => `skb->mark = ${i};`).join("\n");
    using scratch = scratchObject(`SEC("tc") int careless(volatile struct __sk_buff *skb)
{
	${steps}
	return *(int *)(long)skb->data;
}`);
    assert.throws(
      () => loadObject(scratch.path),
      (error: { code: string; message: string; facts: { program: string; log: string } }) => {
        assert.equal(error.code, "VERIFIER_REJECTED");
        assert.equal(error.facts.program, "careless");
        assert.match(error.facts.log, /invalid access to packet/);
        assert.ok(error.facts.log.split("\n").length <= 31);
        return true;
      },
    );
  });

  it("says what an object lacks, and where one is not", (t) => {
    if (!need(t, "root", "bpf", "command:clang")) return;
    using scratch = scratchObject(TWO_PROGRAMS);
    assert.throws(() => loadObject(scratch.path, { maps: { absent: { maxEntries: 1 } } }), {
      code: "BAD_ARGUMENT",
      message: /no map absent/,
    });
    assert.throws(() => loadObject(scratch.path, { readOnlyData: new Uint8Array(3) }), { code: "BAD_ARGUMENT", message: /4 bytes, not 3/ });
    assert.throws(() => loadObject("/nonexistent.o"), { code: "BPF_UNAVAILABLE" });
    const object = loadObject(scratch.path);
    try {
      assert.throws(() => object.program("absent"), { message: /no program absent \(it has / });
    } finally {
      object.close();
    }
  });
});
