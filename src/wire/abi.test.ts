import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { need } from "../../test/need.ts";
import { abiIsFresh, generateAbi } from "../../tools/generate-abi.ts";
import * as abi from "./abi.ts";
import { type Codec, decoded, encoded, type StructCodec } from "./codec.ts";

type AnyStruct = StructCodec<Record<string, unknown>>;
const structs = Object.entries(abi as Readonly<Record<string, unknown>>).filter((entry): entry is [string, AnyStruct] =>
  entry[0].endsWith("Codec"),
);

describe("the generated ABI", () => {
  it("is what bpf/abi.h and bpf/maps.h ask for", (t) => {
    if (!need(t, "command:clang")) return;
    assert.ok(abiIsFresh(), "run node tools/generate-abi.ts");
  });

  it("reads what it wrote, for any bytes of any struct", () => {
    for (const [name, codec] of structs) {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: codec.size, maxLength: codec.size }), (bytes) => {
          const value = decoded(codec, bytes);
          assert.deepEqual(decoded(codec, encoded(codec, value)), value, name);
        }),
        { numRuns: 20 },
      );
    }
  });

  it("keeps fields within the struct and in order", () => {
    for (const [name, codec] of structs) {
      const offsets = Object.values(codec.offsets);
      assert.deepEqual(
        offsets,
        offsets.toSorted((a, b) => a - b),
        name,
      );
      assert.ok((offsets.at(-1) ?? 0) < codec.size, name);
    }
  });

  it("writes ports in network order and counts in host order", () => {
    const key = encoded(abi.serviceKeyCodec, {
      address: Uint8Array.of(192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      port: 0x1234,
      protocol: 6,
      family: 4,
    });
    assert.deepEqual([...key.subarray(16)], [0x12, 0x34, 6, 4]);
    const candidate = encoded(abi.candidateCodec, { server: 0x01020304, weight: 1, weightSum: 0, lastWeight: 0 });
    assert.deepEqual([...candidate.subarray(0, 4)], [4, 3, 2, 1]);
  });

  it("refuses an address of another length than the field", () => {
    const key: abi.ServiceKey = { address: new Uint8Array(4), port: 80, protocol: 6, family: 4 };
    assert.throws(() => encoded(abi.serviceKeyCodec, key), RangeError);
  });

  it("names every value of an enum", () => {
    assert.equal(abi.outcomeName[abi.Outcome.DROP_NO_SERVER], "DROP_NO_SERVER");
    for (const [name, value] of Object.entries(abi.TcpState)) assert.equal(abi.tcpStateName[value], name);
  });

  it("gives each map a key and a value that have a size", () => {
    for (const [name, map] of Object.entries(abi.MAPS)) {
      for (const codec of [map.key, map.value] as readonly Codec<unknown>[]) assert.ok(codec.size > 0, name);
    }
  });
});

describe("the generator", () => {
  const generate = (header: string, maps = "") => {
    const directory = mkdtempSync(join(tmpdir(), "evenkeel-abi-test-"));
    try {
      writeFileSync(join(directory, "abi.h"), `#include <linux/types.h>\n${header}\n`);
      writeFileSync(
        join(directory, "maps.h"),
        maps ||
          `#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nstruct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 7); __type(key, __u32); __type(value, __u64); } some SEC(".maps");`,
      );
      return generateAbi(join(directory, "abi.h"), join(directory, "maps.h"));
    } finally {
      rmSync(directory, { recursive: true });
    }
  };

  it("refuses a hole, naming the struct and the field", (t) => {
    if (!need(t, "command:clang")) return;
    assert.throws(() => generate("struct holey {\n\t__u8 one;\n\t__u32 two;\n};"), /struct holey\.two: 3 bytes of padding before it/);
  });

  it("refuses padding at the end", (t) => {
    if (!need(t, "command:clang")) return;
    assert.throws(() => generate("struct tail {\n\t__u32 one;\n\t__u8 two;\n};"), /struct tail: 3 bytes of padding after two/);
  });

  it("refuses bit fields and pointers", (t) => {
    if (!need(t, "command:clang")) return;
    assert.throws(() => generate("struct bits {\n\t__u32 one : 3;\n\t__u32 two : 29;\n};"), /struct bits\.one is a bit field/);
    assert.throws(() => generate("struct far {\n\tvoid *where;\n};"), /struct far\.where is a pointer/);
  });

  it("reads maps from their definition", (t) => {
    if (!need(t, "command:clang")) return;
    assert.match(generate("struct one {\n\t__u32 a;\n};"), /some: \{ kind: "hash", key: u32, value: u64, maxEntries: 7 \}/);
  });

  it("does not mention room that is reserved", (t) => {
    if (!need(t, "command:clang")) return;
    const text = generate("struct one {\n\t__u32 a;\n\t__u32 reserved[3];\n};");
    assert.match(text, /zeroBytes\(view, offset \+ 4, 12\)/);
    assert.doesNotMatch(text, /reserved/);
  });
});
