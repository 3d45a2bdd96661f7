/** Directors on a host of test/apply: each a process, which can be asked, stopped and killed; and real servers that can be made well and sick. */

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { RunningDirector } from "../../src/director/daemon/start.ts";
import { type ErrorCode, EvenkeelError } from "../../src/model/error.ts";
import type { JournalEntry, Story } from "../../src/model/journal.ts";
import type { Host } from "../apply/host.ts";
import type { Answer, Question } from "./process.ts";

const PROCESS = fileURLToPath(new URL("process.ts", import.meta.url));

type Method = Exclude<keyof RunningDirector, "ready" | "follow" | "connections">;

/** Some stories share their shape: `event` is of each of those. */
type Told<E extends Story["event"]> = JournalEntry & {
  readonly story: Story extends infer S ? (S extends { event: infer F } ? (E extends F ? S : never) : never) : never;
};

export class DirectorProcess {
  readonly startMs: number;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #asked = 0;

  private constructor(child: ChildProcess, startMs: number) {
    this.#child = child;
    this.startMs = startMs;
    child.on("message", (answer: Answer) => this.#waiting.get(answer.id)?.(answer));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Throws what the director could not start for. */
  static async start(host: Host, file: string, state = `${host.directory}/state`): Promise<DirectorProcess> {
    const child = host.spawn([process.execPath, PROCESS, file, state], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
    const [answer] = (await Promise.race([
      once(child, "message"),
      once(child, "exit").then(([code]) => {
        throw new Error(`the director ended with ${code} before it had started`);
      }),
    ])) as [Answer];
    return new DirectorProcess(child, answered(answer) as number);
  }

  async ask<M extends Method>(method: M, ...args: Parameters<RunningDirector[M]>): Promise<Awaited<ReturnType<RunningDirector[M]>>> {
    const id = ++this.#asked;
    const answer = new Promise<Answer>((done) => this.#waiting.set(id, done));
    this.#child.send({ id, method, args } satisfies Question);
    return answered(await answer) as Awaited<ReturnType<RunningDirector[M]>>;
  }

  /** By its stories, oldest first. */
  async told<E extends Story["event"]>(event: E): Promise<Told<E>[]> {
    return (await this.ask("events", { events: [event] })) as Told<E>[];
  }

  async stop(teardown = false): Promise<void> {
    const ended = once(this.#child, "exit");
    await this.ask("stop", { teardown, reason: "the test is over" });
    await ended;
  }

  /** As kill -9 does. */
  async kill(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }
}

/** Ends with the test. */
export async function directorFor(t: TestContext, host: Host, file: string): Promise<DirectorProcess> {
  const director = await DirectorProcess.start(host, file);
  t.after(async () => {
    if (director.running) await director.kill();
  });
  return director;
}

/** A web server at an address of the host's network, in the host's own namespace: "up" answers 200, "sick" 503. */
export function webServers(t: TestContext, host: Host, addresses: readonly string[]): WebServers {
  for (const address of addresses) host.ip(`address add ${address}/32 dev lo`);
  return new WebServers(t, host);
}

const SERVER = `
const { createServer } = require("node:http");
const [address, status] = process.argv.slice(1);
createServer((_, answer) => answer.writeHead(Number(status)).end("hello")).listen(80, address, () => process.stdout.write("listens"));
`;

class WebServers {
  readonly #host: Host;
  readonly #running = new Map<string, ChildProcess>();

  constructor(t: TestContext, host: Host) {
    this.#host = host;
    t.after(() => Promise.all([...this.#running.keys()].map((address) => this.stop(address))));
  }

  async start(address: string, status = 200): Promise<void> {
    const child = this.#host.spawn([process.execPath, "-e", SERVER, address, `${status}`], { stdio: ["ignore", "pipe", "inherit"] });
    this.#running.set(address, child);
    assert.ok(child.stdout);
    await once(child.stdout, "data");
  }

  async stop(address: string): Promise<void> {
    const child = this.#running.get(address);
    this.#running.delete(address);
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
}

/** Waits until it holds, at most so long. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > endMs) assert.fail(`${what}: not within ${withinMs} ms`);
    await sleep(20);
  }
}

function answered(answer: Answer): unknown {
  if ("value" in answer) return answer.value;
  throw new EvenkeelError(answer.error.code as ErrorCode, answer.error.message, { cure: answer.error.cure });
}
