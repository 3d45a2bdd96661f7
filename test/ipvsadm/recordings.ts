/** Recordings of ipvsadm 1.31 on Linux 6.1 (test/golden/ipvsadm): a command line, what it printed and its exit code, in the order of their making. */

import { readFileSync } from "node:fs";
import { basename } from "node:path";

const DIRECTORY = new URL("../golden/ipvsadm/", import.meta.url);

export interface Recording {
  /** "061-traffic-Ln". */
  readonly name: string;
  /** As it was typed. */
  readonly command: string;
  /** ipvsadm, ipvsadm-save, or cat of a file in /proc/net. */
  readonly program: string;
  readonly args: readonly string[];
  readonly input: string;
  /** Who ran it, where it was not root. */
  readonly user?: number;
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Whose place in the order is within `first` and `last`, both included. */
export function recordings(first: number, last: number): readonly Recording[] {
  const index = JSON.parse(read("index.json")) as readonly { readonly file: string }[];
  const numberOf = (file: string) => Number(file.slice(0, 3));
  return index
    .filter(({ file }) => numberOf(file) >= first && numberOf(file) <= last)
    .map(({ file }) => readRecording(new URL(file, DIRECTORY)));
}

/** The command lines that make a state, each without `ipvsadm`. */
export function stateCommands(name: "big" | "small"): readonly (readonly string[])[] {
  const lines = read(`state-${name}.sh`).trimEnd().split("\n");
  return lines.filter((line) => !line.startsWith("#")).map((line) => words(line).slice(1));
}

const FORM = /^(?<command>.*)\n# (?<facts>.*)\n--- stdout\n(?<stdout>[\s\S]*?)--- stderr\n(?<stderr>[\s\S]*)$/;

export function readRecording(file: URL): Recording {
  const parts = FORM.exec(readFileSync(file, "utf8"))?.groups;
  if (parts === undefined) throw new Error(`${file.pathname} is not a recording`);
  const { command = "", facts = "", stdout = "", stderr = "" } = parts;
  const [program = "", ...args] = words(command);
  const input = /stdin=(".*")$/.exec(facts)?.[1];
  const user = /user=(\d+)/.exec(facts)?.[1];
  return {
    name: basename(file.pathname, ".txt"),
    command,
    program,
    args,
    input: input === undefined ? "" : (JSON.parse(input) as string),
    ...(user === undefined ? {} : { user: Number(user) }),
    status: Number(/rc=(\d+)/.exec(facts)?.[1]),
    stdout: asPrinted(stdout),
    stderr: asPrinted(stderr),
  };
}

/** What did not end with a newline has one in the file, and a line that says so. */
function asPrinted(text: string): string {
  return text.replace(/\n\\ no newline at end\n$/, "");
}

/** As a shell splits these lines: single quotes, nothing more. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

function read(file: string): string {
  return readFileSync(new URL(file, DIRECTORY), "utf8");
}
