import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAddress } from "../../model/address.ts";
import type { InterfaceAddress } from "../../wire/netlink-address.ts";
import type { Link } from "../../wire/netlink-link.ts";
import type { Route } from "../../wire/netlink-route.ts";
import { makeNetworkNews, type NetworkNews } from "./network-news.ts";

const link = (index: number, more: Partial<Link> = {}): Link => ({
  index,
  name: `eth${index}`,
  mac: Uint8Array.of(2, 0, 0, 0, 0, index),
  mtu: 1500,
  kind: undefined,
  up: true,
  running: true,
  loopback: false,
  masterIndex: undefined,
  linkedIndex: undefined,
  linkedNamespaceId: undefined,
  bus: undefined,
  xdp: undefined,
  ...more,
});
const address = (text: string, more: Partial<InterfaceAddress> = {}): InterfaceAddress => ({
  interfaceIndex: 1,
  address: parseAddress(text),
  prefixLength: 24,
  scope: "global",
  noDad: false,
  tentative: false,
  duplicate: false,
  ...more,
});
const route = (destination: string, more: Partial<Route> = {}) =>
  ({
    destination: parseAddress(destination),
    prefixLength: 24,
    gateway: undefined,
    table: 254,
    protocol: 3,
    kind: "unicast",
    ...more,
  }) as Route;
const fresh = (change: Parameters<NetworkNews["take"]>[0] extends infer Event ? Event : never) => change;

function begun(): NetworkNews {
  const news = makeNetworkNews();
  news.look([link(1), link(2)], [address("10.0.0.1")], 0);
  return news;
}

const what = (news: NetworkNews, nowMs: number) => news.report(nowMs)?.what;

describe("network news", () => {
  it("say nothing of what was there at the beginning, nor of what the kernel tells again", () => {
    const news = begun();
    news.take(fresh({ kind: "link", change: "new", link: link(1, { xdp: { mode: "native", programId: 7 } }) }), 10);
    news.take(fresh({ kind: "address", change: "new", address: address("10.0.0.1") }), 10);
    news.take(fresh({ kind: "route", change: "new", route: route("10.0.0.1", { table: 255, protocol: 2, kind: "local" }) }), 10);
    assert.equal(news.deadlineMs(), undefined);
    assert.equal(news.report(1000), undefined);
  });

  it("of one moment are one report, after a moment of quiet", () => {
    const news = begun();
    news.take({ kind: "link", change: "new", link: link(3, { up: false, running: false }) }, 100);
    news.take({ kind: "link", change: "new", link: link(3) }, 110);
    news.take({ kind: "address", change: "new", address: address("10.3.0.1", { interfaceIndex: 3 }) }, 120);
    news.take({ kind: "route", change: "new", route: route("10.3.0.0", { protocol: 2 }) }, 120);
    news.take({ kind: "route", change: "new", route: route("10.4.0.0", { gateway: parseAddress("10.3.0.2") }) }, 120);
    assert.deepEqual([news.deadlineMs(), news.report(160)], [170, undefined]);
    assert.deepEqual(news.report(170), {
      links: true,
      addresses: true,
      routes: true,
      neighbours: false,
      what: "eth3 appeared; eth3 is up; address 10.3.0.1 on eth3; route 10.4.0.0/24 via 10.3.0.2",
    });
    assert.equal(news.deadlineMs(), undefined);
  });

  it("without an end are told of all the same, shortly; those of routes alone more seldom", () => {
    const news = begun();
    for (let nowMs = 1000; nowMs <= 1500; nowMs += 10) news.take({ kind: "link", change: "new", link: link(2, { mtu: nowMs }) }, nowMs);
    assert.match(what(news, 1500) ?? "", /^eth2: MTU 1500 -> 1000; .*; 43 more$/);
    const reports: number[] = [];
    for (let nowMs = 2000; nowMs <= 10_000; nowMs += 10) {
      news.take({ kind: "route", change: "new", route: route(`10.${nowMs % 7}.0.0`) }, nowMs);
      if (news.report(nowMs) !== undefined) reports.push(nowMs);
    }
    assert.deepEqual(reports, [2500, 4500, 6500, 8500]);
  });

  it("say in words what happened to an interface", () => {
    const news = begun();
    let nowMs = 0;
    const after = (more: Partial<Link>) => {
      nowMs += 1000;
      news.take({ kind: "link", change: "new", link: link(1, more) }, nowMs);
      return what(news, nowMs + 500);
    };
    assert.equal(after({ running: false }), "eth1 has no carrier");
    assert.equal(after({ running: false, up: false }), "eth1 is down");
    assert.equal(after({}), "eth1 is up");
    assert.equal(after({ name: "lan" }), "eth1 is called lan");
    assert.equal(after({ name: "lan", masterIndex: 2 }), "lan has another master");
    assert.equal(after({ name: "lan", masterIndex: 2, mac: Uint8Array.of(2, 9, 9, 9, 9, 9) }), "lan has another MAC address");
    news.take({ kind: "link", change: "deleted", link: link(1) }, 50_000);
    assert.equal(what(news, 51_000), "lan is gone");
    assert.deepEqual([news.carries(1), news.carries(2), news.nameOf(1)], [false, true, "interface 1"]);
  });

  it("wait with an IPv6 address until it can be used", () => {
    const news = begun();
    news.take({ kind: "address", change: "new", address: address("fd00::1", { tentative: true }) }, 0);
    assert.equal(news.deadlineMs(), undefined);
    news.take({ kind: "address", change: "new", address: address("fd00::1") }, 1000);
    assert.equal(what(news, 1100), "address fd00::1 on eth1");
  });

  it("that were lost are found by looking at everything", () => {
    const news = begun();
    news.take({ kind: "lost" }, 0);
    news.look([link(2, { up: false }), link(3)], [address("10.0.0.9", { interfaceIndex: 3 })], 0);
    assert.deepEqual(news.report(500), {
      links: true,
      addresses: true,
      routes: true,
      neighbours: false,
      what: "events of the network were lost: everything is looked at; eth1 is gone; eth2 is down; eth3 appeared; address 10.0.0.9 on eth3",
    });
  });
});
