import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { openLineSink } from "./line-sink.ts";

/** A process that writes `lines` lines of 100 bytes to its stderr, which `reader` reads, waits, and ends. */
function run(reader: string, lines: number, waitMs: number): { readonly stdout: string; readonly seconds: number } {
  const source = `
    const { openLineSink } = await import(${JSON.stringify(import.meta.resolve("./line-sink.ts"))});
    const sink = openLineSink();
    const begin = performance.now();
    for (let i = 0; i < ${lines}; i++) sink.write("x".repeat(99) + "\\n");
    const took = performance.now() - begin;
    await new Promise((resolve) => setTimeout(resolve, ${waitMs}));
    sink.write("last\\n");
    sink.close();
    process.stdout.write(took < 3000 ? "alive\\n" : "late\\n");
  `;
  const begin = performance.now();
  // The program's stdout passes the reader by.
  const shell = `exec 3>&1; { "$0" --input-type=module -e "$1" 2>&1 >&3; } | { ${reader}; }`;
  const { stdout } = spawnSync("sh", ["-c", shell, process.execPath, source], { encoding: "utf8", timeout: 20_000 });
  return { stdout, seconds: (performance.now() - begin) / 1000 };
}

describe("openLineSink()", () => {
  it("writes all to one who reads", () => {
    assert.equal(run("wc -lc | tr -s ' '", 10_000, 500).stdout.replaceAll(/^ /gm, ""), "alive\n10001 1000005\n");
  });

  it("neither waits for one who does not read, nor for one who is gone", () => {
    for (const reader of ["sleep 3", "true"]) {
      const { stdout, seconds } = run(reader, 50_000, 100);
      assert.equal(stdout, "alive\n", reader);
      assert.ok(seconds < 6, `${seconds} s`);
    }
  });

  it("says how many lines one who was slow has missed", () => {
    const { stdout } = run("sleep 1; grep -v xxx", 50_000, 1500);
    assert.match(stdout, /\((\d+) lines of the log are missing here: .*\)\nlast\n/);
  });

  it("appends to a file", () => {
    const directory = mkdtempSync(join(tmpdir(), "evenkeel-lines-"));
    const path = join(directory, "log");
    for (const line of ["one\n", "two\n"]) {
      const sink = openLineSink(openSync(path, "a"));
      sink.write(line);
      sink.close();
    }
    assert.equal(readFileSync(path, "utf8"), "one\ntwo\n");
    rmSync(directory, { recursive: true });
  });
});
