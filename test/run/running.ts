/** `evenkeel run` on a host of test/apply: a process as an operator starts it, with a service manager that listens. */

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { runtimePlaces } from "../../src/director/places.ts";
import { EVENKEEL, Host, type Run } from "../apply/host.ts";
import { NotifyReceiver } from "./notify-receiver.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

let started = 0;

/** What has to end before its host goes. */
const ends = new WeakMap<Host, (() => Promise<void>)[]>();

/** A host for directors: they end with the test, and then it goes. */
export function directorsHostFor(t: TestContext): Host {
  const host = new Host();
  ends.set(host, []);
  t.after(async () => {
    for (const end of ends.get(host) ?? []) await end();
    host.remove();
  });
  return host;
}

export interface RunningOptions {
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Programs that end in running it: setpriv, prlimit. */
  readonly through?: readonly string[];
  /** A module that is loaded before it. */
  readonly bug?: string;
}

export class Running {
  readonly manager: NotifyReceiver;
  readonly host: Host;
  readonly #child: ChildProcess;
  /** All that it wrote on standard error. */
  log = "";

  private constructor(host: Host, child: ChildProcess, manager: NotifyReceiver) {
    this.host = host;
    this.#child = child;
    this.manager = manager;
    child.stderr?.on("data", (piece: Buffer) => {
      this.log += piece.toString();
    });
  }

  /** Started, but maybe not ready yet. It ends with the test. */
  static spawn(host: Host, file: string, { flags = [], environment = {}, through = [], bug }: RunningOptions = {}): Running {
    // A path: abstract names are those of a network namespace.
    const manager = new NotifyReceiver(`${host.directory}/notify-${started++}`);
    const program = bug === undefined ? [EVENKEEL] : [process.execPath, `--import=${bug}`, MAIN];
    const words = [...through, ...program, "run", "--state", `${host.directory}/state`, "--log-format", "text", ...flags, file];
    const child = host.spawn(words, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, NO_COLOR: "1", NOTIFY_SOCKET: manager.address, ...environment },
    });
    const running = new Running(host, child, manager);
    const { directory } = host.inside(() => runtimePlaces(false));
    ends.get(host)?.push(async () => {
      await running.kill();
      manager.close();
      rmSync(directory, { recursive: true, force: true });
    });
    return running;
  }

  static async start(host: Host, file: string, options?: RunningOptions): Promise<Running> {
    const running = Running.spawn(host, file, options);
    await running.ready();
    return running;
  }

  async ready(times = 1): Promise<void> {
    const ended = this.ended().then((code) => {
      throw new Error(`it ended with ${code} before it was ready:\n${this.log}`);
    });
    ended.catch(() => undefined);
    await Promise.race([this.manager.wait(/^READY=1$/, times), ended]);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** What it wrote may come a moment after what it did. */
  async logged(line: RegExp): Promise<void> {
    await until(`a line like ${line} in:\n${this.log}`, () => line.test(this.log));
  }

  /** The exit code; null after a signal. */
  async ended(): Promise<number | null> {
    if (this.running) await once(this.#child, "exit");
    return this.#child.exitCode;
  }

  async stop(): Promise<number | null> {
    this.signal("SIGTERM");
    return await this.ended();
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended();
  }

  /** A verb in the same namespace. */
  verb(...args: readonly string[]): Run {
    return this.host.evenkeel(args);
  }

  mustVerb(...args: readonly string[]): string {
    const run = this.verb(...args);
    assert.equal(run.status, 0, `${args.join(" ")}: ${run.stderr}`);
    return run.stdout;
  }

  json<T>(...args: readonly string[]): T {
    return JSON.parse(this.mustVerb(...args, "-o", "json")) as T;
  }

  /** Of each thread: "CapEff 000000c0000031e0". */
  threadsCapabilities(): readonly string[] {
    const threads = readdirSync(`/proc/${this.pid}/task`);
    return threads.flatMap((thread) =>
      [...readFileSync(`/proc/${this.pid}/task/${thread}/status`, "utf8").matchAll(/^(Cap\w+):\s+(\w+)$/gm)].map(
        ([, set, bits]) => `${set} ${bits}`,
      ),
    );
  }
}

/** Side by side with the test: a verb that goes on. */
export function startVerb(host: Host, ...args: readonly string[]): { readonly output: () => string; readonly child: ChildProcess } {
  const child = host.start(args);
  let text = "";
  child.stdout?.on("data", (piece: Buffer) => {
    text += piece.toString();
  });
  return { output: () => text, child };
}

export async function until(what: string, holds: () => boolean, waitMs = 20_000): Promise<void> {
  for (const endMs = performance.now() + waitMs; performance.now() < endMs; await sleep(20)) if (holds()) return;
  throw new Error(`it never came: ${what}`);
}
