/**
 * BPF_PROG_TEST_RUN for those who run millions of packets: the options, the context and both buffers lie in memory of our own whose
 * address is known, so a run is one call without anything made for it or copied by us.
 */

import koffi from "koffi";
import { libc } from "./libc.ts";
import { type Bytes, bind, LIBBPF } from "./libraries.ts";
import { systemCallError } from "./system-call.ts";

const raw = bind<{ bpf_prog_test_run_opts(program: number, options: Bytes): number }>(LIBBPF, {
  bpf_prog_test_run_opts: "int bpf_prog_test_run_opts(int program, void *options)",
});

/** struct bpf_test_run_opts of libbpf 1.1, on a machine of 64 bits. */
const OPTIONS = {
  size: 80,
  dataIn: 8,
  dataOut: 16,
  dataSizeIn: 24,
  dataSizeOut: 28,
  contextIn: 32,
  contextSizeIn: 48,
  returned: 56,
  repeat: 60,
} as const;

const SK_BUFF = { size: 192, ifindex: 40, gsoSegments: 164, gsoSize: 176 } as const;
const XDP_MD = { size: 24, dataEnd: 4, ingressIfindex: 12 } as const;

const FRAME_MAX = 4096;
const OPTIONS_AT = 0;
const CONTEXT_AT = 128;
const IN_AT = 512;
const OUT_AT = IN_AT + FRAME_MAX;
const BYTES = OUT_AT + FRAME_MAX;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

export type RunnerHook = "tc" | "xdp";

export class TestRunner {
  /** The frame that goes in: write it here. */
  readonly input: Uint8Array;
  /** What came out of the last run; as long as run() said. */
  readonly output: Uint8Array;
  #returned = 0;
  readonly #memory: ArrayBuffer;
  readonly #options: Uint8Array;
  readonly #view: DataView;
  readonly #address: bigint;

  constructor() {
    this.#address = libc.mmap(null, BYTES, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
    if (BigInt.asUintN(64, this.#address) === MAP_FAILED) throw systemCallError("map memory for test runs", koffi.errno());
    this.#memory = koffi.view(this.#address, BYTES);
    this.input = new Uint8Array(this.#memory, IN_AT, FRAME_MAX);
    this.output = new Uint8Array(this.#memory, OUT_AT, FRAME_MAX);
    this.#options = new Uint8Array(this.#memory, OPTIONS_AT, OPTIONS.size);
    this.#view = new DataView(this.#memory);
    const at = (offset: number) => BigInt.asUintN(64, this.#address) + BigInt(offset);
    this.#view.setBigUint64(OPTIONS_AT, BigInt(OPTIONS.size), true);
    this.#view.setBigUint64(OPTIONS_AT + OPTIONS.dataIn, at(IN_AT), true);
    this.#view.setBigUint64(OPTIONS_AT + OPTIONS.dataOut, at(OUT_AT), true);
    this.#view.setBigUint64(OPTIONS_AT + OPTIONS.contextIn, at(CONTEXT_AT), true);
    this.#view.setInt32(OPTIONS_AT + OPTIONS.repeat, 1, true);
  }

  /** What the program answered in the last run. */
  get returned(): number {
    return this.#returned;
  }

  /** Runs the program on the first `length` bytes of the input; the length of what came out. */
  run(program: number, request: { hook: RunnerHook; ifindex: number; length: number; gsoSize?: number; gsoSegments?: number }): number {
    const { hook, ifindex, length, gsoSize = 0, gsoSegments = 0 } = request;
    const view = this.#view;
    if (hook === "tc") {
      view.setUint32(CONTEXT_AT + SK_BUFF.ifindex, ifindex, true);
      view.setUint32(CONTEXT_AT + SK_BUFF.gsoSegments, gsoSegments, true);
      view.setUint32(CONTEXT_AT + SK_BUFF.gsoSize, gsoSize, true);
      // struct xdp_md lies in the same place: its fields are not the socket buffer's, which must be zero.
      view.setUint32(CONTEXT_AT + XDP_MD.dataEnd, 0, true);
      view.setUint32(CONTEXT_AT + XDP_MD.ingressIfindex, 0, true);
    } else {
      view.setUint32(CONTEXT_AT + XDP_MD.dataEnd, length, true);
      view.setUint32(CONTEXT_AT + XDP_MD.ingressIfindex, ifindex, true);
    }
    view.setUint32(OPTIONS_AT + OPTIONS.contextSizeIn, hook === "tc" ? SK_BUFF.size : XDP_MD.size, true);
    view.setUint32(OPTIONS_AT + OPTIONS.dataSizeIn, length, true);
    view.setUint32(OPTIONS_AT + OPTIONS.dataSizeOut, FRAME_MAX, true);
    const result = raw.bpf_prog_test_run_opts(program, this.#options);
    if (result < 0) throw systemCallError(`run the BPF program on ${length} bytes`, -result);
    this.#returned = view.getUint32(OPTIONS_AT + OPTIONS.returned, true);
    return view.getUint32(OPTIONS_AT + OPTIONS.dataSizeOut, true);
  }

  close(): void {
    if (this.#memory.detached) return;
    this.#memory.transfer();
    if (libc.munmap(this.#address, BYTES) < 0) throw systemCallError("unmap the memory of test runs", koffi.errno());
  }
}
