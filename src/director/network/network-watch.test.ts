/** In namespaces of this process: its main thread moves into the first, where netlink is asked, and the second is the servers'. */

import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { need } from "../../../test/need.ts";
import { addAddress } from "../../kernel/addresses.ts";
import { nowMs } from "../../kernel/clock.ts";
import { libc } from "../../kernel/libc.ts";
import { addLink, changeLink, deleteLink, getLink } from "../../kernel/links.ts";
import { createNamespace, deleteNamespace, inNamespace, openNamespace } from "../../kernel/namespace.ts";
import { findNeighbour, resolveNeighbour } from "../../kernel/neighbours.ts";
import { writeSysctl } from "../../kernel/sysctl.ts";
import { parseAddress } from "../../model/address.ts";
import type { NetworkChange } from "./network-news.ts";
import { type NetworkWatch, watchNetwork } from "./network-watch.ts";

const CLONE_NEWNET = 0x40000000;
const A = parseAddress;
const SERVER = A("10.0.0.2");
const servers = `ek-net-${process.pid}`;
let home: number;

/** v0 (10.0.0.1) here, v1 (10.0.0.2) with the servers. */
function build(): number {
  changeLink("lo", { up: true });
  addLink({ kind: "veth", name: "v0", peer: { name: "v1", namespaceFd: openNamespace(`/run/netns/${servers}`) } });
  changeLink("v0", { up: true });
  addAddress({ interfaceIndex: getLink("v0").index, address: A("10.0.0.1"), prefixLength: 24 });
  inNamespace(`/run/netns/${servers}`, () => {
    changeLink("v1", { up: true });
    addAddress({ interfaceIndex: getLink("v1").index, address: SERVER, prefixLength: 24 });
  });
  return getLink("v0").index;
}

interface Watched {
  readonly watch: NetworkWatch;
  readonly changes: NetworkChange[];
  readonly until: (words: RegExp) => Promise<NetworkChange>;
}

function begin(t: TestContext): Watched {
  const over = new AbortController();
  t.after(() => over.abort());
  const changes: NetworkChange[] = [];
  let look = (): void => undefined;
  const watch = watchNetwork({
    signal: over.signal,
    nowMs,
    changed: (change) => {
      changes.push(change);
      look();
    },
    warn: (text) => assert.fail(text),
  });
  return {
    watch,
    changes,
    until: (words) =>
      new Promise((found, fail) => {
        const deadline = setTimeout(
          () => fail(new Error(`not told: ${words}; but: ${changes.map(({ what }) => what).join(" | ")}`)),
          20_000,
        );
        look = () => {
          const change = changes.find(({ what }) => words.test(what));
          if (change === undefined) return;
          clearTimeout(deadline);
          found(change);
        };
        look();
      }),
  };
}

describe("watchNetwork()", { timeout: 120_000 }, () => {
  let v0: number;
  before((t) => {
    if (!need(t as TestContext, "root")) return;
    home = openNamespace("/proc/thread-self/ns/net");
    createNamespace(servers);
    libc.unshare(CLONE_NEWNET);
    v0 = build();
  });
  after(() => {
    if (home === undefined) return;
    libc.setns(home, CLONE_NEWNET);
    deleteNamespace(servers);
  });

  it("reports an interface that appears, with its address, and one that goes", async (t) => {
    if (!need(t, "root")) return;
    const { until } = begin(t);
    addLink({ kind: "bridge", name: "b0" });
    changeLink("b0", { up: true });
    addAddress({ interfaceIndex: getLink("b0").index, address: A("10.9.0.1"), prefixLength: 24 });
    const change = await until(/b0 appeared.*address 10\.9\.0\.1 on b0/);
    assert.deepEqual([change.links, change.addresses], [true, true]);
    // A port that leaves is told of by the bridge as "deleted"; it is not gone.
    changeLink("v0", { masterIndex: getLink("b0").index });
    changeLink("v0", { masterIndex: 0 });
    deleteLink("b0");
    await until(/b0 is gone/);
    assert.doesNotMatch((await until(/b0 is gone/)).what, /v0 is gone/);
  });

  it("keeps the server's neighbour entry resolved, tells when its MAC address changed", async (t) => {
    if (!need(t, "root")) return;
    writeSysctl("net/ipv4/neigh/v0/base_reachable_time_ms", 1000);
    writeSysctl("net/ipv4/neigh/v0/delay_first_probe_time", 1);
    const { watch, changes, until } = begin(t);
    watch.keep([{ interfaceIndex: v0, address: SERVER }]);
    while (findNeighbour(v0, SERVER)?.mac === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual(changes, []);
    inNamespace(`/run/netns/${servers}`, () => {
      changeLink("v1", { mac: Uint8Array.of(2, 0, 0, 0, 0, 0x77) });
      // It asks for somebody: who asks says who he is.
      resolveNeighbour(getLink("v1").index, A("10.0.0.1"));
    });
    const change = await until(/the MAC address of 10\.0\.0\.2 on v0 changed: .* -> 02:00:00:00:00:77/);
    assert.deepEqual([change.neighbours, change.links], [true, false]);
  });

  it("tells when nobody answers for a server, and when somebody does again", async (t) => {
    if (!need(t, "root")) return;
    const { watch, until } = begin(t);
    const other = A("10.0.0.3");
    watch.keep([{ interfaceIndex: v0, address: other }]);
    await until(/10\.0\.0\.3 cannot be resolved on v0: nobody answers/);
    assert.equal(watch.unresolved, 1);
    inNamespace(`/run/netns/${servers}`, () => addAddress({ interfaceIndex: getLink("v1").index, address: other, prefixLength: 24 }));
    await until(/10\.0\.0\.3 resolved again on v0/);
    assert.equal(watch.unresolved, 0);
  });

  it("resolves the server at once when its link comes back", async (t) => {
    if (!need(t, "root")) return;
    const { watch, changes, until } = begin(t);
    watch.keep([{ interfaceIndex: v0, address: SERVER }]);
    while (findNeighbour(v0, SERVER)?.mac === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
    inNamespace(`/run/netns/${servers}`, () => changeLink("v1", { up: false }));
    await until(/v0 has no carrier/);
    inNamespace(`/run/netns/${servers}`, () => changeLink("v1", { up: true }));
    await until(/v0 is up/);
    const begun = nowMs();
    while (findNeighbour(v0, SERVER)?.mac === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(nowMs() - begun < 2000);
    assert.ok(!changes.some(({ what }) => what.includes("cannot be resolved")));
  });

  it("finds what it missed after events were lost", async (t) => {
    if (!need(t, "root")) return;
    const { until } = begin(t);
    for (let i = 0; i < 3000; i++) changeLink("lo", { up: i % 2 === 1 });
    addLink({ kind: "bridge", name: "b1" });
    const change = await until(/events of the network were lost/);
    assert.deepEqual([change.links, change.addresses, change.routes], [true, true, true]);
    await until(/b1 appeared/);
    deleteLink("b1");
  });
});
