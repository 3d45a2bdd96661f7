/** What tests ask a checker that stands in a namespace of a lab (asker.ts). */

import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { spawnInside } from "../../src/lab/commands.ts";
import { namespaceOf } from "../../src/lab/topology.ts";
import type { Verdict } from "../../src/model/health.ts";
import type { ForwardingMethod, Tunnel } from "../../src/model/service.ts";

export interface WayInWords {
  readonly vip: string;
  readonly address: string;
  readonly port: number;
  readonly protocol?: "tcp" | "udp";
  readonly method: ForwardingMethod;
  readonly tunnel?: Tunnel;
  readonly mark?: number;
}

export type Question =
  | { readonly ask: "sync"; readonly ways: readonly WayInWords[] }
  | {
      readonly ask: "check";
      readonly way: WayInWords;
      readonly kind: string;
      readonly options: unknown;
      readonly withinMs: number;
      /** Not the clients' way. */
      readonly direct: boolean;
    };

export interface Answer {
  readonly id: number;
  readonly verdict?: Verdict;
  readonly troubles?: readonly string[];
  readonly interfaces?: readonly number[];
  readonly error?: string;
}

const ASKER = fileURLToPath(new URL("asker.ts", import.meta.url));

export interface Asker {
  sync(ways: readonly WayInWords[]): Promise<Answer>;
  check(way: WayInWords, kind: string, options?: unknown, wishes?: { direct?: boolean; withinMs?: number }): Promise<Verdict>;
  /** It takes its programs off and ends. */
  end(): Promise<void>;
  kill(): Promise<void>;
}

export function startAsker(lab: string): Asker {
  const child = spawnInside(lab, namespaceOf(lab, "director"), [process.execPath, ASKER], { stdio: ["pipe", "pipe", "inherit"] });
  const { stdin, stdout } = piped(child);
  const waiting = new Map<number, (answer: Answer) => void>();
  let count = 0;
  createInterface(stdout).on("line", (line) => {
    const answer = JSON.parse(line) as Answer;
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  const exited = new Promise<void>((done) => child.once("exit", () => done()));
  const ask = async (question: Question): Promise<Answer> => {
    const id = ++count;
    stdin.write(`${JSON.stringify({ id, ...question })}\n`);
    const answer = await new Promise<Answer>((done, fail) => {
      waiting.set(id, done);
      void exited.then(() => fail(new Error("the asker ended")));
    });
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  };
  return {
    sync: (ways) => ask({ ask: "sync", ways }),
    async check(way, kind, options = {}, { direct = false, withinMs = 5000 } = {}) {
      const { verdict } = await ask({ ask: "check", way, kind, options, withinMs, direct });
      if (verdict === undefined) throw new Error("no verdict came");
      return verdict;
    },
    end() {
      stdin.end();
      return exited;
    },
    kill() {
      child.kill("SIGKILL");
      return exited;
    },
  };
}

function piped({ stdin, stdout }: ChildProcess): {
  stdin: NonNullable<ChildProcess["stdin"]>;
  stdout: NonNullable<ChildProcess["stdout"]>;
} {
  if (stdin === null || stdout === null) throw new Error("it was started without pipes");
  return { stdin, stdout };
}
