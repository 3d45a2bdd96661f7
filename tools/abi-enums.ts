/** The part of src/wire/abi.ts that says the enums: a frozen table of each and its names by value. */

import { camelCase, pascalCase } from "./abi-types.ts";
import type { BtfType } from "./btf.ts";

export function writeEnum(type: Extract<BtfType, { kind: "enum" }>): string {
  const name = pascalCase(type.name);
  const prefix = enumPrefix(
    type.name,
    type.values.map((value) => value.name),
  );
  const entries = type.values.map((value) => ({ name: value.name.slice(prefix.length), value: value.value }));
  // Two names may share a value (a mask and a flag); the first keeps it.
  const byValue = new Map<bigint, string>();
  for (const entry of entries) if (!byValue.has(entry.value)) byValue.set(entry.value, entry.name);
  return [
    `/** enum ${type.name} */`,
    `export const ${name} = Object.freeze({`,
    ...entries.map((entry) => `  ${propertyKey(entry.name)}: ${numeral(type.name, entry)},`),
    "});",
    `export type ${name} = (typeof ${name})[keyof typeof ${name}];`,
    "",
    `/** The names of enum ${type.name} by value. */`,
    `export const ${camelCase(type.name)}Name: Readonly<Record<number, string>> = Object.freeze({`,
    ...[...byValue].map(([value, text]) => `  ${value}: "${text}",`),
    "});",
    "",
  ].join("\n");
}

/** OUTCOME_ of enum outcome; SERVER_ of enum server_flag; nothing when the values do not share it. */
function enumPrefix(name: string, values: readonly string[]): string {
  const candidates = [`${name.toUpperCase()}_`, `${name.replace(/_flags?$/, "").toUpperCase()}_`];
  return candidates.find((prefix) => values.every((value) => value.startsWith(prefix) && /^[A-Z]/.test(value.slice(prefix.length)))) ?? "";
}

function numeral(owner: string, entry: { name: string; value: bigint }): string {
  if (entry.value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error(`enum ${owner}: ${entry.name} is too large for a JavaScript number`);
  return `${entry.value}`;
}

function propertyKey(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : `"${name}"`;
}
