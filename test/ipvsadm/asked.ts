/** What the real ipvsadm answered when it was asked thousands of things (test/golden/ipvsadm/asked.json; `about` in it tells how). */

import { readFileSync } from "node:fs";

export interface Asked {
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Lines of the state that were no longer there afterwards, and lines that had come. */
  readonly gone: readonly string[];
  readonly came: readonly string[];
}

export interface AskedGroup {
  readonly group: string;
  readonly setup: readonly (readonly string[])[];
  readonly state: string;
  readonly asked: readonly Asked[];
}

/** What shows the state, one after the other. */
export const STATE_LISTS = [["-Sn"], ["-Ln", "--thresholds"], ["-Ln", "--timeout"], ["-Ln", "--daemon"]] as const;

/** Of the machine's memory when it was asked: the only order of --nosort that gives what it printed. */
export const ASKED_SALT = 128;

/** Answers that are not ours, each with the reason. */
export const NOT_OURS: Readonly<Record<string, string>> = {
  "-A -t 10.9.9.9:80 -s twos": "a scheduler that came after Linux 6.1",
  "-A -t 10.9.9.9:80 -s none": "a service that sends nobody anywhere",
  "--start-daemon master --mcast-interface lo --mcast-group ff02::1": "nobody looks for a route for it",
  "--start-daemon master --mcast-interface lo --mcast-group ff05::5": "likewise",
};

type Text = string | number;

interface StoredGroup extends Pick<AskedGroup, "group" | "setup"> {
  readonly state: Text;
  readonly asked: readonly (Pick<Asked, "args" | "stdin"> &
    Partial<Pick<Asked, "gone" | "came">> & { readonly rc: number; readonly out?: Text; readonly err?: Text })[];
}

export function readAsked(): readonly AskedGroup[] {
  const file = readFileSync(new URL("../golden/ipvsadm/asked.json", import.meta.url), "utf8");
  const { groups, texts } = JSON.parse(file) as { readonly groups: readonly StoredGroup[]; readonly texts: readonly string[] };
  const textOf = (text: Text = "") => (typeof text === "number" ? (texts[text] ?? "") : text);
  return groups.map(({ asked, state, ...group }) => ({
    ...group,
    state: textOf(state),
    asked: asked.map(({ rc, out, err, gone = [], came = [], ...question }) => {
      return { ...question, status: rc, stdout: textOf(out), stderr: textOf(err), gone, came };
    }),
  }));
}

/** The lines of one text that are not in the other, as often as they are. */
export function linesWithout(one: string, other: string): string[] {
  const others = Map.groupBy(linesOf(other), (line) => line);
  return linesOf(one).filter((line) => others.get(line)?.pop() === undefined);
}

function linesOf(text: string): string[] {
  return text.split("\n").slice(0, -1);
}
