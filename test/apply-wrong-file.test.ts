/** Configurations and arguments that are wrong, given to the real `evenkeel apply`: where, what is allowed, and nothing changed. */

import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { describe, test } from "node:test";
import { ROOT } from "../tools/compiler.ts";
import { GOOD } from "./apply/configurations.ts";
import { hostFor } from "./apply/host.ts";
import { EXIT, refusedAs } from "./apply/refusal.ts";
import { need } from "./need.ts";

describe("apply of a wrong file", () => {
  const server = (text: string) => GOOD.replace("{ address: 10.77.0.12 }", text);
  const CASES: Readonly<Record<string, { readonly text: string; readonly says: string }>> = {
    "an unknown key": { text: server("{ address: 10.77.0.12, wieght: 2 }"), says: "8:32: services[0].servers[1]" },
    "an unknown method": { text: GOOD.replace("method: dr", "method: masq"), says: "5:13: services[0].method" },
    "a wrong address": { text: server("{ address: 10.77.0.300 }"), says: "8:20: services[0].servers[1].address" },
    "a port mapping with DR": { text: server("{ address: 10.77.0.12, port: 8080 }"), says: "8:38: services[0].servers[1].port" },
    "a port mapping with TUN": {
      text: server("{ address: 10.77.0.12, port: 8080, method: tun }"),
      says: "8:38: services[0].servers[1].port",
    },
    "a server twice": {
      text: server("{ address: 10.77.0.11 }"),
      says: "8:9: services[0].servers[1]: the server 10.77.0.11:80 stands here twice, first at 7:9",
    },
    "a weight of -1": {
      text: server("{ address: 10.77.0.12, weight: -1 }"),
      says: "8:40: services[0].servers[1].weight: -1 is below 0, the least weight",
    },
    "a weight of 70000": {
      text: server("{ address: 10.77.0.12, weight: 70000 }"),
      says: "8:40: services[0].servers[1].weight: 70000 is above 65535, the greatest weight",
    },
    "no YAML": { text: "services: [", says: "1:12: not valid YAML" },
    nothing: { text: "", says: "1:1: the file is empty; it needs at least: services: []" },
  };
  test("names file, line and column, and changes nothing", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    host.mustApply(GOOD);
    const standing = host.snapshot();
    for (const [what, { text, says }] of Object.entries(CASES)) {
      const file = host.write("wrong.yaml", text);
      const run = host.evenkeel(["apply", file]);
      assert.equal(run.status, EXIT.configuration, what);
      assert.equal(run.stdout, "");
      assert.ok(run.stderr.startsWith(`evenkeel: ${file}:${says}`), `${what}: ${run.stderr}`);
      assert.ok(run.stderr.endsWith(`\n  cure: correct ${file}; nothing of it was applied\n`), `${what}: ${run.stderr}`);
      const again = host.evenkeel(["apply", "-"], { input: text });
      assert.equal(again.stderr, run.stderr.replaceAll(file, "standard input"));
    }
    assert.deepEqual(host.snapshot(), standing);
  });

  test("is waited for when it comes slowly on the standard input", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const run = host.evenkeel(["apply", "-"], { through: ["sh", "-c", '(sleep 1; echo "services: x") | "$@"', "sh"] });
    assert.equal(run.status, EXIT.configuration);
    assert.match(run.stderr, /^evenkeel: standard input:1:11: services: "x" is not a list\n/);
  });

  test("that cannot be read, or is none, says which and why", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const unreadable = host.write("secret.yaml", GOOD);
    host.command("chmod", "0", unreadable);
    const without = ["setpriv", "--reuid=65534", "--clear-groups"];
    const cure = "give the path of a readable file, or - for the standard input";
    for (const [file, through, why] of [
      [host.directory, [], "EISDIR: illegal operation on a directory, read"],
      [`${host.directory}/none`, [], `ENOENT: no such file or directory, open '${host.directory}/none'`],
      ...(isReadableByAll() ? ([[unreadable, without, `EACCES: permission denied, open '${unreadable}'`]] as const) : []),
    ] as const) {
      assert.deepEqual(
        host.evenkeel(["apply", file], { through }),
        refusedAs({ exit: EXIT.configuration, message: `cannot read the configuration ${file}: ${why}`, cure }),
      );
    }
    assert.equal(existsSync(host.pins().path), false);
  });

  test("wants arguments that mean something", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    for (const [args, says] of [
      [["apply"], "missing required argument 'file'"],
      [["apply", "--connections", "0", "x"], "option '--connections <number>' argument '0' is invalid. it must be a whole number above 0"],
      [["apply", "-o", "xml", "x"], "option '-o, --output <form>' argument 'xml' is invalid. Allowed choices are table, wide, json, yaml."],
    ] as const) {
      assert.deepEqual(host.evenkeel(args), { status: EXIT.usage, stdout: "", stderr: `evenkeel: ${says}\n(--help tells more)\n` });
    }
    assert.deepEqual(
      host.evenkeel(["apply", "--connections", "67108865", "-"], { input: GOOD }),
      refusedAs({
        exit: EXIT.usage,
        message: "cannot make a connection table for 67108865 connections",
        cure: "ask for 1 to 67108864",
      }),
    );
    assert.equal(existsSync(host.pins().path), false);
  });
});

/** Whether others than root can read the tree at all. */
function isReadableByAll(): boolean {
  return ROOT.split("/").every((_, i, parts) => (statSync(parts.slice(0, i + 1).join("/") || "/").mode & 0o5) === 0o5);
}
