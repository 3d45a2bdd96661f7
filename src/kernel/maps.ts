/**
 * BPF maps with typed keys and values. The names and types come from the generated table (wire/abi.ts); a map whose sizes differ
 * from its codecs is refused when it is opened, not misread later.
 */

import { EvenkeelError } from "../model/error.ts";
import { MAPS, type MapName } from "../wire/abi.ts";
import { type Codec, type Decoded, decoded, encoded, u32 } from "../wire/codec.ts";
import { libbpf } from "./libbpf.ts";
import { type MappedArray, mapArray } from "./mapped-array.ts";
import { mapInfo } from "./object-info.ts";
import { possibleCpus } from "./possible-cpus.ts";
import { Errno, systemCallError } from "./system-call.ts";

/** enum bpf_map_type */
const PER_CPU_TYPES = new Set([5, 6, 10, 21]);
const BATCH = 1024;
/** So many elements are read for nothing before another system call is. */
const GAP_MAX = 16;

/** BPF_ANY, BPF_NOEXIST, BPF_EXIST */
const UPDATE_FLAGS = { any: 0, new: 1, existing: 2 } as const;

export interface BpfMap<Key, Value> {
  readonly name: string;
  readonly fd: number;
  readonly maxEntries: number;
  /** The value, or undefined when the key is not there. Per-CPU maps: the sum over all CPUs. */
  lookup(key: Key): Value | undefined;
  /** Each CPU's own value; one of a map that is not per CPU. None when the key is not there. */
  lookupEach(key: Key): Value[];
  /** Elements of an array, by their indexes; those that lie together are read together. */
  lookupAll(indexes: readonly number[]): ReadonlyMap<number, Value>;
  /** Throws when a "new" key is there already, an "existing" one is not, or the map is full (LIMIT_REACHED). Per-CPU: becomes the sum. */
  update(key: Key, value: Value, mode?: keyof typeof UPDATE_FLAGS): void;
  updateAll(entries: Iterable<readonly [Key, Value]>): void;
  /** Every byte of their values becomes 0, on every CPU. */
  clear(keys: readonly Key[]): void;
  /** Whether it was there. Arrays cannot delete. */
  delete(key: Key): boolean;
  /** In batches, not as one moment: entries that come or go meanwhile may or may not be seen. */
  entries(): Generator<[Key, Value]>;
  /** A BPF_F_MMAPABLE array's memory, shared with the kernel. */
  map(): MappedArray<Value>;
}

export type KeyOf<N extends MapName> = Decoded<(typeof MAPS)[N]["key"]>;
export type ValueOf<N extends MapName> = Decoded<(typeof MAPS)[N]["value"]>;

/** The cure where what stands does not fit what this program knows. */
export const OTHER_VERSION = "the packet path that stands is another version's: evenkeel teardown, then apply again; its connections end";

/** Sized when the packet path is made. All others have one size for each version, and an older one's programs know no more. */
const SIZED_BY_OPTION: readonly MapName[] = ["connections", "overflow"];

/** One of the packet path's maps, by its file descriptor (which stays the caller's). */
export function openMap<N extends MapName>(name: N, fd: number): BpfMap<KeyOf<N>, ValueOf<N>> {
  const { key, value, maxEntries } = MAPS[name];
  const map = bpfMap(name, fd, key as Codec<KeyOf<N>>, value as Codec<ValueOf<N>>);
  if (map.maxEntries !== maxEntries && !SIZED_BY_OPTION.includes(name)) {
    throw new EvenkeelError("BPF_UNAVAILABLE", `map ${name} has room for ${map.maxEntries} entries; this program knows ${maxEntries}`, {
      cure: OTHER_VERSION,
    });
  }
  return map;
}

/** Any map, with codecs that the caller vouches for. */
export function bpfMap<Key, Value>(name: string, fd: number, key: Codec<Key>, value: Codec<Value>): BpfMap<Key, Value> {
  const info = mapInfo(fd);
  if (info.keySize !== key.size || info.valueSize !== value.size) {
    throw new EvenkeelError(
      "BPF_UNAVAILABLE",
      `map ${name} has keys of ${info.keySize} and values of ${info.valueSize} bytes; this program knows ${key.size} and ${value.size}`,
      { cure: OTHER_VERSION },
    );
  }
  const perCpu = PER_CPU_TYPES.has(info.type);
  // The kernel copies one value a CPU, each on an eight-byte boundary.
  const stride = Math.ceil(value.size / 8) * 8;
  const slotSize = perCpu ? stride * possibleCpus() : value.size;
  const read = (bytes: Uint8Array): Value => decoded(value, perCpu ? sumWords(bytes, stride, possibleCpus()) : bytes);
  const write = (one: Value): Uint8Array => {
    const bytes = encoded(value, one);
    if (!perCpu) return bytes;
    // The whole amount on the first CPU: the sum is what was written.
    const all = new Uint8Array(slotSize);
    all.set(bytes);
    return all;
  };

  const slotOf = (one: Key): Uint8Array | undefined => {
    const bytes = new Uint8Array(slotSize);
    const result = libbpf.bpf_map_lookup_elem(fd, encoded(key, one), bytes);
    if (result === 0) return bytes;
    if (-result === Errno.ENOENT) return undefined;
    throw mapError(name, "read", -result);
  };

  const updateBatch = (keys: readonly Key[], values: Uint8Array): void => {
    const bytes = concatenate(
      keys.map((one) => encoded(key, one)),
      key.size,
    );
    const result = libbpf.bpf_map_update_batch(fd, bytes, values, Uint32Array.of(keys.length), null);
    if (result !== 0) throw updateError(name, info.maxEntries, -result);
  };

  const self: BpfMap<Key, Value> = {
    name,
    fd,
    maxEntries: info.maxEntries,
    lookup: (one) => {
      const bytes = slotOf(one);
      return bytes === undefined ? undefined : read(bytes);
    },
    lookupEach: (one) => {
      const bytes = slotOf(one);
      if (bytes === undefined) return [];
      return Array.from({ length: perCpu ? possibleCpus() : 1 }, (_, cpu) => decoded(value, bytes.subarray(cpu * stride)));
    },
    lookupAll: (indexes) => {
      const found = new Map<number, Value>();
      for (const stretch of stretches(indexes)) {
        const [first = 0] = stretch;
        const count = (stretch.at(-1) ?? first) - first + 1;
        const slots = lookupStretch({ fd, name, slotSize }, first, count);
        const values = perCpu ? sumWords(slots, stride, possibleCpus()) : slots;
        const view = new DataView(values.buffer);
        for (const index of stretch) found.set(index, value.decode(view, (index - first) * (perCpu ? stride : value.size)));
      }
      return found;
    },
    update: (one, to, mode = "any") => {
      const result = libbpf.bpf_map_update_elem(fd, encoded(key, one), write(to), UPDATE_FLAGS[mode]);
      if (result !== 0) throw updateError(name, info.maxEntries, -result);
    },
    updateAll: (entries) => {
      for (const batch of batches(entries, BATCH)) {
        const values = concatenate(
          batch.map(([, to]) => write(to)),
          slotSize,
        );
        updateBatch(
          batch.map(([one]) => one),
          values,
        );
      }
    },
    clear: (keys) => {
      for (const batch of batches(keys, BATCH)) updateBatch(batch, new Uint8Array(batch.length * slotSize));
    },
    delete: (one) => {
      const result = libbpf.bpf_map_delete_elem(fd, encoded(key, one));
      if (result !== 0 && -result !== Errno.ENOENT) throw mapError(name, "delete from", -result);
      return result === 0;
    },
    entries: function* () {
      for (const { keys, values, count } of lookupBatches({ fd, name, keySize: key.size, slotSize, maxEntries: info.maxEntries })) {
        for (let i = 0; i < count; i++) {
          yield [decoded(key, keys.subarray(i * key.size)), read(values.subarray(i * slotSize, (i + 1) * slotSize))];
        }
      }
    },
    map: () => mapArray({ name, fd, info, codec: value }),
  };
  return self;
}

interface BatchRequest {
  readonly fd: number;
  readonly name: string;
  readonly keySize: number;
  readonly slotSize: number;
  readonly maxEntries: number;
}

function* lookupBatches(request: BatchRequest): Generator<{ keys: Uint8Array; values: Uint8Array; count: number }> {
  const { fd, name, keySize, slotSize, maxEntries } = request;
  let room = Math.min(BATCH, Math.max(1, maxEntries));
  // A hash map's cursor is a bucket number, an array's a key: four bytes are written, but never rely on it.
  let from: Uint8Array | null = null;
  for (;;) {
    const to = new Uint8Array(Math.max(keySize, 8));
    const keys = new Uint8Array(room * keySize);
    const values = new Uint8Array(room * slotSize);
    const count = Uint32Array.of(room);
    const result = libbpf.bpf_map_lookup_batch(fd, from, to, keys, values, count, null);
    const ended = -result === Errno.ENOENT;
    if (-result === Errno.ENOSPC && room <= maxEntries) {
      // One bucket holds more than our room: ask again with more.
      room *= 2;
      continue;
    }
    if (result !== 0 && !ended) throw mapError(name, "list", -result);
    yield { keys, values, count: count[0] ?? 0 };
    if (ended) return;
    from = to;
  }
}

/** An array's elements, one behind the other. */
function lookupStretch({ fd, name, slotSize }: Pick<BatchRequest, "fd" | "name" | "slotSize">, first: number, count: number): Uint8Array {
  const before = first === 0 ? null : encoded(u32, first - 1);
  const values = new Uint8Array(count * slotSize);
  const counted = Uint32Array.of(count);
  const result = libbpf.bpf_map_lookup_batch(fd, before, encoded(u32, 0), new Uint8Array(count * u32.size), values, counted, null);
  if (result !== 0 || counted[0] !== count) throw mapError(name, "read", -result);
  return values;
}

/** Each is worth one system call. */
function* stretches(indexes: readonly number[]): Generator<readonly number[]> {
  let stretch: number[] = [];
  for (const index of indexes.toSorted((one, other) => one - other)) {
    const [first = index] = stretch;
    const last = stretch.at(-1) ?? index;
    if (index - last > GAP_MAX || index - first >= BATCH) {
      yield stretch;
      stretch = [];
    }
    stretch.push(index);
  }
  if (stretch.length > 0) yield stretch;
}

/** Of one element or several in a row. Every per-CPU value of ours is a row of 64-bit counters. */
function sumWords(bytes: Uint8Array, stride: number, cpus: number): Uint8Array {
  const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
  const wordsEach = stride / 8;
  const sums = new BigUint64Array(words.length / cpus);
  for (let i = 0; i < words.length; i++) {
    const at = Math.floor(i / (wordsEach * cpus)) * wordsEach + (i % wordsEach);
    sums[at] = (sums[at] ?? 0n) + (words[i] ?? 0n);
  }
  return new Uint8Array(sums.buffer);
}

function* batches<T>(values: Iterable<T>, size: number): Generator<T[]> {
  let batch: T[] = [];
  for (const value of values) {
    batch.push(value);
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

function concatenate(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(parts.length * size);
  for (const [i, part] of parts.entries()) whole.set(part, i * size);
  return whole;
}

function mapError(name: string, verb: string, errno: number): EvenkeelError {
  return systemCallError(`${verb} the BPF map ${name}`, errno, { facts: { map: name } });
}

function updateError(name: string, maxEntries: number, errno: number): EvenkeelError {
  if (errno === Errno.E2BIG) {
    return new EvenkeelError("LIMIT_REACHED", `the BPF map ${name} is full: it holds ${maxEntries} entries`, {
      facts: { map: name, maxEntries },
    });
  }
  return mapError(name, "write", errno);
}
