/**
 * The hosts of an LVS tutorial as network namespaces: a client, a director and real servers on one switch, or the servers on a switch of
 * their own behind the director. They are bare: what a tutorial has its reader type is typed on them. Their web servers run in this process,
 * so nothing is left of them when it dies.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { changeLink } from "../../src/kernel/links.ts";
import { createNamespace, deleteNamespace, inNamespace } from "../../src/kernel/namespace.ts";

const BIN = fileURLToPath(new URL("../../bin", import.meta.url));
/** How long what is typed in one go may take. */
const PATIENCE_MS = 120_000;

export interface Answer {
  /** null: it was killed. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** The program itself, which `ip netns exec` and the launcher have become by then. */
  readonly killAfterMs?: number;
}

/** What each command of a host's shell finds: the tutorial's names, links like those of update-alternatives. */
export class Hosts {
  readonly #made: Host[] = [];
  readonly #closers: (() => void)[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), "evenkeel-tutorial-"));
  #cables = 0;

  /** They go when the test ends. */
  static for(t: TestContext): Hosts {
    const hosts = new Hosts();
    t.after(() => hosts.remove());
    return hosts;
  }

  private constructor() {
    for (const name of ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"]) symlinkSync(join(BIN, name), join(this.#directory, name));
  }

  /** A directory with ipvsadm, ipvsadm-save and ipvsadm-restore in it, as links. */
  get path(): string {
    return this.#directory;
  }

  add(name: string): Host {
    const host = new Host(`lvs-${process.pid}-${name}`, name, this.#directory);
    this.#made.push(host);
    host.inside(() => changeLink("lo", { up: true }));
    // Before any device is there, so that each is born with it: an address is of use at once.
    host.writeSysctl("net/ipv6/conf/default/accept_dad", "0");
    host.writeSysctl("net/ipv6/conf/default/router_solicitations", "0");
    return host;
  }

  /**
   * A port of the host on a switch. The ends get different indexes: with equal ones, possible in two namespaces, the kernel may take a second
   * to notice the carrier.
   */
  async plug(host: Host, device: string, lan: Host): Promise<void> {
    const index = 10 + 2 * this.#cables++;
    const peer = `peer name ${host.name}-${device} index ${index + 1} netns ${lan.namespace}`;
    await host.type(`ip link add ${device} index ${index} type veth ${peer}`, `ip link set ${device} up`);
    await lan.type(`ip link set ${host.name}-${device} master br0 up`);
  }

  async addSwitch(name: string): Promise<Host> {
    const lan = this.add(name);
    await lan.type("ip link add br0 type bridge stp_state 0 mcast_snooping 0", "ip link set br0 up");
    return lan;
  }

  /** Answers each request with its name and what it sees of the client, on every address of the host's. */
  async serve(host: Host, port = 80): Promise<void> {
    const server = createServer(({ socket }, response) => {
      const client = (socket.remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/, "");
      response.setHeader("connection", "close").end(`${JSON.stringify({ server: host.name, client })}\n`);
    });
    this.#closers.push(() => server.close().closeAllConnections());
    const listening = new Promise<void>((resolve, reject) => server.once("listening", resolve).once("error", reject));
    // Without an address there is nothing to look up, and the socket is made at once: in the host's namespace.
    host.inside(() => void server.listen({ port, backlog: 1024 }));
    await listening;
  }

  async remove(): Promise<void> {
    for (const close of this.#closers) close();
    for (const host of this.#made) {
      await host.run([join(BIN, "evenkeel"), "teardown"]);
      deleteNamespace(host.namespace);
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

export class Host {
  readonly namespace: string;
  readonly name: string;
  readonly #file: string;
  readonly #path: string;

  constructor(namespace: string, name: string, path: string) {
    this.namespace = namespace;
    this.name = name;
    this.#path = `${path}:${BIN}:${process.env["PATH"] ?? ""}`;
    this.#file = createNamespace(namespace);
  }

  inside<T>(work: () => T): T {
    return inNamespace(this.#file, work);
  }

  writeSysctl(key: string, value: string): void {
    this.inside(() => writeFileSync(`/proc/sys/${key}`, value));
  }

  /** Types lines into a shell of the host's, as `ip netns exec` gives one; each must succeed. What they printed. */
  async type(...lines: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.sh(lines.join("\n"));
    assert.equal(status, 0, `on ${this.name}:\n${lines.join("\n")}\n${stdout}${stderr}`);
    assert.equal(stderr, "", `on ${this.name}:\n${lines.join("\n")}`);
    return stdout;
  }

  /** The same, whatever comes of it. */
  sh(script: string): Promise<Answer> {
    return this.run(["sh", "-e"], { input: `${script}\n` });
  }

  run(command: readonly string[], { environment = {}, ...options }: RunOptions = {}): Promise<Answer> {
    const env = { ...process.env, PATH: this.#path, NO_COLOR: "1", ...environment };
    return runToEnd(["ip", "netns", "exec", this.namespace, ...command], env, options);
  }
}

/** The event loop goes on meanwhile: web servers live on it. */
function runToEnd(
  [program = "", ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  { input = "", killAfterMs = PATIENCE_MS }: Omit<RunOptions, "environment">,
): Promise<Answer> {
  const child = spawn(program, args, { stdio: "pipe", env, timeout: killAfterMs, killSignal: "SIGKILL" });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data) => (stdout += String(data)));
  child.stderr.on("data", (data) => (stderr += String(data)));
  // One that does not read its input is not our failure.
  child.stdin.on("error", () => undefined).end(input);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, stdout, stderr }));
  });
}
