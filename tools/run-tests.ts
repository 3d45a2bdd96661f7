/**
 * Runs every test file in a process of its own: `run-tests.ts [FILE | DIRECTORY]...`, without arguments all of src and test.
 * Files of src go two at a time, and so do those of test that mostly wait for processes in namespaces of their own; the others one by one,
 * because they share the machine's kernel and measure traffic. A file that crashes, hangs, cannot be imported or holds no test has failed.
 * What passed before and cannot have changed since is not run again (FRESH=1 runs it). The last line counts: `tests: N passed, N failed`.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { globSync, statSync } from "node:fs";
import { relative, resolve, sep } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { styleText } from "node:util";
import { passedBefore } from "./passed-before.ts";
import type { TestVerdict } from "./test-events.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const REPORTER = fileURLToPath(new URL("./test-events.ts", import.meta.url));
/** How long a file may take, and how many run side by side. */
const UNIT = { timeoutMs: 60_000, atOnce: 2 };
const WHOLE = { timeoutMs: 900_000, atOnce: 1 };
const TOGETHER = { timeoutMs: 900_000, atOnce: 2 };
/** Of the control plane, mostly: what they expect takes no measure of time, and no traffic of a lab. */
const CONTROL_PLANE =
  /^test\/(api|apply|bpf-plane|check\.|clients-way|director-(health|host|lab-kills|orders|rivals|start)|explain|golden|import|ipvsadm-(?!tutorial)|long-lists|output|packet-rows|pro[bc]|realserver|run-|verbs|wrong)/;
const OUTPUT_BYTES_MAX = 64 * 1024;

interface FileResult {
  readonly file: string;
  readonly verdicts: readonly TestVerdict[];
  /** What is wrong with the file as a whole; empty if nothing. */
  readonly complaint: string;
  readonly output: string;
  readonly durationMs: number;
  /** Not run: nothing changed since it passed. */
  readonly unchanged?: true;
}

const before = passedBefore();
const running = new Set<ChildProcess>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    for (const child of running) endGroup(child, "SIGTERM");
    process.exit(1);
  });
}

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const files = testFiles(args);
  const kindOf = (file: string) => (file.startsWith(`src${sep}`) ? UNIT : CONTROL_PLANE.test(file) ? TOGETHER : WHOLE);
  const results: FileResult[] = [];
  for (const kind of [UNIT, TOGETHER, WHOLE]) {
    results.push(
      ...(await runAll(
        files.filter((file) => kindOf(file) === kind),
        kind,
      )),
    );
  }
  return summarise(results);
}

function testFiles(args: readonly string[]): string[] {
  const named = args.length === 0 ? ["src", "test"] : args.map((arg) => relative(ROOT, resolve(arg)));
  const found = named.flatMap((path) =>
    statSync(resolve(ROOT, path)).isDirectory() ? globSync(`${path}/**/*.test.ts`, { cwd: ROOT }).toSorted() : [path],
  );
  return [...new Set(found)];
}

async function runAll(files: readonly string[], { timeoutMs, atOnce }: typeof UNIT): Promise<FileResult[]> {
  const results: FileResult[] = [];
  const queue = files.values();
  const worker = async (): Promise<void> => {
    for (const file of queue) {
      const result = recalled(file) ?? (await runFile(file, timeoutMs));
      results.push(result);
      if (passedWhole(result)) before.remember(file, result.verdicts);
      printResult(result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

function recalled(file: string): FileResult | undefined {
  const verdicts = before.recall(file);
  return verdicts === undefined ? undefined : { file, verdicts, complaint: "", output: "", durationMs: 0, unchanged: true };
}

function passedWhole({ verdicts, complaint, unchanged }: FileResult): boolean {
  return !unchanged && complaint === "" && verdicts.every(({ verdict }) => verdict === "passed");
}

async function runFile(file: string, timeoutMs: number): Promise<FileResult> {
  const startMs = performance.now();
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", `--test-reporter=${REPORTER}`, resolve(ROOT, file)], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    // A group of its own, so that what it started can be ended with it.
    detached: true,
    env: { ...process.env, EVENKEEL_TEST_COLORS: process.stdout.isTTY ? "1" : "0" },
  });
  running.add(child);
  const verdicts: TestVerdict[] = [];
  const reading = createInterface({ input: child.stdio[3] as Readable }).on("line", (line) =>
    verdicts.push(JSON.parse(line) as TestVerdict),
  );
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_BYTES_MAX);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);

  const closed = new Promise<void>((done) => child.once("close", () => done()));
  const { code, signal, late } = await ending(child, timeoutMs);
  running.delete(child);
  // What the file left running would hold its output open, and the next file's ports.
  endGroup(child, "SIGKILL");
  await Promise.race([closed, sleep(2_000, undefined, { ref: false })]);
  reading.close();
  return { file, verdicts, complaint: complain(), output, durationMs: performance.now() - startMs };

  function complain(): string {
    if (late) return `did not end within ${timeoutMs / 1000} s: a test hangs, or something it started is still running`;
    if (signal !== null) return `was ended by ${signal}`;
    if (code !== 0 && !verdicts.some(({ verdict }) => verdict === "failed"))
      return `ended with exit code ${code} before or beside its tests`;
    return verdicts.length === 0 ? "holds no test" : "";
  }
}

async function ending(child: ChildProcess, timeoutMs: number): Promise<{ code: number | null; signal: string | null; late: boolean }> {
  let late = false;
  const polite = setTimeout(() => {
    late = true;
    endGroup(child, "SIGTERM");
  }, timeoutMs);
  const final = setTimeout(() => endGroup(child, "SIGKILL"), timeoutMs + 5_000);
  try {
    return await new Promise((done, fail) => {
      child.once("error", fail);
      child.once("exit", (code, signal) => done({ code, signal, late }));
    });
  } finally {
    clearTimeout(polite);
    clearTimeout(final);
  }
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // The usual case: nobody of the group is left.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function printResult({ file, verdicts, complaint, output, durationMs, unchanged }: FileResult): void {
  const failures = verdicts.filter(({ verdict }) => verdict === "failed");
  const skips = verdicts.filter(({ verdict }) => verdict === "skipped");
  const good = failures.length === 0 && complaint === "";
  const mark = good ? styleText("green", "ok    ") : styleText("red", "FAILED");
  const count = `${verdicts.length} ${verdicts.length === 1 ? "test" : "tests"}`;
  console.log(
    `${mark} ${file.padEnd(44)} ${count.padStart(9)} ${unchanged ? "unchanged since it passed" : `${(durationMs / 1000).toFixed(1).padStart(6)} s`}`,
  );
  for (const { name, reason } of skips)
    console.log(`       ${styleText("yellow", "skipped")} ${name}${reason === "" ? "" : `: ${reason}`}`);
  for (const { name, reason } of failures) console.log(`       ${styleText("red", "failed")} ${name}\n${indent(reason)}`);
  if (complaint !== "") console.log(`       ${styleText("red", file)} ${complaint}`);
  if (!good && output.trim() !== "") console.log(`${indent("-- what it printed:")}\n${indent(output.trimEnd())}`);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "         ");
}

function summarise(results: readonly FileResult[]): number {
  const count = (wanted: TestVerdict["verdict"]): number =>
    results.flatMap(({ verdicts }) => verdicts).filter(({ verdict }) => verdict === wanted).length;
  const complaints = results.filter(({ complaint }) => complaint !== "").length;
  const [passed, failed, skipped] = [count("passed"), count("failed") + complaints, count("skipped")];
  if (passed + failed === 0) console.log("no test was run");
  console.log(`tests: ${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
  return failed === 0 && passed > 0 ? 0 : 1;
}
