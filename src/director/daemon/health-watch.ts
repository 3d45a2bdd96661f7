/**
 * Watches the servers of a configuration: makes their checks, lets the machines of src/health judge, tells the journal what they conclude, and says
 * whose line-up is another. A new configuration is foreseen first, as values, and adopted when it stands: checks that did not change go on by their
 * timetables as if nothing had happened.
 */

import type { PreparedCheck } from "../../checker/checker.ts";
import type { Dial } from "../../checker/dial.ts";
import { type CheckKind, prepareCheck } from "../../checker/index.ts";
import type { Stalls } from "../../checker/stalls.ts";
import { watchChecks } from "../../checker/watch.ts";
import type { Configuration, ConfiguredCheck, ConfiguredServer, ConfiguredService } from "../../config/configuration.ts";
import { checkName } from "../../config/describe-check.ts";
import type { LineUp } from "../../health/line-up.ts";
import {
  checkIsUncertain,
  type KnownHealth,
  resumeServiceHealth,
  type ServiceHealth,
  type ServiceHealthConfig,
  type ServiceHealthEvent,
  serviceHealth,
} from "../../health/service-health.ts";
import { spreadPhase } from "../../health/timetable.ts";
import type { Verdict } from "../../model/health.ts";
import type { Cause, Finding, Journal } from "../../model/journal.ts";
import type { OverrideWish } from "../../model/override.ts";
import { serverName, serviceName } from "../../model/service.ts";
import { CheckRecord } from "./check-record.ts";
import { healthConfig, knownFromBefore, type OrderOf, questionsOf } from "./health-rules.ts";
import { labelOf, tellConclusions } from "./health-stories.ts";

export interface HealthWatchOptions {
  readonly journal: Journal;
  readonly stalls: Stalls;
  /** How the checks of a server go out. */
  readonly dialOf: (service: ConfiguredService, server: ConfiguredServer, check: ConfiguredCheck) => Dial;
  /** Another line-up of a service, what led to it, and the story of it. */
  readonly changed: (service: string, cause: Cause, because: number) => void;
  readonly fell: (service: string, server: ConfiguredServer, because: number) => void;
  /** Each check that ended, for the measures. */
  readonly checked: (kind: string, verdict: Verdict) => void;
}

/** A check that is made again and again. */
export interface CheckWatch {
  readonly record: CheckRecord;
  readonly stop: AbortController;
  rule: ConfiguredCheck;
  prepared: PreparedCheck;
  dial: Dial;
  /** Where its verdicts go: by a reload it may get another place. */
  place: { readonly service: ServiceWatch; readonly server: number; readonly check: number };
}

export interface ServerWatch {
  readonly name: string;
  readonly checks: readonly CheckWatch[];
  /** Wall clock of the last change of condition. */
  sinceMs: number;
}

export interface ServiceWatch {
  readonly name: string;
  readonly rule: ConfiguredService;
  readonly config: ServiceHealthConfig;
  readonly servers: readonly ServerWatch[];
  health: ServiceHealth;
  /** Wall clock of the last change of quorum or sorry server. */
  sinceMs: number;
}

/** What would be watched, and how it would begin. */
export interface Prospect {
  readonly services: ReadonlyMap<string, Prospected>;
}

interface Prospected {
  readonly rule: ConfiguredService;
  readonly config: ServiceHealthConfig;
  readonly health: ServiceHealth;
  /** By server and check. */
  readonly prepared: readonly (readonly PreparedCheck[])[];
}

const UNWATCHED: LineUp = { servers: [], sorry: false };

export class HealthWatch {
  readonly #options: HealthWatchOptions;
  #services: ReadonlyMap<string, ServiceWatch> = new Map();
  /** Checks that ever began: each gets a phase of its own. */
  #begun = 0;
  #underWay = 0;

  constructor(options: HealthWatchOptions) {
    this.#options = options;
  }

  get services(): ReadonlyMap<string, ServiceWatch> {
    return this.#services;
  }

  get underWay(): number {
    return this.#underWay;
  }

  lineUp(service: ConfiguredService): LineUp {
    return this.#services.get(serviceName(service))?.health.lineUp ?? UNWATCHED;
  }

  /**
   * Throws CheckOptionsError. `knownOf`: of services that are not watched yet. `again`: the same file is in force, so what its checks read from disk
   * stays, though it may be gone.
   */
  foresee(
    configuration: Configuration,
    orderOf: OrderOf,
    knownOf: (service: ConfiguredService) => KnownHealth,
    { again = false } = {},
  ): Prospect {
    const prepare = rememberedChecks();
    return {
      services: new Map(
        configuration.services.map((rule) => {
          const name = serviceName(rule);
          const config = healthConfig(rule);
          const before = this.#services.get(name);
          const known = before === undefined ? knownOf(rule) : knownFromBefore(rule, before, orderOf);
          const standing = again ? preparedOf(before) : undefined;
          const prepared = rule.servers.map((server) => {
            const questions = questionsOf(server);
            return server.checks.map((check, i) => standing?.get(questions[i] ?? "") ?? prepare(check));
          });
          return [name, { rule, config, health: resumeServiceHealth(config, known), prepared }];
        }),
      ),
    };
  }

  /** Becomes what is watched. Returns the services whose line-up is another than was foreseen, because of verdicts that came meanwhile. */
  adopt({ services }: Prospect, orderOf: OrderOf, cause: Cause): string[] {
    const nowMs = Date.now();
    const overtaken: string[] = [];
    const left = new Set([...this.#services.values()].flatMap(checksOf));
    const next = new Map<string, ServiceWatch>();
    for (const [name, prospected] of services) {
      const before = this.#services.get(name);
      const { rule, config } = prospected;
      const health = before === undefined ? prospected.health : resumeServiceHealth(config, knownFromBefore(rule, before, orderOf));
      if (JSON.stringify(health.lineUp) !== JSON.stringify(prospected.health.lineUp)) overtaken.push(name);
      const service = this.#service(prospected, before, nowMs);
      service.health = health;
      for (const check of checksOf(service)) left.delete(check);
      next.set(name, service);
      if (before !== undefined)
        tellConclusions(this.#options.journal, { service, before: before.health, actions: [], cause, because: undefined });
    }
    for (const check of left) check.stop.abort();
    this.#services = next;
    return overtaken;
  }

  /** An operator's word on a server; undefined: nothing more is ordered. */
  order(
    { service: name, server: wanted }: { service: string; server: string },
    order: OverrideWish | undefined,
    cause: Cause,
    because: number,
  ): void {
    const service = this.#services.get(name);
    const server = service?.servers.findIndex((each) => each.name === wanted) ?? -1;
    if (service !== undefined && server >= 0) this.#happen(service, { kind: "order", server, order }, { cause, because });
  }

  stop(): void {
    this.#options.stalls.stop();
    for (const service of this.#services.values()) for (const check of checksOf(service)) check.stop.abort();
  }

  #service({ rule, config, health, prepared }: Prospected, before: ServiceWatch | undefined, nowMs: number): ServiceWatch {
    const known = new Map(before?.servers.flatMap((server) => server.checks.map((check) => [check.record.question, check])));
    const servers = new Map(before?.servers.map((server) => [server.name, server]));
    const fresh: { check: CheckWatch; server: ConfiguredServer }[] = [];
    const service: ServiceWatch = {
      name: serviceName(rule),
      rule,
      config,
      health,
      sinceMs: before?.sinceMs ?? nowMs,
      servers: rule.servers.map((server, i) => {
        const questions = questionsOf(server);
        const checks = server.checks.map((check, j): CheckWatch => {
          const question = questions[j] ?? "";
          const ask = prepared[i]?.[j];
          if (ask === undefined) throw new RangeError(`the check ${question} was not prepared`);
          const standing = known.get(question);
          const same = standing !== undefined && sameTimes(standing.rule, check) ? standing : undefined;
          const watch = same ?? {
            record: standing?.record ?? new CheckRecord(question, checkName(check)),
            stop: new AbortController(),
            rule: check,
            prepared: ask,
            dial: this.#options.dialOf(rule, server, check),
            place: { service: UNPLACED, server: i, check: j },
          };
          if (same === undefined) fresh.push({ check: watch, server });
          watch.rule = check;
          watch.prepared = ask;
          // The way to it may be another, though it asks the same.
          if (same !== undefined) watch.dial = this.#options.dialOf(rule, server, check);
          return watch;
        });
        const name = serverName(server);
        return { name, checks, sinceMs: servers.get(name)?.sinceMs ?? nowMs };
      }),
    };
    for (const [i, { checks }] of service.servers.entries())
      for (const [j, check] of checks.entries()) check.place = { service, server: i, check: j };
    for (const { check, server } of fresh) this.#begin(check, server);
    return service;
  }

  #begin(watch: CheckWatch, server: ConfiguredServer): void {
    const { rule, stop } = watch;
    const index = this.#begun++;
    const { intervalMs, fastIntervalMs, timeoutMs, jitter } = rule;
    const check: PreparedCheck = async (target, world) => {
      this.#underWay++;
      try {
        return await watch.prepared(target, { ...world, dial: watch.dial });
      } finally {
        this.#underWay--;
      }
    };
    const times = { intervalMs, fastIntervalMs, timeoutMs, jitter, phase: spreadPhase(index), seed: index };
    // It ends by its signal, or falls by a bug: then the process does too, and the packet path goes on.
    void watchChecks([{ target: { host: server.address, port: server.port }, check, times }], {
      dial: watch.dial,
      signal: stop.signal,
      stalls: this.#options.stalls,
      heard: (_index, verdict) => this.#heard(watch, verdict),
    });
  }

  #heard(watch: CheckWatch, verdict: Verdict): boolean {
    const { service, server, check } = watch.place;
    this.#options.checked(watch.rule.kind, verdict);
    const finding = findingOf(watch.record.name, verdict);
    const told = watch.record.heard(finding, Date.now());
    let because: number | undefined;
    if (told !== undefined) {
      const { name, rule, servers } = service;
      const story = {
        event: "verdict",
        service: name,
        ...labelOf(rule),
        server: servers[server]?.name ?? "",
        ...told,
        ...finding,
      } as const;
      because = this.#options.journal.tell(story, { kind: "health" });
    }
    this.#happen(service, { kind: "verdict", server, check, verdict }, { cause: { kind: "health" }, because });
    return checkIsUncertain(service.health, server, check);
  }

  #happen(service: ServiceWatch, event: ServiceHealthEvent, { cause, because }: { cause: Cause; because: number | undefined }): void {
    const before = service.health;
    const { state, actions } = serviceHealth.step(service.config, before, event);
    service.health = state;
    if (actions.length === 0) return;
    const nowMs = Date.now();
    const seq = tellConclusions(this.#options.journal, { service, before, actions, cause, because });
    for (const action of actions) {
      if (action.kind === "line-up") this.#options.changed(service.name, cause, seq);
      else if ("server" in action) {
        const server = service.servers[action.server];
        const rule = service.rule.servers[action.server];
        if (server !== undefined) server.sinceMs = nowMs;
        if (action.kind === "server-fell" && rule !== undefined) this.#options.fell(service.name, rule, seq);
      } else service.sinceMs = nowMs;
    }
  }
}

const UNPLACED: ServiceWatch = {
  name: "",
  get rule(): ConfiguredService {
    throw new RangeError("a check began before it had its place");
  },
  config: { servers: [], quorum: { quorum: 1, hysteresis: 0 }, hasSorryServer: false },
  servers: [],
  health: { servers: [], quorum: "starting", lineUp: UNWATCHED },
  sinceMs: 0,
};

function checksOf({ servers }: ServiceWatch): CheckWatch[] {
  return servers.flatMap(({ checks }) => checks);
}

/** By what they ask. */
function preparedOf(service: ServiceWatch | undefined): ReadonlyMap<string, PreparedCheck> {
  return new Map((service === undefined ? [] : checksOf(service)).map(({ record, prepared }) => [record.question, prepared]));
}

function sameTimes(one: ConfiguredCheck, other: ConfiguredCheck): boolean {
  return (
    one.intervalMs === other.intervalMs &&
    one.fastIntervalMs === other.fastIntervalMs &&
    one.timeoutMs === other.timeoutMs &&
    one.jitter === other.jitter
  );
}

/** Thousands of checks often ask the same: their options are read once. */
function rememberedChecks(): (check: ConfiguredCheck) => PreparedCheck {
  const known = new Map<string, PreparedCheck>();
  return ({ kind, options }) => {
    const key = `${kind} ${JSON.stringify(options)}`;
    const prepared = known.get(key) ?? prepareCheck(kind as CheckKind, options);
    known.set(key, prepared);
    return prepared;
  };
}

function findingOf(check: string, verdict: Verdict): Finding {
  const { outcome, phase, durationMs, details } = verdict;
  return {
    check,
    outcome,
    phase,
    durationMs,
    ...(verdict.outcome === "pass" ? {} : { reason: verdict.reason }),
    ...(Object.keys(details).length === 0 ? {} : { details }),
  };
}
