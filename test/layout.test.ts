/** The house stands as docs/architecture.md says: the rules of tools/layout.ts, of every file here, and of files that break them. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync, readFileSync, statSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  decisionsArePure,
  everyFolderIsARoom,
  everyHeaderIsIncluded,
  filesAreShort,
  importsPointLeft,
  indexesAreTables,
  namesSaySomething,
  nothingIsOrphaned,
  nothingNamesAMachine,
} from "../tools/layout.ts";
import { ROOMS } from "../tools/rooms.ts";
import { readSource, type SourceFile } from "../tools/source-file.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NOT_OURS = ["node_modules/**", "build/**", ".git/**"];

/** Files that are longer than reads well, each with the reason. */
const LONG_FILES: Readonly<Record<string, string>> = {
  "bpf/abi.h": "every layout of the packet path: split by what is said, it is still one language",
  "src/config/parse.test.ts": "a table of mistakes and what is said of each",
  "src/wire/abi.ts": "generated",
};

const typescript = filesOf("{src,test,bench,tools}/**/*.ts");
const sources = filesOf("{src,test,bench,tools,bpf}/**/*.{ts,c,h}");
const everything = filesOf("{**/*,.*,.ci/*}");

describe("the house", () => {
  test("is seen whole by this test", () => {
    for (const path of ["src/cli/main.ts", "src/model/address.ts", "tools/rooms.ts", "test/layout.test.ts"])
      assert.ok(
        typescript.some((file) => file.path === path),
        path,
      );
    for (const path of ["bpf/abi.h", "package.json", "Makefile", "README.md", "bin/evenkeel", ".ci/run"])
      assert.ok(
        everything.some((file) => file.path === path),
        path,
      );
  });
  test("has a room for every folder of src", () => holds(everyFolderIsARoom(typescript)));
  test("lets imports point left only", () => holds(importsPointLeft(typescript)));
  test("keeps clock, chance, waiting and node:* out of the rooms left of kernel", () => holds(decisionsArePure(typescript)));
  test("has no file whose name says nothing", () => holds(namesSaySomething(sources)));
  test("has an index.ts only where it is a table", () => holds(indexesAreTables(typescript)));
  test("has no source that nothing needs", () => holds(nothingIsOrphaned(typescript)));
  test("has no header that no program includes", () => holds(everyHeaderIsIncluded(sources)));
  test("has no file too long to be one idea", () => holds(filesAreShort(sources, LONG_FILES)));
  test("excuses no file that is gone or short", () => {
    for (const path of Object.keys(LONG_FILES))
      assert.ok(
        sources.some((file) => file.path === path),
        path,
      );
  });
  test("names no machine and no registry", () => holds(nothingNamesAMachine(everything)));
  test("has the layouts of bpf/abi.h in src/wire/abi.ts, fresh", () => {
    execFileSync(process.execPath, [`${ROOT}/tools/generate-abi.ts`, "--check"], { stdio: "pipe" });
  });
});

describe("a broken rule is noticed:", () => {
  const cases: readonly [name: string, rule: (files: readonly SourceFile[]) => string[], path: string, text: string][] = [
    ["an import to the right", importsPointLeft, "src/model/a.ts", 'import { b } from "../cli/b.ts";'],
    ["a type imported from the right", importsPointLeft, "src/wire/a.ts", 'import type { B } from "../scheduler/b.ts";'],
    ["an export from the right", importsPointLeft, "src/kernel/a.ts", 'export { b } from "../director/b.ts";'],
    ["an export of all from the right", importsPointLeft, "src/kernel/a.ts", 'export * from "../director/b.ts";'],
    ["a lazy import from the right", importsPointLeft, "src/lab/a.ts", 'const f = async () => (await import("../cli/b.ts")).b;'],
    ["a type asked of a module to the right", importsPointLeft, "src/model/a.ts", 'type B = import("../wire/b.ts").B;'],
    ["a program to the right, named by URL", importsPointLeft, "src/model/a.ts", 'new URL("../wire/b.ts", import.meta.url);'],
    ["an import over several lines", importsPointLeft, "src/model/a.ts", 'import {\n  b,\n  c,\n} from\n  "../wire/b.ts";'],
    ["a room imported from a tool", importsPointLeft, "src/cli/a.ts", 'import { ROOMS } from "../../tools/rooms.ts";'],
    ["a folder that is no room", everyFolderIsARoom, "src/backend/a.ts", ""],
    ["a file outside of the rooms", everyFolderIsARoom, "src/a.ts", ""],
    ["node:* in a decision", decisionsArePure, "src/health/a.ts", 'import { readFileSync } from "node:fs";'],
    ["a package in a decision", decisionsArePure, "src/scheduler/a.ts", 'import { z } from "zod";'],
    ["a package config was not given", decisionsArePure, "src/config/a.ts", 'import koffi from "koffi";'],
    ["a clock", decisionsArePure, "src/failover/a.ts", "export const now = () => Date.now();"],
    ["a date", decisionsArePure, "src/failover/a.ts", "export const now = new Date();"],
    ["the monotonic clock", decisionsArePure, "src/sync/a.ts", "export const now = performance.now();"],
    ["chance", decisionsArePure, "src/scheduler/a.ts", "export const die = Math.random();"],
    ["chance in a template", decisionsArePure, "src/scheduler/a.ts", "export const die = `$" + "{Math.random()}`;"],
    ["a timer", decisionsArePure, "src/health/a.ts", "setTimeout(() => 1, 10);"],
    ["waiting", decisionsArePure, "src/reconcile/a.ts", "export async function a(b: Promise<void>) { await b; }"],
    ["waiting in a loop", decisionsArePure, "src/wire/a.ts", "export async function a(b: any) { for await (const c of b) c(); }"],
    ["the process", decisionsArePure, "src/model/a.ts", "export const debug = process.env.DEBUG;"],
    ["a name that says nothing", namesSaySomething, "src/wire/utils.ts", ""],
    ["a name with a part that says nothing", namesSaySomething, "src/wire/packet-helpers.ts", ""],
    ["a header that says nothing", namesSaySomething, "bpf/common.h", ""],
    ["a barrel", indexesAreTables, "src/scheduler/index.ts", 'export { rr } from "./rr.ts";'],
    ["an orphan", nothingIsOrphaned, "src/wire/lonely.ts", "export const a = 1;"],
    ["a header without a program", everyHeaderIsIncluded, "bpf/lonely.h", ""],
    ["a very long file", (files) => filesAreShort(files, {}), "src/wire/a.ts", "\n".repeat(500)],
    ["a path of somebody's machine", nothingNamesAMachine, "docs/a.md", `see ${["", "home", "me", "a"].join("/")}`],
    ["a registry in the lockfile", nothingNamesAMachine, "package-lock.json", '  "resolved": "https://example.org/a.tgz",'],
  ];
  for (const [name, rule, path, text] of cases) test(name, () => assert.equal(rule([{ path, text }]).length, 1));

  test("a file that only its own test imports", () => {
    const files = [
      { path: "src/wire/a.ts", text: "export const a = 1;" },
      { path: "src/wire/a.test.ts", text: 'import { a } from "./a.ts"; a;' },
    ];
    assert.equal(nothingIsOrphaned(files).length, 1);
  });
});

describe("what is right is left alone:", () => {
  test("imports from the own room, from the left, and from node:* right of the decisions", () => {
    const text =
      'import "node:fs";\nimport { a } from "./a.ts";\nimport { b } from "../model/b.ts";\nimport koffi from "koffi"; Date.now();';
    const files = [{ path: "src/kernel/c.ts", text }];
    holds([...importsPointLeft(files), ...decisionsArePure(files)]);
  });
  test("words of the world in comments, texts, and as names of properties", () => {
    const text = '// await Date.now()\nexport const a = "import x from node:fs";\nexport const b = { process: 1, a }.process;';
    holds(decisionsArePure([{ path: "src/model/a.ts", text }]));
  });
  test("a file that a process is started with", () => {
    const files = [
      { path: "src/lab/server.ts", text: "export {};" },
      { path: "src/lab/client.ts", text: "export {};" },
      { path: "src/lab/start.ts", text: 'new URL("./server.ts", import.meta.url); new URL("client.ts", import.meta.url);' },
      { path: "src/cli/main.ts", text: 'import "../lab/start.ts";' },
    ];
    holds(nothingIsOrphaned(files));
  });
  test("every room may import from the leftmost", () => {
    const files = ROOMS.map(({ name }) => ({ path: `src/${name}/a.ts`, text: 'import { b } from "../model/b.ts";' }));
    holds(importsPointLeft(files));
  });
  test("a file that cannot be read is an error, not a file without imports", () => {
    assert.throws(() => readSource({ path: "src/model/a.ts", text: "import {" }), /cannot be parsed/);
  });
});

function filesOf(pattern: string): SourceFile[] {
  return globSync(pattern, { cwd: ROOT, exclude: NOT_OURS })
    .filter((path) => statSync(`${ROOT}/${path}`).isFile())
    .map((path) => ({ path, text: readFileSync(`${ROOT}/${path}`, "utf8") }))
    .toSorted((one, other) => one.path.localeCompare(other.path));
}

function holds(complaints: readonly string[]): void {
  assert.equal(complaints.join("\n"), "");
}
