/** A director that has run out of descriptors must not take all of its servers out: its checks could not be made, and say so. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { look } from "../src/checker/checker.contract.ts";
import { CHECK_KINDS } from "../src/checker/index.ts";
import { soundPeer } from "./check-peers/sound-peers.ts";
import { need } from "./need.ts";

describe("without a descriptor left", () => {
  for (const kind of CHECK_KINDS)
    test(`a check of the kind ${kind} could not be made, and the next one passes`, async (t) => {
      if (!need(t, "root")) return;
      const peer = await soundPeer(kind, "127.0.0.1");
      try {
        assert.equal((await look(kind, "127.0.0.1", peer.port, peer.options)).outcome, "pass");
        const verdict = await exhausted(() => look(kind, "127.0.0.1", peer.port, peer.options, AbortSignal.timeout(3000)));
        assert.equal(verdict.outcome, "unable", JSON.stringify(verdict));
        assert.match("reason" in verdict ? verdict.reason : "", /too many open files/);
        assert.equal((await look(kind, "127.0.0.1", peer.port, peer.options)).outcome, "pass");
      } finally {
        await peer.close();
      }
    });
});

async function exhausted<T>(work: () => Promise<T>): Promise<T> {
  const limit = Math.max(...readdirSync("/proc/self/fd").map(Number)) + 20;
  const [, , before = ""] = execFileSync("prlimit", [
    "--pid",
    String(process.pid),
    "--nofile",
    "--raw",
    "--noheadings",
    "--output",
    "RESOURCE,HARD,SOFT",
  ])
    .toString()
    .trim()
    .split(/\s+/);
  execFileSync("prlimit", ["--pid", String(process.pid), `--nofile=${limit}:`]);
  const held: number[] = [];
  try {
    for (;;) {
      try {
        held.push(openSync("/dev/null", "r"));
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, "EMFILE");
        break;
      }
    }
    return await work();
  } finally {
    for (const fd of held) closeSync(fd);
    execFileSync("prlimit", ["--pid", String(process.pid), `--nofile=${before}:`]);
  }
}
