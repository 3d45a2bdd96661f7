/** One run of an operator's program: without privileges, with an entry of the journal on its standard input, killed with all that it started at its deadline. */

import { type ChildProcess, spawn } from "node:child_process";
import { findAccount, killGroup, withoutPrivileges } from "../../kernel/unprivileged.ts";

export interface ScriptRun {
  readonly command: readonly string[];
  /** nobody when left out. */
  readonly user?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly input: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface ScriptEnding {
  readonly outcome: "done" | "failed" | "cut";
  readonly reason?: string;
  readonly durationMs: number;
}

const OUTPUT_MAX = 4096;
/** Of what it said, in the reason. */
const SAID_MAX = 200;
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const TEXT = {
  noUser: (user: string) => `there is no user ${user}`,
  cut: (ms: number) => `it had not ended after ${ms} ms`,
  stopped: "the director ends",
  code: (code: number) => `it ended with code ${code}`,
  killed: (signal: string) => `it was ended by ${signal}`,
} as const;

/** Never throws: whatever goes wrong is the ending's reason. */
export async function runScript(run: ScriptRun): Promise<ScriptEnding> {
  const beginMs = performance.now();
  const ending = (outcome: ScriptEnding["outcome"], reason?: string): ScriptEnding => ({
    outcome,
    ...(reason === undefined ? {} : { reason }),
    durationMs: Math.round(performance.now() - beginMs),
  });
  const account = run.user === undefined ? undefined : await findAccount(run.user);
  if (run.user !== undefined && account === undefined) return ending("failed", TEXT.noUser(run.user));
  if (run.signal.aborted) return ending("cut", TEXT.stopped);
  let child: ChildProcess;
  try {
    child = spawn("setpriv", [...withoutPrivileges(account), "--", ...run.command], {
      cwd: "/",
      env: { PATH, LC_ALL: "C.UTF-8", ...run.environment },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
  } catch (error) {
    // Some of what the kernel refuses comes at once: arguments that are too long, no memory.
    return ending("failed", error instanceof Error ? error.message : String(error));
  }
  return new Promise((done) => {
    let said = "";
    let cut: string | undefined;
    const kill = (why: string): void => {
      cut ??= why;
      killGroup(child.pid);
    };
    const stopped = (): void => kill(TEXT.stopped);
    const deadline = setTimeout(() => kill(TEXT.cut(run.timeoutMs)), run.timeoutMs);
    run.signal.addEventListener("abort", stopped);
    const finish = (result: ScriptEnding): void => {
      clearTimeout(deadline);
      run.signal.removeEventListener("abort", stopped);
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
      done(result);
    };
    for (const stream of [child.stdout, child.stderr]) {
      // What is too much is read and forgotten: a full pipe would stop the script.
      stream?.on("data", (piece: Buffer) => {
        if (said.length < OUTPUT_MAX) said += piece.toString("utf8", 0, OUTPUT_MAX);
      });
    }
    // A script that does not read its input is none of our business.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(run.input);
    child.once("error", (error) => finish(ending("failed", error.message)));
    child.once("exit", (code, signal) => {
      // What it left in the background ends with it: it could hold its output open, and nobody would ever end it.
      killGroup(child.pid);
      // What it wrote last stands in the pipes still.
      setImmediate(() => {
        const [line = ""] = said.trim().split("\n");
        const words = line === "" ? "" : `: ${line.slice(0, SAID_MAX).replaceAll(/\p{Cc}/gu, " ")}`;
        if (cut !== undefined) finish(ending("cut", cut));
        else if (code === null) finish(ending("failed", `${TEXT.killed(signal ?? "a signal")}${words}`));
        else if (code !== 0) finish(ending("failed", `${TEXT.code(code)}${words}`));
        else finish(ending("done"));
      });
    });
  });
}
