/** What every kind of check promises, fed by the table in index.test.ts. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LOOPBACKS, type Peer } from "../../test/check-peers/listen.ts";
import { SILENT } from "../../test/check-peers/private-network.ts";
import { soundPeer } from "../../test/check-peers/sound-peers.ts";
import { need } from "../../test/need.ts";
import { parseAddress } from "../model/address.ts";
import type { Phase, Verdict } from "../model/health.ts";
import { CheckOptionsError } from "./checker.ts";
import { directDial } from "./dial.ts";
import { type CheckKind, prepareCheck } from "./index.ts";

/** A check that works gets a good while: the machine may be busy. */
const PATIENCE_MS = 10_000;

export function look(
  kind: CheckKind,
  host: string,
  port: number,
  options: unknown = {},
  signal = AbortSignal.timeout(PATIENCE_MS),
): Promise<Verdict> {
  return prepareCheck(kind, options)({ host: parseAddress(host), port }, { dial: directDial, signal });
}

export function checkerContract(kind: CheckKind): void {
  for (const host of LOOPBACKS) {
    test(`${kind} passes a sound server on ${host}`, async () => {
      const peer = await soundPeer(kind, host);
      try {
        const verdict = await look(kind, host, peer.port, peer.options);
        assert.equal(verdict.outcome, "pass", JSON.stringify(verdict));
        assert.ok(verdict.durationMs > 0);
      } finally {
        await peer.close();
      }
    });
  }

  test(`${kind} refuses options that do not exist, and says which do`, () => {
    assert.throws(
      () => prepareCheck(kind, { adress: "127.0.0.1" }),
      (error: unknown) =>
        error instanceof CheckOptionsError && error.mistakes.some(({ path, text }) => path[0] === "adress" && text.includes('"address"')),
    );
    for (const wrong of [7, "path=/", [], true]) assert.throws(() => prepareCheck(kind, wrong), CheckOptionsError);
  });

  // Nobody is at that address, and no script ends by itself.
  const lastingOptions = kind === "script" ? { command: ["/bin/sleep", "100"] } : kind === "udp" ? { require_reply: true } : {};

  for (const host of Object.values(SILENT)) {
    test(`${kind} fails at its deadline when ${host} is silent, and says so`, async (t) => {
      if (!need(t, "root")) return;
      const startMs = performance.now();
      const verdict = await look(kind, host, 9, lastingOptions, AbortSignal.timeout(60));
      assert.ok(performance.now() - startMs < 2000);
      assert.equal(verdict.outcome, "fail", JSON.stringify(verdict));
      assert.match("reason" in verdict ? verdict.reason : "", /within \d+ ms$/);
    });
  }

  test(`${kind} says nothing about the server when it is stopped`, async (t) => {
    if (!need(t, "root")) return;
    const stop = new AbortController();
    const verdict = look(kind, SILENT.ipv4, 9, lastingOptions, stop.signal);
    await sleep(20);
    stop.abort();
    assert.equal((await verdict).outcome, "unable");
    assert.equal((await look(kind, SILENT.ipv4, 9, lastingOptions, stop.signal)).outcome, "unable");
  });

  test(`${kind} leaves no descriptor open, whatever its end`, async () => {
    const peer = await soundPeer(kind, "127.0.0.1");
    try {
      await look(kind, "127.0.0.1", peer.port, peer.options);
      const before = await openDescriptors();
      for (let round = 0; round < 20; round++) {
        const hurried = AbortSignal.timeout(round % 5);
        await Promise.all([look(kind, "127.0.0.1", peer.port, peer.options), look(kind, "127.0.0.1", peer.port, peer.options, hurried)]);
      }
      assert.ok((await openDescriptors(before)) <= before);
    } finally {
      await peer.close();
    }
  });
}

/** One look at the peer, which is closed after it: it passes, or fails for the reason and in the phase. */
export async function withPeer(
  opening: Promise<Peer>,
  kind: CheckKind,
  options: object,
  reason: RegExp | undefined,
  phase?: Phase,
  signal?: AbortSignal,
): Promise<void> {
  const peer = await opening;
  try {
    const verdict = await look(kind, "127.0.0.1", peer.port, options, signal);
    assert.equal(verdict.outcome, reason === undefined ? "pass" : "fail", JSON.stringify(verdict));
    if (verdict.outcome === "fail" && reason !== undefined) assert.match(verdict.reason, reason);
    if (phase !== undefined) assert.equal(verdict.phase, phase);
  } finally {
    await peer.close();
  }
}

/** How many this process has; waits a moment for `wanted`, because closing is finished by the loop. */
export async function openDescriptors(wanted = Number.POSITIVE_INFINITY): Promise<number> {
  let open = readdirSync("/proc/self/fd").length;
  for (let turn = 0; turn < 50 && (turn < 3 || open > wanted); turn++) {
    await sleep(turn < 3 ? 2 : 20);
    open = readdirSync("/proc/self/fd").length;
  }
  return open;
}
