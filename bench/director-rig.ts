/** Directors for bench/director.ts, each in a network namespace of its own: the daemon as `evenkeel run`, and commands beside it. */

import { type ChildProcess, execFileSync, fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { PacketPath } from "../src/director/packet-path.ts";
import { directorSocket } from "../src/director/places.ts";
import { inNamespace, inNewNamespace } from "../src/kernel/namespace.ts";
import { EvenkeelError } from "../src/model/error.ts";
import { DirectorProcess } from "../test/director-lab/director-process.ts";
import { directorConfiguration, networkCommands, PORT } from "./checks-keepalived/stage.ts";
import { ControlRig, largeState, type Size, yamlOf } from "./control-plane-rig.ts";
import { type Evenness, evennessOf } from "./director-starts.ts";

const COMMAND = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));
const INTERVAL_MS = 1000;
const BIN_MS = 10;

type Inside = <T>(work: () => T) => T;

function startDirector(inside: Inside, state: string, file: string): DirectorProcess {
  return inside(
    () => new DirectorProcess(spawn(COMMAND, ["run", "--state", state, file], { stdio: ["ignore", "pipe", "pipe"] }), directorSocket({})),
  );
}

/** Milliseconds that a program takes. */
function timedRun(program: string, args: readonly string[], codes: readonly number[] = [0]): number {
  const begunMs = performance.now();
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  const spentMs = performance.now() - begunMs;
  if (status !== null && codes.includes(status)) return spentMs;
  throw new EvenkeelError("COMMAND_FAILED", `${program} ${args.join(" ")} ended with ${status}: ${stderr}`);
}

/** Many services and servers without checks: start, plan, apply. */
export class ScaleRig {
  readonly #rig: ControlRig;
  readonly #directory = mkdtempSync(join(tmpdir(), "evenkeel-bench-"));
  readonly #inside: Inside;
  #director: DirectorProcess | undefined;

  constructor(size: Size) {
    this.#rig = new ControlRig(size);
    this.#inside = (work) => this.#rig.inside(work);
    // Another weight for one server of every service, and one server less in one.
    const changed = largeState(size).map(({ servers: [first, ...others], ...service }, i) => ({
      ...service,
      servers: first === undefined ? [] : [{ ...first, weight: first.weight + 1 }, ...others.slice(i === 0 ? 1 : 0)],
    }));
    writeFileSync(this.#changed, yamlOf(changed));
  }

  /** From the start of the process until it is ready; into an empty kernel, or beside all that stands. */
  async start(from: "empty" | "standing"): Promise<number> {
    await this.#end();
    if (from === "empty") {
      this.#rig.clear();
      rmSync(this.#state, { recursive: true, force: true });
    }
    this.#director = startDirector(this.#inside, this.#state, this.#rig.file);
    await this.#director.ready();
    return this.#director.readyMs ?? Number.NaN;
  }

  /** By a command that asks the running director; `to` another file, or the one that it runs by. */
  command(verb: "plan" | "apply", to: "changed" | "same"): number {
    return this.#inside(() =>
      timedRun(COMMAND, [verb, to === "changed" ? this.#changed : this.#rig.file], verb === "plan" ? [0, 10] : [0]),
    );
  }

  /** Reads the file and says what is wrong with it: no director is asked. */
  check(): number {
    return this.#inside(() => timedRun(COMMAND, ["check", this.#rig.file]));
  }

  /** Of the running director, since its start. */
  cpu(): number {
    return this.#director?.cpuSeconds() ?? Number.NaN;
  }

  residentMb(): { readonly now: number; readonly most: number } {
    return this.#director?.residentMb() ?? { now: Number.NaN, most: Number.NaN };
  }

  async close(): Promise<void> {
    await this.#end();
    this.#rig.close();
    rmSync(this.#directory, { recursive: true });
  }

  async #end(): Promise<void> {
    await this.#director?.end("SIGTERM");
    this.#director = undefined;
  }

  get #changed(): string {
    return join(this.#directory, "changed.yaml");
  }

  get #state(): string {
    return join(this.#directory, "state");
  }
}

/** The floor of every command: the same Node, started for nothing. */
export function emptyNode(): number {
  return timedRun(process.execPath, ["-e", "0"]);
}

export interface Pace {
  readonly servers: number;
  readonly checksASecond: number;
  /** Of one core, user and system. */
  readonly share: number;
  readonly evenness: Evenness;
  readonly residentMb: { readonly now: number; readonly most: number };
  /** Servers that are up in the end. */
  readonly up: number;
}

/** A director that asks each of its servers by HTTP once a second; one web server, in another process, is all of them. */
export async function steadyChecks(servers: number, settlingSeconds: number, seconds: number): Promise<Pace> {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-bench-"));
  const namespace = inNewNamespace(() => {
    execFileSync("ip", ["-batch", "-"], { input: `link set lo up\n${networkCommands(servers)}` });
    return openSync("/proc/thread-self/ns/net", "r");
  });
  const inside: Inside = (work) => inNamespace(namespace, work);
  let web: ChildProcess | undefined;
  let director: DirectorProcess | undefined;
  try {
    web = inside(() =>
      fork(new URL("./checks-server.ts", import.meta.url), [String(PORT)], { execArgv: ["--disable-warning=ExperimentalWarning"] }),
    );
    await once(web, "message");
    const file = join(directory, "evenkeel.yaml");
    writeFileSync(file, directorConfiguration(servers));
    director = startDirector(inside, join(directory, "state"), file);
    await director.ready();
    await sleep(settlingSeconds * 1000);
    await arrivals(web);
    const [beforeMs, before] = [performance.now(), director.cpuSeconds()];
    await sleep(seconds * 1000);
    const [afterMs, after] = [performance.now(), director.cpuSeconds()];
    const starts = await arrivals(web);
    const tookSeconds = (afterMs - beforeMs) / 1000;
    return {
      servers,
      checksASecond: starts.length / tookSeconds,
      share: (after - before) / tookSeconds,
      evenness: evennessOf(starts, BIN_MS, INTERVAL_MS),
      residentMb: director.residentMb(),
      up: serversUp(inside),
    };
  } finally {
    await director?.end("SIGTERM");
    web?.disconnect();
    inside(() => PacketPath.remove());
    closeSync(namespace);
    rmSync(directory, { recursive: true });
  }
}

async function arrivals(web: ChildProcess): Promise<number[]> {
  web.send("arrivals");
  const [times] = (await once(web, "message")) as [number[]];
  return times;
}

function serversUp(inside: Inside): number {
  const { stdout } = inside(() => spawnSync(COMMAND, ["servers", "-o", "json"], { encoding: "utf8", maxBuffer: 1 << 28 }));
  return (JSON.parse(stdout) as { condition: string }[]).filter(({ condition }) => condition === "up").length;
}
