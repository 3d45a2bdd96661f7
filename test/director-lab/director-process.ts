/** A running `evenkeel run`, seen from outside: started, ready, ended; wherever it stands. */

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const READY_WITHIN_MS = 30_000;
const ENDS_WITHIN_MS = 10_000;
const ASKED_EVERY_MS = 10;
const ANSWERS_WITHIN_MS = 5_000;

export interface Answer {
  /** 0: nobody answers. */
  readonly status: number;
  readonly text: string;
}

export class DirectorProcess {
  readonly child: ChildProcess;
  readonly socket: string;
  readonly #startedMs = performance.now();
  /** From its start until it said that it is ready. */
  readyMs: number | undefined;
  #log = "";

  /** Of a child whose output is piped. */
  constructor(child: ChildProcess, socket: string) {
    this.child = child;
    this.socket = socket;
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#log += text;
      });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** What it has written so far. */
  get log(): string {
    return this.#log;
  }

  /** Resolves when it says that it is ready. */
  async ready(): Promise<void> {
    while ((await ask(this.socket, "/readyz")).status !== 200) {
      assert.ok(!this.hasEnded, `the director ended with ${this.child.exitCode ?? this.child.signalCode}:\n${this.log}`);
      assert.ok(performance.now() - this.#startedMs < READY_WITHIN_MS, `the director is not ready:\n${this.log}`);
      await sleep(ASKED_EVERY_MS);
    }
    this.readyMs ??= performance.now() - this.#startedMs;
  }

  /** Resolves when it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.hasEnded) return;
    const exited = once(this.child, "exit");
    this.child.kill(signal);
    const late = setTimeout(() => this.child.kill("SIGKILL"), ENDS_WITHIN_MS);
    await exited;
    clearTimeout(late);
  }

  /** Of all its threads, in user and system time. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, "utf8");
    const [user = 0, system = 0] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13)
      .map(Number);
    return (user + system) / TICKS_A_SECOND;
  }

  residentMb(): { readonly now: number; readonly most: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) / 1024;
    return { now: of("VmRSS"), most: of("VmHWM") };
  }
}

/** USER_HZ: the same on every Linux that we run on. */
const TICKS_A_SECOND = 100;

export function ask(socketPath: string, path: string): Promise<Answer> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path, agent: false, timeout: ANSWERS_WITHIN_MS }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.once("error", () => undefined);
      response.once("close", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.once("timeout", () => asked.destroy(new Error("no answer in time")));
    asked.once("error", (error) => resolve({ status: 0, text: error.message }));
    asked.end();
  });
}
