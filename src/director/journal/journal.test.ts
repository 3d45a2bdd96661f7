import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { need } from "../../../test/need.ts";
import type { JournalEntry, Story } from "../../model/journal.ts";
import { openJournal } from "./journal.ts";

const START = { kind: "start" } as const;
const said = (text: string | number): Story => ({ event: "warning", text: String(text) });
const seqs = (entries: readonly JournalEntry[]) => entries.map(({ seq }) => seq);
const words = ({ story }: JournalEntry) => ("text" in story ? story.text : story.event);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-journal-"));
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

describe("openJournal()", () => {
  it("numbers what it is told, and finds it again by number, time, severity, event, service and server", () => {
    let wallMs = 1000;
    const journal = openJournal({ wallMs: () => wallMs++ });
    const first = journal.tell(
      { event: "server-down", service: "tcp 192.0.2.1:80", label: "web", server: "10.0.0.1:80", after: [] },
      { kind: "health" },
    );
    const second = journal.tell(
      { event: "server-weight", service: "tcp 192.0.2.1:80", server: "10.0.0.1:80", weight: "out", before: 1 },
      { kind: "health" },
      first,
    );
    journal.tell(said("hot"), START);
    assert.deepEqual([first, second], [1, 2]);
    assert.equal(journal.events({})[1]?.because, 1);
    assert.deepEqual(seqs(journal.events({ after: 1 })), [2, 3]);
    assert.deepEqual(seqs(journal.events({ sinceMs: 1002 })), [3]);
    assert.deepEqual(seqs(journal.events({ severity: "warning" })), [1, 3]);
    assert.deepEqual(seqs(journal.events({ events: ["server-weight"] })), [2]);
    assert.deepEqual(seqs(journal.events({ service: "web" })), [1]);
    assert.deepEqual(seqs(journal.events({ server: "10.0.0.1" })), [1, 2]);
    assert.deepEqual(seqs(journal.events({ limit: 2 })), [2, 3]);
    journal.close();
  });

  it("reads from disk what is no longer in memory, and what was told before a restart", (t) => {
    const database = join(scratch(t), "journal.db");
    const first = openJournal({ database, ringMax: 10 });
    for (let i = 1; i <= 700; i++) first.tell(said(i), START);
    first.close();
    const second = openJournal({ database, ringMax: 10 });
    assert.equal(second.tell(said("again"), START), 701);
    for (let i = 702; i <= 1300; i++) second.tell(said(i), START);
    assert.deepEqual(seqs(second.events({ after: 1296 })), [1297, 1298, 1299, 1300]);
    // The last hundred wait to be written, and ten of them are in memory: those between come when they are on disk.
    second.close();
    const third = openJournal({ database, ringMax: 10 });
    t.after(() => third.close());
    assert.deepEqual(
      seqs(third.events({ after: 0 })),
      Array.from({ length: 1300 }, (_, i) => i + 1),
    );
    assert.deepEqual(seqs(third.events({ limit: 3 })), [1298, 1299, 1300]);
    assert.equal(statSync(database).mode & 0o777, 0o600);
  });

  it("keeps no more on disk than it may, by number and by days", (t) => {
    const database = join(scratch(t), "journal.db");
    const day = 86_400_000;
    let wallMs = 10 * day;
    const journal = openJournal({ database, entriesMax: 1000, daysMax: 7, wallMs: () => wallMs });
    for (let i = 0; i < 3000; i++) journal.tell(said(i), START);
    journal.close();
    const again = openJournal({ database, entriesMax: 1000, daysMax: 7, wallMs: () => wallMs });
    const left = again.events({ after: 0 });
    // A piece is forgotten with each batch that is written.
    assert.deepEqual([left.length, left.at(-1)?.seq], [1000, 3000]);
    wallMs += 8 * day;
    again.tell(said("a week later"), START);
    again.close();
    const last = openJournal({ database, wallMs: () => wallMs });
    assert.deepEqual(last.events({}).map(words), ["a week later"]);
    last.close();
  });

  it("puts a broken file aside, tells of it, and begins with numbers that nobody has seen", async (t) => {
    const database = join(scratch(t), "journal.db");
    writeFileSync(database, "garbage ".repeat(2000));
    const journal = openJournal({ database });
    await pause(1);
    const [entry] = journal.events({});
    assert.ok(entry !== undefined && /is broken .*journal\.db\.broken, begun anew/.test(words(entry)), words(entry as JournalEntry));
    assert.ok(entry.seq > 1_700_000_000);
    assert.match(readFileSync(`${database}.broken`, "utf8"), /^garbage/);
    journal.close();
    const again = openJournal({ database });
    assert.deepEqual(seqs(again.events({ after: 1 })), [entry.seq]);
    again.close();
  });

  it("survives a file that breaks while it is open", async (t) => {
    const database = join(scratch(t), "journal.db");
    const before = openJournal({ database });
    for (let i = 0; i < 5000; i++) before.tell(said(`${i} ${"x".repeat(100)}`), START);
    before.close();
    // Pages in the middle of the table; the first one, and what is looked at when it is opened, are sound.
    const bytes = readFileSync(database);
    bytes.fill(0xa5, bytes.length >> 2, (bytes.length >> 2) * 3);
    writeFileSync(database, bytes);
    const journal = openJournal({ database });
    const found = journal.events({ after: 0 });
    const next = journal.tell(said("after"), START);
    await pause(1);
    assert.ok(found.length < 5000 && next > 5000);
    assert.match(
      journal
        .events({ events: ["journal"] })
        .map(words)
        .join(),
      /is broken/,
    );
    journal.close();
    const again = openJournal({ database });
    assert.ok(again.events({}).some((entry) => entry.seq === next));
    again.close();
  });

  it("goes on in memory while the disk is full, tells of it once, and writes again once there is room", async (t) => {
    if (!need(t, "root")) return;
    const directory = smallScratch(t, "512k");
    const database = join(directory, "journal.db");
    const journal = openJournal({ database, retryMs: 20 });
    journal.tell(said("before"), START);
    await pause(250);
    const filler = join(directory, "filler");
    assert.throws(() => writeFileSync(filler, Buffer.alloc(1024 * 1024)));
    for (let i = 0; i < 3000; i++) journal.tell(said(`${i} ${"x".repeat(50)}`), START);
    await pause(100);
    const troubles = journal.events({ events: ["journal"] }).map(words);
    assert.deepEqual(troubles, ["the journal on disk fails: database or disk is full; going on in memory"]);
    assert.deepEqual([journal.measures().onDisk, journal.events({}).length], [false, 3002]);
    assert.match(journal.trouble ?? "", /database or disk is full/);
    rmSync(filler);
    spawnSync("mount", ["-o", "remount,size=8m", directory]);
    await pause(200);
    assert.deepEqual(
      journal
        .events({ events: ["journal"] })
        .map(words)
        .slice(1),
      ["the journal is on disk again"],
    );
    journal.close();
    const again = openJournal({ database });
    assert.equal(again.events({ after: 0 }).length, 3003);
    again.close();
  });

  it("begins without a disk that cannot be had, with numbers that nobody has seen, and loses nothing when it comes", async (t) => {
    const directory = join(scratch(t), "late");
    const database = join(directory, "journal.db");
    const journal = openJournal({ database, retryMs: 20 });
    assert.ok(journal.tell(said("first"), START) > 1_700_000_000);
    await pause(1);
    assert.match(journal.events({}).map(words).join(), /the journal on disk fails: ENOENT/);
    mkdirSync(directory);
    while (!journal.measures().onDisk) await pause(10);
    journal.tell(said("second"), START);
    journal.close();
    const again = openJournal({ database });
    assert.deepEqual(again.events({ events: ["warning"] }).map(words), ["first", "second"]);
    again.close();
  });

  it("gives no number twice when it is killed, and loses the last batch at most", { timeout: 60_000 }, async (t) => {
    const database = join(scratch(t), "journal.db");
    const source = `
      const { openJournal } = await import(${JSON.stringify(import.meta.resolve("./journal.ts"))});
      const journal = openJournal({ database: ${JSON.stringify(database)} });
      setInterval(() => { for (let i = 0; i < 40; i++) journal.tell({ event: "warning", text: "x" }, { kind: "start" }); console.log(journal.tell({ event: "warning", text: "last" }, { kind: "start" })); }, 2);
    `;
    let seen = 0;
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: ["ignore", "pipe", "inherit"] });
      let printed = "";
      child.stdout.on("data", (piece: Buffer) => {
        printed += piece.toString();
      });
      await once(child.stdout, "data");
      await pause(300 + 70 * round);
      child.kill("SIGKILL");
      await once(child, "close");
      const numbers = printed.trim().split("\n").map(Number);
      const [first = 0, last = 0] = [numbers[0], numbers.at(-1)];
      assert.ok(first > seen, `${first} was given again; ${seen} was seen before`);
      const journal = openJournal({ database });
      const kept = seqs(journal.events({ after: seen }));
      // Five hundred, and what came in the 200 ms that a batch may wait.
      assert.ok((kept.at(-1) ?? 0) > last - 10_000 && kept.length > 0, `${kept.at(-1)} of ${last}`);
      assert.deepEqual(
        kept,
        [...kept].sort((one, other) => one - other),
      );
      seen = journal.tell(said("between"), START);
      assert.ok(seen > last, `${seen} was given again; ${last} was seen before`);
      journal.close();
    }
  });

  it("takes a hundred thousand entries without keeping anybody waiting", async (t) => {
    const journal = openJournal({ database: join(scratch(t), "journal.db"), entriesMax: 50_000 });
    const begin = performance.now();
    let longest = 0;
    for (let i = 0; i < 100_000; i++) {
      const before = performance.now();
      journal.tell(
        { event: "server-down", service: "tcp 192.0.2.1:80", server: `10.0.${i >> 8}.${i & 255}:80`, after: [] },
        { kind: "health" },
      );
      longest = Math.max(longest, performance.now() - before);
    }
    journal.close();
    const seconds = (performance.now() - begin) / 1000;
    t.diagnostic(`${Math.round(100_000 / seconds)} entries a second, the longest call ${longest.toFixed(1)} ms`);
    assert.ok(seconds < 20, `${seconds} s`);
  });
});

describe("follow()", () => {
  it("brings what was told since a number, then what comes, without a gap between", async () => {
    const journal = openJournal();
    for (let i = 1; i <= 5; i++) journal.tell(said(i), START);
    const over = new AbortController();
    const found: number[] = [];
    const reading = (async () => {
      for await (const { seq } of journal.follow({ after: 2 }, over.signal)) {
        found.push(seq);
        if (seq === 8) over.abort();
      }
    })();
    for (let i = 6; i <= 8; i++) journal.tell(said(i), START);
    await reading;
    assert.deepEqual(found, [3, 4, 5, 6, 7, 8]);
  });

  it("brings only what is asked for, and without a place to begin only what comes", async () => {
    const journal = openJournal();
    journal.tell(said("before"), START);
    const entries = journal.follow({ events: ["warning"] }, new AbortController().signal);
    journal.tell({ event: "network", what: "eth0 is up" }, START);
    journal.tell(said("after"), START);
    for await (const entry of entries) {
      assert.equal(words(entry), "after");
      break;
    }
    // Who leaves the loop is gone, and so is everyone at the end.
    const last = journal.follow({}, new AbortController().signal);
    journal.close();
    for await (const entry of last) assert.fail(words(entry));
  });

  it("brings everything to one who names a number of another life", () => {
    const journal = openJournal();
    journal.tell(said(1), START);
    assert.deepEqual([seqs(journal.events({ after: 1 })), seqs(journal.events({ after: 5000 }))], [[], [1]]);
  });

  it("holds a bounded queue for one who does not read: he finds a gap, and the newest", async () => {
    const journal = openJournal({ ringMax: 100 });
    const over = new AbortController();
    const idle = Array.from({ length: 20 }, () => journal.follow({}, over.signal));
    for (let i = 0; i < 20_000; i++) journal.tell(said(i), START);
    const found: number[] = [];
    for await (const { seq } of idle[0] ?? []) {
      found.push(seq);
      if (seq === 20_000) break;
    }
    assert.ok(found.length <= 1000 && found.length >= 500, `${found.length}`);
    assert.ok(journal.measures().dropped > 0);
    over.abort();
  });

  it("ends at once when its signal came before", async () => {
    const journal = openJournal();
    journal.tell(said(1), START);
    for await (const entry of journal.follow({ after: 0 }, AbortSignal.abort())) assert.fail(words(entry));
  });
});
