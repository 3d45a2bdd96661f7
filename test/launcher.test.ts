/** The command as callers find it: by symlink, from anywhere, with an empty environment; and what it says to a wrong word. */

import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

const EVENKEEL = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));
const BIN = join(EVENKEEL, "..");
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };

describe("bin/evenkeel", () => {
  test("starts without HOME and PATH, from any directory", () => {
    assert.equal(run(EVENKEEL, ["--version"], { cwd: "/", env: {} }).stdout, `${version}\n`);
  });
  test("finds itself through symlinks to it and to its directory", (t) => {
    const directory = mkdtempSync(join(tmpdir(), "evenkeel-launcher-"));
    t.after(() => rmSync(directory, { recursive: true }));
    symlinkSync(EVENKEEL, join(directory, "one"));
    symlinkSync("one", join(directory, "two"));
    symlinkSync(join(EVENKEEL, ".."), join(directory, "bin"));
    for (const path of ["two", "bin/evenkeel"]) assert.equal(run(join(directory, path), ["--version"], {}).stdout, `${version}\n`, path);
  });
  test("is found on PATH, and passes every argument as it is", () => {
    const env = { PATH: join(EVENKEEL, "..") };
    const { status, stderr } = run("evenkeel", ["a word"], { env });
    assert.equal(status, 2);
    assert.match(stderr, /unknown command 'a word'/);
  });
});

describe("evenkeel", () => {
  test("lists its verbs with examples", () => {
    const { status, stdout } = run(EVENKEEL, ["--help"], {});
    assert.equal(status, 0);
    for (const verb of ["demo", "lab", "apply", "status", "ipvsadm", "realserver"]) assert.match(stdout, new RegExp(`^ {2}${verb} `, "m"));
    assert.match(stdout, /^Examples:$/m);
  });
  test("shows the same on standard error when it is told nothing, as wrong usage", () => {
    const { status, stdout, stderr } = run(EVENKEEL, [], {});
    assert.deepEqual([status, stdout], [2, ""]);
    assert.match(stderr, /^Usage: evenkeel/);
  });
  test("suggests the verb that was meant", () => {
    const { status, stderr } = run(EVENKEEL, ["statsu"], {});
    assert.equal(status, 2);
    assert.match(stderr, /^evenkeel: unknown command 'statsu'\n\(Did you mean status\?\)/);
  });
  test("refuses an option it does not know", () => {
    const { status, stderr } = run(EVENKEEL, ["status", "--colour"], {});
    assert.equal(status, 2);
    assert.match(stderr, /^evenkeel: unknown option '--colour'/);
  });
  test("does not mind a reader that has seen enough", () => {
    const { status, stdout, stderr } = run("bash", ["-c", `set -o pipefail; '${EVENKEEL}' --help | head -n 1`], {});
    assert.deepEqual([status, stdout, stderr], [0, "Usage: evenkeel [options] [command]\n", ""]);
  });
});

describe("bin/ipvsadm", () => {
  const said = /^ipvsadm v1\.31 /;
  test("starts without HOME and PATH, from any directory", () => {
    assert.match(run(join(BIN, "ipvsadm"), ["--version"], { cwd: "/", env: {} }).stdout, said);
  });
  test("finds itself as an alternative, which is a link to a link, and by a link to its directory", (t) => {
    const directory = linksIn(t);
    symlinkSync(BIN, join(directory, "bin"));
    for (const path of ["ipvsadm", "bin/ipvsadm"]) assert.match(run(join(directory, path), ["--version"], { env: {} }).stdout, said, path);
  });
  test("is also bin/evenkeel by a link with that name", (t) => {
    const directory = mkdtempSync(join(tmpdir(), "evenkeel-launcher-"));
    t.after(() => rmSync(directory, { recursive: true }));
    symlinkSync(EVENKEEL, join(directory, "ipvsadm"));
    assert.match(run(join(directory, "ipvsadm"), ["--version"], { env: {} }).stdout, said);
  });
  test("passes every argument as it is, and the exit code back", () => {
    const env = { PATH: BIN };
    const { status, stderr } = run("ipvsadm", ["-A", "-t", "192.0.2.1:80", "-p", "1  2"], { env });
    assert.notEqual(status, 0);
    assert.match(stderr, /^(invalid timeout value `1 {2}2' specified|Can't initialize ipvs: )/);
    assert.equal(run("ipvsadm", ["--help"], { env }).status, 0);
  });
  test("does not mind a reader that has seen enough", () => {
    const { status, stderr } = run("bash", ["-c", `set -o pipefail; '${BIN}/ipvsadm' --help | head -n 1`], {});
    assert.deepEqual([status, stderr], [0, ""]);
  });
  test("ends, and with its own exit code, where its complaint cannot be written", () => {
    const { status, error } = run("bash", ["-c", `'${BIN}/ipvsadm' --nonsense 2> /dev/full`], {});
    assert.deepEqual([error, status === 255 || status === 2], [undefined, true]);
  });
});

describe("bin/ipvsadm-save and bin/ipvsadm-restore", () => {
  test("are found by their links too, and say in their own name what they do not take", (t) => {
    const save = join(linksIn(t), "ipvsadm-save");
    const { status, stdout, stderr } = run(save, ["-x"], { env: {} });
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /^ipvsadm-save: /);
  });
});

/** As update-alternatives lays them: /usr/sbin/ipvsadm -> /etc/alternatives/ipvsadm -> the program. */
function linksIn(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-launcher-"));
  t.after(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, "alternatives"));
  for (const name of ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"]) {
    symlinkSync(join(BIN, name), join(directory, "alternatives", name));
    symlinkSync(join(directory, "alternatives", name), join(directory, name));
  }
  return directory;
}

function run(command: string, args: string[], { cwd, env }: { cwd?: string; env?: NodeJS.ProcessEnv }): SpawnSyncReturns<string> {
  return spawnSync(command, args, { encoding: "utf8", timeout: 20_000, ...(cwd && { cwd }), ...(env && { env }) });
}
