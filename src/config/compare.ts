/**
 * What differs between two configurations beyond what the packet path holds (reconcile/diff.ts says that): checks, quorum, sorry servers, the
 * director's own sections. One line each, for people: "service web: quorum 1 -> 2", "server 10.0.0.11:80 of web: check http /healthz interval 2s -> 1s".
 * A service or a server that is only in one of them is no difference here: the packet path gets it, or loses it.
 */

import { formatAddress } from "../model/address.ts";
import { describeServer, serverName, serviceName } from "../model/service.ts";
import { printable } from "./complaint.ts";
import type {
  ApiRule,
  Configuration,
  ConfiguredCheck,
  ConfiguredInstance,
  ConfiguredServer,
  ConfiguredService,
  NotifyRule,
} from "./configuration.ts";
import { checkName, describeCheck } from "./describe-check.ts";
import { formatDuration } from "./fields.ts";

/** What is said of a thing, by the words for it. Left out: nothing is said. */
type Facts = Readonly<Record<string, string | undefined>>;

export function compareConfigurations(before: Configuration, after: Configuration): string[] {
  const services = pairs(before.services, after.services, serviceName);
  return [
    ...changes(directorFacts(before), directorFacts(after)),
    ...listed("notify", before.notify.map(notifyText), after.notify.map(notifyText)),
    ...compareInstances(before.instances, after.instances),
    ...services.flatMap(([one, other]) => compareServices(one, other)),
  ];
}

function directorFacts({ director, api, journal, marksFromOutside }: Configuration): Facts {
  return {
    "director: by_hand": director.byHand,
    "director: compare": formatDuration(director.compareMs),
    "settings: marks_from_outside": onOff(marksFromOutside),
    "api: socket": api.socket ?? "the usual one",
    "api: group": api.group,
    "api: tcp": tcpText(api.tcp),
    "api: node_exporter_names": onOff(api.nodeExporterNames),
    "journal: entries": `${journal.entriesMax}`,
    "journal: days": `${journal.daysMax}`,
  };
}

function tcpText(tcp: ApiRule["tcp"]): string | undefined {
  if (tcp === undefined) return undefined;
  const { address, port, tokenFile, certificate, key } = tcp;
  const secured = certificate === undefined ? "" : ` with TLS (${certificate}, ${key})`;
  return `${address.includes(":") ? `[${address}]` : address}:${port}${secured}, token ${tokenFile}`;
}

function notifyText({ command, user, timeoutMs, events }: NotifyRule): string {
  const told = events === undefined ? "" : ` of ${events.join(", ")}`;
  return `${printable(command.join(" "))} as ${user ?? "nobody"} within ${formatDuration(timeoutMs)}${told}`;
}

function compareServices(before: ConfiguredService, after: ConfiguredService): string[] {
  const label = printable(after.name ?? serviceName(after));
  const own = changes(serviceFacts(before), serviceFacts(after)).map((line) => `service ${label}: ${line}`);
  const servers = pairs(before.servers, after.servers, serverName).map(([one, other]) => ({
    name: serverName(other),
    lines: compareServers(one, other),
  }));
  return [...own, ...together(label, servers)];
}

function serviceFacts(service: ConfiguredService): Facts {
  const { name, quorum, sorryServer, alpha, omega, hairpin, onQuorumUp, onQuorumDown } = service;
  return {
    name: name === undefined ? undefined : printable(name),
    quorum: `${quorum.quorum}`,
    "quorum hysteresis": `${quorum.hysteresis}`,
    "quorum up": onQuorumUp === undefined ? undefined : printable(onQuorumUp.join(" ")),
    "quorum down": onQuorumDown === undefined ? undefined : printable(onQuorumDown.join(" ")),
    "sorry server": sorryServer === undefined ? undefined : describeServer(sorryServer).replace(/ weight \d+/, ""),
    alpha: onOff(alpha),
    omega: onOff(omega),
    hairpin: onOff(hairpin),
  };
}

interface ServerLines {
  readonly name: string;
  readonly lines: readonly string[];
}

/** What becomes of all servers is said once. */
function together(label: string, servers: readonly ServerLines[]): string[] {
  const [first] = servers;
  const shared = servers.length < 2 ? [] : (first?.lines.filter((line) => servers.every(({ lines }) => lines.includes(line))) ?? []);
  return [
    ...shared.map((line) => `all servers of ${label}: ${line}`),
    ...servers.flatMap(({ name, lines }) =>
      lines.filter((line) => !shared.includes(line)).map((line) => `server ${name} of ${label}: ${line}`),
    ),
  ];
}

function compareServers(before: ConfiguredServer, after: ConfiguredServer): string[] {
  return [...changes(serverFacts(before), serverFacts(after)), ...compareChecks(before.checks, after.checks)];
}

function serverFacts({ inhibitOnFailure, cutTemplates, drainDeadlineMs }: ConfiguredServer): Facts {
  return {
    inhibit_on_failure: onOff(inhibitOnFailure),
    cut_templates: onOff(cutTemplates),
    drain_deadline: drainDeadlineMs === undefined ? undefined : formatDuration(drainDeadlineMs),
  };
}

/** Checks of the same name belong together, then those of the same kind, in their order. */
function compareChecks(before: readonly ConfiguredCheck[], after: readonly ConfiguredCheck[]): string[] {
  // Servers share their service's list.
  if (before === after) return [];
  const gone = [...before];
  const partner = new Map<ConfiguredCheck, ConfiguredCheck>();
  for (const isSame of [sameName, sameKind]) {
    for (const check of after) {
      const at = partner.has(check) ? -1 : gone.findIndex((each) => isSame(each, check));
      const [found] = at === -1 ? [] : gone.splice(at, 1);
      if (found !== undefined) partner.set(check, found);
    }
  }
  return [
    ...after.flatMap((check) => {
      const former = partner.get(check);
      if (former === undefined) return [`new check ${describeCheck(check)}`];
      return changes(checkFacts(former), checkFacts(check)).map((line) => `check ${checkName(check)} ${line}`);
    }),
    ...gone.map((check) => `no more check ${describeCheck(check)}`),
  ];
}

function sameName(one: ConfiguredCheck, other: ConfiguredCheck): boolean {
  return checkName(one) === checkName(other);
}

function sameKind(one: ConfiguredCheck, other: ConfiguredCheck): boolean {
  return one.kind === other.kind;
}

function checkFacts(check: ConfiguredCheck): Facts {
  const options = Object.entries(check.options).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return {
    interval: formatDuration(check.intervalMs),
    fast_interval: formatDuration(check.fastIntervalMs),
    timeout: formatDuration(check.timeoutMs),
    jitter: `${check.jitter}`,
    rise: `${check.rise}`,
    fall: `${check.fall}`,
    clients_way: onOff(check.clientsWay),
    ...Object.fromEntries(options.map(([key, value]) => [`option ${printable(key)}`, optionText(value)])),
  };
}

function optionText(value: unknown): string {
  return printable(typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing"));
}

function compareInstances(before: readonly ConfiguredInstance[], after: readonly ConfiguredInstance[]): string[] {
  const names = (list: readonly ConfiguredInstance[]) => list.map(({ name }) => printable(name));
  return [
    ...listed("instance", names(before), names(after)),
    ...pairs(before, after, ({ name }) => name).flatMap(([one, other]) => {
      // A password is not shown.
      const secret = one.authentication?.password === other.authentication?.password ? [] : ["another password"];
      return [...changes(instanceFacts(one), instanceFacts(other)), ...secret].map((line) => `instance ${printable(other.name)}: ${line}`);
    }),
  ];
}

function instanceFacts(instance: ConfiguredInstance): Facts {
  return {
    interface: instance.interfaceName,
    vrid: `${instance.vrid}`,
    priority: `${instance.priority}`,
    version: `${instance.version}`,
    advert_interval: formatDuration(instance.advertIntervalMs),
    preempt: onOff(instance.preempt),
    preempt_delay: formatDuration(instance.preemptDelayMs),
    authentication: instance.authentication?.type,
    addresses: instance.addresses.map(({ address, length }) => `${formatAddress(address)}/${length}`).join(", "),
    peers: instance.peers.map(formatAddress).join(", "),
    track: instance.track
      .map((rule) => `${"service" in rule ? `service ${printable(rule.service)}` : rule.interfaceName} ${rule.weight ?? ""}`.trim())
      .join(", "),
  };
}

function onOff(value: boolean): string {
  return value ? "on" : "off";
}

/** "quorum 1 -> 2" */
function changes(before: Facts, after: Facts): string[] {
  const words = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return words.filter((word) => before[word] !== after[word]).map((word) => `${word} ${said(before[word])} -> ${said(after[word])}`);
}

function said(text: string | undefined): string {
  return text === undefined || text === "" ? "none" : text;
}

/** Of a list whose items have no names but themselves. */
function listed(noun: string, before: readonly string[], after: readonly string[]): string[] {
  return [
    ...after.filter((item) => !before.includes(item)).map((item) => `new ${noun} ${item}`),
    ...before.filter((item) => !after.includes(item)).map((item) => `no more ${noun} ${item}`),
  ];
}

/** Those that are in both, in the order of the latter. */
function pairs<Thing>(before: readonly Thing[], after: readonly Thing[], nameOf: (thing: Thing) => string): [Thing, Thing][] {
  const known = new Map(before.map((thing) => [nameOf(thing), thing]));
  return after.flatMap((thing): [Thing, Thing][] => {
    const former = known.get(nameOf(thing));
    return former === undefined ? [] : [[former, thing]];
  });
}
