/** A director sees servers die and return, and the packet path follows. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatAddress } from "../src/model/address.ts";
import { hostFor, VIP } from "./apply/host.ts";
import { type DirectorProcess, directorFor, until, webServers } from "./director/director.ts";
import { need } from "./need.ts";

const ONE = "10.77.0.11";
const TWO = "10.77.0.12";

/** Two servers, checked five times a second. */
function watched(more = "", ofService = ""): string {
  return `
services:
  - name: web
    address: ${VIP}
    port: 80
    method: dr${ofService}
    checks: [{ http: { path: / }, interval: 200ms, fast_interval: 100ms, timeout: 150ms, rise: 2, fall: 2 }]
    servers:
      - { address: ${ONE}, weight: 3${more} }
      - { address: ${TWO} }
`;
}

/** One server in, one out, one with another weight. */
const CHANGES = ["change", "change", "change"];

const weights = async (director: DirectorProcess): Promise<(number | "out")[]> => {
  const { state } = await director.ask("kernel");
  const servers = new Map(state.services[0]?.servers.map((server) => [formatAddress(server.address), server.weight]));
  const ofSorry = servers.get("10.77.0.99");
  return [servers.get(ONE) ?? "out", servers.get(TWO) ?? "out", ...(ofSorry === undefined ? [] : [ofSorry])];
};

const becomes = (director: DirectorProcess, wanted: readonly (number | "out")[]): Promise<void> =>
  until(`weights ${wanted.join(" ")}`, async () => JSON.stringify(await weights(director)) === JSON.stringify(wanted));

describe("a director that watches its servers", () => {
  test("takes one out that dies, takes it in again when it is back, and tells the story with its causes", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const servers = webServers(t, host, [ONE, TWO]);
    await servers.start(ONE);
    await servers.start(TWO);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", watched()));
    await until("checked", async () => (await director.ask("measures")).checks.some(({ outcome }) => outcome === "pass"));
    assert.deepEqual(await weights(director), [3, 1]);

    await servers.stop(ONE);
    await becomes(director, ["out", 1]);
    const [view] = await director.ask("servers", { server: ONE });
    assert.equal(view?.condition, "down");
    assert.match(view?.why ?? "", /^connect: connection refused/);

    await servers.start(ONE);
    await becomes(director, [3, 1]);
    const stories = (await director.ask("events", { server: `${ONE}:80` })).filter(({ story }) => story.event !== "change" || story.server);
    assert.deepEqual(
      stories.map(({ story }) => story.event),
      ["verdict", "server-down", "change", "verdict", "server-up", "change"],
    );
    for (const [i, { because }] of stories.entries()) {
      // "The server fell" because of the second verdict, which said the same as the first; the change because it fell.
      if (stories[i]?.story.event === "change") assert.equal(because, stories[i - 1]?.seq);
    }
    const [, down] = stories;
    assert.ok(down?.story.event === "server-down");
    assert.deepEqual(
      down.story.after.map(({ outcome, phase, reason }) => [outcome, phase, reason]),
      [["fail", "connect", "connection refused"]],
    );
  });

  test("keeps a failing server with weight 0 where that is wanted", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const servers = webServers(t, host, [ONE, TWO]);
    await servers.start(TWO);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", watched(", inhibit_on_failure: true")));
    await becomes(director, [0, 1]);
    await director.kill();
    // Weight 0 with inhibit_on_failure is a sick server's: nothing is to be changed.
    const again = await directorFor(t, host, `${host.directory}/evenkeel.yaml`);
    const applied = await again.told("configuration-applied");
    assert.equal(applied.at(-1)?.story.changes, 0);
    assert.equal((await again.ask("servers", { server: ONE }))[0]?.condition, "down");
  });

  test("has the sorry server serve while too few are well", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const servers = webServers(t, host, [ONE, TWO]);
    await servers.start(ONE);
    await servers.start(TWO);
    const text = watched("", "\n    quorum: 2\n    sorry_server: { address: 10.77.0.99 }");
    const director = await directorFor(t, host, host.write("evenkeel.yaml", text));
    await servers.stop(ONE);
    // Server TWO alone is too little: it finishes what it has.
    await becomes(director, ["out", 0, 1]);
    const [service] = await director.ask("services", "web");
    assert.deepEqual([service?.quorum, service?.sorry], ["lost", true]);
    const told = async (asked: DirectorProcess) => (await asked.ask("events", { service: "web" })).map(({ story }) => story.event);
    assert.deepEqual((await told(director)).slice(1), ["verdict", "server-down", "quorum-lost", "sorry-server-in", ...CHANGES]);
    await director.kill();
    const again = await directorFor(t, host, `${host.directory}/evenkeel.yaml`);
    assert.equal((await again.told("configuration-applied")).at(-1)?.story.changes, 0);
    await servers.start(ONE);
    await becomes(again, [3, 1]);
    const back = (await told(again)).slice(-7);
    assert.deepEqual(back.slice(back.indexOf("server-up")), ["server-up", "quorum-gained", "sorry-server-out", ...CHANGES]);
  });

  test("with alpha takes nobody for well before a check has said so", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const servers = webServers(t, host, [ONE, TWO]);
    await servers.start(TWO);
    const director = await directorFor(t, host, host.write("evenkeel.yaml", watched("", "\n    alpha: true")));
    const [added] = (await director.told("change")).filter(({ story }) => story.change === "add-service");
    assert.match(added?.story.text ?? "", /servers: none$/);
    await becomes(director, ["out", 1]);
  });

  test("brings many that die together out in fewer rounds than one each", async (t) => {
    if (!need(t, "root", "tcx")) return;
    const host = hostFor(t);
    const list = Array.from({ length: 200 }, (_, i) => `      - { address: 10.77.1.${i + 1} }`).join("\n");
    const text = `
services:
  - { address: ${VIP}, port: 80, method: dr, checks: [{ tcp: {}, interval: 200ms, timeout: 150ms, rise: 2, fall: 2 }], servers: [
${list.replaceAll("      - ", "      ").replaceAll(" }", " },")}
    ] }
`;
    // Nobody lives there: 10.77.1.0/24 is unreachable at once.
    host.ip("route add unreachable 10.77.1.0/24");
    const director = await directorFor(t, host, host.write("evenkeel.yaml", text));
    await until("all out", async () => (await director.ask("kernel")).state.services[0]?.servers.length === 0);
    const { reconciliations } = await director.ask("measures");
    // Their checks are spread over the interval, so that they do not die at one moment; yet some do together.
    assert.ok(reconciliations.done < 190, `${reconciliations.done} rounds`);
    assert.equal(reconciliations.failed, 0);
  });
});
