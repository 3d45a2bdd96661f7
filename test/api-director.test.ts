/** The API over a real director: each question and each deed of the typed client, with answers that are as the document says. */

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { DirectorClient } from "../src/api/client.ts";
import { appliedSchema, eventSchema, measuresSchema, planSchema, statusSchema, versionSchema } from "../src/api/schemas/director.ts";
import { serversSchema, servicesSchema } from "../src/api/schemas/views.ts";
import { parseAddress } from "../src/model/address.ts";
import { EditRefused } from "../src/model/edit-refused.ts";
import type { JournalEntry } from "../src/model/journal.ts";
import { ask } from "./api/served.ts";
import { GOOD, HEAVIER } from "./apply/configurations.ts";
import { EVENKEEL, type Host, hostFor, VIP } from "./apply/host.ts";
import { need } from "./need.ts";

const GROUP = "4343";
const CHECKED = `${GOOD.replace("services:", `api: { group: "${GROUP}", node_exporter_names: true }\nservices:`)}    checks: [{ tcp: {}, interval: 200ms, timeout: 100ms, fall: 2 }]\n`;

interface Running {
  readonly host: Host;
  readonly client: DirectorClient;
  readonly socket: string;
  readonly child: ChildProcess;
}

async function running(t: TestContext, text: string): Promise<Running> {
  const host = hostFor(t);
  const file = host.write("evenkeel.yaml", text);
  const socket = join(host.directory, "api.sock");
  const words = [EVENKEEL, "run", "--socket", socket, "--state", join(host.directory, "state"), "--log-format", "none", file];
  const child = host.spawn(words, { stdio: ["ignore", "ignore", "inherit"] });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  });
  const client = new DirectorClient({ socket });
  for (let i = 0; ; i++) {
    const ready = await client.status().catch((error: { code?: string }) => assert.equal(error.code, "DIRECTOR_AWAY"));
    if (ready?.ready) return { host, client, socket, child };
    assert.ok(i < 300 && child.exitCode === null, `the director is not ready: ${ready?.troubles.join() ?? child.exitCode}`);
    await wait(100);
  }
}

describe("the API over a director", () => {
  test("answers every question as its document says", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const { client, socket } = await running(t, CHECKED);
    await downByChecks(client);
    const status = statusSchema.parse(await client.status());
    assert.deepEqual([status.services, status.servers.all, status.checks], [1, 2, 2]);
    assert.deepEqual([statSync(socket).mode & 0o777, statSync(socket).gid], [0o660, Number(GROUP)]);
    servicesSchema.parse({ services: await client.services(undefined, { history: true }) });
    const { servers } = serversSchema.parse({ servers: await client.servers({ history: true }) });
    // The last one may not have been possible, on a machine that is busy.
    assert.ok(servers.every(({ checks }) => checks[0]?.last !== undefined && checks[0].history?.some(({ outcome }) => outcome === "fail")));
    measuresSchema.parse(await client.measures());
    for (const entry of await client.events({ limit: 10_000 })) eventSchema.parse(entry);
    assert.deepEqual(await client.connections(), { connections: [] });
    assert.equal((await client.configuration()).text, CHECKED);
    for (const version of await client.history()) versionSchema.parse(version);
    assert.ok(Array.isArray((await client.kernel())["services"]));
    const metrics = await ask({ socketPath: socket }, { path: "/metrics" });
    assert.match(metrics.text, /^evenkeel_server_up\{service="tcp 192\.0\.2\.10:80",label="",server="10\.77\.0\.11:80"\} 0$/m);
    assert.match(metrics.text, /^evenkeel_check_duration_seconds_count\{kind="tcp",outcome="fail"\} [1-9]/m);
    assert.match(metrics.text, /^node_ipvs_connections_total 0$/m);
    assert.equal((await ask({ socketPath: socket }, { path: "/readyz" })).status, 200);
  });

  test("applies, plans, undoes and confirms, and refuses without changing anything", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const { client, host } = await running(t, GOOD);
    const before = host.snapshot();
    planSchema.parse(await client.plan(HEAVIER, "new.yaml"));
    await assert.rejects(client.apply({ text: GOOD.replace("weight: 3", "weigth: 3"), file: "new.yaml" }), {
      code: "BAD_CONFIGURATION",
      message: /new\.yaml:\d+:\d+: .*weigth/,
    });
    await assert.rejects(client.apply({ text: HEAVIER, file: "new.yaml", ifDigest: "00" }), { code: "CONFLICT" });
    await assert.rejects(client.confirm(), { code: "CONFLICT" });
    await assert.rejects(client.configuration(77), { code: "NOT_FOUND" });
    await assert.rejects(client.services("mail"), { code: "NO_SUCH_SERVICE" });
    assert.deepEqual(host.snapshot(), before);
    const { digest } = (await client.status()).configuration;
    const { version, plan } = appliedSchema.parse(
      await client.apply({ text: HEAVIER, file: "new.yaml", ifDigest: digest, confirmWithinMs: 60_000 }, "heavier"),
    );
    assert.deepEqual([version.state, version.by, plan.changes.length], ["pending", "uid 0", 1]);
    assert.equal((await client.confirm()).state, "present");
    await client.undo();
    assert.equal((await client.configuration()).text, GOOD);
    assert.deepEqual(host.snapshot(), before);
  });

  test("drains by the word of who asks, and makes edits by hand or says which one it refuses", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const { client, host } = await running(t, GOOD);
    const enough = new AbortController();
    const told: JournalEntry[] = [];
    const following = (async () => {
      for await (const entry of client.follow({}, enough.signal)) if (told.push(entry) && entry.story.event === "override-cleared") break;
    })();
    await wait(100);
    const [server] = serversSchema.parse({
      servers: await client.override({ server: "10.77.0.12" }, { kind: "drain" }, "new kernel"),
    }).servers;
    assert.deepEqual([server?.weight, server?.override?.by, server?.override?.reason], [0, "uid 0", "new kernel"]);
    await assert.rejects(client.override({ server: "10.77.0.99" }, { kind: "drain" }), { code: "NO_SUCH_SERVER" });
    await client.clearOverride({ server: "10.77.0.12" });
    await following;
    assert.deepEqual(
      told.map(({ story }) => story.event).filter((event) => event.startsWith("override")),
      ["override-set", "override-cleared"],
    );
    const service = { address: parseAddress(VIP), port: 80, protocol: "tcp" as const };
    const added = { address: parseAddress("10.77.0.13"), port: 80, weight: 1, method: "dr" as const };
    await client.edit([{ kind: "add-server", service, server: added }]);
    assert.match(JSON.stringify(host.services()), /10\.77\.0\.13/);
    await assert.rejects(
      client.edit([
        { kind: "delete-server", service, server: added },
        { kind: "delete-service", service: { ...service, port: 81 } },
      ]),
      (error) => {
        assert.ok(error instanceof EditRefused, String(error));
        assert.deepEqual([error.refusal.index, error.refusal.error.code], [1, "NO_SUCH_SERVICE"]);
        return true;
      },
    );
    assert.match(JSON.stringify(host.services()), /10\.77\.0\.13/);
    assert.equal((await client.forgetAdopted()).length, 1);
    assert.doesNotMatch(JSON.stringify(host.services()), /10\.77\.0\.13/);
  });

  test("tells who comes after a kill -9 that no director answers, and makes room for the next one", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const { client, child, socket, host } = await running(t, GOOD);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    await assert.rejects(client.status(), { code: "DIRECTOR_AWAY" });
    const next = host.spawn(
      [
        EVENKEEL,
        "run",
        "--socket",
        socket,
        "--state",
        join(host.directory, "state"),
        "--log-format",
        "none",
        join(host.directory, "evenkeel.yaml"),
      ],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    for (let i = 0; i < 300 && !(await client.status().catch(() => undefined))?.ready; i++) await wait(100);
    assert.equal((await client.status()).ready, true);
    const stopped = once(next, "exit");
    next.kill("SIGTERM");
    await stopped;
  });
});

async function downByChecks(client: DirectorClient): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if ((await client.servers({ condition: "down" })).length === 2) return;
    await wait(50);
  }
  assert.fail(`no server went down: ${JSON.stringify(await client.servers())}`);
}
