/** A director starts from its file, takes over what stands, and leaves it standing. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GOOD, HEAVIER } from "./apply/configurations.ts";
import { hostFor } from "./apply/host.ts";
import { DirectorProcess, directorFor } from "./director/director.ts";
import { need } from "./need.ts";

describe("a director", () => {
  test("makes the packet path what its file says, and tells each change once with its cause", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", GOOD));
    const changes = await director.told("change");
    assert.deepEqual(
      changes.map(({ story }) => story.text),
      [
        "attach to eth0 (hook auto)",
        "add service tcp 192.0.2.10:80 scheduler wrr, servers: 10.77.0.11:80 dr weight 3, 10.77.0.12:80 dr weight 1",
      ],
    );
    const [applied] = await director.told("configuration-applied");
    assert.ok(changes.every(({ cause, because }) => cause.kind === "start" && because === applied?.seq));
    const status = await director.ask("status");
    assert.deepEqual([status.ready, status.troubles, status.configuration.id, status.services, status.servers.all], [true, [], 1, 1, 2]);
  });

  test("killed and started again finds nothing to change", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const file = host.write("evenkeel.yaml", GOOD);
    const first = await directorFor(t, host, file);
    const before = host.snapshot();
    await first.kill();
    assert.deepEqual(host.snapshot(), before);
    const second = await directorFor(t, host, file);
    const [, applied] = await second.told("configuration-applied");
    assert.equal(applied?.story.changes, 0);
    assert.deepEqual(host.snapshot(), before);
  });

  test("reads its file again: an equal one changes nothing, another one what differs, a broken one nothing at all", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", GOOD));
    const before = host.snapshot();
    const equal = await director.ask("reload", { by: "the test" });
    assert.deepEqual([equal.version.id, equal.plan.changes], [1, []]);
    assert.deepEqual(host.snapshot(), before);

    host.write("evenkeel.yaml", HEAVIER);
    const other = await director.ask("reload", { by: "the test" });
    assert.deepEqual([other.version.id, other.plan.changes], [2, ["edit server 10.77.0.11:80 of tcp 192.0.2.10:80: weight 3 -> 5"]]);

    const heavier = host.snapshot();
    host.write("evenkeel.yaml", GOOD.replace("weight: 3", "weigth: 3"));
    await assert.rejects(director.ask("reload", { by: "the test" }), {
      code: "BAD_CONFIGURATION",
      message: /evenkeel\.yaml:7:32: .*weigth/,
    });
    assert.deepEqual(host.snapshot(), heavier);
    const [refused] = await director.told("configuration-refused");
    assert.match(refused?.story.complaints[0] ?? "", /weigth/);
  });

  test("starts with the last good configuration when its file is broken, and says so; without one it does not start", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const file = host.write("evenkeel.yaml", "services: 7");
    await assert.rejects(DirectorProcess.start(host, file), { code: "BAD_CONFIGURATION" });
    host.write("evenkeel.yaml", GOOD);
    const first = await directorFor(t, host, file);
    await first.stop();
    host.write("evenkeel.yaml", "services: 7");
    const second = await directorFor(t, host, file);
    const { troubles, configuration } = await second.ask("status");
    assert.equal(configuration.id, 1);
    assert.match(troubles.join(), /the configuration file cannot be used/);
  });

  test("starts with the last good configuration when another one does not fit its host yet", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const file = host.write("evenkeel.yaml", GOOD);
    const first = await directorFor(t, host, file);
    await first.stop();
    host.write("evenkeel.yaml", GOOD.replaceAll("192.0.2.10", "192.0.2.99"));
    const second = await directorFor(t, host, file);
    const { troubles, configuration } = await second.ask("status");
    assert.equal(configuration.id, 1);
    assert.match(troubles.join(), /the configuration file cannot be used/);
    const [refused] = await second.told("configuration-refused");
    assert.match(refused?.story.complaints[0] ?? "", /192\.0\.2\.99 is on no interface/);
  });

  test("leaves the packet path when it stops, and takes it away when it is told to", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const file = host.write("evenkeel.yaml", GOOD);
    const first = await directorFor(t, host, file);
    const before = host.snapshot();
    await first.stop();
    assert.deepEqual(host.snapshot(), before);
    const second = await directorFor(t, host, file);
    await second.stop(true);
    assert.equal(host.services(), undefined);
  });
});
