/** A BPF object made from a few lines of C for one test, in a directory of its own that goes with it. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileBpf } from "../tools/compiler.ts";

const HEAD = `
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
`;

export interface ScratchObject extends Disposable {
  readonly path: string;
}

export function scratchObject(source: string): ScratchObject {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-scratch-"));
  const file = join(directory, "scratch.bpf.c");
  const path = join(directory, "scratch.o");
  writeFileSync(file, `${HEAD}${source}\nchar _license[] SEC("license") = "GPL";\n`);
  compileBpf({ source: file, output: path });
  return { path, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}
