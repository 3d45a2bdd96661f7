/** An explanation as a person reads it: the answer, the steps by which a packet comes to it, and the numbers that were compared. */

import type { Choice, End, Explanation, MetConnection, MetService, MetTemplate, Question } from "../../director/explanation.ts";
import { OUTCOME_MEANINGS, type OutcomeName } from "../../director/outcomes.ts";
import { type Address, formatAddress, formatEndpoint } from "../../model/address.ts";
import { describeMark } from "../../model/mark-rule.ts";
import { clientPrefixLength, describeThresholds, serverName, serviceName } from "../../model/service.ts";
import { type Column, renderTable } from "../table.ts";
import { numbers, reasons } from "./account-words.ts";
import { duration, hindrance, plural, reached } from "./words.ts";

const LABEL_WIDTH = 13;

type Line = readonly [label: string, text: string];

/** `wide`: also what the packet path does with a server's packets, and how many connections a server may have. */
export function explanationText(explanation: Explanation, wide = false): string {
  const { question, choice, elsewhere } = explanation;
  const lines: Line[] = [
    ...connectionLines(explanation),
    ...serviceLines(explanation),
    ...persistenceLines(explanation),
    ...(choice === undefined ? [] : schedulerLines(choice, question)),
    ...elsewhere.map(({ interfaceName, mark }): Line => ["elsewhere", elsewhereText(interfaceName, mark)]),
    ...(choice === undefined ? [] : doubts(choice)),
  ];
  const text = [headline(explanation), "", ...lines.map(([label, words]) => `${label.padEnd(LABEL_WIDTH)}${words}`)];
  return (choice === undefined || choice.servers.length === 0 ? text : [...text, "", serverTable(choice, explanation.end, wide)]).join(
    "\n",
  );
}

function headline({ question, end }: Explanation): string {
  const client = clientName(question);
  switch (end.kind) {
    case "server":
      return `${client} gets ${reached(end.to, end.port)}`;
    case "open":
      return end.by === "lot" ? `${client} gets one of several servers, by lot` : `${client} gets a server that its port decides`;
    case "none":
      return `${client} gets no server: ${whatBecomes(end.outcome)}`;
  }
}

function whatBecomes(outcome: OutcomeName): string {
  return outcome === "ICMP_UNREACHABLE" ? 'the packet is answered with ICMP "port unreachable"' : OUTCOME_MEANINGS[outcome];
}

function clientName({ client, clientPort }: Question): string {
  return clientPort === undefined ? formatAddress(client) : formatEndpoint(client, clientPort);
}

function connectionLines({ connection, question, end }: Explanation): Line[] {
  if (connection !== undefined) return [["connection", connectionText(connection, question, end)]];
  // Nobody has asked for one.
  if (question.clientPort === undefined || question.destination === undefined) return [];
  return [["connection", "none"]];
}

function connectionText({ connection, to, port, givesWay }: MetConnection, { protocol }: Question, end: End): string {
  const stands = `${connection.state}, ${duration(connection.expiresMs)} left, to ${reached(to, port)}`;
  const first = FIRST_PACKETS[protocol];
  if (givesWay !== undefined) return `${stands}${GIVES_WAY[givesWay](first)}`;
  return end.kind === "none" ? `${stands}, which was deleted: its packets are dropped` : `${stands}; ${first} goes on with it`;
}

const GIVES_WAY = {
  over: (first: string) => `; it is over, so ${first} begins a new one`,
  deleted: (first: string) => `, which was deleted: ${first} begins a new one (expire_nodest_conn)`,
  quiesced: (first: string) => `, which has weight 0: ${first} begins a new one (expire_nodest_conn)`,
} as const satisfies Record<NonNullable<MetConnection["givesWay"]>, (first: string) => string>;

const FIRST_PACKETS = { tcp: "a SYN", udp: "a datagram", sctp: "an INIT" } as const satisfies Record<Question["protocol"], string>;

function serviceLines({ service, connection, end, question }: Explanation): Line[] {
  if (service !== undefined) return [["service", serviceText(service)]];
  if (connection !== undefined && connection.givesWay === undefined) return [];
  const none: Line = ["service", `none for ${destinationName(question)}`];
  return end.kind === "none" && end.outcome === "PASS_NO_SERVICE" && question.protocol === "tcp"
    ? [none, ["", "the host itself answers: with RST, if nothing listens there"]]
    : [none];
}

function destinationName({ protocol, destination, mark, client }: Question): string {
  const address = destination === undefined ? [] : [`${protocol} ${formatEndpoint(destination.address, destination.port)}`];
  return [...(mark === undefined ? [] : [`mark ${mark} ${client.family}`]), ...address].join(" or ");
}

function serviceText({ head, by, rule }: MetService): string {
  const name = serviceName(head);
  switch (by) {
    case "address and port":
      return name;
    case "every port":
      return `${name}, which takes every port`;
    case "ftp data":
      return `${name}, whose client this may be with an FTP data connection`;
    case "mark":
      return rule === undefined ? `${name}, by the mark that the packet carries` : `${name}, by the rule ${describeMark(rule)}`;
  }
}

function persistenceLines({ service, template, question }: Explanation): Line[] {
  const persistence = service?.head.persistence;
  if (persistence === undefined) return [];
  if (template !== undefined) return [["persistence", templateText(template, clientsOf(question.client, persistence))]];
  return [["persistence", `for ${persistence.timeoutSeconds} s; ${clientsOf(question.client, persistence)} has no server yet`]];
}

/** The client, or the network whose clients are one. */
function clientsOf(client: Address, persistence: NonNullable<MetService["head"]["persistence"]>): string {
  const { clientMask } = persistence;
  if (clientMask === undefined) return formatAddress(client);
  const network = { ...client, bytes: client.bytes.map((byte, i) => byte & (clientMask.bytes[i] ?? 0)) };
  return `${formatAddress(network)}/${clientPrefixLength(persistence, client.family)}`;
}

function templateText({ connection, to, invalid }: MetTemplate, clients: string): string {
  const had = `${clients} has ${serverName(to.server)}`;
  if (invalid === "deleted") return `${had}, which was deleted: it is scheduled anew`;
  if (invalid === "quiesced") return `${had}, which has weight 0: it is scheduled anew (expire_quiescent_template)`;
  const led = plural(connection.children, "connection");
  const leading = connection.children === 0 ? "" : `, leading ${led}`;
  const time =
    connection.expiresMs > 0 ? ` for ${duration(connection.expiresMs)} more${leading}` : `: the time is over, but not its ${led}`;
  return `${had}${time}${to.server.weight === 0 ? "; weight 0 does not keep its clients away" : ""}`;
}

function schedulerLines(choice: Choice, { destination }: Question): Line[] {
  const flags = choice.flags.length === 0 ? "" : ` (${choice.flags.join(", ")})`;
  const [rule, ...why] = reasons(choice, destination === undefined ? "the destination" : formatAddress(destination.address));
  const more = choice.servers.length === 0 ? ["there are no servers"] : why;
  return [["scheduler", `${choice.scheduler}${flags}: ${rule}`], ...more.map((reason): Line => ["", reason])];
}

function elsewhereText(interfaceName: string, mark: number): string {
  return `coming in on ${interfaceName} the packet has ${mark === 0 ? "no mark" : `mark ${mark}`}: ask with --interface ${interfaceName}`;
}

function doubts({ steady, agrees, account, servers }: Choice): Line[] {
  if (!steady) return [["note", "connections come and go: the numbers moved while the packet path chose"]];
  if (agrees) return [];
  const server = account.chosen === undefined ? undefined : servers[account.chosen];
  return [
    [
      "mistake",
      `by these numbers ${server === undefined ? "no server" : serverName(server.server)} would be chosen, and the packet path chose otherwise`,
    ],
    ["", "please report this with all of the output"],
  ];
}

function serverTable(choice: Choice, end: End, wide: boolean): string {
  const { servers, account, chosen } = choice;
  const compared = numbers(choice);
  const right = { align: "right" } as const;
  const columns: Column[] = [
    { title: "SERVER" },
    ...(wide ? [{ title: "METHOD" }, { title: "THRESHOLDS", ...right }] : []),
    ...["WEIGHT", "ACTIVE", "INACTIVE", ...compared.map(({ title }) => title)].map((title) => ({ title, ...right })),
    { title: "" },
  ];
  const rows = servers.map((standing, i) => {
    const { server, load } = standing;
    const why = account.kind === "locality" ? (account.asked?.passedOver[i] ?? account.passedOver[i]) : account.passedOver[i];
    const chosenHere = end.kind === "server" && standing === chosen ? ["chosen"] : [];
    return [
      serverName(server),
      ...(wide ? [server.method, describeThresholds(server)] : []),
      `${server.weight}`,
      `${load.active}`,
      `${load.inactive}`,
      ...compared.map(({ of }) => of(i)),
      [...chosenHere, ...(why === undefined ? [] : [hindrance(standing, why)])].join(", though "),
    ];
  });
  return renderTable(columns, rows);
}
