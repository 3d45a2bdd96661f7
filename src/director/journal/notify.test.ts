import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { need } from "../../../test/need.ts";
import type { ConfiguredService, NotifyRule } from "../../config/configuration.ts";
import { parseAddress } from "../../model/address.ts";
import type { JournalEntry, Story } from "../../model/journal.ts";
import { openJournal, type RunningJournal } from "./journal.ts";
import { type NotifyScripts, startNotify } from "./notify.ts";

const CAUSE = { kind: "health" } as const;
const down = (server: string): Story => ({ event: "server-down", service: "tcp 192.0.2.1:80", label: "web", server, after: [] });

interface Stage {
  readonly journal: RunningJournal;
  readonly notify: NotifyScripts;
  /** What the scripts wrote. */
  readonly output: string;
  readonly script: (text: string) => readonly string[];
  readonly written: () => string;
}

function stage(t: TestContext, queueMax?: number): Stage {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-notify-"));
  const output = join(directory, "output");
  writeFileSync(output, "");
  chmodSync(directory, 0o755);
  chmodSync(output, 0o666);
  const over = new AbortController();
  const journal = openJournal();
  const notify = startNotify(journal, { signal: over.signal, ...(queueMax === undefined ? {} : { queueMax }) });
  t.after(() => {
    over.abort();
    journal.close();
    rmSync(directory, { recursive: true });
  });
  return {
    journal,
    notify,
    output,
    script: (text) => ["/bin/sh", "-c", text, output],
    written: () => readFileSync(output, "utf8"),
  };
}

const rule = (command: readonly string[], more: Partial<NotifyRule> = {}): NotifyRule => ({ command, timeoutMs: 5000, ...more });
const outcomes = (journal: RunningJournal) =>
  journal
    .events({ events: ["script"] })
    .map(({ story }) => (story.event === "script" ? `${story.outcome}${story.reason ? `: ${story.reason}` : ""}` : ""));

describe("notify scripts", () => {
  it("get the entry as JSON and in their environment, as nobody, and the journal is told", async (t) => {
    if (!need(t, "root")) return;
    const { journal, notify, script, written } = stage(t);
    const command = script(
      '{ cat; echo "$EVENKEEL_EVENT|$EVENKEEL_SERVICE|$EVENKEEL_LABEL|$EVENKEEL_SERVER|$EVENKEEL_SEVERITY|$EVENKEEL_CAUSE|$(id -un)|$(id -Gn)"; } > "$0"',
    );
    notify.configure({ notify: [rule(command)], services: [] });
    const seq = journal.tell(down("10.0.0.1:80"), CAUSE);
    await notify.finish(5000);
    const [json = "", line] = written().split("\n");
    assert.deepEqual(JSON.parse(json) as JournalEntry, journal.events({})[0]);
    assert.equal(line, "server-down|tcp 192.0.2.1:80|web|10.0.0.1:80|warning|health|nobody|nogroup");
    const told = journal.events({ events: ["script"] })[0];
    assert.deepEqual([told?.because, told?.story.event === "script" && told.story.outcome], [seq, "done"]);
  });

  it("hear what was told before their rules were known", async (t) => {
    const { journal, notify, script, written } = stage(t);
    journal.tell(down("early"), CAUSE);
    notify.configure({ notify: [rule(script('echo "$EVENKEEL_SERVER" >> "$0"'))], services: [] });
    notify.configure({ notify: [rule(script('echo "$EVENKEEL_SERVER" >> "$0"'))], services: [] });
    journal.tell(down("late"), CAUSE);
    await notify.finish(5000);
    assert.equal(written(), "early\nlate\n");
  });

  it("run as the user that is named, and say when there is none", async (t) => {
    if (!need(t, "root")) return;
    const { journal, notify, script, written } = stage(t);
    notify.configure({
      notify: [rule(script('id -un > "$0"'), { user: "daemon" }), rule(["/bin/true"], { user: "no-such-user" })],
      services: [],
    });
    journal.tell(down("10.0.0.1:80"), CAUSE);
    await notify.finish(5000);
    assert.equal(written(), "daemon\n");
    assert.deepEqual(outcomes(journal).sort(), ["done", "failed: there is no user no-such-user"]);
  });

  it("of one rule run one at a time, in order, and only of what they are told of", async (t) => {
    const { journal, notify, script, written } = stage(t);
    notify.configure({
      notify: [rule(script('echo "+$EVENKEEL_SERVER" >> "$0"; sleep 0.05; echo "-$EVENKEEL_SERVER" >> "$0"'), { events: ["server-down"] })],
      services: [],
    });
    for (const server of ["a", "b", "c"]) {
      journal.tell(down(server), CAUSE);
      journal.tell({ event: "warning", text: "not for it" }, CAUSE);
    }
    await notify.finish(10_000);
    assert.equal(written(), "+a\n-a\n+b\n-b\n+c\n-c\n");
  });

  it("are told of notices and worse when nothing is said, and never of scripts", async (t) => {
    const { journal, notify, script, written } = stage(t);
    notify.configure({
      notify: [rule(script('echo "$EVENKEEL_EVENT" >> "$0"; exit 3')), rule(["/bin/false"], { events: ["script"] })],
      services: [],
    });
    journal.tell({ event: "change", change: "attach", text: "attach" }, CAUSE);
    journal.tell({ event: "network", what: "eth0 is up" }, CAUSE);
    await notify.finish(5000);
    assert.equal(written(), "network\n");
    assert.deepEqual(outcomes(journal), ["failed: it ended with code 3"]);
  });

  it("are killed at their deadline with all that they started", async (t) => {
    const { journal, notify, script, output } = stage(t);
    notify.configure({ notify: [rule(script('(sleep 1; touch "$0.late") & sleep 60'), { timeoutMs: 100 })], services: [] });
    journal.tell(down("a"), CAUSE);
    const begin = performance.now();
    await notify.finish(5000);
    assert.ok(performance.now() - begin < 900);
    assert.deepEqual(outcomes(journal), ["cut: it had not ended after 100 ms"]);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal(existsSync(`${output}.late`), false);
  });

  it("lose the oldest events when they are too slow, and the journal is told how many", async (t) => {
    const { journal, notify, script, written } = stage(t, 3);
    notify.configure({ notify: [rule(script('echo "$EVENKEEL_SERVER" >> "$0"; sleep 0.1'))], services: [] });
    for (let i = 1; i <= 10; i++) journal.tell(down(`s${i}`), CAUSE);
    await notify.finish(10_000);
    assert.equal(written(), "s1\ns8\ns9\ns10\n");
    assert.ok(outcomes(journal).includes("skipped: 6 older events were dropped: more came than it could be told of"));
  });

  it("that hang at the director's end are killed, and what they were not told of is told", async (t) => {
    const { journal, notify, script } = stage(t);
    notify.configure({ notify: [rule(script("sleep 60"), { timeoutMs: 60_000 })], services: [] });
    for (const server of ["a", "b", "c"]) journal.tell(down(server), CAUSE);
    await notify.finish(200);
    assert.deepEqual(outcomes(journal), ["skipped: the director ends; it was not told of 2 events", "cut: the director ends"]);
  });

  it("keep their queue over a reload that does not change them", async (t) => {
    const { journal, notify, script, written } = stage(t);
    const rules = [rule(script('echo "$EVENKEEL_SERVER" >> "$0"; sleep 0.05'))];
    notify.configure({ notify: rules, services: [] });
    for (const server of ["a", "b", "c"]) journal.tell(down(server), CAUSE);
    notify.configure({ notify: structuredClone(rules), services: [] });
    await notify.finish(5000);
    assert.equal(written(), "a\nb\nc\n");
  });

  it("of a service's quorum run for that service, up and down in their order", async (t) => {
    const { journal, notify, script, written } = stage(t);
    const service = (last: number) =>
      ({
        address: parseAddress(`192.0.2.${last}`),
        port: 80,
        protocol: "tcp",
        onQuorumUp: script(`echo up ${last} >> "$0"`),
        onQuorumDown: script(`sleep 0.05; echo down ${last} >> "$0"`),
      }) as Partial<ConfiguredService> as ConfiguredService;
    notify.configure({ notify: [], services: [service(1), { ...service(2) }] });
    for (const event of ["quorum-lost", "quorum-gained", "quorum-lost"] as const)
      journal.tell({ event, service: "tcp 192.0.2.1:80" }, CAUSE);
    journal.tell({ event: "quorum-gained", service: "tcp 192.0.2.3:80" }, CAUSE);
    await notify.finish(5000);
    assert.equal(written(), "down 1\nup 1\ndown 1\n");
  });

  it("that cannot be started are told as failed, and hold nobody up", async (t) => {
    const { journal, notify } = stage(t);
    notify.configure({ notify: [rule(["/no/such/program"])], services: [] });
    for (let i = 0; i < 5; i++) journal.tell(down("a"), CAUSE);
    await notify.finish(5000);
    assert.equal(outcomes(journal).length, 5);
    assert.match(outcomes(journal)[0] ?? "", /^failed: .*No such file/);
  });

  it("that the kernel refuses at once end nobody but themselves", async (t) => {
    if (!need(t, "root")) return;
    const { journal, notify } = stage(t);
    notify.configure({ notify: [rule(["/bin/true", "a".repeat(200_000)])], services: [] });
    journal.tell(down("10.0.0.1:80"), CAUSE);
    await notify.finish(5000);
    assert.match(outcomes(journal).join(), /^failed: .*E2BIG/);
  });
});
