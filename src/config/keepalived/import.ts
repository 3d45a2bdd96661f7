/** keepalived.conf -> what evenkeel.yaml says in its place, with an account of every statement. Reading files is the caller's affair. */

import type { Imported, ReportEntry } from "../import-report.ts";
import { Account } from "./account.ts";
import { Instances } from "./instances.ts";
import { type Aside, type IncludedFile, readLines, type Surroundings } from "./lines.ts";
import { ServiceNames } from "./service-names.ts";
import { Services } from "./services.ts";
import { readTree, type Statement } from "./tree.ts";
import { all, last, Values } from "./values.ts";

type Yaml = Record<string, unknown>;

const TIMEOUT_MAX_S = 2_147_483;

const TEXT = {
  definition: "a definition",
  "unused definition": "nothing uses this definition",
  include: "its file is read in this place",
  elsewhere: (id: string) => `for another machine than "${id}"`,
  timeouts: "lvs_timeouts is followed by tcp, tcpfin or udp, each with its seconds",
};

/** Never throws for what stands in the file. */
export function importKeepalived(file: IncludedFile, surroundings: Surroundings): Imported {
  const account = new Account();
  const { lines, asides } = readLines(file, surroundings, account.mistake);
  const tree = readTree(lines, account.mistake);
  const origins = new Map<object, string>();
  account.classify(tree, "file");
  const value = account.mistakes.length === 0 ? translate(tree, account, origins) : undefined;
  const { mistakes, remarks } = account;
  return {
    value: mistakes.length === 0 ? value : undefined,
    origins,
    entries: inOrder([...asides.map((aside) => entryOf(aside, surroundings)), ...account.entries(tree)], file.fileName),
    mistakes,
    remarks,
  };
}

function entryOf({ kind, text, place }: Aside, { configId }: Surroundings): ReportEntry {
  const note = kind === "elsewhere" ? TEXT.elsewhere(configId) : TEXT[kind];
  const fate = kind === "elsewhere" || kind === "unused definition" ? "dropped" : "exact";
  return { fileName: place.fileName, line: place.line, fate, statement: text, note };
}

/** By file, as they come, and by line: what a definition stands for is used elsewhere. */
function inOrder(entries: readonly ReportEntry[], first: string): ReportEntry[] {
  const files = new Map<string, number>([[first, 0]]);
  for (const { fileName } of entries) if (!files.has(fileName)) files.set(fileName, files.size);
  return entries.toSorted((one, other) => (files.get(one.fileName) ?? 0) - (files.get(other.fileName) ?? 0) || one.line - other.line);
}

function translate(tree: readonly Statement[], account: Account, origins: Map<object, string>): Yaml {
  const values = new Values(account);
  const globals = all(tree, "global_defs").flatMap(({ block = [] }) => block);
  const secure = secureOf(all(tree, "SSL").flatMap(({ block = [] }) => block));
  const reader = new Services(account, new ServiceNames(account, tree), secure, origins);
  const services = all(tree, "virtual_server").flatMap((server) => reader.read(server));
  const version = values.number(last(globals, "vrrp_version"), { least: 2, greatest: 3 }) ?? 2;
  const instances = new Instances(account, version, origins);
  const read = all(tree, "vrrp_instance").flatMap((instance) => instances.read(instance));
  const settings = settingsOf(globals, services, account);
  return {
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
    ...(read.length === 0 ? {} : { instances: read }),
    services,
  };
}

function secureOf(block: readonly Statement[]): Yaml {
  const files = ["ca", "certificate", "key"] as const;
  return Object.fromEntries(
    files.flatMap((key) => {
      const text = last(block, key)?.words[0]?.text;
      return text === undefined ? [] : [[key, text] as const];
    }),
  );
}

function settingsOf(globals: readonly Statement[], services: readonly Yaml[], account: Account): Yaml {
  const timeouts = timeoutsOf(last(globals, "lvs_timeouts"), account);
  return {
    ...(Object.keys(timeouts).length === 0 ? {} : { timeouts }),
    // keepalived leaves it to others to give marks.
    ...(services.some((service) => service["mark"] !== undefined) ? { marks_from_outside: true } : {}),
  };
}

const TIMEOUTS: ReadonlyMap<string, string> = new Map([
  ["tcp", "tcp"],
  ["tcpfin", "tcp_fin"],
  ["udp", "udp"],
]);

function timeoutsOf(statement: Statement | undefined, account: Account): Yaml {
  if (statement === undefined) return {};
  const values = new Values(account);
  const timeouts: Yaml = {};
  for (let i = 0; i < statement.words.length; i += 2) {
    const [name, seconds] = [statement.words[i], statement.words[i + 1]];
    const key = TIMEOUTS.get(name?.text ?? "");
    if (key === undefined || seconds === undefined) {
      account.mistake(name?.place ?? statement.place, TEXT.timeouts);
      break;
    }
    const number = values.numberOf(seconds, { least: 1, greatest: TIMEOUT_MAX_S });
    if (number !== undefined) timeouts[key] = number;
  }
  return timeouts;
}
