/**
 * A host to apply configurations on: a network namespace of its own with two interfaces, virtual addresses and a real servers'
 * network; the real `evenkeel` run inside it, and what the kernel holds of it afterwards.
 */

import assert from "node:assert/strict";
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { filters } from "../../src/kernel/clsact.ts";
import { libc } from "../../src/kernel/libc.ts";
import { listLinks } from "../../src/kernel/links.ts";
import { openMap } from "../../src/kernel/maps.ts";
import { createNamespace, deleteNamespace, inNamespace } from "../../src/kernel/namespace.ts";
import { mapInfo, programInfo } from "../../src/kernel/object-info.ts";
import { type PinDirectory, pinDirectory, pinnedLinks } from "../../src/kernel/pins.ts";
import { queryTcx } from "../../src/kernel/tcx.ts";

export const EVENKEEL = fileURLToPath(new URL("../../bin/evenkeel", import.meta.url));

/** A host's addresses: virtual ones on eth0, the real servers' network behind eth1. */
export const VIP = "192.0.2.10";
export const VIP6 = "2001:db8::10";

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** A command that ends in running another: `["setpriv", "--reuid", "1"]`. */
  readonly through?: readonly string[];
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Of a packet path, all that an apply could have changed; without what counts by itself. */
export interface Snapshot {
  /** Kernel ids of what is pinned, by "maps/services". */
  readonly pins: Readonly<Record<string, number>>;
  readonly devices: readonly string[];
  readonly services: unknown;
}

/** Goes when the test ends. */
export function hostFor(t: TestContext): Host {
  const host = new Host();
  t.after(() => host.remove());
  return host;
}

/** What stands on a host that had nothing, after this file. */
export function servicesOf(host: Host, text: string): unknown {
  host.mustApply(text);
  const services = host.services();
  host.evenkeel(["teardown"]);
  return services;
}

/** Of what `status -o json` says, the part that a configuration decides. */
interface Status {
  readonly attachments: unknown;
  readonly services: readonly {
    readonly address: string;
    readonly port: number;
    readonly protocol: string;
    readonly scheduler: string;
    readonly servers: readonly { readonly address: string; readonly port: number; readonly method: string; readonly weight: number }[];
  }[];
}

let made = 0;

export class Host {
  readonly #name: string;
  readonly #path: string;
  readonly directory: string;

  constructor() {
    this.#name = `apply-test-${process.pid}-${made++}`;
    this.#path = createNamespace(this.#name);
    this.directory = mkdtempSync(join(tmpdir(), "evenkeel-apply-"));
    // Also for processes that are not root.
    chmodSync(this.directory, 0o755);
    this.ip("link set lo up");
    for (const [name, address] of [
      ["eth0", "198.51.100.1/24"],
      ["eth1", "10.77.0.1/16"],
    ] as const) {
      this.ip(`link add ${name} type veth peer name ${name}-peer`);
      this.ip(`link set ${name}-peer up`);
      this.ip(`link set ${name} up`);
      this.ip(`address add ${address} dev ${name}`);
    }
    this.ip(`address add ${VIP}/32 dev eth0`);
    this.ip(`address add ${VIP6}/128 dev eth0 nodad`);
  }

  ip(words: string): void {
    this.command("ip", ...words.split(" "));
  }

  /** Runs a program inside; throws when it fails. */
  command(name: string, ...args: readonly string[]): string {
    const run = spawnSync("nsenter", [`--net=${this.#path}`, name, ...args], { encoding: "utf8" });
    if (run.status !== 0) throw new Error(`${name} ${args.join(" ")}: ${run.error?.message ?? run.stderr}`);
    return run.stdout;
  }

  evenkeel(args: readonly string[], { through = [], input = "", environment = {} }: RunOptions = {}): Run {
    const { status, stdout, stderr } = spawnSync("nsenter", [`--net=${this.#path}`, ...through, EVENKEEL, ...args], {
      encoding: "utf8",
      input,
      timeout: 60_000,
      env: { ...process.env, NO_COLOR: "1", ...environment },
    });
    return { status, stdout, stderr };
  }

  apply(text: string, ...flags: readonly string[]): Run {
    return this.evenkeel(["apply", ...flags, "-"], { input: text });
  }

  /** What it said. */
  mustApply(text: string, ...flags: readonly string[]): string {
    const run = this.apply(text, ...flags);
    assert.equal(run.status, 0, run.stderr);
    return run.stdout;
  }

  /** As evenkeel(), side by side with others; signals reach the program itself. */
  start(args: readonly string[]): ChildProcess {
    return spawn("nsenter", [`--net=${this.#path}`, EVENKEEL, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Any program inside. */
  spawn([program = "", ...args]: readonly string[], options: SpawnOptions): ChildProcess {
    return spawn("nsenter", [`--net=${this.#path}`, program, ...args], options);
  }

  write(name: string, text: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, text);
    return path;
  }

  inside<T>(work: () => T): T {
    return inNamespace(this.#path, work);
  }

  pins(): PinDirectory {
    return this.inside(() => pinDirectory());
  }

  /** What stands as by `status`: undefined when there is no packet path. */
  services(): unknown {
    const run = this.evenkeel(["status", "-o", "json"]);
    if (run.status !== 0) return undefined;
    const { attachments, services } = JSON.parse(run.stdout) as Status;
    return {
      attachments,
      services: services
        .map(({ address, port, protocol, scheduler, servers }) => ({
          service: `${protocol} ${address} ${port} ${scheduler}`,
          servers: servers.map((server) => `${server.address} ${server.port} ${server.method} ${server.weight}`).sort(),
        }))
        .sort((one, other) => one.service.localeCompare(other.service)),
    };
  }

  snapshot(): Snapshot {
    return { ...this.held(), services: this.services() };
  }

  /** The same, of the kernel only. */
  held(): Omit<Snapshot, "services"> {
    return this.inside(() => {
      const pins = pinDirectory();
      return { pins: Object.fromEntries([...idsOf(pins, "maps"), ...idsOf(pins, "programs"), ...linkIds(pins)]), devices: devices() };
    });
  }

  /** How many entries of the server table are in use: more than the lists name would be a leak. */
  serversHeld(): number {
    const fd = this.pins().open("maps", "servers");
    assert.ok(fd !== undefined);
    try {
      return [...openMap("servers", fd).entries()].filter(([, { flags }]) => flags !== 0).length;
    } finally {
      libc.close(fd);
    }
  }

  /** The packet path, the namespace and the files. */
  remove(): void {
    this.evenkeel(["teardown"]);
    deleteNamespace(this.#name);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function idsOf(pins: PinDirectory, kind: "maps" | "programs"): [string, number][] {
  return pins.names(kind).map((name) => {
    const fd = pins.open(kind, name);
    if (fd === undefined) throw new Error(`${kind}/${name} went while it was looked at`);
    try {
      return [`${kind}/${name}`, (kind === "maps" ? mapInfo(fd) : programInfo(fd)).id];
    } finally {
      libc.close(fd);
    }
  });
}

function linkIds(pins: PinDirectory): [string, number][] {
  return pinnedLinks(pins).map(({ name, info }) => [`links/${name}`, info.id]);
}

/** Programs on every interface: "eth0 tcx 12 xdp 14 clsact 0". */
function devices(): string[] {
  return listLinks().map(({ name, index, xdp }) => {
    const tcx = queryTcx(index) ?? [];
    return `${name} tcx [${tcx.join(" ")}] xdp ${xdp?.programId ?? "none"} filters ${filters(index, "ingress").length}`;
  });
}
