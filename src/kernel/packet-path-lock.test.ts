/** Who changes a packet path waits for others of the same network namespace, and for nobody else. */

import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { test } from "node:test";
import { isRoot } from "./capability.ts";
import { inNamespace, inNewNamespace } from "./namespace.ts";
import { aloneOnMachine, packetPathStamp, stampPacketPath, withPacketPathLock } from "./packet-path-lock.ts";

const root = { skip: isRoot() ? false : "needs root" };

/** Until it is closed. */
function namespace(): { readonly fd: number; [Symbol.dispose](): void } {
  const fd = inNewNamespace(() => openSync("/proc/thread-self/ns/net", "r"));
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

/** Begun inside; what it waits for it waits for outside. */
function locked(where: number, work: () => Promise<void> | void, waitMs: number): Promise<void> {
  let done: Promise<void> | undefined;
  inNamespace(where, () => {
    done = withPacketPathLock(work, waitMs);
  });
  return done ?? Promise.reject(new Error("it did not begin"));
}

test("withPacketPathLock() lets one in at a time, and tells who waits too long", root, async () => {
  using here = namespace();
  const end = Promise.withResolvers<void>();
  const held = locked(here.fd, () => end.promise, 1000);
  await assert.rejects(
    locked(here.fd, () => undefined, 50),
    { code: "TIMEOUT" },
  );
  end.resolve();
  await held;
  await locked(here.fd, () => undefined, 50);
});

test("withPacketPathLock() waits for nobody in another network namespace", root, async () => {
  using here = namespace();
  using there = namespace();
  const end = Promise.withResolvers<void>();
  const held = locked(here.fd, () => end.promise, 1000);
  await locked(there.fd, () => undefined, 50);
  aloneOnMachine(() => undefined);
  end.resolve();
  await held;
});

test("a stamp is the namespace's own, and another one after each writer", root, () => {
  using here = namespace();
  using there = namespace();
  const first = inNamespace(here.fd, stampPacketPath);
  inNamespace(there.fd, stampPacketPath);
  assert.equal(inNamespace(here.fd, packetPathStamp), first);
  assert.notEqual(inNamespace(here.fd, stampPacketPath), first);
});
