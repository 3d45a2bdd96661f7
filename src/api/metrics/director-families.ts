/** What /metrics tells of a director: its services and servers as the kernel counted them, its checks, and itself. */

import type { CheckView, Director, DirectorStatus, Measures, ServerView, ServiceView } from "../../director/director.ts";
import type { Counters, TrafficCounters } from "../../model/plane.ts";
import { type Family, labelText, type MetricType, sample } from "./exposition.ts";

interface Known<View> {
  readonly view: View;
  readonly labels: string;
}

export function directorFamilies(director: Director, outcomes: Counters["outcomes"], eventReaders: number): Family[] {
  const views = director.services();
  const services = views.map((view) => ({ view, labels: labelText(serviceLabels(view)) }));
  const servers = views.flatMap(({ servers: inside }) =>
    inside.map((view) => ({ view, labels: labelText({ ...serviceLabels(view), server: view.server }) })),
  );
  const checks = servers.flatMap(({ view, labels }) =>
    view.checks.map((check) => ({ view: check, labels: `${labels},${labelText({ check: check.name })}` })),
  );
  return [
    ...statusFamilies(director.status()),
    ...serviceFamilies(services),
    ...serverFamilies(servers),
    ...checkFamilies(checks),
    ...measureFamilies(director.measures()),
    plain("evenkeel_event_readers", "gauge", "Readers that follow the events now.", eventReaders),
    {
      name: "evenkeel_outcome_packets_total",
      help: "What became of packets that were not sent on.",
      type: "counter",
      samples: Object.entries(outcomes).map(([outcome, count]) => sample("evenkeel_outcome_packets_total", labelText({ outcome }), count)),
    },
  ];
}

function serviceLabels({ service, label = "" }: ServiceView | ServerView): { service: string; label: string } {
  return { service, label };
}

function statusFamilies(status: DirectorStatus): Family[] {
  const { version, startedMs, ready, configuration, confirmUntilMs, adopted, services, servers, checks } = status;
  return [
    labelled("evenkeel_build_info", "gauge", "Which version runs; always 1.", { version }, 1),
    plain("evenkeel_start_time_seconds", "gauge", "When the director started, since 1970.", startedMs / 1000),
    plain("evenkeel_ready", "gauge", "1: the packet path is as the configuration wants it.", Number(ready)),
    plain("evenkeel_services", "gauge", "Services of the configuration.", services),
    plain("evenkeel_servers", "gauge", "Servers of the configuration.", servers.all),
    plain("evenkeel_servers_up", "gauge", "Those that are up.", servers.up),
    plain(
      "evenkeel_servers_overridden",
      "gauge",
      "Those of which an operator said something beside the configuration.",
      servers.overridden,
    ),
    plain("evenkeel_checks", "gauge", "Health checks of the configuration.", checks),
    plain("evenkeel_configuration_version", "gauge", "The present configuration's place in the history.", configuration.id),
    plain("evenkeel_configuration_applied_time_seconds", "gauge", "When it was applied, since 1970.", configuration.appliedMs / 1000),
    plain(
      "evenkeel_configuration_unconfirmed",
      "gauge",
      "1: it is rolled back unless it is confirmed.",
      Number(confirmUntilMs !== undefined),
    ),
    plain("evenkeel_adopted_edits", "gauge", "What the kernel holds beside the configuration by hand.", adopted.length),
  ];
}

function serviceFamilies(services: readonly Known<ServiceView>[]): Family[] {
  return [
    ...trafficFamilies("evenkeel_service", "the service", services),
    each("evenkeel_service_quorum_up", "gauge", "1: the weight of its well servers is enough.", services, ({ quorum }) =>
      Number(quorum === "up"),
    ),
    each("evenkeel_service_sorry", "gauge", "1: its sorry server serves.", services, ({ sorry }) => Number(sorry)),
  ];
}

function serverFamilies(servers: readonly Known<ServerView>[]): Family[] {
  const gauge = (name: string, help: string, value: (view: ServerView) => number | undefined) => each(name, "gauge", help, servers, value);
  return [
    gauge("evenkeel_server_up", "1: its checks say that it is up, or it has none.", ({ condition }) => Number(condition === "up")),
    gauge("evenkeel_server_in_service", "1: the kernel has it in the service.", ({ weight }) => Number(weight !== "out")),
    gauge("evenkeel_server_weight", "As the kernel has it; 0 when it is not in the service.", ({ weight }) =>
      weight === "out" ? 0 : weight,
    ),
    gauge("evenkeel_server_configured_weight", "As the configuration has it.", ({ configuredWeight }) => configuredWeight),
    gauge("evenkeel_server_overridden", "1: an operator said something of it.", ({ override }) => Number(override !== undefined)),
    gauge("evenkeel_server_active_connections", "Established connections.", ({ counters }) => counters?.active),
    gauge("evenkeel_server_inactive_connections", "Other connections.", ({ counters }) => counters?.inactive),
    gauge("evenkeel_server_persistent_templates", "Clients that are kept with it.", ({ counters }) => counters?.persistent),
    gauge("evenkeel_server_overloaded", "1: above its thresholds.", ({ counters }) => counters && Number(counters.overloaded)),
    ...trafficFamilies("evenkeel_server", "the server", servers),
  ];
}

function trafficFamilies(
  prefix: string,
  whom: string,
  known: readonly Known<{ readonly counters: TrafficCounters | undefined }>[],
): Family[] {
  const both = (name: string, what: string, incoming: "packetsIn" | "bytesIn", outgoing: "packetsOut" | "bytesOut"): Family => ({
    name,
    help: `${what} of ${whom}: in from its clients, out to them.`,
    type: "counter",
    samples: directions(name, known, incoming, outgoing),
  });
  return [
    each(`${prefix}_connections_total`, "counter", `Connections that began at ${whom}.`, known, ({ counters }) => counters?.connections),
    both(`${prefix}_packets_total`, "Packets", "packetsIn", "packetsOut"),
    both(`${prefix}_bytes_total`, "Bytes", "bytesIn", "bytesOut"),
  ];
}

function* directions(
  name: string,
  known: readonly Known<{ readonly counters: TrafficCounters | undefined }>[],
  incoming: keyof TrafficCounters,
  outgoing: keyof TrafficCounters,
): Generator<string> {
  for (const { view, labels } of known) {
    if (view.counters === undefined) continue;
    yield sample(name, `${labels},direction="in"`, view.counters[incoming]) +
      sample(name, `${labels},direction="out"`, view.counters[outgoing]);
  }
}

function checkFamilies(checks: readonly Known<CheckView>[]): Family[] {
  const gauge = (name: string, help: string, value: (view: CheckView) => number | undefined) => each(name, "gauge", help, checks, value);
  return [
    gauge("evenkeel_server_check_up", "1: what this check makes of its verdicts is that the server is up.", ({ condition }) =>
      Number(condition === "up"),
    ),
    gauge("evenkeel_server_check_duration_seconds", "How long it took last.", ({ last }) => last && last.durationMs / 1000),
  ];
}

function measureFamilies({ checksUnderWay, checks, reconciliations, journal, eventLoopLagSeconds }: Measures): Family[] {
  const name = "evenkeel_check_duration_seconds";
  return [
    plain("evenkeel_checks_under_way", "gauge", "Checks that have begun and not ended.", checksUnderWay),
    {
      name,
      help: "How long checks took, and how many were made, by kind and outcome.",
      type: "summary",
      samples: checks.map(({ kind, outcome, count, seconds }) => {
        const labels = labelText({ kind, outcome });
        return sample(`${name}_sum`, labels, seconds) + sample(`${name}_count`, labels, count);
      }),
    },
    {
      name: "evenkeel_reconciliations_total",
      help: "How often the packet path was brought to what is wanted.",
      type: "counter",
      samples: [
        sample("evenkeel_reconciliations_total", 'outcome="done"', reconciliations.done),
        sample("evenkeel_reconciliations_total", 'outcome="failed"', reconciliations.failed),
      ],
    },
    plain("evenkeel_reconciliation_last_duration_seconds", "gauge", "How long the last one took.", reconciliations.lastSeconds),
    plain("evenkeel_journal_entries", "gauge", "Entries that the journal holds.", journal.entries),
    plain("evenkeel_journal_dropped_total", "counter", "Entries that the journal had no room for.", journal.dropped),
    plain("evenkeel_journal_on_disk", "gauge", "1: the journal is written to disk.", Number(journal.onDisk)),
    plain("evenkeel_event_loop_lag_seconds", "gauge", "How late the director's event loop was.", eventLoopLagSeconds),
  ];
}

function each<View>(
  name: string,
  type: MetricType,
  help: string,
  known: readonly Known<View>[],
  value: (view: View) => number | bigint | undefined,
): Family {
  function* samples(): Generator<string> {
    for (const { view, labels } of known) {
      const found = value(view);
      if (found !== undefined) yield sample(name, labels, found);
    }
  }
  return { name, help, type, samples: samples() };
}

function plain(name: string, type: MetricType, help: string, value: number): Family {
  return { name, help, type, samples: [sample(name, "", value)] };
}

function labelled(name: string, type: MetricType, help: string, labels: Record<string, string>, value: number): Family {
  return { name, help, type, samples: [sample(name, labelText(labels), value)] };
}
