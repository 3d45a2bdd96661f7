/** The part of src/wire/abi.ts that says the maps: what kind each is and the codecs of its keys and values. */

import { resolve, scalarCodecOf, scalarOf, structCodecOf } from "./abi-types.ts";
import type { BtfType } from "./btf.ts";

/** enum bpf_map_type (include/uapi/linux/bpf.h), those we use. */
const MAP_KINDS: Readonly<Record<number, string>> = { 1: "hash", 2: "array", 5: "percpu-hash", 6: "percpu-array", 9: "lru-hash" };

/** From BTF-defined maps: a struct of pointers whose pointees carry the numbers and types (tools/lib/bpf, __uint and __type). */
export function writeMaps(types: readonly BtfType[]): string {
  const section = types.find((type) => type.kind === "section" && type.name === ".maps");
  if (section?.kind !== "section") throw new Error("bpf/maps.h defines no map");
  const lines = section.variables.map((index) => {
    const variable = types[index];
    if (variable?.kind !== "variable") throw new Error("a map is not a variable");
    return writeMap(types, variable);
  });
  return [
    "/** Every map of the packet path, by its name there. */",
    "export const MAPS = Object.freeze({",
    ...lines,
    "} as const);",
    "export type MapName = keyof typeof MAPS;",
    "",
  ].join("\n");
}

function writeMap(types: readonly BtfType[], variable: { readonly name: string; readonly type: number }): string {
  const definition = resolve(types, variable.type);
  if (definition.kind !== "struct") throw new Error(`map ${variable.name} is not BTF-defined`);
  const pointee = (member: string) => {
    const pointer = resolve(types, definition.members.find((one) => one.name === member)?.type ?? 0);
    return pointer.kind === "pointer" ? pointer.type : undefined;
  };
  const count = (member: string) => {
    const array = resolve(types, pointee(member) ?? 0);
    return array.kind === "array" ? array.count : 0;
  };
  const codec = (member: string) => mapCodec(types, pointee(member), `map ${variable.name}: its ${member}`);
  const kind = MAP_KINDS[count("type")];
  if (kind === undefined) throw new Error(`map ${variable.name} has type ${count("type")}, which tools/generate-abi.ts does not know`);
  return `  ${variable.name}: { kind: "${kind}", key: ${codec("key")}, value: ${codec("value")}, maxEntries: ${count("max_entries")} },`;
}

function mapCodec(types: readonly BtfType[], index: number | undefined, where: string): string {
  if (index === undefined) throw new Error(`${where} has no type (use __type)`);
  const scalar = scalarOf(types, index, where);
  return scalar === undefined ? structCodecOf(resolve(types, index), where).name : scalarCodecOf(scalar, where).name;
}
