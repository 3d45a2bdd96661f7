/**
 * Netfilter's rules in this network namespace, as far as they may give marks, as its own tools print them. Nothing is made by asking: the old
 * iptables would make the table that it is asked for, so it is asked only where the table is. Tools that are not there know of no rules.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import type { Saved } from "../config/netfilter/iptables-save.ts";
import { nftTables } from "../config/netfilter/nft-ruleset.ts";
import type { NetfilterRules } from "../config/netfilter-marks.ts";

export interface NetfilterListing extends NetfilterRules {
  /** Tools that did not answer: there may be rules that are not told. */
  readonly failures: readonly string[];
}

const DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/run/current-system/sw/bin"];
const TABLE = "mangle";
/** For all of them together. */
const PATIENCE_MS = 10_000;
const OUTPUT_MAX = 32 << 20;

const TOOLS = [
  { family: "ipv4", tool: "iptables", tables: "/proc/thread-self/net/ip_tables_names" },
  { family: "ipv6", tool: "ip6tables", tables: "/proc/thread-self/net/ip6_tables_names" },
] as const;

export function readNetfilterRules(): NetfilterListing {
  const run = new Run();
  const iptables = TOOLS.flatMap(({ family, tool, tables }): Saved[] => {
    // The hooks of both have one priority; the old ones are asked first here, in the kernel those that were made first.
    const saves = [hasTable(tables) ? findTool(`${tool}-legacy-save`, `${tool}-save`) : undefined, findNftVariant(tool)];
    const found = [...new Set(saves.filter((path) => path !== undefined))];
    return found.map((path) => ({ family, name: path, text: run.output(path, "-t", TABLE) }));
  });
  return { iptables, nft: readNft(run), failures: run.failures };
}

function readNft(run: Run): string[] {
  const nft = findTool("nft");
  const chains = nft === undefined ? "" : run.output(nft, "-j", "list", "chains");
  if (nft === undefined || chains === "") return [];
  return nftTables(chains)
    .map(({ family, name }) => run.output(nft, "-j", "list", "table", family, name))
    .filter((text) => text !== "");
}

class Run {
  readonly failures: string[] = [];
  readonly #endMs = performance.now() + PATIENCE_MS;

  /** Nothing where the tool says that it cannot: the kernel has none of what it asks for, or it was built without JSON. */
  output(program: string, ...args: readonly string[]): string {
    const leftMs = this.#endMs - performance.now();
    const { status, stdout, error } = spawnSync(program, args, {
      cwd: "/",
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
      stdio: ["ignore", "pipe", "ignore"],
      encoding: "utf8",
      timeout: Math.max(1, Math.ceil(leftMs)),
      killSignal: "SIGKILL",
      maxBuffer: OUTPUT_MAX,
    });
    if (error !== undefined || status === null) this.failures.push(`${[program, ...args].join(" ")}: ${error?.message ?? "it was killed"}`);
    return error === undefined && status === 0 ? stdout : "";
  }
}

/** The first that is there. */
function findTool(...names: readonly string[]): string | undefined {
  return names.flatMap((name) => DIRECTORIES.map((directory) => join(directory, name))).find((path) => existsSync(path));
}

function findNftVariant(tool: string): string | undefined {
  const path = findTool(`${tool}-nft-save`, `${tool}-save`);
  return path !== undefined && basename(realpathSync(path)).includes("nft") ? path : undefined;
}

function hasTable(path: string): boolean {
  return existsSync(path) && readFileSync(path, "utf8").split("\n").includes(TABLE);
}
