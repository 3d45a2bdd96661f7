/** `-o table|wide|json|yaml`: every verb that prints an answer has these forms, and says what was meant by another. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { parse } from "yaml";
import { OUTPUT_FORMS } from "../src/cli/output.ts";
import { VERBS } from "../src/cli/verbs/index.ts";
import { GOOD } from "./apply/configurations.ts";
import { hostFor, type Run } from "./apply/host.ts";
import { need } from "./need.ts";

const EVENKEEL = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));

/** What it writes is a configuration file, or that in an account. */
const WRITES_A_FILE = ["import keepalived", "import ipvsadm"];

const ANSWERING =
  "check plan apply confirm undo history reload status services servers events top connections explain drain undrain weight disable enable probe"
    .split(" ")
    .concat("adopted list", "adopted forget", "realserver up", "realserver down", "realserver status", "lab status", "lab curl");

function evenkeel(args: readonly string[], input = ""): Run {
  const { status, stdout, stderr } = spawnSync(EVENKEEL, args, { encoding: "utf8", input, env: { ...process.env, NO_COLOR: "1" } });
  return { status, stdout, stderr };
}

/** "lab status", of every verb that has -o. */
async function verbsWithForms(): Promise<Map<string, Command>> {
  const program = new Command().enablePositionalOptions();
  for (const { load } of VERBS) (await load()).register(program);
  const found = new Map<string, Command>();
  const walk = (command: Command, words: readonly string[]): void => {
    if (command.options.some(({ long }) => long === "--output")) found.set(words.join(" "), command);
    for (const inner of command.commands) walk(inner, [...words, inner.name()]);
  };
  walk(program, []);
  return found;
}

/** To people, and to programs. */
function saysTheSame(as: (form: string) => Run): void {
  assert.deepEqual(parse(as("yaml").stdout), JSON.parse(as("json").stdout));
  const text = as("text");
  assert.deepEqual([as("table"), as("wide")], [text, text]);
}

describe("-o", () => {
  test("has the same forms in every verb that prints an answer, text as another word for table, and table when left out", async () => {
    const verbs = await verbsWithForms();
    assert.deepEqual([...verbs.keys()].toSorted(), [...ANSWERING, ...WRITES_A_FILE].toSorted());
    for (const name of ANSWERING) {
      const option = verbs.get(name)?.options.find(({ long }) => long === "--output");
      assert.ok(option?.parseArg !== undefined, name);
      assert.equal(option.defaultValue, "table", name);
      assert.match(option.description, /table, wide, json, yaml/, name);
      for (const form of OUTPUT_FORMS) assert.equal(option.parseArg(form, "table"), form, name);
      assert.equal(option.parseArg("text", "table"), "table", name);
    }
  });

  for (const name of ANSWERING) {
    test(`${name} says what was meant by a form that it does not have`, () => {
      assert.deepEqual(evenkeel([...name.split(" "), "-o", "jsn"]), {
        status: 2,
        stdout: "",
        stderr:
          "evenkeel: option '-o, --output <form>' argument 'jsn' is invalid. " +
          'Allowed choices are table, wide, json, yaml; did you mean "json"?\n(--help tells more)\n',
      });
    });
  }

  test("check says the same in JSON and YAML, of a right file and of a wrong one", () => {
    for (const [input, status] of [
      [GOOD, 0],
      ["services: 1\nhosts: 2\n", 3],
    ] as const) {
      const as = (form: string) => evenkeel(["check", "--offline", "-o", form, "-"], input);
      const json = as("json");
      assert.equal(json.stdout, `${JSON.stringify(JSON.parse(json.stdout), null, 2)}\n`);
      saysTheSame(as);
      for (const form of ["text", ...OUTPUT_FORMS]) assert.equal(as(form).status, status, form);
    }
  });

  test("probe prints line by line for people, and one document for programs", () => {
    const as = (form: string) => evenkeel(["probe", "tcp", "127.0.0.1:1", "--count", "2", "--interval", "50ms", "-o", form]);
    for (const form of ["text", "table", "wide"]) {
      const { status, stdout } = as(form);
      assert.equal(status, 1);
      assert.match(stdout, /^(FAIL {2}127\.0\.0\.1:1 .*\n( +.*\n)*){2}127\.0\.0\.1:1 {2}down, out\nservice: the quorum is not reached\n$/);
    }
    for (const form of ["json", "yaml"]) {
      // JSON is YAML.
      const { kind, verdicts, quorum } = parse(as(form).stdout) as { kind: string; verdicts: readonly unknown[]; quorum: boolean };
      assert.deepEqual([kind, verdicts.length, quorum], ["tcp", 2, false]);
    }
  });

  test("realserver up, status and down print each form", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const server = ["--method", "dr", "--vip", "192.0.2.99"];
    for (const verb of [["up", ...server], ["status", ...server], ["down"]]) {
      const as = (form: string) => host.evenkeel(["realserver", ...verb, "-o", form]);
      // Once, so that nothing is left to be changed.
      as("json");
      assert.notEqual(as("text").stdout, "", verb.join(" "));
      saysTheSame(as);
    }
  });
});
