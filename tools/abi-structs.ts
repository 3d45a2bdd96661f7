/** The part of src/wire/abi.ts that says the structs: an interface and a codec of each. Refuses holes, bit fields and pointers. */

import { camelCase, pascalCase, resolve, scalarCodecOf, scalarOf, structCodecOf } from "./abi-types.ts";
import type { BtfType } from "./btf.ts";

const LINE_WIDTH = 140;

interface Field {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly type: string;
  readonly decode: string;
  readonly encode: string;
}

export function writeStruct(types: readonly BtfType[], struct: Extract<BtfType, { kind: "struct" }>): string {
  const name = pascalCase(struct.name);
  const fields: Field[] = [];
  let end = 0;
  for (const member of struct.members) {
    const where = `struct ${struct.name}.${member.name}`;
    if (member.bitfieldSize !== 0) throw new Error(`${where} is a bit field: use a flag word and an enum of masks`);
    const offset = member.bitOffset / 8;
    if (offset > end) throw new Error(`${where}: ${offset - end} bytes of padding before it: name them (reserved) in bpf/abi.h`);
    const field = readField(types, member.type, { name: camelCase(member.name), offset, where });
    fields.push(isReserved(member.name) ? { ...field, encode: `zeroBytes(view, ${at(offset)}, ${field.size})` } : field);
    end = offset + field.size;
  }
  const spoken = fields.filter((field) => !isReserved(field.name));
  const last = struct.members.at(-1)?.name ?? "";
  if (end !== struct.size)
    throw new Error(`struct ${struct.name}: ${struct.size - end} bytes of padding after ${last}: name them (reserved) in bpf/abi.h`);
  return [
    `/** struct ${struct.name} */`,
    `export interface ${name} {`,
    ...spoken.map((field) => `  readonly ${field.name}: ${field.type};`),
    "}",
    "",
    `export const ${camelCase(struct.name)}Codec = {`,
    `  size: ${struct.size},`,
    ...writeOffsets(spoken),
    "  decode: (view, offset) => ({",
    ...spoken.map((field) => `    ${field.name}: ${field.decode},`),
    "  }),",
    "  encode: (view, offset, value) => {",
    ...fields.map((field) => `    ${field.encode};`),
    "  },",
    `} as const satisfies StructCodec<${name}>;`,
    "",
  ].join("\n");
}

/** Room kept for later is written as zero and read by nobody. */
function isReserved(name: string): boolean {
  return /^reserved\d*$/.test(name);
}

function at(offset: number): string {
  return offset === 0 ? "offset" : `offset + ${offset}`;
}

/** In the formatter's shape: on one line where it fits. */
function writeOffsets(fields: readonly Field[]): readonly string[] {
  const entries = fields.map((field) => `${field.name}: ${field.offset}`);
  const line = `  offsets: { ${entries.join(", ")} },`;
  return line.length <= LINE_WIDTH ? [line] : ["  offsets: {", ...entries.map((entry) => `    ${entry},`), "  },"];
}

function readField(types: readonly BtfType[], index: number, field: { name: string; offset: number; where: string }): Field {
  const { name, offset, where } = field;
  const scalar = scalarOf(types, index, where);
  if (scalar !== undefined) {
    const order = scalar.size === 1 || scalar.networkOrder ? "" : ", true";
    return {
      name,
      offset,
      size: scalar.size,
      type: scalar.size === 8 ? "bigint" : "number",
      decode: `view.get${scalar.access}(${at(offset)}${order})`,
      encode: `view.set${scalar.access}(${at(offset)}, value.${name}${order})`,
    };
  }
  const type = resolve(types, index);
  if (type.kind === "array") return arrayField(types, type, { name, offset, where });
  if (type.kind === "struct" && type.name !== "") {
    const codec = `${camelCase(type.name)}Codec`;
    return {
      name,
      offset,
      size: type.size,
      type: pascalCase(type.name),
      decode: `${codec}.decode(view, ${at(offset)})`,
      encode: `${codec}.encode(view, ${at(offset)}, value.${name})`,
    };
  }
  throw new Error(`${where} is a ${type.kind}: only integers, named structs and arrays of them cross the border`);
}

function arrayField(
  types: readonly BtfType[],
  array: Extract<BtfType, { kind: "array" }>,
  field: { name: string; offset: number; where: string },
): Field {
  const { name, offset, where } = field;
  const scalar = scalarOf(types, array.element, where);
  if (scalar?.size === 1) {
    return {
      name,
      offset,
      size: array.count,
      type: "Uint8Array",
      decode: `bytesAt(view, ${at(offset)}, ${array.count})`,
      encode: `putBytes(view, ${at(offset)}, value.${name}, ${array.count})`,
    };
  }
  const element = resolve(types, array.element);
  const codec = scalar === undefined ? structCodecOf(element, where) : scalarCodecOf(scalar, where);
  return {
    name,
    offset,
    size: array.count * codec.size,
    type: `readonly ${codec.type}[]`,
    decode: `listAt(${codec.name}, view, ${at(offset)}, ${array.count})`,
    encode: `putList(${codec.name}, view, ${at(offset)}, value.${name}, ${array.count})`,
  };
}
