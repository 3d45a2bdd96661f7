/**
 * What a test needs of the machine. Where it is missing the test is skipped by name, but fails where it ought to be there:
 * under CI and on Linux 6.6 and newer a silent skip would be a green lie.
 */

import { spawnSync } from "node:child_process";
import { release } from "node:os";
import type { TestContext } from "node:test";
import { isRoot } from "../src/kernel/capability.ts";
import { FEATURES, type FeatureName, hasFeature } from "../src/kernel/features.ts";

/** Programs that tests call. */
const COMMANDS = [
  "clang",
  "ip",
  "tc",
  "ethtool",
  "tcpdump",
  "tshark",
  "nginx",
  "haproxy",
  "nft",
  "iptables",
  "curl",
  "systemd-analyze",
] as const;
type CommandName = (typeof COMMANDS)[number];

export type Need = "root" | FeatureName | `command:${CommandName}`;

/** Whether the test may go on; when not, it has been skipped already: `if (!need(t, "root", "tcx")) return;` */
export function need(t: Pick<TestContext, "skip">, ...needs: readonly Need[]): boolean {
  const missing = needs.filter((one) => !isThere(one));
  if (missing.length === 0) return true;
  const what = missing.map(describe).join(", ");
  if (mustBeThere(missing)) throw new Error(`this machine ought to have: ${what}`);
  t.skip(`needs ${what}`);
  return false;
}

function isThere(one: Need): boolean {
  if (one === "root") return isRoot();
  if (one.startsWith("command:")) return spawnSync("sh", ["-c", `command -v ${one.slice("command:".length)}`]).status === 0;
  return isRoot() && hasFeature(one as FeatureName);
}

function describe(one: Need): string {
  return one in FEATURES ? `${one} (Linux ${FEATURES[one as FeatureName].since})` : one;
}

/** CI decides for everything; a kernel only for what it brings, and only to root. */
function mustBeThere(missing: readonly Need[]): boolean {
  if (process.env["CI"] === "true") return true;
  return isRoot() && kernelIsAtLeast(6, 6) && missing.some((one) => one in FEATURES);
}

function kernelIsAtLeast(major: number, minor: number): boolean {
  const [hasMajor = 0, hasMinor = 0] = release().split(/[.-]/).map(Number);
  return hasMajor > major || (hasMajor === major && hasMinor >= minor);
}
