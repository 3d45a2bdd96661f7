/** What operators say to a running director: overrides, drains, edits by hand; and what others do behind its back. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseAddress } from "../src/model/address.ts";
import { GOOD, HEAVIER } from "./apply/configurations.ts";
import { type Host, hostFor } from "./apply/host.ts";
import { directorFor, until } from "./director/director.ts";
import { need } from "./need.ts";

const ME = { by: "the test" };
const SERVICE = { address: parseAddress("192.0.2.10"), port: 80, protocol: "tcp" as const };
const ELEVEN = { address: parseAddress("10.77.0.11"), port: 80, method: "dr" as const };

const servers = (host: Host): readonly string[] | undefined => {
  const held = host.services() as { services: readonly { servers: readonly string[] }[] } | undefined;
  return held?.services[0]?.servers;
};

describe("an override", () => {
  test("is heeded at once, shown as such, survives reload, restart and crash, and can be taken back", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const file = host.write("evenkeel.yaml", GOOD);
    const director = await directorFor(t, host, file);
    const [view] = await director.ask("override", { server: "10.77.0.11" }, { kind: "drain" }, { ...ME, reason: "new disk" });
    assert.deepEqual([view?.weight, view?.configuredWeight, view?.why], [0, 3, "drained by the test: new disk"]);
    await director.ask("override", { service: "tcp 192.0.2.10:80", server: "10.77.0.12:80" }, { kind: "disable" }, ME);
    assert.deepEqual(servers(host), ["10.77.0.11 80 dr 0"]);

    host.write("evenkeel.yaml", HEAVIER);
    await director.ask("reload", ME);
    assert.deepEqual(servers(host), ["10.77.0.11 80 dr 0"]);
    await director.kill();
    const again = await directorFor(t, host, file);
    assert.equal((await again.told("configuration-applied")).at(-1)?.story.changes, 0);
    assert.equal((await again.ask("status")).servers.overridden, 2);

    await again.ask("clearOverride", { server: "10.77.0.12" }, ME);
    await again.ask("override", { server: "10.77.0.11" }, { kind: "weight", weight: 9 }, ME);
    assert.deepEqual(servers(host), ["10.77.0.11 80 dr 9", "10.77.0.12 80 dr 1"]);
    assert.deepEqual(await again.ask("clearOverride", { server: "10.77.0.11" }, ME, "drain"), []);
    await again.ask("clearOverride", { server: "10.77.0.11" }, ME);
    assert.deepEqual(servers(host), ["10.77.0.11 80 dr 5", "10.77.0.12 80 dr 1"]);
  });

  test("of a server or service that is not there is refused", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", GOOD));
    await assert.rejects(director.ask("override", { server: "10.77.0.13" }, { kind: "drain" }, ME), { code: "NO_SUCH_SERVER" });
    await assert.rejects(director.ask("override", { service: "udp 192.0.2.10:80", server: "10.77.0.11" }, { kind: "drain" }, ME), {
      code: "NO_SUCH_SERVICE",
    });
    assert.deepEqual(servers(host), ["10.77.0.11 80 dr 3", "10.77.0.12 80 dr 1"]);
  });

  test("of a server that the configuration has no more is forgotten", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", GOOD));
    await director.ask("override", { server: "10.77.0.11" }, { kind: "disable" }, ME);
    host.write("evenkeel.yaml", GOOD.replace("      - { address: 10.77.0.11, weight: 3 }\n", ""));
    await director.ask("reload", ME);
    host.write("evenkeel.yaml", GOOD);
    await director.ask("reload", ME);
    assert.deepEqual(servers(host), ["10.77.0.11 80 dr 3", "10.77.0.12 80 dr 1"]);
  });

  test("that drains ends when there are no connections", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", GOOD));
    await director.ask("override", { server: "10.77.0.11" }, { kind: "drain", deadlineMs: 60_000 }, ME);
    await until("drained", async () => (await director.told("drain-finished")).length === 1);
    await sleep(1200);
    assert.equal((await director.told("drain-finished")).length, 1);
  });
});

describe("edits by hand", () => {
  test("through the director stand beside the configuration, over restart and an equal reload, until another one is applied", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const file = host.write("evenkeel.yaml", GOOD);
    const director = await directorFor(t, host, file);
    const edited = await director.ask(
      "edit",
      [
        { kind: "edit-server", service: SERVICE, server: { ...ELEVEN, weight: 7 } },
        { kind: "add-server", service: SERVICE, server: { ...ELEVEN, address: parseAddress("10.77.0.13"), weight: 2 } },
      ],
      {},
      ME,
    );
    assert.deepEqual(edited.refused, []);
    const wanted = ["10.77.0.11 80 dr 7", "10.77.0.12 80 dr 1", "10.77.0.13 80 dr 2"];
    assert.deepEqual(servers(host), wanted);
    await director.ask("reload", ME);
    assert.deepEqual(servers(host), wanted);
    assert.deepEqual((await director.ask("status")).adopted, [
      "add server 10.77.0.13:80 dr weight 2 to tcp 192.0.2.10:80",
      "edit server 10.77.0.11:80 of tcp 192.0.2.10:80: weight 3 -> 7",
    ]);
    await director.kill();
    const again = await directorFor(t, host, file);
    assert.deepEqual(servers(host), wanted);
    host.write("evenkeel.yaml", HEAVIER);
    await again.ask("reload", ME);
    assert.deepEqual(servers(host), ["10.77.0.11 80 dr 5", "10.77.0.12 80 dr 1"]);
    assert.deepEqual((await again.ask("status")).adopted, []);
  });

  test("can be forgotten", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", GOOD));
    await director.ask("edit", [{ kind: "delete-server", service: SERVICE, server: ELEVEN }], {}, ME);
    assert.deepEqual(servers(host), ["10.77.0.12 80 dr 1"]);
    await director.ask("forgetAdopted", ME);
    assert.deepEqual(servers(host), ["10.77.0.11 80 dr 3", "10.77.0.12 80 dr 1"]);
  });

  test("are judged by what the kernel holds, and refused whole where none are wanted", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", GOOD));
    const again = { kind: "add-server" as const, service: SERVICE, server: { ...ELEVEN, weight: 1 } };
    await assert.rejects(director.ask("edit", [again], {}, ME), /is in tcp 192.0.2.10:80 already/);
    const { refused } = await director.ask("edit", [again], { keepGoing: true }, ME);
    assert.equal(refused[0]?.index, 0);
    host.write("evenkeel.yaml", `${GOOD}director: { by_hand: revert }\n`);
    await director.ask("reload", ME);
    await assert.rejects(director.ask("edit", [{ kind: "clear" }], {}, ME), { code: "CONFLICT" });
  });

  test("behind the director's back are found at once when it is next at it, and adopted or taken back", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", `${GOOD}director: { compare: 1s }\n`));
    const away = { environment: { EVENKEEL_SOCKET: "/nowhere" } };
    const byHand = ["ipvsadm", "-e", "-t", "192.0.2.10:80", "-r", "10.77.0.11", "-g", "-w", "8"];
    assert.equal(host.evenkeel(byHand, away).status, 0);
    await until("adopted", async () => (await director.told("adopted")).length > 0);
    const [adopted] = await director.told("adopted");
    assert.deepEqual(adopted?.story.changes, ["edit server 10.77.0.11:80 of tcp 192.0.2.10:80: weight 3 -> 8"]);
    assert.deepEqual(servers(host), ["10.77.0.11 80 dr 8", "10.77.0.12 80 dr 1"]);

    host.write("evenkeel.yaml", `${GOOD}director: { by_hand: revert, compare: 1s }\n`);
    await director.ask("reload", ME);
    assert.deepEqual(servers(host), ["10.77.0.11 80 dr 3", "10.77.0.12 80 dr 1"]);
    host.evenkeel(byHand, away);
    await until("taken back", async () => (await director.told("drift")).length > 0);
    const [drift] = await director.told("drift");
    assert.deepEqual(drift?.story.changes, ["edit server 10.77.0.11:80 of tcp 192.0.2.10:80: weight 8 -> 3"]);
    await until("back", () => servers(host)?.[0] === "10.77.0.11 80 dr 3");
    host.evenkeel(["teardown"], away);
    await until("made again", () => servers(host)?.length === 2);
  });
});

describe("an apply", () => {
  test("that is not confirmed goes back by itself; confirmed it stays; undo goes back by hand", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", GOOD));
    const before = host.snapshot();
    const request = { text: HEAVIER, file: "heavier.yaml", confirmWithinMs: 1000 };
    const { version } = await director.ask("apply", request, ME);
    assert.deepEqual([version.id, version.state], [2, "pending"]);
    await assert.rejects(director.ask("reload", ME), { code: "CONFLICT" });
    await until("rolled back", async () => (await director.told("configuration-rolled-back")).length === 1);
    assert.deepEqual(host.snapshot(), before);
    assert.deepEqual(
      (await director.ask("history")).map(({ id, state }) => [id, state]),
      [
        [2, "rolled-back"],
        [1, "present"],
      ],
    );

    await director.ask("apply", { ...request, confirmWithinMs: 30_000 }, ME);
    assert.equal((await director.ask("confirm", ME)).state, "present");
    await assert.rejects(director.ask("confirm", ME), { code: "CONFLICT" });
    const undone = await director.ask("undo", ME);
    assert.equal(undone.version.id, 1);
    assert.deepEqual(host.snapshot(), before);
  });

  test("that was not confirmed before a crash has gone back after it", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const file = host.write("evenkeel.yaml", GOOD);
    const director = await directorFor(t, host, file);
    await director.ask("apply", { text: HEAVIER, file: "heavier.yaml", confirmWithinMs: 60_000 }, ME);
    await director.kill();
    await directorFor(t, host, file);
    assert.deepEqual(servers(host), ["10.77.0.11 80 dr 3", "10.77.0.12 80 dr 1"]);
  });

  test("for another configuration than the present one is refused; a dry run and a plan change nothing", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", GOOD));
    const before = host.snapshot();
    await assert.rejects(director.ask("apply", { text: HEAVIER, file: "x", ifDigest: "0" }, ME), { code: "CONFLICT" });
    const { plan } = await director.ask("apply", { text: HEAVIER, file: "x", dryRun: true }, ME);
    const wanted = ["edit server 10.77.0.11:80 of tcp 192.0.2.10:80: weight 3 -> 5"];
    assert.deepEqual([plan.configuration, plan.drift, plan.changes], [wanted, [], wanted]);
    assert.deepEqual(await director.ask("plan", HEAVIER, "x"), plan);
    assert.deepEqual(host.snapshot(), before);
  });

  test("of what was applied stays in force over a restart, until the file is changed", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const file = host.write("evenkeel.yaml", GOOD);
    const director = await directorFor(t, host, file);
    await director.ask("apply", { text: HEAVIER, file: "heavier.yaml" }, ME);
    await director.stop();
    const again = await directorFor(t, host, file);
    assert.equal((await again.told("configuration-applied")).at(-1)?.story.changes, 0);
    assert.equal((await again.ask("configuration")).text, HEAVIER);
    await again.stop();
    host.write("evenkeel.yaml", `${GOOD}# new\n`);
    const third = await directorFor(t, host, file);
    assert.equal((await third.ask("configuration")).version.id, 3);
    assert.deepEqual(servers(host), ["10.77.0.11 80 dr 3", "10.77.0.12 80 dr 1"]);
  });
});
