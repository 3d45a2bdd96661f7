/** What a probe shows: a line for each verdict, and in the end what the director would make of it. */

import { styleText } from "node:util";
import { hostOf, type Target } from "../../checker/checker.ts";
import type { ServiceHealth, ServiceHealthAction } from "../../health/service-health.ts";
import type { Advice, Verdict } from "../../model/health.ts";

const MARKS = { pass: "pass", fail: "FAIL", unable: "none" } as const;
const COLOURS = { pass: "green", fail: "red", unable: "yellow" } as const;

export function formatTarget(target: Target): string {
  const host = hostOf(target);
  if (target.port === 0) return host;
  return `${host.includes(":") ? `[${host}]` : host}:${target.port}`;
}

/** "FAIL  10.0.0.11:80  connect   0.4 ms  connection refused" */
export function verdictLine(target: string, verdict: Verdict): string {
  const mark = styleText(COLOURS[verdict.outcome], MARKS[verdict.outcome], { stream: process.stdout });
  const duration = `${verdict.durationMs.toFixed(1)} ms`;
  const facts = Object.entries(verdict.details).map(([name, value]) => `${name} ${String(value)}`);
  const advice = verdict.outcome === "unable" || verdict.advice === undefined ? [] : adviceWords(verdict.advice);
  const said = [...(verdict.outcome === "pass" ? [] : [verdict.reason]), ...advice, ...facts].join(", ");
  return `${mark}  ${target}  ${verdict.phase.padEnd(8)} ${duration.padStart(10)}  ${said}`.trimEnd();
}

export function actionLines(targets: readonly string[], actions: readonly ServiceHealthAction[]): string[] {
  return actions.flatMap((action) => {
    if ("server" in action) return [`      ${targets[action.server]} is ${action.kind === "server-rose" ? "up" : "down"}`];
    if (action.kind === "line-up") return [];
    return [action.kind === "quorum-gained" ? "      the quorum is reached" : "      the quorum is lost"];
  });
}

export function summaryLines(targets: readonly string[], { servers, quorum }: ServiceHealth): string[] {
  const width = Math.max(0, ...targets.map(({ length }) => length));
  return [
    ...servers.map(({ condition, weight }, i) => {
      const worth = weight.kind === "in" ? `weight ${weight.weight}` : "out";
      return `${(targets[i] ?? "").padEnd(width)}  ${condition}, ${worth}`;
    }),
    quorum === "up" ? "service: the quorum is reached" : "service: the quorum is not reached",
  ];
}

export function summaryJson(targets: readonly string[], { servers, quorum }: ServiceHealth): object {
  return {
    servers: servers.map(({ condition, weight }, i) => ({
      target: targets[i],
      condition,
      weight: weight.kind === "in" ? weight.weight : null,
    })),
    quorum: quorum === "up",
  };
}

function adviceWords({ weight, mode }: Advice): string[] {
  return [
    ...(mode === undefined ? [] : [mode]),
    ...(weight === undefined ? [] : [weight.kind === "percent" ? `weight ${weight.percent} %` : `weight ${weight.weight}`]),
  ];
}
