import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { need } from "../../../test/need.ts";
import { addressFromBytes, parseAddress } from "../../model/address.ts";
import type { Edit } from "../../model/edit.ts";
import type { Override } from "../../model/override.ts";
import { decodeState, encodeState } from "./state-codec.ts";
import { openStore } from "./store.ts";

const A = parseAddress;

const drained: Override = {
  service: { address: A("192.0.2.1"), port: 80, protocol: "tcp" },
  server: { address: A("2001:db8::11"), port: 8080 },
  wish: { kind: "drain", deadlineMs: 30_000 },
  sinceMs: 1_795_395_472_000,
  by: "uid 0",
  reason: "new disk",
};

const edits: readonly Edit[] = [
  { kind: "delete-service", service: { address: A("0.0.0.0"), port: 0, protocol: "tcp", mark: 7 } },
  {
    kind: "add-server",
    service: { address: A("192.0.2.1"), port: 80, protocol: "tcp" },
    server: { address: A("10.0.0.1"), port: 80, weight: 3, method: "tun", tunnel: { type: "gue", port: 6080 } },
  },
];

const version = { digest: "ab".repeat(32), file: "evenkeel.yaml", appliedMs: 1, by: "uid 0", state: "present" } as const;

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-store-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A file system of its own, that is soon full. */
function smallScratch(t: TestContext, size: string): string {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-small-"));
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", directory]).status, 0);
  t.after(() => {
    spawnSync("umount", [directory]);
    rmSync(directory, { recursive: true });
  });
  return directory;
}

describe("openStore()", () => {
  it("remembers overrides, adopted edits and versions", (t) => {
    const directory = join(scratch(t), "state");
    const first = openStore(directory);
    assert.deepEqual([first.overrides(), first.adopted(), first.versions(), first.text(1)], [[], [], [], undefined]);
    first.keepOverrides([drained]);
    first.keepAdopted(edits);
    first.addVersion(version, "services: []\n");
    first.addVersion({ ...version, state: "pending" }, "# 2\n");
    first.markVersion(2, "rolled-back");
    first.markVersion(1, "present");
    first.close();

    const second = openStore(directory);
    t.after(() => second.close());
    assert.deepEqual(second.overrides(), [drained]);
    assert.deepEqual(second.adopted(), edits);
    assert.deepEqual(
      second.versions().map(({ id, state }) => [id, state]),
      [
        [2, "rolled-back"],
        [1, "present"],
      ],
    );
    assert.deepEqual(
      [1, 2, 3].map((id) => second.text(id)),
      ["services: []\n", "# 2\n", undefined],
    );
    assert.equal(second.addVersion(version, "# 3\n").id, 3);
    assert.equal(second.versions()[2]?.state, "past");
  });

  it("keeps a hundred versions, the newest", (t) => {
    const directory = scratch(t);
    const store = openStore(directory);
    for (let i = 1; i <= 105; i++) store.addVersion(version, `# ${i}\n`);
    store.close();
    const again = openStore(directory);
    t.after(() => again.close());
    const ids = again.versions().map(({ id }) => id);
    assert.deepEqual([ids.length, ids[0], ids.at(-1)], [100, 105, 6]);
    assert.deepEqual([again.text(5), again.text(6)], [undefined, "# 6\n"]);
  });

  it("is for its owner's eyes alone", (t) => {
    const directory = join(scratch(t), "state");
    const store = openStore(directory);
    t.after(() => store.close());
    store.keepOverrides([drained]);
    const modeOf = (path: string) => statSync(path).mode & 0o777;
    assert.equal(modeOf(directory), 0o700);
    for (const name of ["state.db", "lock"]) assert.equal(modeOf(join(directory, name)), 0o600, name);
  });

  it("is one director's at a time, and says whose", (t) => {
    const directory = scratch(t);
    const store = openStore(directory);
    assert.throws(() => openStore(directory), { code: "CONFLICT", message: new RegExp(`another director \\(process ${process.pid}\\)`) });
    store.close();
    openStore(directory).close();
  });

  it("refuses another program's database, and that of a newer version", (t) => {
    const directory = scratch(t);
    const path = join(directory, "state.db");
    const foreign = new DatabaseSync(path);
    foreign.exec("CREATE TABLE cats (name TEXT)");
    foreign.close();
    assert.throws(() => openStore(directory), { code: "CONFLICT", message: /is a database of another program/ });
    rmSync(path);
    openStore(directory).close();
    const newer = new DatabaseSync(path);
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    assert.throws(() => openStore(directory), { code: "CONFLICT", message: /newer version of Evenkeel \(schema 99; this one knows 1\)/ });
    // It gave the lock back each time.
    rmSync(path);
    openStore(directory).close();
  });

  it("puts a broken file aside, says so, and begins anew", (t) => {
    const directory = scratch(t);
    writeFileSync(join(directory, "state.db"), "this is no database at all, ".repeat(400));
    const told: string[] = [];
    const store = openStore(directory, { report: (text) => told.push(text) });
    t.after(() => store.close());
    assert.match(told.join(), /the director's state is broken .*state\.db\.broken/);
    assert.match(readFileSync(join(directory, "state.db.broken"), "utf8"), /^this is no/);
    store.keepOverrides([drained]);
    assert.equal(store.trouble, undefined);
  });

  it("goes on in memory while the disk is full, and writes what waited once there is room", async (t) => {
    if (!need(t, "root")) return;
    const directory = smallScratch(t, "256k");
    const told: string[] = [];
    const store = openStore(directory, { report: (text) => told.push(text), retryMs: 20 });
    try {
      store.addVersion(version, "# 1\n");
      const filler = join(directory, "filler");
      assert.throws(() => writeFileSync(filler, Buffer.alloc(512 * 1024)));
      const long = `# ${"x".repeat(30_000)}\n`;
      store.addVersion(version, long);
      store.keepOverrides([]);
      store.keepOverrides([drained]);
      store.markVersion(2, "rolled-back");
      assert.match(store.trouble ?? "", /cannot be written: database or disk is full/);
      assert.deepEqual([store.text(2), store.overrides()], [long, [drained]]);
      assert.equal(told.length, 1);
      rmSync(filler);
      while (store.trouble !== undefined) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(told[1], "the director's state is on disk again");
    } finally {
      store.close();
    }
    const again = openStore(directory);
    assert.deepEqual([again.overrides(), again.text(1)], [[drained], "# 1\n"]);
    assert.deepEqual(
      again.versions().map(({ id, state }) => [id, state]),
      [
        [2, "rolled-back"],
        [1, "past"],
      ],
    );
    again.close();
  });

  it("starts on a full disk with what it had, and writes once there is room", async (t) => {
    if (!need(t, "root")) return;
    const directory = smallScratch(t, "256k");
    const before = openStore(directory);
    before.keepOverrides([drained]);
    before.addVersion(version, "# 1\n");
    before.close();
    rmSync(join(directory, "lock"));
    writeFileSync(join(directory, "lock"), "");
    const filler = join(directory, "filler");
    assert.throws(() => writeFileSync(filler, Buffer.alloc(512 * 1024)));
    const store = openStore(directory, { retryMs: 20 });
    assert.deepEqual([store.overrides(), store.text(1), store.trouble], [[drained], "# 1\n", undefined]);
    store.addVersion(version, `# ${"x".repeat(50_000)}\n`);
    assert.match(store.trouble ?? "", /disk is full/);
    rmSync(filler);
    while (store.trouble !== undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(store.text(2)?.length, 50_003);
    store.close();
  });

  it("in memory forgets with its end", () => {
    const store = openStore(":memory:");
    store.keepOverrides([drained]);
    assert.deepEqual(store.overrides(), [drained]);
    store.close();
    const other = openStore(":memory:");
    assert.deepEqual(other.overrides(), []);
    other.close();
  });
});

describe("encodeState()", () => {
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }).map(addressFromBytes),
    fc.uint8Array({ minLength: 16, maxLength: 16 }).map(addressFromBytes),
    // With the gaps and the IPv4 in IPv6 that text makes short.
    fc.array(fc.constantFrom(0, 0, 0, 0xff, 1), { minLength: 16, maxLength: 16 }).map((bytes) => addressFromBytes(Uint8Array.from(bytes))),
  );
  const service = fc.record(
    { address, port: fc.nat(65_535), protocol: fc.constantFrom("tcp", "udp", "sctp"), mark: fc.nat() },
    { requiredKeys: ["address", "port", "protocol"] },
  );

  it("and decodeState() bring back the same overrides and edits", () => {
    const wish = fc.oneof(
      fc.record({ kind: fc.constant("drain"), deadlineMs: fc.nat() }, { requiredKeys: ["kind"] }),
      fc.record({ kind: fc.constant("weight"), weight: fc.nat(65_535) }),
      fc.record({ kind: fc.constant("disable") }),
    );
    const override = fc.record(
      { service, server: fc.record({ address, port: fc.nat(65_535) }), wish, sinceMs: fc.nat(), by: fc.string(), reason: fc.string() },
      { requiredKeys: ["service", "server", "wish", "sinceMs", "by"] },
    );
    const edit = fc.oneof(
      fc.record({ kind: fc.constantFrom("delete-service", "reset-counters"), service }),
      fc.record({ kind: fc.constant("clear") }),
      fc.record({
        kind: fc.constant("add-service"),
        service: fc.record({
          address,
          port: fc.nat(),
          scheduler: fc.constantFrom("rr", "mh"),
          persistence: fc.record({ timeoutSeconds: fc.nat(), clientMask: address }),
          fullNat: address,
        }),
      }),
      fc.record({
        kind: fc.constant("start-daemon"),
        daemon: fc.record({ role: fc.constantFrom("master", "backup"), interfaceName: fc.string(), group: address, ttl: fc.nat(255) }),
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(override, edit)), (items) => {
        assert.deepEqual(decodeState(encodeState(items)), structuredClone(items));
      }),
    );
  });
});
