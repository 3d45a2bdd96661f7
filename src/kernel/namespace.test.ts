import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { need } from "../../test/need.ts";
import { listLinks } from "./links.ts";
import { createNamespace, currentCookie, deleteNamespace, inNamespace, inNewNamespace, isAway, listNamespaces } from "./namespace.ts";
import { changeSysctl, readSysctl, writeSysctl } from "./sysctl.ts";

const NAME = `evenkeel-test-${process.pid}`;

describe("network namespaces", () => {
  it("with a name are what ip netns makes and removes", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const path = createNamespace(NAME);
    try {
      assert.ok(listNamespaces().includes(NAME));
      assert.match(spawnSync("ip", ["netns", "list"], { encoding: "utf8" }).stdout, new RegExp(`^${NAME}`, "m"));
      assert.notEqual(inNamespace(path, currentCookie), currentCookie());
      assert.throws(() => createNamespace(NAME), { code: "BAD_ARGUMENT", message: /exists already/ });
      assert.equal(spawnSync("ip", ["netns", "delete", NAME]).status, 0);
      assert.equal(deleteNamespace(NAME), false);
      spawnSync("ip", ["netns", "add", NAME]);
      assert.ok(listNamespaces().includes(NAME));
      assert.equal(deleteNamespace(NAME), true);
    } finally {
      deleteNamespace(NAME);
    }
  });

  it("are always left again, by an error too, however deep", (t) => {
    if (!need(t, "root")) return;
    const home = currentCookie();
    inNewNamespace(() => {
      const outer = currentCookie();
      assert.notEqual(outer, home);
      assert.throws(
        () =>
          inNewNamespace(() => {
            assert.notEqual(currentCookie(), outer);
            throw new Error("within");
          }),
        /within/,
      );
      assert.equal(currentCookie(), outer);
      assert.ok(isAway());
    });
    assert.equal(currentCookie(), home);
    assert.ok(!isAway());
  });

  it("take no asynchronous work", (t) => {
    if (!need(t, "root")) return;
    assert.throws(() => inNewNamespace(() => Promise.resolve(1)), TypeError);
  });

  it("that do not exist, or cannot, are told apart", (t) => {
    if (!need(t, "root")) return;
    assert.throws(() => inNamespace("/run/netns/evenkeel-absent", currentCookie), { code: "NAMESPACE_MISSING" });
    assert.throws(() => createNamespace("../escape"), { code: "BAD_ARGUMENT" });
  });

  it("begin with a loopback that is down", (t) => {
    if (!need(t, "root")) return;
    const lo = inNewNamespace(() => listLinks().find(({ name }) => name === "lo"));
    assert.deepEqual([lo?.index, lo?.up, lo?.loopback], [1, false, true]);
  });
});

describe("sysctls", () => {
  it("are those of the namespace one is in, and written only when they differ", (t) => {
    if (!need(t, "root")) return;
    const name = "net/ipv4/conf/lo/arp_ignore";
    const home = readSysctl(name);
    inNewNamespace(() => {
      writeSysctl(name, 0);
      assert.equal(changeSysctl(name, 1), "0");
      assert.equal(changeSysctl(name, 1), undefined);
      assert.equal(readSysctl(name), "1");
    });
    assert.equal(readSysctl(name), home);
  });

  it("that do not exist say so; paths that lead elsewhere are refused", () => {
    assert.equal(readSysctl("net/ipv4/no_such_setting"), undefined);
    assert.throws(() => writeSysctl("net/ipv4/no_such_setting", 1), { cure: /has no such setting/ });
    assert.throws(() => readSysctl("net/../kernel/hostname"), { code: "BAD_ARGUMENT" });
    assert.throws(() => readSysctl("kernel/hostname"), { code: "BAD_ARGUMENT" });
  });
});
