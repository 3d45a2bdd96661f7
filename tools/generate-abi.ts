/**
 * Writes src/wire/abi.ts from bpf/abi.h and bpf/maps.h, by way of the type information (BTF) that clang leaves in an object:
 * what TypeScript believes of a layout is what the compiler did. Refuses holes. With --check only tells whether the file is fresh.
 */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { writeEnum } from "./abi-enums.ts";
import { writeMaps } from "./abi-maps.ts";
import { writeStruct } from "./abi-structs.ts";
import { type BtfType, readBtf } from "./btf.ts";
import { compileBpf, ROOT } from "./compiler.ts";

const HEADER = join(ROOT, "bpf", "abi.h");
const MAPS_HEADER = join(ROOT, "bpf", "maps.h");
const OUTPUT = join(ROOT, "src", "wire", "abi.ts");

const HELPERS = ["bytesAt", "listAt", "putBytes", "putList", "type StructCodec", "u16", "u32", "u64", "zeroBytes"];

/** The text that src/wire/abi.ts has to have. */
export function generateAbi(header: string = HEADER, mapsHeader: string = MAPS_HEADER): string {
  const source = withIncludes(header);
  const enums = namesOf("enum", source);
  const structs = namesOf("struct", source);
  const types = compileToBtf(`#include "${header}"`, [
    ...enums.map((name) => `enum ${name} enum_${name};`),
    ...structs.map((name) => `struct ${name} struct_${name};`),
  ]);
  const mapTypes = compileToBtf(`#include "${mapsHeader}"`, []);
  const parts = [
    ...enums.map((name) => writeEnum(findType(types, "enum", name))),
    ...structs.map((name) => writeStruct(types, findType(types, "struct", name))),
    writeMaps(mapTypes),
  ];
  const body = parts.join("\n");
  const imports = HELPERS.filter((helper) => new RegExp(`\\b${helper.replace("type ", "")}\\b`).test(body));
  return [
    "/** generated from bpf/abi.h and bpf/maps.h by tools/generate-abi.ts; do not edit */",
    "",
    `import { ${imports.join(", ")} } from "./codec.ts";`,
    "",
    body,
  ].join("\n");
}

/** A header with what it includes of our own, in place. */
function withIncludes(header: string): string {
  const text = readFileSync(header, "utf8");
  return text.replaceAll(/^#include "(\w+\.h)"$/gm, (_, name: string) => withIncludes(join(dirname(header), name)));
}

function namesOf(keyword: "enum" | "struct", source: string): readonly string[] {
  return [...source.matchAll(new RegExp(`^${keyword} (\\w+) \\{`, "gm"))].map(([, name]) => name ?? "");
}

/** Types that nothing uses leave no BTF: hence the definitions. */
function compileToBtf(include: string, definitions: readonly string[]): readonly BtfType[] {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-abi-"));
  try {
    const source = join(directory, "abi.c");
    const output = join(directory, "abi.o");
    writeFileSync(source, `${include}\n${definitions.join("\n")}\n`);
    compileBpf({ source, output });
    return readBtf(readFileSync(output));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function findType<K extends "enum" | "struct">(types: readonly BtfType[], kind: K, name: string): Extract<BtfType, { kind: K }> {
  const found = types.find((type): type is Extract<BtfType, { kind: K }> => type.kind === kind && "name" in type && type.name === name);
  if (found === undefined) throw new Error(`${kind} ${name} is in the header but left no BTF`);
  return found;
}

/** True when the committed file is what the header asks for. */
export function abiIsFresh(): boolean {
  return existsSync(OUTPUT) && readFileSync(OUTPUT, "utf8") === generateAbi();
}

if (import.meta.main) {
  try {
    if (process.argv.includes("--check")) {
      if (!abiIsFresh()) {
        console.error("generate-abi: src/wire/abi.ts is stale: run node tools/generate-abi.ts");
        process.exitCode = 1;
      }
    } else {
      writeFileSync(OUTPUT, generateAbi());
      console.log("generate-abi: src/wire/abi.ts written");
    }
  } catch (error) {
    console.error(`generate-abi: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
