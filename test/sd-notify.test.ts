/** What a service manager hears of us, by a real socket: sd_notify(3). */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { serviceManager } from "../src/cli/run/sd-notify.ts";
import { NotifyReceiver } from "./run/notify-receiver.ts";

function receiverFor(t: TestContext, address: string): NotifyReceiver {
  const receiver = new NotifyReceiver(address);
  t.after(() => receiver.close());
  return receiver;
}

function directoryFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-notify-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

const silent = (text: string): never => assert.fail(text);

describe("the service manager", () => {
  for (const kind of ["a path", "an abstract name"]) {
    test(`at ${kind} hears when the director is ready, reloads and stops, in one datagram each`, (t) => {
      const address = kind === "a path" ? join(directoryFor(t), "notify") : `@evenkeel-test-${process.pid}`;
      const receiver = receiverFor(t, address);
      const manager = serviceManager({ NOTIFY_SOCKET: address }, silent);
      manager.ready("3 services");
      manager.reloading();
      manager.stopping("told\nby SIGTERM");
      const [ready, reloading, stopping] = receiver.read();
      assert.deepEqual(ready, ["READY=1", `MAINPID=${process.pid}`, "STATUS=3 services"]);
      assert.equal(reloading?.[0], "RELOADING=1");
      assert.match(reloading?.[1] ?? "", /^MONOTONIC_USEC=\d+$/);
      assert.deepEqual(stopping, ["STOPPING=1", "STATUS=told by SIGTERM"]);
    });
  }

  test("is told a status only when it is another", (t) => {
    const receiver = receiverFor(t, `@evenkeel-test-status-${process.pid}`);
    const manager = serviceManager({ NOTIFY_SOCKET: receiver.address }, silent);
    for (const text of ["one", "one", "two"]) manager.status(text);
    assert.deepEqual(receiver.read(), [["STATUS=one"], ["STATUS=two"]]);
  });

  test("hears that the process lives at half of its interval, and nothing once it does not", async (t) => {
    const receiver = receiverFor(t, `@evenkeel-test-watchdog-${process.pid}`);
    const end = new AbortController();
    t.after(() => end.abort());
    let alive = true;
    const environment = { NOTIFY_SOCKET: receiver.address, WATCHDOG_USEC: "60000", WATCHDOG_PID: `${process.pid}` };
    serviceManager(environment, silent).watch(() => alive, end.signal);
    const keepAlive = setInterval(() => undefined, 10);
    t.after(() => clearInterval(keepAlive));
    await receiver.wait(/^WATCHDOG=1$/, 4);
    alive = false;
    const heard = receiver.read().length;
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.equal(receiver.read().length, heard);
    assert.deepEqual(environment, {});
  });

  test("that is not there is told of once, and nothing fails", () => {
    const complaints: string[] = [];
    const manager = serviceManager({ NOTIFY_SOCKET: "/nowhere/notify" }, (text) => complaints.push(text));
    manager.ready("");
    manager.stopping("");
    assert.equal(complaints.length, 1);
    assert.match(
      complaints[0] ?? "",
      /^the service manager could not be told: cannot tell the service manager at \/nowhere\/notify: ENOENT/,
    );
    serviceManager({}, silent).ready("");
    const odd: string[] = [];
    serviceManager({ NOTIFY_SOCKET: "vsock:2:1" }, (text) => odd.push(text)).ready("");
    assert.match(odd[0] ?? "", /vsock:2:1 is no address of a unix socket/);
  });
});
