/** The command as callers find it: by symlink, from anywhere, with an empty environment; and what it says to a wrong word. */

import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const EVENKEEL = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));
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
    for (const verb of ["demo", "lab", "apply", "status", "realserver"]) assert.match(stdout, new RegExp(`^ {2}${verb} `, "m"));
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

function run(command: string, args: string[], { cwd, env }: { cwd?: string; env?: NodeJS.ProcessEnv }): SpawnSyncReturns<string> {
  return spawnSync(command, args, { encoding: "utf8", timeout: 20_000, ...(cwd && { cwd }), ...(env && { env }) });
}
