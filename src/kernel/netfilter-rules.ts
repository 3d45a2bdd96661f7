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
import { nowMs } from "./clock.ts";

export interface NetfilterListing extends NetfilterRules {
  /** Tools that did not answer: there may be rules that are not told. */
  readonly failures: readonly string[];
}

export interface NetfilterTools {
  /** Where they may be, and nowhere else. */
  readonly directories?: readonly string[];
  /** Where the kernel names the tables of the old iptables. */
  readonly proc?: string;
  /** For all of them together. */
  readonly patienceMs?: number;
  /** Bytes of each answer. */
  readonly outputMax?: number;
}

const DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/run/current-system/sw/bin"];
const PROC = "/proc/thread-self/net";
const TABLE = "mangle";
const PATIENCE_MS = 10_000;
const OUTPUT_MAX = 32 << 20;

const FAMILIES = [
  { family: "ipv4", tool: "iptables", tables: "ip_tables_names" },
  { family: "ipv6", tool: "ip6tables", tables: "ip6_tables_names" },
] as const;

export function readNetfilterRules(tools: NetfilterTools = {}): NetfilterListing {
  const toolbox = new Toolbox(tools);
  const iptables = FAMILIES.flatMap(({ family, tool, tables }): Saved[] => {
    // The hooks of both have one priority; the old ones are asked first here, in the kernel those that were made first.
    const saves = [toolbox.hasTable(tables) ? toolbox.find(`${tool}-legacy-save`, `${tool}-save`) : undefined, nftVariant(toolbox, tool)];
    const found = [...new Set(saves.filter((path) => path !== undefined))];
    return found.map((path) => ({ family, name: path, text: toolbox.run(path, "-t", TABLE) }));
  });
  return { iptables, nft: readNft(toolbox), failures: toolbox.failures };
}

function readNft(toolbox: Toolbox): string[] {
  const nft = toolbox.find("nft");
  if (nft === undefined) return [];
  const chains = toolbox.run(nft, "-j", "list", "chains");
  if (chains === "") return [];
  try {
    return nftTables(chains)
      .map(({ family, name }) => toolbox.run(nft, "-j", "list", "table", family, name))
      .filter((text) => text !== "");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    toolbox.failures.push(`${nft} -j list chains: it is no JSON`);
    return [];
  }
}

/** It makes no table by being asked for one. */
function nftVariant(toolbox: Toolbox, tool: string): string | undefined {
  const path = toolbox.find(`${tool}-nft-save`, `${tool}-save`);
  return path !== undefined && basename(realpathSync(path)).includes("nft") ? path : undefined;
}

class Toolbox {
  readonly failures: string[] = [];
  readonly #directories: readonly string[];
  readonly #proc: string;
  readonly #outputMax: number;
  readonly #endMs: number;

  constructor({ directories = DIRECTORIES, proc = PROC, patienceMs = PATIENCE_MS, outputMax = OUTPUT_MAX }: NetfilterTools) {
    this.#directories = directories;
    this.#proc = proc;
    this.#outputMax = outputMax;
    this.#endMs = nowMs() + patienceMs;
  }

  /** The first that is there. */
  find(...names: readonly string[]): string | undefined {
    return names.flatMap((name) => this.#directories.map((directory) => join(directory, name))).find((path) => existsSync(path));
  }

  hasTable(names: string): boolean {
    const path = join(this.#proc, names);
    try {
      return existsSync(path) && readFileSync(path, "utf8").split("\n").includes(TABLE);
    } catch (error) {
      this.failures.push(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  /** What it prints; nothing where it says that it cannot: the kernel has none of what it asks for, or it was built without JSON. */
  run(program: string, ...args: readonly string[]): string {
    const { status, stdout, error } = spawnSync(program, args, {
      cwd: "/",
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
      stdio: ["ignore", "pipe", "ignore"],
      encoding: "utf8",
      timeout: Math.max(1, Math.ceil(this.#endMs - nowMs())),
      killSignal: "SIGKILL",
      maxBuffer: this.#outputMax,
    });
    if (error !== undefined || status === null) this.failures.push(`${[program, ...args].join(" ")}: ${error?.message ?? "it was killed"}`);
    return error === undefined && status === 0 ? stdout : "";
  }
}
