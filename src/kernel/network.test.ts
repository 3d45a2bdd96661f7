import assert from "node:assert/strict";
import { closeSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { need } from "../../test/need.ts";
import { type Address, formatAddress, parseAddress } from "../model/address.ts";
import type { NetlinkEvent } from "../wire/netlink-event.ts";
import { addAddress, deleteAddress, isLocalAddress, listAddresses } from "./addresses.ts";
import { addLink, changeLink, deleteLink, findLink, getLink, listLinks } from "./links.ts";
import { inNamespace, inNewNamespace, openNamespace } from "./namespace.ts";
import { deleteNeighbour, findNeighbour, resolveNeighbour, setNeighbour } from "./neighbours.ts";
import { watchNetlink } from "./netlink-watch.ts";
import { addRoute, deleteRoute, listRoutes, replaceRoute, waysTo, wayTo } from "./routes.ts";

const A = parseAddress;
const text = (address: Address | undefined) => address && formatAddress(address);
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 9);

/** A namespace with lo and a veth pair v0 (10.0.0.1/24, fd00::1/64) and v1, up. */
function inNetwork(t: TestContext, work: (v0: number) => void): void {
  if (!need(t, "root")) return;
  inNewNamespace(() => {
    changeLink("lo", { up: true });
    addLink({ kind: "veth", name: "v0", mtu: 1400, peer: { name: "v1" } });
    changeLink("v0", { up: true });
    changeLink("v1", { up: true });
    const v0 = getLink("v0").index;
    addAddress({ interfaceIndex: v0, address: A("10.0.0.1"), prefixLength: 24 });
    addAddress({ interfaceIndex: v0, address: A("fd00::1"), prefixLength: 64, noDad: true });
    work(v0);
  });
}

describe("links", () => {
  it("are made, changed, joined to a bridge and removed", (t) => {
    inNetwork(t, (v0) => {
      const link = getLink(v0);
      assert.deepEqual([link.name, link.kind, link.mtu, link.up, link.running], ["v0", "veth", 1400, true, true]);
      assert.equal(link.linkedIndex, getLink("v1").index);
      addLink({ kind: "bridge", name: "br0" });
      changeLink("v0", { masterIndex: getLink("br0").index, mac: MAC });
      assert.deepEqual([getLink("v0").masterIndex, [...getLink("v0").mac]], [getLink("br0").index, [...MAC]]);
      changeLink("v0", { masterIndex: 0 });
      changeLink("v0", { up: false, name: "w0", mtu: 1300 });
      assert.equal(findLink("v0"), undefined);
      assert.deepEqual([getLink("w0").mtu, getLink("w0").up], [1300, false]);
      assert.deepEqual([deleteLink("w0"), deleteLink("w0")], [true, false]);
      assert.deepEqual(
        listLinks()
          .map(({ name }) => name)
          .filter((name) => name.startsWith("v")),
        [],
      );
    });
  });

  it("can have their other end in another namespace, and move there", (t) => {
    if (!need(t, "root")) return;
    const there = inNewNamespace(() => openNamespace("/proc/thread-self/ns/net"));
    try {
      inNewNamespace(() => {
        addLink({ kind: "veth", name: "here", peer: { name: "there", namespaceFd: there, mac: MAC } });
        assert.equal(findLink("there"), undefined);
        assert.deepEqual([...inNamespace(there, () => getLink("there").mac)], [...MAC]);
        addLink({ kind: "veth", name: "mover", peer: { name: "stayer" } });
        changeLink("mover", { namespaceFd: there });
        assert.equal(findLink("mover"), undefined);
        assert.equal(
          inNamespace(there, () => getLink("mover").kind),
          "veth",
        );
      });
    } finally {
      closeSync(there);
    }
  });

  it("that are refused say what was attempted and why", (t) => {
    inNetwork(t, () => {
      assert.throws(() => changeLink("v0", { mtu: 99_999_999 }), {
        code: "NETLINK",
        message: /cannot set the MTU 99999999 of the interface v0: mtu greater than device maximum/,
      });
      assert.throws(() => addLink({ kind: "bridge", name: "v0" }), {
        code: "NETLINK",
        message: /cannot make the bridge interface v0: EEXIST/,
      });
      assert.throws(() => getLink("absent"), { code: "INTERFACE_MISSING", cure: /name one of: .*v0/ });
    });
  });
});

describe("addresses", () => {
  it("are added once and removed once", (t) => {
    inNetwork(t, (v0) => {
      const vip = { interfaceIndex: v0, address: A("192.0.2.1"), prefixLength: 32, scope: "link" as const };
      assert.deepEqual([addAddress(vip), addAddress(vip)], [true, false]);
      assert.equal(listAddresses(v0).find(({ address }) => text(address) === "192.0.2.1")?.scope, "link");
      assert.ok(isLocalAddress(A("192.0.2.1")));
      assert.deepEqual([deleteAddress(vip), deleteAddress(vip)], [true, false]);
      assert.ok(!isLocalAddress(A("192.0.2.1")));
      assert.throws(() => addAddress({ ...vip, prefixLength: 77 }), {
        code: "NETLINK",
        message: /192\.0\.2\.1\/77 on interface \d+: .*EINVAL/,
      });
    });
  });
});

describe("routes", () => {
  it("are replaced, looked up as packets would, and removed", (t) => {
    inNetwork(t, (v0) => {
      const byDefault = { destination: A("0.0.0.0"), prefixLength: 0 };
      replaceRoute({ ...byDefault, gateway: A("10.0.0.2"), mtu: 1300, advmss: 1200 });
      replaceRoute({ ...byDefault, gateway: A("10.0.0.3"), mtu: 1300, advmss: 1200 });
      const way = wayTo(A("192.0.2.1"));
      assert.deepEqual(
        [way?.interfaceIndex, text(way?.gateway), text(way?.source), way?.mtu, way?.local],
        [v0, "10.0.0.3", "10.0.0.1", 1300, false],
      );
      const near = wayTo(A("10.0.0.9"));
      assert.deepEqual([near?.gateway, near?.mtu], [undefined, 1400]);
      assert.equal(wayTo(A("10.0.0.1"))?.local, true);
      replaceRoute({ destination: A("::"), prefixLength: 0, gateway: A("fd00::2") });
      assert.equal(text(wayTo(A("2001:db8::1"))?.gateway), "fd00::2");
      assert.deepEqual([deleteRoute(byDefault), deleteRoute(byDefault)], [true, false]);
      assert.equal(deleteRoute({ destination: A("::"), prefixLength: 0 }), true);
      assert.deepEqual([wayTo(A("192.0.2.1")), wayTo(A("2001:db8::1"))], [undefined, undefined]);
    });
  });

  it("are looked up by the hundred, each with its own answer, also where one is refused", (t) => {
    inNetwork(t, () => {
      addRoute({ destination: A("10.8.0.0"), prefixLength: 16, gateway: A("10.0.0.2") });
      addRoute({ destination: A("10.9.0.0"), prefixLength: 16, gateway: A("10.0.0.3") });
      addRoute({ destination: A("fd08::"), prefixLength: 16, gateway: A("fd00::2") });
      const gateways = { "10.8": "10.0.0.2", "192.0": undefined, "10.9": "10.0.0.3", fd08: "fd00::2", "2001": undefined };
      const sought = Array.from({ length: 500 }, (_, i) => {
        const net = Object.keys(gateways)[i % 5] as keyof typeof gateways;
        return { gateway: gateways[net], destination: A(net.includes(".") ? `${net}.${i >> 8}.${i & 255}` : `${net}::${i.toString(16)}`) };
      });
      const ways = waysTo(sought.map(({ destination }) => destination));
      assert.deepEqual(
        ways.map((way) => text(way?.gateway)),
        sought.map(({ gateway }) => gateway),
      );
      assert.deepEqual(waysTo([]), []);
    });
  });

  it("in tables of their own and through the other family are listed as they are", (t) => {
    inNetwork(t, (v0) => {
      addRoute({ destination: A("10.9.0.0"), prefixLength: 24, gateway: A("fd00::3"), interfaceIndex: v0 });
      addRoute({ destination: A("10.7.0.0"), prefixLength: 24, kind: "local", table: 1234, interfaceIndex: 1 });
      const routes = listRoutes("ipv4");
      assert.equal(text(routes.find(({ destination }) => text(destination) === "10.9.0.0")?.gateway), "fd00::3");
      assert.equal(routes.find(({ table }) => table === 1234)?.kind, "local");
      assert.throws(() => addRoute({ destination: A("10.9.0.0"), prefixLength: 24, gateway: A("192.0.2.9") }), {
        code: "NETLINK",
        message: /cannot add the route 10\.9\.0\.0\/24 via 192\.0\.2\.9: .*(invalid gateway|unreachable)/i,
      });
    });
  });
});

describe("neighbours", () => {
  it("are set, asked for and removed", (t) => {
    inNetwork(t, (v0) => {
      setNeighbour({ interfaceIndex: v0, address: A("10.0.0.2"), mac: MAC });
      const known = findNeighbour(v0, A("10.0.0.2"));
      assert.deepEqual([[...(known?.mac ?? [])], known?.state], [[...MAC], "permanent"]);
      resolveNeighbour(v0, A("10.0.0.4"));
      assert.equal(findNeighbour(v0, A("10.0.0.4"))?.state, "incomplete");
      assert.deepEqual(
        [1, 2].map(() => deleteNeighbour({ interfaceIndex: v0, address: A("10.0.0.2") })),
        [true, false],
      );
    });
  });
});

describe("watchNetlink()", () => {
  it("tells of what happens in the namespace where it began, until its signal ends", { timeout: 10_000 }, async (t) => {
    if (!need(t, "root")) return;
    const controller = new AbortController();
    const there = inNewNamespace(() => openNamespace("/proc/thread-self/ns/net"));
    try {
      const events = inNamespace(there, () => {
        const watch = watchNetlink(["link", "address", "route", "neighbour"], controller.signal);
        changeLink("lo", { up: true });
        addLink({ kind: "bridge", name: "b0" });
        addAddress({ interfaceIndex: 1, address: A("192.0.2.1"), prefixLength: 32 });
        deleteLink("b0");
        // A generator is no promise, yet inNamespace() must let it out.
        return { watch };
      });
      const seen: string[] = [];
      for await (const event of events.watch) {
        seen.push(describeEvent(event));
        if (event.kind === "link" && event.change === "deleted") controller.abort();
      }
      for (const expected of ["link new lo", "link new b0", "address new 192.0.2.1", "route new 192.0.2.1", "link deleted b0"]) {
        assert.ok(seen.includes(expected), `${expected} is missing in ${seen.join(", ")}`);
      }
    } finally {
      closeSync(there);
    }
  });

  it("says when more happened than its reader could take", { timeout: 20_000 }, async (t) => {
    if (!need(t, "root")) return;
    const there = inNewNamespace(() => openNamespace("/proc/thread-self/ns/net"));
    try {
      const { watch } = inNamespace(there, () => {
        const events = { watch: watchNetlink(["link"], new AbortController().signal) };
        for (let i = 0; i < 3000; i++) changeLink("lo", { up: i % 2 === 0 });
        return events;
      });
      for await (const event of watch) if (event.kind === "lost") break;
    } finally {
      closeSync(there);
    }
  });
});

function describeEvent(event: NetlinkEvent): string {
  switch (event.kind) {
    case "lost":
      return "lost";
    case "link":
      return `link ${event.change} ${event.link.name}`;
    case "address":
      return `address ${event.change} ${formatAddress(event.address.address)}`;
    case "route":
      return `route ${event.change} ${formatAddress(event.route.destination)}`;
    case "neighbour":
      return `neighbour ${event.change} ${formatAddress(event.neighbour.address)}`;
  }
}
