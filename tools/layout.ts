/** The rules of the house, asked of files given as values. Each returns complaints with file and line; none means the rule holds. */

import { basename } from "node:path/posix";
import { mayImport, roomOf } from "./rooms.ts";
import { type Reference, readSource, type SourceFile } from "./source-file.ts";

/** A name that says nothing about what is inside draws everything in. */
const EMPTY_NAMES = /(^|[-./])(util|utils|helper|helpers|common|manager|misc)([-./]|$)/;

export const LINES_MAX = 420;

/** Files that nothing but their own test imports, each with the reason. */
const NEEDED_OTHERWISE: Readonly<Record<string, string>> = {
  "src/cli/main.ts": "bin/evenkeel starts it",
  "src/director/memory-plane.ts": "the reference of the data plane's contract suite",
};

/** Tests and the suites that tests feed: they may use node:test, and nothing has to import them. */
export function isTest(path: string): boolean {
  return /\.(test|contract)\.ts$/.test(path);
}

export function importsPointLeft(files: readonly SourceFile[]): string[] {
  return complain(files, ({ path }, reference) => {
    if (reference.kind !== "file" || !path.startsWith("src/")) return undefined;
    const from = roomOf(path);
    const to = roomOf(reference.target);
    if (from === undefined) return `stands in no room of tools/rooms.ts`;
    if (to === undefined) return isTest(path) ? undefined : `imports ${reference.target}, which is in no room`;
    return mayImport(from, to) ? undefined : `imports ${reference.target}: ${to.name} is to the right of ${from.name}`;
  });
}

export function everyFolderIsARoom(files: readonly SourceFile[]): string[] {
  return files.filter(({ path }) => path.startsWith("src/") && roomOf(path) === undefined).map(({ path }) => `${path}: in no room`);
}

/** Left of `kernel` nothing touches the world. */
export function decisionsArePure(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => !isTest(path))
    .flatMap((file) => {
      const allowed = roomOf(file.path)?.pure?.packages;
      if (allowed === undefined) return [];
      const { references, worldly } = readSource(file);
      return [
        ...references.filter(({ kind }) => kind === "node").map(({ line, target }) => `${file.path}:${line}: imports ${target}`),
        ...references
          .filter(({ kind, target }) => kind === "package" && !allowed.includes(target))
          .map(({ line, target }) => `${file.path}:${line}: imports the package ${target}`),
        ...worldly.map(({ line, what }) => `${file.path}:${line}: uses ${what}`),
      ];
    });
}

export function namesSaySomething(files: readonly SourceFile[]): string[] {
  return files.filter(({ path }) => EMPTY_NAMES.test(path)).map(({ path }) => `${path}: the name says nothing about what is inside`);
}

/** `index.ts` exists only where it is a table; one that passes on what others say is a barrel. */
export function indexesAreTables(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => basename(file.path) === "index.ts" && readSource(file).reexports)
    .map(({ path }) => `${path}: passes on what other files say; import from them`);
}

/** Something besides its own test must need a file. */
export function nothingIsOrphaned(files: readonly SourceFile[]): string[] {
  const needed = new Set(
    files.flatMap((file) =>
      readSource(file)
        .references.filter(({ kind, target }) => kind === "file" && target.replace(/\.ts$/, ".test.ts") !== file.path)
        .map(({ target }) => target),
    ),
  );
  return files
    .filter(({ path }) => path.startsWith("src/") && !isTest(path) && !needed.has(path) && NEEDED_OTHERWISE[path] === undefined)
    .map(({ path }) => `${path}: nothing imports it`);
}

export function everyHeaderIsIncluded(files: readonly SourceFile[]): string[] {
  const included = new Set(files.flatMap(({ text }) => [...text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)].map(([, name]) => name)));
  return files
    .filter(({ path }) => path.endsWith(".h") && !included.has(basename(path)))
    .map(({ path }) => `${path}: no program includes it`);
}

export function filesAreShort(files: readonly SourceFile[], excused: Readonly<Record<string, string>>): string[] {
  return files
    .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
    .filter(({ path, lines }) => lines > LINES_MAX && excused[path] === undefined)
    .map(({ path, lines }) => `${path}: ${lines} lines; is it one idea?`);
}

/** Nothing in the repository knows the machine it was written on, nor where its packages came from. */
export function nothingNamesAMachine(files: readonly SourceFile[]): string[] {
  const machine = /(^|[\s"'`(=:])\/(root|home|work|Users)\/|\bregistry\.[a-z]|\bdeb\.debian\b/;
  return files.flatMap(({ path, text }) =>
    text
      .split("\n")
      .flatMap((line, i) =>
        machine.test(line) || (path === "package-lock.json" && line.includes('"resolved"')) ? [`${path}:${i + 1}: ${line.trim()}`] : [],
      ),
  );
}

function complain(files: readonly SourceFile[], judge: (file: SourceFile, reference: Reference) => string | undefined): string[] {
  return files.flatMap((file) =>
    readSource(file).references.flatMap((reference) => {
      const complaint = judge(file, reference);
      return complaint === undefined ? [] : [`${file.path}:${reference.line}: ${complaint}`];
    }),
  );
}
