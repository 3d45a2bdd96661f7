/**
 * The hands on a node's network: `ip` in batches, one call for a whole node, about a millisecond each; and its sysctls. Nothing here
 * touches the namespace we stand in.
 */

import { inside, run } from "./commands.ts";
import { namespaceOf } from "./topology.ts";

/** Without a node: where namespaces are made. */
export function ipBatch(lab: string, node: string | undefined, lines: readonly string[]): void {
  if (lines.length === 0) return;
  const where = node === undefined ? [] : ["-n", namespaceOf(lab, node)];
  run("ip", [...where, "-batch", "-"], { lab, input: `${lines.join("\n")}\n` });
}

export function ipJson(lab: string, node: string, args: readonly string[]): unknown {
  return JSON.parse(run("ip", ["-n", namespaceOf(lab, node), "-j", ...args], { lab }) || "[]");
}

/** All of them, also when one makes trouble; one that was half made is only a file. */
export function removeNamespaces(namespaces: readonly string[]): void {
  run("ip", ["-force", "-batch", "-"], { input: namespaces.map((namespace) => `netns del ${namespace}\n`).join("") });
}

/** Keys as in sysctl(8), with slashes. */
export function setSysctls(lab: string, node: string, values: Readonly<Record<string, string>>): void {
  const lines = Object.entries(values).map(([key, value]) => `echo ${value} >/proc/sys/${key}`);
  shell(lab, node, lines);
}

export function shell(lab: string, node: string, lines: readonly string[]): void {
  const { program, args } = inside(namespaceOf(lab, node), ["sh", "-e"]);
  run(program, args, { lab, input: `${lines.join("\n")}\n` });
}
