/** Where the compiled BPF objects lie: beside the sources, wherever the tree was installed. */

import { fileURLToPath } from "node:url";

export type BpfObjectName = "director-tc" | "director-xdp" | "decap" | "pass" | "bench-tc" | "bench-xdp" | "bench_schedule" | "clients_way";

export function bpfObjectPath(name: BpfObjectName): string {
  return fileURLToPath(new URL(`../../build/bpf/${name}.o`, import.meta.url));
}
