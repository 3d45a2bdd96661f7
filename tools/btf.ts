/**
 * Reads the type information that clang leaves in a BPF object: the .BTF section of a 64-bit ELF file.
 * Only what our tools ask for (Documentation/bpf/btf.rst); a kind we do not know is an error, not a guess.
 */

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  readonly bitfieldSize: number;
}

export type BtfType =
  | { readonly kind: "void" }
  | { readonly kind: "int"; readonly name: string; readonly size: number; readonly signed: boolean }
  | { readonly kind: "pointer"; readonly type: number }
  | { readonly kind: "array"; readonly element: number; readonly count: number }
  | { readonly kind: "struct"; readonly name: string; readonly size: number; readonly members: readonly BtfMember[] }
  | { readonly kind: "union"; readonly name: string; readonly size: number; readonly members: readonly BtfMember[] }
  | { readonly kind: "enum"; readonly name: string; readonly size: number; readonly values: readonly { name: string; value: bigint }[] }
  | { readonly kind: "typedef"; readonly name: string; readonly type: number }
  | { readonly kind: "modifier"; readonly type: number }
  | { readonly kind: "variable"; readonly name: string; readonly type: number }
  | { readonly kind: "section"; readonly name: string; readonly variables: readonly number[] }
  | { readonly kind: "other"; readonly name: string };

const EXTRA_BYTES_OF_INT = 4;

/** All types of an object file; a type's number is its index. */
export function readBtf(file: Uint8Array): readonly BtfType[] {
  const section = elfSection(file, ".BTF");
  if (section === undefined) throw new Error("the object has no .BTF section: was it compiled with -g?");
  return parseBtf(section);
}

function elfSection(file: Uint8Array, wanted: string): Uint8Array | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint32(0, false) !== 0x7f454c46 || view.getUint8(4) !== 2 || view.getUint8(5) !== 1) {
    throw new Error("not a little-endian 64-bit ELF file");
  }
  const tableOffset = Number(view.getBigUint64(40, true));
  const entrySize = view.getUint16(58, true);
  const count = view.getUint16(60, true);
  const namesIndex = view.getUint16(62, true);
  const entry = (index: number) => {
    const at = tableOffset + index * entrySize;
    return {
      name: view.getUint32(at, true),
      offset: Number(view.getBigUint64(at + 24, true)),
      size: Number(view.getBigUint64(at + 32, true)),
    };
  };
  const names = entry(namesIndex);
  for (let index = 0; index < count; index++) {
    const { name, offset, size } = entry(index);
    if (textAt(file, names.offset + name) === wanted) return file.subarray(offset, offset + size);
  }
  return undefined;
}

function textAt(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(0, start);
  return new TextDecoder().decode(bytes.subarray(start, end));
}

function parseBtf(section: Uint8Array): readonly BtfType[] {
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  if (view.getUint16(0, true) !== 0xeb9f) throw new Error("the .BTF section does not begin with the BTF magic");
  const headerLength = view.getUint32(4, true);
  const typesStart = headerLength + view.getUint32(8, true);
  const typesEnd = typesStart + view.getUint32(12, true);
  const strings = section.subarray(headerLength + view.getUint32(16, true));
  const text = (offset: number) => textAt(strings, offset);
  const u32 = (at: number) => view.getUint32(at, true);

  const types: BtfType[] = [{ kind: "void" }];
  let at = typesStart;
  while (at < typesEnd) {
    const name = text(u32(at));
    const info = u32(at + 4);
    const sizeOrType = u32(at + 8);
    const length = info & 0xffff;
    const kind = (info >>> 24) & 0x1f;
    const flag = info >>> 31 === 1;
    const body = at + 12;
    const each = <T>(width: number, read: (entry: number) => T) => Array.from({ length }, (_, i) => read(body + i * width));
    switch (kind) {
      case 1:
        types.push({ kind: "int", name, size: sizeOrType, signed: ((u32(body) >>> 24) & 1) === 1 });
        at = body + EXTRA_BYTES_OF_INT;
        break;
      case 2:
        types.push({ kind: "pointer", type: sizeOrType });
        at = body;
        break;
      case 3:
        types.push({ kind: "array", element: u32(body), count: u32(body + 8) });
        at = body + 12;
        break;
      case 4:
      case 5:
        types.push({
          kind: kind === 4 ? "struct" : "union",
          name,
          size: sizeOrType,
          members: each(12, (entry) => ({
            name: text(u32(entry)),
            type: u32(entry + 4),
            bitOffset: flag ? u32(entry + 8) & 0xffffff : u32(entry + 8),
            bitfieldSize: flag ? u32(entry + 8) >>> 24 : 0,
          })),
        });
        at = body + 12 * length;
        break;
      case 6:
        types.push({
          kind: "enum",
          name,
          size: sizeOrType,
          values: each(8, (entry) => ({ name: text(u32(entry)), value: BigInt(flag ? view.getInt32(entry + 4, true) : u32(entry + 4)) })),
        });
        at = body + 8 * length;
        break;
      case 8:
        types.push({ kind: "typedef", name, type: sizeOrType });
        at = body;
        break;
      case 9: // volatile
      case 10: // const
      case 11: // restrict
      case 18: // type tag
        types.push({ kind: "modifier", type: sizeOrType });
        at = body;
        break;
      case 14:
        types.push({ kind: "variable", name, type: sizeOrType });
        at = body + 4;
        break;
      case 15:
        types.push({ kind: "section", name, variables: each(12, (entry) => u32(entry)) });
        at = body + 12 * length;
        break;
      case 19: {
        const wide = (entry: number) => (BigInt(u32(entry + 8)) << 32n) | BigInt(u32(entry + 4));
        types.push({ kind: "enum", name, size: sizeOrType, values: each(12, (entry) => ({ name: text(u32(entry)), value: wide(entry) })) });
        at = body + 12 * length;
        break;
      }
      case 7: // forward declaration
      case 12: // function
      case 16: // float
        types.push({ kind: "other", name });
        at = body;
        break;
      case 13: // function prototype
        types.push({ kind: "other", name });
        at = body + 8 * length;
        break;
      case 17: // declaration tag
        types.push({ kind: "other", name });
        at = body + 4;
        break;
      default:
        throw new Error(`BTF kind ${kind} at byte ${at} is not known to tools/btf.ts`);
    }
  }
  return types;
}
