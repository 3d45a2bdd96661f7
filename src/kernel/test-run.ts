/**
 * Runs a loaded program on bytes of our own (BPF_PROG_TEST_RUN), without any interface: how packet rows are checked
 * and how the director calls its SYSCALL programs.
 */

import koffi from "koffi";
import { libbpf, TEST_RUN_OPTS, type TestRunOpts } from "./libbpf.ts";
import { systemCallError } from "./system-call.ts";

/** Room that a program may add to a packet (encapsulation). */
const GROWTH_MAX = 512;

export interface TestRun {
  readonly returned: number;
  /** The packet afterwards; empty for SYSCALL programs. */
  readonly data: Uint8Array;
  /** The context afterwards, when one was given. */
  readonly context: Uint8Array;
  /** Nanoseconds a run, averaged over the repetitions. */
  readonly durationNs: number;
}

export interface TestRunRequest {
  readonly data?: Uint8Array;
  readonly context?: Uint8Array;
  /** The packet is not restored between repetitions. */
  readonly repeat?: number;
  readonly cpu?: number;
}

/** Fields of struct __sk_buff that a test may set (net/bpf/test_run.c, convert___skb_to_skb); the protocol is read from the frame. */
export interface SocketBuffer {
  readonly mark: number;
  readonly priority: number;
  /** The interface the packet is on: must exist in the current namespace. 0 = lo of the first one. */
  readonly ifindex: number;
  readonly ingressIfindex: number;
  readonly wireLength: number;
  readonly gsoSegments: number;
  readonly gsoSize: number;
}

const BPF_F_TEST_RUN_ON_CPU = 1;
const SK_BUFF_BYTES = 192;
const XDP_MD_BYTES = 24;

export function testRun(programFd: number, request: TestRunRequest = {}): TestRun {
  const { data, context, repeat = 0, cpu = 0 } = request;
  const dataOut = data === undefined ? null : new Uint8Array(data.length + GROWTH_MAX);
  const contextOut = context === undefined ? null : new Uint8Array(context.length);
  const options: TestRunOpts = {
    sz: koffi.sizeof(TEST_RUN_OPTS),
    data_in: data ?? null,
    data_out: dataOut,
    data_size_in: data?.length ?? 0,
    data_size_out: dataOut?.length ?? 0,
    ctx_in: context ?? null,
    ctx_out: contextOut,
    ctx_size_in: context?.length ?? 0,
    ctx_size_out: contextOut?.length ?? 0,
    retval: 0,
    repeat,
    duration: 0,
    flags: cpu === 0 ? 0 : BPF_F_TEST_RUN_ON_CPU,
    cpu,
    batch_size: 0,
  };
  const result = libbpf.bpf_prog_test_run_opts(programFd, options);
  if (result < 0) throw systemCallError("run the BPF program on test data", -result);
  return {
    returned: options.retval,
    data: dataOut?.subarray(0, options.data_size_out) ?? new Uint8Array(0),
    context: contextOut?.subarray(0, options.ctx_size_out) ?? new Uint8Array(0),
    durationNs: options.duration,
  };
}

/** A tc program on a frame. */
export function testRunTc(
  programFd: number,
  frame: Uint8Array,
  request: { buffer?: Partial<SocketBuffer>; repeat?: number } = {},
): TestRun & { readonly buffer: SocketBuffer } {
  const { buffer = {}, repeat = 1 } = request;
  const run = testRun(programFd, { data: frame, context: encodeSocketBuffer(buffer), repeat });
  return { ...run, buffer: decodeSocketBuffer(run.context) };
}

/** An XDP program on a frame; the context (interface of arrival) only when it is given, since the kernel wants a live receive queue then. */
export function testRunXdp(programFd: number, frame: Uint8Array, request: { ingressIfindex?: number; repeat?: number } = {}): TestRun {
  const { ingressIfindex, repeat = 1 } = request;
  if (ingressIfindex === undefined) return testRun(programFd, { data: frame, repeat });
  const context = new DataView(new ArrayBuffer(XDP_MD_BYTES));
  context.setUint32(4, frame.length, true);
  context.setUint32(12, ingressIfindex, true);
  return testRun(programFd, { data: frame, context: new Uint8Array(context.buffer), repeat });
}

/** A SYSCALL program on its argument, which comes back changed. */
export function runSyscallProgram(programFd: number, argument: Uint8Array): { readonly returned: number; readonly argument: Uint8Array } {
  // The kernel copies the context back into the buffer it came from.
  const context = argument.slice();
  const options: TestRunOpts = {
    sz: koffi.sizeof(TEST_RUN_OPTS),
    data_in: null,
    data_out: null,
    data_size_in: 0,
    data_size_out: 0,
    ctx_in: context,
    ctx_out: null,
    ctx_size_in: context.length,
    ctx_size_out: 0,
    retval: 0,
    repeat: 0,
    duration: 0,
    flags: 0,
    cpu: 0,
    batch_size: 0,
  };
  const result = libbpf.bpf_prog_test_run_opts(programFd, options);
  if (result < 0) throw systemCallError("run the BPF program", -result);
  return { returned: options.retval, argument: context };
}

function encodeSocketBuffer(buffer: Partial<SocketBuffer>): Uint8Array {
  const view = new DataView(new ArrayBuffer(SK_BUFF_BYTES));
  view.setUint32(8, buffer.mark ?? 0, true);
  view.setUint32(32, buffer.priority ?? 0, true);
  view.setUint32(36, buffer.ingressIfindex ?? 0, true);
  view.setUint32(40, buffer.ifindex ?? 0, true);
  view.setUint32(160, buffer.wireLength ?? 0, true);
  view.setUint32(164, buffer.gsoSegments ?? 0, true);
  view.setUint32(176, buffer.gsoSize ?? 0, true);
  return new Uint8Array(view.buffer);
}

function decodeSocketBuffer(bytes: Uint8Array): SocketBuffer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = (offset: number) => view.getUint32(offset, true);
  return {
    mark: at(8),
    priority: at(32),
    ingressIfindex: at(36),
    ifindex: at(40),
    wireLength: at(160),
    gsoSegments: at(164),
    gsoSize: at(176),
  };
}
