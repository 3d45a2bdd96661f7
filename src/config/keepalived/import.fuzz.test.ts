/**
 * Whatever stands in a keepalived.conf, importKeepalived() answers: it never throws, is never slow, and what it carries can be written and
 * read again. The seeds are the recorded configurations, broken in many ways. FUZZ_RUNS=50000 for more.
 */

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: keepalived's definitions look so.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { randomFrom } from "../../../test/random.ts";
import { formatComplaint } from "../complaint.ts";
import { formatReport } from "../import-report.ts";
import { parseConfiguration } from "../parse.ts";
import { writeYaml } from "../write-yaml.ts";
import { importKeepalived } from "./import.ts";

const GOLDEN = new URL("../../../test/golden/keepalived/", import.meta.url);
const SEEDS = readdirSync(GOLDEN, { withFileTypes: true, recursive: true })
  .filter((entry) => entry.isFile() && /\.(conf|inc)$/.test(entry.name))
  .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, "utf8"));

const RUNS = Number(process.env["FUZZ_RUNS"] ?? 2000);
const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000_007);
/** Of one run, on a machine that does other things too. */
const SLOW_MS = 2500;

const FRAGMENTS = [
  ...Array.from("{}\"'#!\\$@~\n\t \u0000\u001b\ufeff\u2028\ud800é"),
  "include other.conf\n",
  "include self.conf\n",
  "~SEQ(A, 1, 9) ",
  "~SEQ(A, 999999999999) ",
  "~LST({A,B},{1,2}) ",
  "$A=",
  "${A}",
  "${_PWD}",
  "${__proto__}",
  "$__proto__=x\n",
  "@main ",
  "@^main ",
  "real_server ",
  "virtual_server ",
  "virtual_server group ",
  "virtual_server_group ",
  "fwmark ",
  "__proto__ ",
  "constructor ",
  "toString\n",
  "toString ",
  "valueOf ",
  "HTTP_GET {\nurl {\npath /\n",
  "TCP_CHECK {\n",
  "0",
  "-1",
  "99999999999",
  "1e9",
  "0.0.0.0/0",
  "::/0",
  "fd00::-fd00::ffff",
  "10.0.0.1-10.0.255.255",
  "regex ((((a+)+)+)+$",
  "regex (\n",
];

function broken(chance: () => number): string {
  const pick = <T>(list: readonly T[], fallback: T): T => list[Math.floor(chance() * list.length)] ?? fallback;
  let text = pick(SEEDS, "");
  for (let blows = 1 + Math.floor(chance() * 8); blows > 0; blows--) {
    const at = Math.floor(chance() * (text.length + 1));
    const length = Math.floor(chance() ** 3 * 200);
    const [before, after] = [text.slice(0, at), text.slice(at)];
    const blow = Math.floor(chance() * 5);
    if (blow === 0) text = before + after.slice(length);
    else if (blow === 1) text = before + pick(FRAGMENTS, "") + after;
    else if (blow === 2) text = before + after.slice(0, length).repeat(1 + Math.floor(chance() * 5)) + after;
    else if (blow === 3) text = before + String.fromCharCode(Math.floor(chance() * 128)) + after.slice(1);
    else {
      const lines = text.split("\n");
      const [one, other] = [Math.floor(chance() * lines.length), Math.floor(chance() * lines.length)];
      [lines[one], lines[other]] = [lines[other] ?? "", lines[one] ?? ""];
      text = lines.join("\n");
    }
  }
  return text;
}

test(`importKeepalived() answers whatever stands in the file (seed ${SEED}, ${RUNS} runs)`, (t) => {
  const counts = { carried: 0, refused: 0, slowestMs: 0, invalid: 0 };
  for (let run = 0; run < RUNS; run++) {
    const text = broken(randomFrom(SEED + run));
    const startMs = performance.now();
    const include = (pattern: string, from: string) =>
      pattern === "self.conf"
        ? [{ fileName: from, text }]
        : pattern.endsWith(".inc")
          ? [{ fileName: pattern, text: SEEDS[0] ?? "" }]
          : "no such file";
    const why = `SEED=${SEED + run} FUZZ_RUNS=1`;
    const imported = importKeepalived({ fileName: "k.conf", text }, { configId: "main", include });
    formatReport("k.conf", imported);
    for (const complaint of [...imported.mistakes, ...imported.remarks]) {
      const line = formatComplaint(complaint);
      assert.match(line, /:[1-9]\d*:[1-9]\d*: ./, why);
      assert.ok(
        Array.from(line).every((character) => character >= " " && character !== "\u007f"),
        `${why} ${JSON.stringify(line)}`,
      );
    }
    assert.equal(imported.value === undefined, imported.mistakes.length > 0, why);
    if (imported.value === undefined) counts.refused++;
    else {
      counts.carried++;
      const yaml = writeYaml(imported.value, { comments: imported.origins });
      assert.deepEqual(parse(yaml), structuredClone(imported.value), why);
      if ("complaints" in parseConfiguration(yaml, "evenkeel.yaml")) counts.invalid++;
    }
    const tookMs = performance.now() - startMs;
    counts.slowestMs = Math.max(counts.slowestMs, Math.round(tookMs));
    assert.ok(tookMs < SLOW_MS, `${why} took ${Math.round(tookMs)} ms`);
  }
  t.diagnostic(JSON.stringify(counts));
  assert.ok(counts.carried > RUNS / 50, "some of them still can be carried");
});
