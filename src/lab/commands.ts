/**
 * Programs the lab runs: once and to the end, or inside a node of the cluster. Each wait has an end, and a failure says what the
 * program said. What runs inside a lab carries the lab's name in its environment, so that `lab down` finds it wherever it is.
 */

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { EvenkeelError } from "../model/error.ts";

/** Debian's package for each program that may be missing. */
const PACKAGES: Readonly<Record<string, string>> = {
  ethtool: "ethtool",
  ip: "iproute2",
  nsenter: "util-linux",
  tcpdump: "tcpdump",
};

const TIMEOUT_MS = 20_000;
const BIN = fileURLToPath(new URL("../../bin", import.meta.url));

export const LAB_VARIABLE = "EVENKEEL_LAB";

export function namespaceFile(namespace: string): string {
  return `/run/netns/${namespace}`;
}

/** Runs a program to its end and returns what it printed. */
export function run(program: string, args: readonly string[], options: { input?: string; lab?: string; timeoutMs?: number } = {}): string {
  const result = spawnSync(program, args, {
    encoding: "utf8",
    input: options.input ?? "",
    env: labEnvironment(options.lab),
    timeout: options.timeoutMs ?? TIMEOUT_MS,
    maxBuffer: 64 << 20,
  });
  if (result.error !== undefined) throw cannotRun(program, result.error);
  if (result.status === 0) return result.stdout;
  const said = (result.stderr.trim() || result.stdout.trim()).slice(0, 4000);
  throw new EvenkeelError("COMMAND_FAILED", `${program} ${args.join(" ")}: ${said || `ended with ${result.status ?? result.signal}`}`, {
    facts: { program, status: result.status ?? undefined, input: options.input?.slice(0, 2000) },
  });
}

/** The program and arguments that run a command inside a node. */
export function inside(namespace: string, command: readonly string[]): { program: string; args: string[] } {
  return { program: "nsenter", args: [`--net=${namespaceFile(namespace)}`, "--", ...command] };
}

export function runInside(lab: string, namespace: string, command: readonly string[], options: { timeoutMs?: number } = {}): string {
  const { program, args } = inside(namespace, command);
  return run(program, args, { lab, ...options });
}

/** Starts a command inside a node. */
export function spawnInside(lab: string, namespace: string, command: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const { program, args } = inside(namespace, command);
  return spawn(program, args, { ...options, env: { ...labEnvironment(lab), ...options.env } });
}

/** With `evenkeel` itself on the path, wherever it is installed. */
export function labEnvironment(lab: string | undefined): NodeJS.ProcessEnv {
  if (lab === undefined) return process.env;
  return { ...process.env, PATH: `${BIN}:${process.env["PATH"] ?? ""}`, [LAB_VARIABLE]: lab };
}

export function cannotRun(program: string, error: NodeJS.ErrnoException): EvenkeelError {
  if (error.code === "ENOENT") {
    const name = PACKAGES[program] ?? program;
    return new EvenkeelError("COMMAND_FAILED", `the program ${program} is not installed`, {
      cure: `install it, on Debian: apt-get install ${name}`,
      cause: error,
    });
  }
  if (error.code === "ETIMEDOUT") return new EvenkeelError("TIMEOUT", `${program} did not end in time and was stopped`, { cause: error });
  return new EvenkeelError("COMMAND_FAILED", `cannot run ${program}: ${error.message}`, { cause: error });
}
