/**
 * A director without a packet path, for tests of the API's manners: it keeps configuration, overrides and edits in memory, refuses what is wrong as the real one
 * does, and does the rest at once. What a director does to packets and servers is not its affair.
 */

import { createHash } from "node:crypto";
import type { Configuration } from "../../src/config/configuration.ts";
import { requireConfiguration } from "../../src/config/parse.ts";
import { toDesired } from "../../src/config/to-desired.ts";
import type { ConnectionSlice } from "../../src/director/connection-reader.ts";
import type {
  Applied,
  ApplyRequest,
  Asker,
  ConfigurationVersion,
  Director,
  DirectorStatus,
  EventQuery,
  Measures,
  Plan,
  ServerReference,
  ServerView,
  ServiceView,
} from "../../src/director/director.ts";
import { MemoryPlane } from "../../src/director/memory-plane.ts";
import { formatAddress } from "../../src/model/address.ts";
import type { Edit } from "../../src/model/edit.ts";
import { type Edited, type EditOptions, EditRefused } from "../../src/model/edit-refused.ts";
import { EvenkeelError } from "../../src/model/error.ts";
import type { Cause, JournalEntry, Story } from "../../src/model/journal.ts";
import type { Override, OverrideWish } from "../../src/model/override.ts";
import { serverName, serviceName } from "../../src/model/service.ts";
import { describeChange } from "../../src/reconcile/describe-change.ts";
import { diff } from "../../src/reconcile/diff.ts";
import { judgeEdits } from "../../src/reconcile/edits.ts";

interface Kept {
  version: ConfigurationVersion;
  readonly text: string;
}

const NOW_MS = 1_780_000_000_000;

export class MemoryDirector implements Director {
  plane = new MemoryPlane();
  readonly askers: Asker[] = [];
  readonly journal: JournalEntry[] = [];
  readonly slices: ConnectionSlice[] = [];
  troubles: string[] = [];
  readonly #versions: Kept[] = [];
  readonly #overrides = new Map<string, Override>();
  readonly #listeners = new Set<(entry: JournalEntry) => void>();
  #configuration: Configuration = requireConfiguration("services: []", "").configuration;
  #adopted: string[] = [];

  constructor(text = "services: []\n") {
    this.begin(text);
  }

  /** As if it were new. */
  begin(text: string): void {
    this.plane = new MemoryPlane();
    this.journal.length = this.askers.length = this.#versions.length = 0;
    this.#overrides.clear();
    this.#settle(requireConfiguration(text, "start.yaml").configuration);
    this.#keep(text, "start.yaml", { by: "start" });
  }

  /** All that a request could have changed, as one text. */
  picture(): string {
    const { state } = this.kernel();
    const plain = (_key: string, value: unknown) => (typeof value === "bigint" ? `${value}` : value);
    return JSON.stringify([state, this.#versions, [...this.#overrides], this.#adopted], plain);
  }

  status(): DirectorStatus {
    const servers = this.services().flatMap((service) => service.servers);
    return {
      version: "0.1.0",
      pid: process.pid,
      startedMs: NOW_MS,
      ready: this.troubles.length === 0,
      troubles: this.troubles,
      configuration: this.#present().version,
      adopted: this.#adopted,
      attachments: [...this.plane.read().attachments],
      warnings: [],
      services: this.#configuration.services.length,
      servers: { all: servers.length, up: servers.length, overridden: this.#overrides.size },
      checks: 0,
      capabilities: [],
    };
  }

  services(reference?: string): readonly ServiceView[] {
    const counters = this.plane.counters();
    const services = new Map(counters.services.map((counted) => [serviceName(counted.service), counted]));
    const servers = new Map(counters.servers.map((counted) => [`${serviceName(counted.service)} ${serverName(counted.server)}`, counted]));
    const views = this.#configuration.services.map((service): ServiceView => {
      const name = serviceName(service);
      return {
        counters: services.get(name),
        service: name,
        label: service.name,
        scheduler: service.scheduler,
        quorum: "up",
        sorry: false,
        sinceMs: NOW_MS,
        servers: service.servers.map((server): ServerView => {
          const key = `${name} ${serverName(server)}`;
          const override = this.#overrides.get(key);
          const { wish } = override ?? {};
          return {
            counters: servers.get(key),
            service: name,
            label: service.name,
            server: serverName(server),
            method: server.method,
            configuredWeight: server.weight,
            weight: wish?.kind === "disable" ? "out" : wish?.kind === "drain" ? 0 : wish?.kind === "weight" ? wish.weight : server.weight,
            condition: "up",
            why: override === undefined ? "" : `${override.wish.kind} by ${override.by}`,
            sinceMs: NOW_MS,
            ...(override === undefined ? {} : { override }),
            sorry: false,
            checks: [],
          };
        }),
      };
    });
    if (reference === undefined) return views;
    const found = views.filter(({ service, label }) => reference === label || reference === service || reference === service.split(" ")[1]);
    if (found.length > 0) return found;
    throw new EvenkeelError("NO_SUCH_SERVICE", `there is no service ${reference}`, { cure: "evenkeel services lists them" });
  }

  servers(reference?: ServerReference): readonly ServerView[] {
    const all = this.services(reference?.service).flatMap(({ servers }) => servers);
    if (reference === undefined) return all;
    const found = all.filter(({ server }) => server === reference.server || server.replace(/:\d+$/, "") === reference.server);
    if (found.length > 0) return found;
    throw new EvenkeelError("NO_SUCH_SERVER", `there is no server ${reference.server}`);
  }

  kernel(): ReturnType<Director["kernel"]> {
    return { state: this.plane.read(), counters: this.plane.counters() };
  }

  *connections(_filter: unknown, from = 0): Generator<ConnectionSlice> {
    for (const { connections, next } of this.slices) {
      if (next === undefined || next > from) yield { connections: connections.filter(({ slot }) => slot >= from), next };
    }
  }

  configuration(id?: number): Kept {
    const found = id === undefined ? this.#present() : this.#versions.find(({ version }) => version.id === id);
    if (found === undefined) throw new EvenkeelError("NOT_FOUND", `there is no configuration ${id} in the history`);
    return found;
  }

  history(): readonly ConfigurationVersion[] {
    return this.#versions.map(({ version }) => version).reverse();
  }

  async plan(text: string, file: string): Promise<Plan> {
    const { configuration } = requireConfiguration(text, file);
    const changes = diff(toDesired(configuration, []), this.plane.read()).map(describeChange);
    return { configuration: changes, drift: [], changes, warnings: [] };
  }

  async apply({ text, file, dryRun, ifDigest, confirmWithinMs }: ApplyRequest, asker: Asker): Promise<Applied> {
    const plan = await this.plan(text, file);
    const { version } = this.#present();
    if (ifDigest !== undefined && ifDigest !== version.digest) throw new EvenkeelError("CONFLICT", "another configuration is present");
    if (dryRun) return { version, plan };
    const { configuration } = requireConfiguration(text, file);
    this.#settle(configuration);
    const kept = this.#keep(text, file, asker, confirmWithinMs === undefined ? "present" : "pending");
    this.tell({ event: "configuration-applied", id: kept.version.id, file, changes: plan.changes.length }, { kind: "apply", by: asker.by });
    return { version: kept.version, plan };
  }

  async reload(asker: Asker): Promise<Applied> {
    const { text, version } = this.#present();
    return await this.apply({ text, file: version.file }, asker);
  }

  async confirm(_asker: Asker): Promise<ConfigurationVersion> {
    const present = this.#present();
    if (present.version.state !== "pending") throw new EvenkeelError("CONFLICT", "no configuration waits for it");
    present.version = { ...present.version, state: "present" };
    return present.version;
  }

  async undo(asker: Asker, id?: number): Promise<Applied> {
    const wanted = id ?? this.#present().version.id - 1;
    const { text, version } = this.configuration(wanted);
    return await this.apply({ text, file: version.file }, asker);
  }

  async override(reference: ServerReference, wish: OverrideWish, { by, reason }: Asker): Promise<readonly ServerView[]> {
    const found = this.servers(reference);
    this.askers.push({ by, ...(reason === undefined ? {} : { reason }) });
    for (const { service, server } of found) {
      const view = this.#configuration.services.find((one) => serviceName(one) === service);
      const real = view?.servers.find((one) => serverName(one) === server);
      if (view === undefined || real === undefined) continue;
      const said = reason === undefined ? {} : { reason };
      this.#overrides.set(`${service} ${server}`, { service: view, server: real, wish, sinceMs: NOW_MS, by, ...said });
      this.tell({ event: "override-set", service, server, wish }, { kind: "operator", by });
    }
    return this.servers(reference);
  }

  async clearOverride(reference: ServerReference, asker: Asker, only?: OverrideWish["kind"]): Promise<readonly ServerView[]> {
    for (const { service, server, override } of this.servers(reference)) {
      if (override === undefined || (only !== undefined && override.wish.kind !== only)) continue;
      this.#overrides.delete(`${service} ${server}`);
      this.tell({ event: "override-cleared", service, server, wish: override.wish }, { kind: "operator", by: asker.by });
    }
    return this.servers(reference);
  }

  async edit(
    edits: readonly Edit[],
    { keepGoing = false, judgeOnly = false, replace = false }: EditOptions,
    _asker: Asker,
  ): Promise<Edited> {
    const state = this.plane.read();
    const judged = judgeEdits(edits, replace ? { ...state, services: [] } : state, { keepGoing, interfaceMtu });
    const [first] = judged.refused;
    if (first !== undefined && !keepGoing) throw new EditRefused(first);
    if (judgeOnly) return { refused: judged.refused, warnings: [] };
    const changes = replace ? diff({ ...state, services: judged.services }, state) : judged.changes;
    for (const change of changes) this.plane.apply(change);
    this.#adopted = [...this.#adopted, ...changes.map(describeChange)];
    return { refused: judged.refused, warnings: [] };
  }

  async forgetAdopted(_asker: Asker): Promise<readonly string[]> {
    const forgotten = this.#adopted;
    this.#settle(this.#configuration);
    return forgotten;
  }

  events({ after = 0, limit = Number.POSITIVE_INFINITY, events }: EventQuery): readonly JournalEntry[] {
    const found = this.journal.filter(({ seq, story }) => seq > after && (events === undefined || events.includes(story.event)));
    return found.slice(-Math.min(limit, found.length || 1));
  }

  async *follow(_query: EventQuery, signal: AbortSignal): AsyncGenerator<JournalEntry> {
    const waiting: JournalEntry[] = [];
    let wake = () => {};
    const hear = (entry: JournalEntry) => {
      waiting.push(entry);
      wake();
    };
    this.#listeners.add(hear);
    signal.addEventListener("abort", () => wake(), { once: true });
    try {
      while (!signal.aborted) {
        for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) yield entry;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (waiting.length > 0 || signal.aborted) resolve();
        });
      }
    } finally {
      this.#listeners.delete(hear);
    }
  }

  get followers(): number {
    return this.#listeners.size;
  }

  tell(story: Story, cause: Cause): number {
    const entry: JournalEntry = { seq: (this.journal.at(-1)?.seq ?? 0) + 1, atMs: NOW_MS, severity: "notice", cause, story };
    this.journal.push(entry);
    for (const hear of this.#listeners) hear(entry);
    return entry.seq;
  }

  measures(): Measures {
    return {
      checksUnderWay: 0,
      checks: [{ kind: "http", outcome: "pass", count: 12, seconds: 0.25 }],
      reconciliations: { done: 1, failed: 0, lastSeconds: 0.01 },
      journal: { entries: this.journal.length, dropped: 0, onDisk: false },
      eventLoopLagSeconds: 0.001,
    };
  }

  #settle(configuration: Configuration): void {
    for (const change of diff(toDesired(configuration, []), this.plane.read())) this.plane.apply(change);
    this.#configuration = configuration;
    this.#adopted = [];
  }

  #present(): Kept {
    const present = this.#versions.at(-1);
    if (present === undefined) throw new EvenkeelError("NOT_FOUND", "no configuration was applied yet");
    return present;
  }

  #keep(text: string, file: string, { by }: Asker, state: ConfigurationVersion["state"] = "present"): Kept {
    const digest = createHash("sha256").update(text).digest("hex");
    const before = this.#versions.at(-1);
    if (before !== undefined) before.version = { ...before.version, state: "past" };
    const kept: Kept = { version: { id: (before?.version.id ?? 0) + 1, digest, file, appliedMs: NOW_MS, by, state }, text };
    this.#versions.push(kept);
    return kept;
  }
}

function interfaceMtu(name: string): number {
  if (name === "eth0") return 1500;
  throw new EvenkeelError("INTERFACE_MISSING", `there is no interface ${name}`);
}

/** A configuration of that many services with as many servers each. */
export function configurationOf({ services, servers }: { readonly services: number; readonly servers: number }): string {
  const address = (first: number, number: number) =>
    formatAddress({ family: "ipv4", bytes: Uint8Array.of(first, number >> 16, number >> 8, number, ...Array(12).fill(0)) });
  const lines = ["services:"];
  for (let i = 0; i < services; i++) {
    lines.push(`  - name: web-${i}`, `    address: ${address(11, i + 1)}`, "    port: 80", "    scheduler: wlc", "    servers:");
    for (let j = 0; j < servers; j++)
      lines.push(`      - { address: ${address(10, i * servers + j + 1)}, port: 80, weight: 1, method: nat }`);
  }
  return `${lines.join("\n")}\n`;
}
