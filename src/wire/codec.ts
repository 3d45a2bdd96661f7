/**
 * How a C value becomes ours and back. abi.ts is made of these; maps are typed by them.
 * Host order is little-endian on every machine we run on; network order is read as such by getUint16(offset) without a flag.
 */

export interface Codec<T> {
  /** Bytes of one value. */
  readonly size: number;
  decode(view: DataView, offset: number): T;
  encode(view: DataView, offset: number, value: T): void;
}

/** A struct also says where its fields are, for those who read memory that the kernel shares with us. */
export interface StructCodec<T> extends Codec<T> {
  readonly offsets: Readonly<Record<keyof T, number>>;
}

export type Decoded<C> = C extends Codec<infer T> ? T : never;

export const u16: Codec<number> = {
  size: 2,
  decode: (view, offset) => view.getUint16(offset, true),
  encode: (view, offset, value) => view.setUint16(offset, value, true),
};

export const u32: Codec<number> = {
  size: 4,
  decode: (view, offset) => view.getUint32(offset, true),
  encode: (view, offset, value) => view.setUint32(offset, value, true),
};

export const u64: Codec<bigint> = {
  size: 8,
  decode: (view, offset) => view.getBigUint64(offset, true),
  encode: (view, offset, value) => view.setBigUint64(offset, value, true),
};

/** A value's bytes, on their own. */
export function encoded<T>(codec: Codec<T>, value: T): Uint8Array {
  const bytes = new Uint8Array(codec.size);
  codec.encode(new DataView(bytes.buffer), 0, value);
  return bytes;
}

export function decoded<T>(codec: Codec<T>, bytes: Uint8Array): T {
  if (bytes.byteLength < codec.size) throw new RangeError(`${codec.size} bytes are needed, ${bytes.byteLength} are there`);
  return codec.decode(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
}

/** A copy: what is decoded does not change when the memory does. */
export function bytesAt(view: DataView, offset: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset, length).slice();
}

export function putBytes(view: DataView, offset: number, value: Uint8Array, length: number): void {
  if (value.length !== length) throw new RangeError(`the field holds ${length} bytes, not ${value.length}`);
  new Uint8Array(view.buffer, view.byteOffset + offset, length).set(value);
}

export function zeroBytes(view: DataView, offset: number, length: number): void {
  new Uint8Array(view.buffer, view.byteOffset + offset, length).fill(0);
}

/** Some lists are of a thousand: a loop takes a fifth of what iterators do. */
export function listAt<T>(codec: Codec<T>, view: DataView, offset: number, length: number): T[] {
  const list: T[] = [];
  for (let i = 0; i < length; i++) list.push(codec.decode(view, offset + i * codec.size));
  return list;
}

export function putList<T>(codec: Codec<T>, view: DataView, offset: number, value: readonly T[], length: number): void {
  if (value.length !== length) throw new RangeError(`the field holds ${length} values, not ${value.length}`);
  let at = offset;
  for (const one of value) {
    codec.encode(view, at, one);
    at += codec.size;
  }
}
