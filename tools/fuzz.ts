/**
 * `make fuzz`: ten million broken packets through the packet path, over two processes.
 *
 *   node tools/fuzz.ts [--packets N] [--seed S] [--stretch T] [--workers W] [-o json]
 *
 * What is found is printed with the stretch of packets that it is in; `--seed S --stretch T` plays that one again.
 */

import { fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type CourseResult, course } from "../test/fuzz/course.ts";

interface Part extends Omit<CourseResult, "outcomes"> {
  readonly outcomes: readonly (readonly [string, number])[];
}

const { values } = parseArgs({
  options: {
    packets: { type: "string", default: "10000000" },
    seed: { type: "string" },
    stretch: { type: "string" },
    workers: { type: "string", default: "2" },
    part: { type: "string" },
  },
});
const packets = Number(values.packets);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);

if (values.part !== undefined) work(Number(values.part));
else process.exitCode = await lead();

function work(part: number): void {
  let told = 0;
  const result = course({
    packets,
    seed,
    part: { number: part, of: Number(values.workers) },
    onProgress: (done) => {
      if (done < told) return;
      told = done + 100_000;
      process.send?.({ done });
    },
  });
  process.send?.({ result: { ...result, outcomes: [...result.outcomes] } });
}

async function lead(): Promise<number> {
  const kernelBefore = kernelComplaints();
  const begun = performance.now();
  const parts = values.stretch === undefined ? await inParts() : [again(Number(values.stretch))];
  const seconds = (performance.now() - begun) / 1000;
  const total = parts.reduce((sum, part) => sum + part.packets, 0);
  const findings = parts.flatMap((part) => part.findings);
  const outcomes = new Map<string, number>();
  for (const part of parts) for (const [name, count] of part.outcomes) outcomes.set(name, (outcomes.get(name) ?? 0) + count);
  const fate = (name: "passed" | "dropped" | "sent") => parts.reduce((sum, part) => sum + part.fates[name], 0);
  for (const { what, stretch, packet, row, details } of findings) {
    console.log(
      `FOUND ${what}\n  --seed ${seed} --stretch ${stretch}${packet === undefined ? "" : `, packet ${packet}`}; row: ${row}\n  ${details}`,
    );
  }
  console.log(
    [...outcomes]
      .sort(([, one], [, other]) => other - one)
      .map(([name, count]) => `${name} ${count}`)
      .join(", "),
  );
  const complaints = kernelComplaints().filter((line) => !kernelBefore.includes(line));
  for (const line of complaints) console.log(`KERNEL ${line}`);
  console.log(
    `seed ${seed}: ${total} packets in ${seconds.toFixed(0)} s: ${fate("passed")} passed, ${fate("dropped")} dropped, ${fate("sent")} sent on`,
  );
  console.log(`${findings.length} findings, ${complaints.length} complaints of the kernel`);
  return findings.length === 0 && complaints.length === 0 && (values.stretch !== undefined || total === packets) ? 0 : 1;
}

function again(stretch: number): Part {
  const result = course({ packets, seed, only: stretch });
  return { ...result, outcomes: [...result.outcomes] };
}

async function inParts(): Promise<Part[]> {
  const workers = Number(values.workers);
  const done = Array<number>(workers).fill(0);
  return await Promise.all(
    Array.from({ length: workers }, async (_, part) => {
      const child = fork(fileURLToPath(import.meta.url), [
        "--packets",
        `${packets}`,
        "--seed",
        `${seed}`,
        "--workers",
        `${workers}`,
        "--part",
        `${part}`,
      ]);
      let result: Part | undefined;
      child.on("message", (message: { done?: number; result?: Part }) => {
        if (message.done !== undefined) done[part] = message.done;
        if (message.result !== undefined) result = message.result;
        if (process.stderr.isTTY) process.stderr.write(`\r${done.reduce((sum, one) => sum + one, 0)} of ${packets} packets `);
      });
      await once(child, "exit");
      if (result === undefined) throw new Error(`part ${part} ended without a result`);
      return result;
    }),
  );
}

/** What the kernel says when something of its own is wrong. */
function kernelComplaints(): string[] {
  const { stdout } = spawnSync("dmesg", { encoding: "utf8" });
  return (stdout ?? "").split("\n").filter((line) => /\b(WARNING|BUG|Oops|UBSAN|KASAN|general protection|rcu.*stall|skbuff:)/.test(line));
}
