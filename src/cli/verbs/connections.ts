/** `evenkeel connections`: what stands in the connection table, as `ipvsadm -Lnc` lists it, and how many of each kind. */

import { type Command, Option } from "commander";
import type { ConnectionFilter } from "../../director/connection-filter.ts";
import type { Connection, ConnectionReader } from "../../director/connection-reader.ts";
import { isForPrograms, type OutputForm, outputOption, printAs } from "../output.ts";

const TEXT = {
  verb: "the connections that the packet path holds",
  service: "of this virtual service: ADDRESS, ADDRESS:PORT, or a mark's number after mark:",
  server: "to this real server: ADDRESS or ADDRESS:PORT",
  client: "from this client: ADDRESS, ADDRESS:PORT or ADDRESS/PREFIX",
  state: "in this state: ESTABLISHED, SYN_RECV, TIME_WAIT, UDP, ... ; ASSURED and NONE are templates' too",
  protocol: "of this protocol",
  count: "only how many: in all, by state, by server",
  limit: "list no more than that many; 0: all (table: 500, JSON and YAML: all)",
  none: "no packet path in this network namespace",
  cure: "evenkeel apply FILE makes one",
  badState: (state: string) => `there is no state ${state}`,
  badLimit: (limit: string) => `${limit} is no number of connections`,
  badLimitCure: "give a whole number; 0 lists all",
  more: (listed: number) => `${listed} are listed and there are more: --limit 0 lists all, --count counts them`,
  nothing: "no connection matches",
  total: (total: number, active: number, templates: number) =>
    `${total} connections: ${active} active, ${total - active - templates} inactive, ${templates} templates`,
  byState: "STATE",
  byServer: "SERVER",
  ofService: "SERVICE",
  number: "CONNECTIONS",
  examples: `
Examples:
  evenkeel connections
  evenkeel connections --count
  evenkeel connections --service 192.0.2.1:80 --state ESTABLISHED
  evenkeel connections --client 198.51.100.0/24 --server 10.0.0.11
  evenkeel connections --service mark:7 --limit 0
  evenkeel connections -o json > connections.json

A connection past its time is not listed. A template (persistence) shows the client's network and, for a mark's service, the mark
as its virtual address. The table is read while packets flow: each line was true when it was read, the list is not one moment.
Exit codes: 0 read, 1 there is no packet path, 2 wrong usage, 5 not permitted`,
};

const LIMIT_TEXT = 500;
const MARK = /^mark:(\d+)$/;

interface Options {
  readonly service?: string;
  readonly server?: string;
  readonly client?: string;
  readonly state?: string;
  readonly protocol?: "tcp" | "udp" | "sctp";
  readonly count?: true;
  readonly limit?: string;
  readonly output: OutputForm;
}

export function register(program: Command): void {
  program
    .command("connections")
    .description(TEXT.verb)
    .option("--service <service>", TEXT.service)
    .option("--server <server>", TEXT.server)
    .option("--client <client>", TEXT.client)
    .option("--state <state>", TEXT.state)
    .addOption(new Option("--protocol <protocol>", TEXT.protocol).choices(["tcp", "udp", "sctp"]))
    .option("--count", TEXT.count)
    .option("--limit <number>", TEXT.limit)
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(options: Options): Promise<void> {
  const filter = await filterOf(options);
  const limit = await limitOf(options);
  const [{ requireBpf }, { readConnections }, { EvenkeelError }] = await Promise.all([
    import("../../kernel/capability.ts"),
    import("../../director/read-connections.ts"),
    import("../../model/error.ts"),
  ]);
  requireBpf("read the connection table");
  await readConnections(async (reader) => {
    if (reader === undefined) throw new EvenkeelError("NOT_RUNNING", TEXT.none, { cure: TEXT.cure });
    if (options.count) await printCounts(reader, filter, options.output);
    else await printList(reader.connections(filter), limit, options.output);
  });
}

async function filterOf({ service, server, client, state, protocol }: Options): Promise<ConnectionFilter> {
  const [{ parseEndpoint, parseClient }, { CONNECTION_STATES }, { EvenkeelError }] = await Promise.all([
    import("../../model/endpoint.ts"),
    import("../../director/connection-filter.ts"),
    import("../../model/error.ts"),
  ]);
  if (state !== undefined && !CONNECTION_STATES.includes(state.toUpperCase())) {
    throw new EvenkeelError("BAD_ARGUMENT", TEXT.badState(state), { cure: `give one of ${CONNECTION_STATES.join(", ")}` });
  }
  const mark = MARK.exec(service ?? "")?.[1];
  return {
    ...(protocol === undefined ? {} : { protocol }),
    ...(state === undefined ? {} : { state }),
    ...(client === undefined ? {} : { client: parseClient(client) }),
    ...(server === undefined ? {} : { server: parseEndpoint(server) }),
    ...(service === undefined ? {} : { service: mark === undefined ? parseEndpoint(service) : { mark: Number(mark) } }),
  };
}

async function limitOf({ limit, output }: Options): Promise<number> {
  if (limit === undefined) return isForPrograms(output) ? Number.POSITIVE_INFINITY : LIMIT_TEXT;
  if (/^\d{1,15}$/.test(limit)) return Number(limit) === 0 ? Number.POSITIVE_INFINITY : Number(limit);
  const { EvenkeelError } = await import("../../model/error.ts");
  throw new EvenkeelError("BAD_ARGUMENT", TEXT.badLimit(limit), { cure: TEXT.badLimitCure });
}

async function printList(connections: Iterable<Connection>, limit: number, form: Options["output"]): Promise<void> {
  const { listAsJson, listAsText, listAsYaml } = await import("../connection-listing.ts");
  const list = form === "json" ? listAsJson : form === "yaml" ? listAsYaml : listAsText;
  const { listed, more } = await list(connections, { limit, stream: process.stdout });
  if (isForPrograms(form)) return;
  if (listed === 0) process.stderr.write(`${TEXT.nothing}\n`);
  if (more) process.stderr.write(`${TEXT.more(listed)}\n`);
}

async function printCounts(reader: ConnectionReader, filter: ConnectionFilter, form: Options["output"]): Promise<void> {
  const { formatAddress, formatEndpoint } = await import("../../model/address.ts");
  const { total, active, templates, byState, byServer } = reader.count(filter);
  const servers = [...byServer].map(([number, connections]) => ({ ...reader.server(number), number, connections }));
  if (isForPrograms(form)) {
    const named = servers.map(({ address, ...one }) => ({
      address: formatAddress(address),
      port: one.port,
      service: one.service,
      connections: one.connections,
    }));
    const states = Object.fromEntries(byState);
    await printAs(form, { total, active, inactive: total - active - templates, templates, states, servers: named }, () => "");
    return;
  }
  const { renderTable } = await import("../table.ts");
  console.log(TEXT.total(total, active, templates));
  if (total === 0) return;
  const number = { title: TEXT.number, align: "right" } as const;
  const states = [...byState].toSorted(([, one], [, other]) => other - one);
  console.log(
    renderTable(
      [{ title: TEXT.byState }, number],
      states.map(([name, count]) => [name, `${count}`]),
    ),
  );
  const byNumber = servers.toSorted((one, other) => other.connections - one.connections);
  console.log(
    renderTable(
      [{ title: TEXT.byServer }, number, { title: TEXT.ofService }],
      byNumber.map(({ address, port, connections, service }) => [formatEndpoint(address, port), `${connections}`, service ?? ""]),
    ),
  );
}
