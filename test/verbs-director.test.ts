/** The verbs that ask a director, against a real one: what they print, in each form, and the exit codes that scripts rely on. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { parse } from "yaml";
import type { JournalEntry } from "../src/model/journal.ts";
import { GOOD, HEAVIER } from "./apply/configurations.ts";
import { need } from "./need.ts";
import { directorsHostFor, Running, startVerb, until } from "./run/running.ts";

const NAMED = GOOD.replace("  - address", "  - name: web\n    address");
const HEAVIER_NAMED = HEAVIER.replace("  - address", "  - name: web\n    address");

async function directorOf(t: TestContext, text = NAMED): Promise<Running> {
  const host = directorsHostFor(t);
  return await Running.start(host, host.write("evenkeel.yaml", text));
}

interface ServerRow {
  readonly service: string;
  readonly server: string;
  readonly weight: number | "out";
  readonly configuredWeight: number;
  readonly condition: string;
  readonly override?: { readonly wish: { readonly kind: string }; readonly reason?: string };
}

describe("the verbs of a director", () => {
  test("plan, apply, history, undo: what differs, exit code 10, and back again", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const director = await directorOf(t);
    const { host } = director;
    const heavier = host.write("heavier.yaml", HEAVIER_NAMED);
    const plan = director.verb("plan", heavier);
    assert.equal(plan.status, 10);
    assert.match(plan.stdout, /edit server 10\.77\.0\.11:80 of tcp 192\.0\.2\.10:80: weight 3 -> 5/);
    assert.equal(director.verb("plan", `${host.directory}/evenkeel.yaml`).status, 0);
    const dry = director.mustVerb("apply", "--dry-run", heavier);
    assert.match(dry, /weight 3 -> 5\n.*1 change would be applied\n$/s);
    assert.deepEqual(director.json<unknown[]>("history").length, 1);

    assert.match(
      director.mustVerb("apply", heavier, "--reason", "more load"),
      /applied 1 change\nthis is configuration 2; evenkeel undo takes it back\n$/,
    );
    const history = director.mustVerb("history");
    assert.match(
      history,
      /^ID +STATE +APPLIED +BY +FILE +DIGEST\n +2 +present +\d{4}-\d\d-\d\d .*heavier\.yaml +[0-9a-f]{12}\n +1 +past .*evenkeel\.yaml /,
    );
    assert.equal(director.mustVerb("history", "2"), HEAVIER_NAMED);
    assert.equal(director.mustVerb("history", "1"), NAMED);
    assert.equal(director.verb("history", "9").status, 1);

    assert.match(director.mustVerb("undo"), /weight 5 -> 3/);
    assert.equal(director.json<ServerRow[]>("servers", "10.77.0.11")[0]?.weight, 3);
  });

  test("apply --confirm: kept by confirm, else taken back by itself", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const director = await directorOf(t);
    const heavier = director.host.write("heavier.yaml", HEAVIER_NAMED);
    const weight = (): number | "out" | undefined => director.json<ServerRow[]>("servers", "10.77.0.11")[0]?.weight;
    assert.equal(director.verb("confirm").status, 1);
    assert.match(
      director.mustVerb("apply", "--confirm", "60s", heavier),
      /it has to be confirmed until \d\d:\d\d:\d\d, in (1 m|59 s|5\d s): evenkeel confirm keeps it/,
    );
    assert.match(director.mustVerb("status"), /^to be confirmed +until /m);
    assert.match(director.mustVerb("confirm"), /^configuration \d+ is confirmed\n$/);
    assert.equal(weight(), 5);
    director.mustVerb("apply", "--confirm", "1s", director.host.write("evenkeel.yaml", NAMED));
    assert.equal(weight(), 3);
    await until("the configuration was taken back", () => weight() === 5);
    assert.match(director.mustVerb("events", "--event", "configuration-rolled-back"), /rolled back \(it was not confirmed in time\)\n$/);
  });

  test("a file that is wrong: every complaint with its place, exit code 3, nothing changed", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const director = await directorOf(t);
    const wrong = director.host.write("wrong.yaml", NAMED.replace("weight: 3", "weight: 70000").replace("port: 80", "port: 80000"));
    const standing = director.host.snapshot();
    for (const verb of ["plan", "apply"]) {
      const run = director.verb(verb, wrong);
      assert.equal(run.status, 3, verb);
      assert.match(run.stderr, /wrong\.yaml:5:11: .*80000/);
      assert.match(run.stderr, /wrong\.yaml:8:\d+: .*70000/);
    }
    writeFileSync(`${director.host.directory}/evenkeel.yaml`, "services: 3");
    assert.equal(director.verb("reload").status, 3);
    assert.deepEqual(director.host.snapshot(), standing);
  });

  test("weight, disable, enable, drain, undrain: what counts, who said it and why, in the table and in JSON", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const director = await directorOf(t);
    assert.match(
      director.mustVerb("weight", "10.77.0.11", "9", "--reason", "try"),
      /^web +10\.77\.0\.11:80 +up +9 of 3 .*weight 9 by an operator, by uid 0: try/m,
    );
    assert.match(director.mustVerb("weight", "10.77.0.11", "configured"), /^web +10\.77\.0\.11:80 +up +3 +0 +0 /m);
    assert.match(
      director.mustVerb("disable", "10.77.0.12", "--service", "web"),
      /^web +10\.77\.0\.12:80 +up +out of 1 .*disabled, by uid 0/m,
    );
    assert.doesNotMatch(JSON.stringify(director.host.services()), /10\.77\.0\.12/);
    const [disabled] = director.json<ServerRow[]>("servers", "--overridden");
    assert.equal(disabled?.override?.wish.kind, "disable");
    director.mustVerb("enable", "10.77.0.12");
    assert.deepEqual(director.json<ServerRow[]>("servers", "--overridden"), []);
    const drained = director.mustVerb("drain", "10.77.0.11", "--deadline", "5s", "--wait", "--reason", "new kernel");
    assert.match(drained, /^web +10\.77\.0\.11:80 +up +0 of 3 .*draining for at most 5 s, by uid 0: new kernel/m);
    assert.match(director.mustVerb("events", "--server", "10.77.0.11"), /drained: no connection is left/);
    const heavier = director.verb("plan", director.host.write("heavier.yaml", HEAVIER_NAMED));
    assert.deepEqual(
      [heavier.status, heavier.stdout],
      [10, "the configuration differs from the present one:\n  edit server 10.77.0.11:80 of tcp 192.0.2.10:80: weight 3 -> 5\n"],
      "though the drain hides it",
    );
    director.mustVerb("undrain", "10.77.0.11");
    assert.equal(director.json<ServerRow[]>("servers", "10.77.0.11:80")[0]?.weight, 3);
  });

  test("an override that is not there cannot be ended, and is said so", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const director = await directorOf(t);
    for (const [state, ...args] of [
      ["draining", "undrain", "10.77.0.11"],
      ["disabled", "enable", "10.77.0.11"],
      ["given another weight than the configured one", "weight", "10.77.0.11", "configured"],
    ] as const) {
      const run = director.verb(...args);
      assert.equal(run.status, 1, args.join(" "));
      assert.equal(run.stdout, "");
      assert.match(run.stderr, new RegExp(`^evenkeel: 10\\.77\\.0\\.11 is not ${state}: nothing was changed\n`));
    }
  });

  test("what does not exist is said so, and what cannot be said is a usage error", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const director = await directorOf(t);
    for (const args of [
      ["drain", "10.9.9.9"],
      ["servers", "nobody"],
      ["services", "nobody"],
      ["undrain", "10.9.9.9"],
    ])
      assert.equal(director.verb(...args).status, 1, args.join(" "));
    const name = director.json<{ label?: string }[]>("services").find(({ label }) => label !== undefined)?.label ?? "";
    assert.match(director.verb("services", `${name}x`).stderr, new RegExp(`there is no service ${name}x; did you mean "${name}"\\?`));
    assert.match(director.verb("servers", "10.9.9.9").stderr, /^evenkeel: there is no server 10\.9\.9\.9 in any service/);
    assert.match(director.verb("events", "--event", "serverdown").stderr, /did you mean "server-down"\?/);
    for (const args of [
      ["weight", "10.77.0.11", "70000"],
      ["drain", "10.77.0.11", "--deadline", "soon"],
      ["undo", "first"],
      ["events", "--limit", "0"],
      ["top", "--every", "1ms"],
      ["status", "-o", "xml"],
      ["servers", "--condition", "ill"],
    ])
      assert.equal(director.verb(...args).status, 2, args.join(" "));
    assert.equal(director.verb("apply", "--reload", director.host.write("x.yaml", NAMED)).status, 2);
  });

  test("status, services, servers, top: tables for people, the same in JSON and YAML", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const director = await directorOf(t);
    const status = director.mustVerb("status");
    assert.match(status, new RegExp(`^director +0\\.1\\.0, process ${director.pid}, for \\d+ s, ready\n`));
    assert.match(status, /^listens on +eth0 \(tc\)$/m);
    assert.match(status, /^web tcp 192\.0\.2\.10:80 +wrr +up /m);
    assert.match(status, /^ {2}10\.77\.0\.11:80 +dr +up +3 +0 +0 +\d+ s$/m);
    assert.match(director.mustVerb("status", "-o", "wide"), /^capabilities +CAP_KILL, /m);
    assert.match(director.mustVerb("status", "--rate"), /CONNECTIONS\/S/);
    const { director: itself, services } = director.json<{ director: { pid: number }; services: { address: string }[] }>("status");
    assert.equal(itself.pid, director.pid);
    assert.equal(services[0]?.address, "192.0.2.10");
    assert.match(director.mustVerb("services", "web"), /^tcp 192\.0\.2\.10:80 +web +wrr +up +2\/2 +0 +0 +0 +\d+ s$/m);
    for (const verb of ["services", "history"]) assert.deepEqual(parse(director.mustVerb(verb, "-o", "yaml")), director.json(verb), verb);
    for (const reference of ["web", "192.0.2.10:80", "tcp 192.0.2.10:80"])
      assert.equal(director.json<ServerRow[]>("servers", reference).length, 2, reference);
    assert.equal(director.json<ServerRow[]>("servers", "--condition", "down").length, 0);
    const top = director.mustVerb("top");
    assert.equal(director.json<{ status: { ready: boolean } }>("top").status.ready, true);
    assert.match(top, /^evenkeel 0\.1\.0 +\d\d:\d\d:\d\d .* servers 2: 2 up, 0 overridden\n\nSERVICE \/ SERVER +STATE /);
    assert.equal(stripVTControlCharacters(`${status}${top}`), `${status}${top}`);
  });

  test("events: those that were, filtered; and those that come, also over a restart, none twice", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const director = await directorOf(t);
    const { host } = director;
    assert.match(director.mustVerb("events"), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d notice +director 0\.1\.0 started as process/);
    const following = startVerb(host, "events", "--follow", "-o", "json", "--since", "1h");
    await until("the first entries", () => following.output().includes('"director-started"'));
    director.mustVerb("weight", "10.77.0.11", "4");
    await until("an override", () => following.output().includes('"override-set"'));
    assert.equal(await director.stop(), 0);
    const again = await Running.start(host, `${host.directory}/evenkeel.yaml`);
    again.mustVerb("disable", "10.77.0.12");
    await until("what the next director tells", () => following.output().includes('"kind":"disable"'));
    const entries = following
      .output()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as JournalEntry);
    const numbers = entries.map(({ seq }) => seq);
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].toSorted((one, other) => one - other),
    );
    assert.ok(entries.some(({ story }) => story.event === "director-stopped"));
    following.child.kill("SIGINT");
    await until("the end", () => following.child.exitCode !== null || following.child.signalCode !== null);
  });
});

describe("without a director", () => {
  test("verbs that need one end with exit code 4 and say what would help; the others work on the kernel", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const file = host.write("evenkeel.yaml", NAMED);
    for (const args of [
      ["services"],
      ["servers"],
      ["history"],
      ["undo"],
      ["confirm"],
      ["reload"],
      ["events"],
      ["top"],
      ["adopted"],
      ["drain", "10.77.0.11"],
      ["undrain", "10.77.0.11"],
      ["weight", "10.77.0.11", "1"],
      ["disable", "10.77.0.11"],
      ["enable", "10.77.0.11"],
      ["apply", "--confirm", "60s", file],
    ]) {
      const run = host.evenkeel(args);
      assert.equal(run.status, 4, args.join(" "));
      assert.match(run.stderr, /evenkeel run starts one/);
    }
    assert.equal(host.evenkeel(["plan", file]).status, 10);
    assert.equal(host.evenkeel(["apply", file]).status, 0);
    assert.equal(host.evenkeel(["plan", file]).stdout, "nothing to change\n");
    assert.equal(host.evenkeel(["status", "-o", "yaml"]).status, 0);
  });
});
