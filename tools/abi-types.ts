/** What a C type is called and which codec reads it in TypeScript. */

import type { BtfType } from "./btf.ts";

export interface ElementCodec {
  readonly name: string;
  readonly type: string;
  readonly size: number;
}

export function structCodecOf(type: BtfType, where: string): ElementCodec {
  if (type.kind !== "struct" || type.name === "")
    throw new Error(`${where} is an array of ${type.kind}: not known to tools/generate-abi.ts`);
  return { name: `${camelCase(type.name)}Codec`, type: pascalCase(type.name), size: type.size };
}

export function scalarCodecOf(scalar: Scalar, where: string): ElementCodec {
  const names: Record<string, ElementCodec> = {
    Uint16: { name: "u16", type: "number", size: 2 },
    Uint32: { name: "u32", type: "number", size: 4 },
    BigUint64: { name: "u64", type: "bigint", size: 8 },
  };
  const found = scalar.networkOrder ? undefined : names[scalar.access];
  if (found === undefined) throw new Error(`${where} is an array of ${scalar.access}: add a codec to src/wire/codec.ts and its name here`);
  return found;
}

export interface Scalar {
  readonly size: number;
  readonly access: string;
  readonly networkOrder: boolean;
}

export function scalarOf(types: readonly BtfType[], index: number, where: string): Scalar | undefined {
  let networkOrder = false;
  for (let type = types[index]; type !== undefined; ) {
    if (type.kind === "typedef") {
      networkOrder ||= /^__be\d+$/.test(type.name);
      type = types[type.type];
    } else if (type.kind === "modifier") type = types[type.type];
    else if (type.kind === "int") return { size: type.size, networkOrder, access: accessOf(type, where) };
    else if (type.kind === "enum") return { size: type.size, networkOrder, access: accessOf({ ...type, signed: false }, where) };
    else return undefined;
  }
  throw new Error(`${where} has no type`);
}

function accessOf(type: { size: number; signed: boolean }, where: string): string {
  const sign = type.signed ? "Int" : "Uint";
  if (type.size === 8) return `Big${sign}64`;
  if (type.size === 1 || type.size === 2 || type.size === 4) return `${sign}${type.size * 8}`;
  throw new Error(`${where} is an integer of ${type.size} bytes`);
}

export function resolve(types: readonly BtfType[], index: number): BtfType {
  const type = types[index];
  if (type === undefined) throw new Error(`BTF type ${index} does not exist`);
  return type.kind === "typedef" || type.kind === "modifier" ? resolve(types, type.type) : type;
}

export function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

export function pascalCase(name: string): string {
  const camel = camelCase(name);
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}
