/**
 * What this kernel can do, found out by trying: neither its version nor its configuration file tells the truth about a distribution's kernel.
 * Programs for the attempts are written in place as instructions; no compiler and no object file is needed.
 */

import { release } from "node:os";
import koffi from "koffi";
import { EvenkeelError } from "../model/error.ts";
import { mayLoadPrograms } from "./capability.ts";
import { libc } from "./libc.ts";
import { type Bytes, bind, hasFunction, LIBBPF } from "./libraries.ts";
import { addLink, getLink } from "./links.ts";
import { currentCookie, inNewNamespace } from "./namespace.ts";
import { Errno } from "./system-call.ts";
import { tcxAvailable } from "./tcx.ts";
import { attachXdp } from "./xdp.ts";

export interface Feature {
  readonly description: string;
  /** The first Linux that has it. */
  readonly since: string;
  readonly probe: () => boolean;
}

/** enum bpf_prog_type */
const PROGRAM = { tc: 3, xdp: 6, syscall: 31 } as const;
const BPF_F_SLEEPABLE = 1 << 4;

/** enum bpf_func_id */
const HELPER = { redirectNeighbour: 152, loop: 181, fibLookup: 69 } as const;

/** The head of struct bpf_prog_load_opts; libbpf takes a short one for a caller that knows less. */
const LOAD_OPTIONS = koffi.struct("bpf_prog_load_opts", {
  sz: "size_t",
  attempts: "int",
  expected_attach_type: "int",
  prog_btf_fd: "uint32_t",
  flags: "uint32_t",
  prog_ifindex: "uint32_t",
  kern_version: "uint32_t",
});

interface Loader {
  bpf_prog_load(type: number, name: string, license: string, instructions: Bytes, count: number, options: Record<string, number>): number;
}

const loader = bind<Loader>(LIBBPF, {
  bpf_prog_load:
    "int bpf_prog_load(int type, const char *name, const char *license, const void *instructions, size_t count, const bpf_prog_load_opts *options)",
});

export const FEATURES = {
  bpf: { description: "the bpf() system call with network programs", since: "4.18", probe: () => loads("tc", exitZero()) },
  libbpf: {
    description: "libbpf 1.0 or newer",
    since: "any, with libbpf1",
    probe: () => hasFunction(LIBBPF, "int bpf_prog_test_run_opts(int a, void *b)"),
  },
  "netns-cookie": { description: "cookies of network namespaces", since: "5.14", probe: () => currentCookie() >= 0n },
  cmpxchg: {
    description: "atomic compare-and-swap in BPF programs",
    since: "5.12",
    // r0 = 0; *(u64 *)(r10 - 8) = 0; cmpxchg(r10 - 8, r0, r0); exit
    probe: () => loads("tc", [...move(0, 0), ...store64(10, -8, 0), ...instruction(0xdb, 10, 0, -8, 0xf1), ...exitZero()]),
  },
  "bpf-loop": {
    description: "the helper bpf_loop",
    since: "5.17",
    probe: () => helperKnown("tc", HELPER.loop),
  },
  "redirect-neigh": {
    description: "the helper bpf_redirect_neigh",
    since: "5.10",
    probe: () => helperKnown("tc", HELPER.redirectNeighbour),
  },
  "fib-lookup": { description: "the helper bpf_fib_lookup", since: "4.18", probe: () => helperKnown("xdp", HELPER.fibLookup) },
  "syscall-programs": {
    description: "BPF programs that are called, not attached",
    since: "5.14",
    probe: () => loads("syscall", exitZero(), BPF_F_SLEEPABLE),
  },
  tcx: { description: "tc programs attached by link (tcx)", since: "6.6", probe: tcxAvailable },
  "xdp-native-veth": { description: "native XDP on veth interfaces", since: "4.20", probe: attachesToVeth },
  xdp: { description: "XDP programs", since: "4.8", probe: () => loads("xdp", exitZero()) },
} as const satisfies Record<string, Feature>;

export type FeatureName = keyof typeof FEATURES;

export interface FeatureState {
  readonly name: FeatureName;
  readonly available: boolean;
  readonly description: string;
  readonly since: string;
}

const known = new Map<FeatureName, boolean>();

/** Tried once a process. */
export function hasFeature(name: FeatureName): boolean {
  const present = known.get(name);
  if (present !== undefined) return present;
  if (!mayLoadPrograms()) return false;
  const found = attempt(FEATURES[name].probe);
  known.set(name, found);
  return found;
}

export function probeFeatures(): readonly FeatureState[] {
  return featureNames().map((name) => ({
    name,
    available: hasFeature(name),
    description: FEATURES[name].description,
    since: FEATURES[name].since,
  }));
}

export function featureNames(): readonly FeatureName[] {
  return Object.keys(FEATURES) as FeatureName[];
}

/** Throws KERNEL_FEATURE_MISSING naming the first one this kernel lacks and the Linux that has it. */
export function requireFeatures(...names: readonly FeatureName[]): void {
  for (const name of names) {
    if (hasFeature(name)) continue;
    const { description, since } = FEATURES[name];
    throw new EvenkeelError("KERNEL_FEATURE_MISSING", `this kernel (${release()}) lacks ${description}`, {
      cure: mayLoadPrograms() ? `Linux ${since} or newer has it` : "run as root: without that right it cannot even be tried",
      facts: { feature: name, since, kernel: release() },
    });
  }
}

/** A probe answers no by its error as well; only errors about our own installation go on. */
function attempt(probe: () => boolean): boolean {
  try {
    return probe();
  } catch (error) {
    if (error instanceof EvenkeelError && error.code !== "LIBRARY_MISSING") return false;
    throw error;
  }
}

/**
 * Calls the helper with no argument set up: one that the kernel knows is refused for its arguments ("R1 !read_ok", EACCES),
 * one it does not know for itself ("invalid func", EINVAL).
 */
export function helperKnown(type: keyof typeof PROGRAM, helper: number): boolean {
  const errno = load(type, [...instruction(0x85, 0, 0, 0, helper), ...exitZero()], 0);
  return errno !== Errno.EINVAL;
}

function loads(type: keyof typeof PROGRAM, code: readonly number[], flags = 0): boolean {
  return load(type, code, flags) === 0;
}

/** errno, 0 when the program passes; then `use` may look at it. */
function load(type: keyof typeof PROGRAM, code: readonly number[], flags: number, use: (fd: number) => void = () => {}): number {
  const options = {
    sz: koffi.sizeof(LOAD_OPTIONS),
    attempts: 0,
    expected_attach_type: 0,
    prog_btf_fd: 0,
    flags,
    prog_ifindex: 0,
    kern_version: 0,
  };
  const fd = loader.bpf_prog_load(PROGRAM[type], "evenkeel_probe", "GPL", Uint8Array.from(code), code.length / 8, options);
  if (fd < 0) return -fd;
  try {
    use(fd);
  } finally {
    libc.close(fd);
  }
  return 0;
}

function attachesToVeth(): boolean {
  let attached = false;
  load("xdp", exitZero(), 0, (program) => {
    inNewNamespace(() => {
      addLink({ kind: "veth", name: "probe0", peer: { name: "probe1" } });
      libc.close(attachXdp(program, { ifindex: getLink("probe0").index, ifname: "probe0" }, "native"));
      attached = true;
    });
  });
  return attached;
}

/** One struct bpf_insn. */
function instruction(code: number, destination: number, source: number, offset: number, immediate: number): readonly number[] {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint8(0, code);
  view.setUint8(1, (source << 4) | destination);
  view.setInt16(2, offset, true);
  view.setInt32(4, immediate, true);
  return [...new Uint8Array(view.buffer)];
}

function move(register: number, value: number): readonly number[] {
  return instruction(0xb7, register, 0, 0, value);
}

function exitZero(): readonly number[] {
  return [...move(0, 0), ...instruction(0x95, 0, 0, 0, 0)];
}

function store64(register: number, offset: number, value: number): readonly number[] {
  return instruction(0x7a, register, 0, offset, value);
}
