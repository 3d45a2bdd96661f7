/**
 * Whatever of the thousands of things that the real ipvsadm was asked went as far as IPVS, asked of ours on the packet path: the same words,
 * exit codes and states. What is wrong already by its words is asked in ipvsadm/asked.test.ts.
 */

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { ASKED_SALT, type Asked, type AskedGroup, linesWithout, NOT_OURS, readAsked } from "./ipvsadm/asked.ts";
import { difference } from "./ipvsadm/comparison.ts";
import { DirectorHost } from "./ipvsadm/director-host.ts";
import { need } from "./need.ts";

describe("ipvsadm answers as the real one,", () => {
  let host: DirectorHost | undefined;
  after(() => host?.close());

  for (const group of readAsked()) {
    const asked = group.asked.filter(reachesIpvs);
    if (asked.length === 0) continue;
    test(`asked of ${group.group}`, async (t) => {
      if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
      host ??= new DirectorHost();
      await setUp(host, group);
      assert.equal(await stateOf(host), group.state);
      const complaints: string[] = [];
      for (const each of asked) {
        const { args, stdin = "" } = each;
        const printed = await host.ipvsadm(goingOn(args), { input: stdin, walkSalt: ASKED_SALT });
        const state = mayChange(each) ? await stateOf(host) : group.state;
        const differs = [difference(each, printed), stateDifference(each, { before: group.state, after: state })].filter(
          (text) => text !== "",
        );
        if (differs.length > 0) complaints.push([`ipvsadm ${args.join(" ")} ${stdin}`, ...differs].join("\n"));
        if (state !== group.state) await setUp(host, group);
      }
      assert.equal(await stateOf(host), group.state, "something that was refused changed the state");
      assert.ok(complaints.length === 0, `${complaints.length} of ${asked.length} answers differ\n\n${complaints.join("\n\n")}`);
    });
  }
});

/** Neither the option parser nor ipvsadm's own checks refused it. */
function reachesIpvs({ args, status, stderr }: Asked): boolean {
  return status !== 2 && !/^Try `|: (unknown option|missing argument)$/m.test(stderr) && !Object.hasOwn(NOT_OURS, args.join(" "));
}

/** The others together are looked after at the end. */
function mayChange({ args: [first = "-L"], status, stdin }: Asked): boolean {
  return stdin !== undefined || (status === 0 && !/^-[LlhvS]|^--(list|help|version|save)/.test(first));
}

/** As the real one restores. */
function goingOn(args: readonly string[]): readonly string[] {
  const [first = "", ...rest] = args;
  return first === "-R" || first === "--restore" ? [first, "--keep-going", ...rest] : args;
}

async function setUp(host: DirectorHost, { setup }: AskedGroup): Promise<void> {
  const lines = ["-C", "--stop-daemon master", "--stop-daemon backup", "--set 900 120 300", ...setup.map((args) => args.join(" "))];
  const { stderr } = await host.ipvsadm(["-R", "--keep-going"], { input: lines.map((line) => `${line}\n`).join("") });
  assert.equal(stderr.replaceAll("No daemon is running\n", ""), "");
}

async function stateOf(host: DirectorHost): Promise<string> {
  const { stdout } = await host.order({ kind: "state", walkSalt: ASKED_SALT });
  return stdout;
}

function stateDifference(asked: Asked, { before, after: now }: { readonly before: string; readonly after: string }): string {
  const changes = (gone: readonly string[], came: readonly string[]) => [
    ...gone.map((line) => `- ${line}`),
    ...came.map((line) => `+ ${line}`),
  ];
  const wanted = changes(asked.gone, asked.came);
  const found = changes(linesWithout(before, now), linesWithout(now, before));
  if (wanted.join("\n") === found.join("\n")) return "";
  return ["the state changed, recorded:", ...wanted.map((line) => `  ${line}`), "and here:", ...found.map((line) => `  ${line}`)].join(
    "\n",
  );
}
