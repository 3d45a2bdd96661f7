/** A BPF array's memory in ours: read and written in place, no system call. The kernel changes it under our eyes. */

import koffi from "koffi";
import { EvenkeelError } from "../model/error.ts";
import type { Codec } from "../wire/codec.ts";
import { libc } from "./libc.ts";
import type { MapInfo } from "./object-info.ts";
import { systemCallError } from "./system-call.ts";

const BPF_F_MMAPABLE = 1 << 10;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

export interface MappedArray<Value> {
  /** All of it: element i begins at i * stride. Detached (length 0) after close(). */
  readonly view: DataView;
  readonly stride: number;
  readonly length: number;
  read(index: number): Value;
  write(index: number, value: Value): void;
  close(): void;
}

export function mapArray<Value>(map: { name: string; fd: number; info: MapInfo; codec: Codec<Value> }): MappedArray<Value> {
  const { name, fd, info, codec } = map;
  if ((info.flags & BPF_F_MMAPABLE) === 0) {
    throw new EvenkeelError("BPF_UNAVAILABLE", `the BPF map ${name} was not made to be mapped into memory (BPF_F_MMAPABLE)`);
  }
  // array_map_alloc(): elements on eight-byte boundaries, the whole on pages.
  const stride = Math.ceil(info.valueSize / 8) * 8;
  const bytes = Math.ceil((stride * info.maxEntries) / 4096) * 4096;
  const address = libc.mmap(null, bytes, PROT_READ_WRITE, MAP_SHARED, fd, 0);
  if (BigInt.asUintN(64, address) === MAP_FAILED) throw systemCallError(`map the BPF map ${name} into memory`, koffi.errno());
  const memory = koffi.view(address, bytes);
  let view = new DataView(memory);
  const at = (index: number) => {
    if (!(index >= 0 && index < info.maxEntries))
      throw new RangeError(`map ${name} has ${info.maxEntries} elements; ${index} is not one of them`);
    return index * stride;
  };
  return {
    get view() {
      return view;
    },
    stride,
    length: info.maxEntries,
    read: (index) => codec.decode(view, at(index)),
    write: (index, value) => codec.encode(view, at(index), value),
    close: () => {
      if (memory.detached) return;
      // Detached first: a reader that comes late meets a TypeError instead of memory that is no longer there.
      memory.transfer();
      view = new DataView(new ArrayBuffer(0));
      if (libc.munmap(address, bytes) < 0) throw systemCallError(`unmap the BPF map ${name}`, koffi.errno());
    },
  };
}
