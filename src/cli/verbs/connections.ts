/** `evenkeel connections`: what stands in the connection table, as `ipvsadm -Lnc` lists it, and how many of each kind. */

import { type Command, Option } from "commander";
import type { ConnectionFilter } from "../../director/connection-filter.ts";
import type { Connection, ConnectionReader } from "../../director/connection-reader.ts";

const TEXT = {
  verb: "the connections that the packet path holds",
  service: "of this virtual service: ADDRESS, ADDRESS:PORT, or a mark's number after mark:",
  server: "to this real server: ADDRESS or ADDRESS:PORT",
  client: "from this client: ADDRESS, ADDRESS:PORT or ADDRESS/PREFIX",
  state: "in this state: ESTABLISHED, SYN_RECV, TIME_WAIT, UDP, ... ; ASSURED and NONE are templates' too",
  protocol: "of this protocol",
  count: "only how many: in all, by state, by server",
  limit: "list no more than that many; 0: all (text: 500, JSON: all)",
  output: "form of the answer",
  none: "no packet path in this network namespace",
  cure: "evenkeel apply FILE makes one",
  badState: (state: string) => `there is no state ${state}`,
  badLimit: (limit: string) => `${limit} is no number of connections`,
  badLimitCure: "give a whole number; 0 lists all",
  title: "connections",
  more: (listed: number) => `${listed} are listed and there are more: --limit 0 lists all, --count counts them`,
  nothing: "no connection matches",
  total: (total: number, active: number, templates: number) =>
    `${total} connections: ${active} active, ${total - active - templates} inactive, ${templates} templates`,
  byState: "STATE",
  byServer: "SERVER",
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
/** Bytes that are gathered before they are written. */
const CHUNK = 64 * 1024;
const MARK = /^mark:(\d+)$/;

interface Options {
  readonly service?: string;
  readonly server?: string;
  readonly client?: string;
  readonly state?: string;
  readonly protocol?: "tcp" | "udp" | "sctp";
  readonly count?: true;
  readonly limit?: string;
  readonly output: "text" | "json";
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
    .addOption(new Option("-o, --output <form>", TEXT.output).choices(["text", "json"]).default("text"))
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(options: Options): Promise<void> {
  const filter = await filterOf(options);
  const limit = await limitOf(options);
  const [{ requireBpf }, { withPacketPathLock }, { PacketPath }, { ConnectionReader }, { EvenkeelError }] = await Promise.all([
    import("../../kernel/capability.ts"),
    import("../../kernel/packet-path-lock.ts"),
    import("../../director/packet-path.ts"),
    import("../../director/connection-reader.ts"),
    import("../../model/error.ts"),
  ]);
  requireBpf("read the connection table");
  // Only to open it: a long listing keeps nobody from changing the packet path.
  const path = await withPacketPathLock(() => PacketPath.open());
  if (path === undefined) throw new EvenkeelError("NOT_RUNNING", TEXT.none, { cure: TEXT.cure });
  const reader = new ConnectionReader(path);
  try {
    if (options.count) await printCounts(reader, filter, options.output);
    else if (options.output === "json") await printJson(reader.connections(filter), limit);
    else await printText(reader.connections(filter), limit);
  } finally {
    reader.close();
    path.close();
  }
}

async function filterOf({ service, server, client, state, protocol }: Options): Promise<ConnectionFilter> {
  const [{ parseEndpoint, parseClient }, { CONNECTION_STATES }, { EvenkeelError }] = await Promise.all([
    import("../endpoint.ts"),
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
  if (limit === undefined) return output === "json" ? Number.POSITIVE_INFINITY : LIMIT_TEXT;
  if (/^\d{1,15}$/.test(limit)) return Number(limit) === 0 ? Number.POSITIVE_INFINITY : Number(limit);
  const { EvenkeelError } = await import("../../model/error.ts");
  throw new EvenkeelError("BAD_ARGUMENT", TEXT.badLimit(limit), { cure: TEXT.badLimitCure });
}

/** Gathers what is written, and waits where the reader is slower than we; false when nobody reads any more. */
class Output {
  #text = "";
  #lost = false;

  constructor() {
    process.stdout.once("error", () => {
      this.#lost = true;
    });
  }

  get lost(): boolean {
    return this.#lost;
  }

  /** Whether it has to be flushed. */
  add(text: string): boolean {
    this.#text += text;
    return this.#text.length >= CHUNK;
  }

  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = "";
    if (text === "" || this.#lost) return;
    await new Promise<void>((resolve) => process.stdout.write(text, () => resolve()));
  }
}

/** The columns of ipvsadm, so that what reads its list reads ours. */
async function printText(connections: Iterable<Connection>, limit: number): Promise<void> {
  const { formatEndpoint } = await import("../../model/address.ts");
  const line = (pro: string, expire: string, state: string, source: string, virtual: string, destination: string) =>
    `${pro.padEnd(3)} ${expire.padEnd(6)} ${state.padEnd(11)} ${source.padEnd(21)} ${virtual.padEnd(21)} ${destination}\n`;
  const output = new Output();
  output.add(line("pro", "expire", "state", "source", "virtual", "destination"));
  let listed = 0;
  let more = false;
  for (const one of connections) {
    if (listed === limit) {
      more = true;
      break;
    }
    listed++;
    const ends = [one.client, one.virtual, one.server].map(({ address, port }) => formatEndpoint(address, port));
    const [source = "", virtual = "", destination = ""] = ends;
    const wait = output.add(line(one.protocol.toUpperCase(), minutes(one.expiresMs), one.state, source, virtual, destination));
    if (wait) await output.flush();
    if (output.lost) return;
  }
  await output.flush();
  if (listed === 0) process.stderr.write(`${TEXT.nothing}\n`);
  if (more) process.stderr.write(`${TEXT.more(listed)}\n`);
}

function minutes(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (number: number) => `${number}`.padStart(2, "0");
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

/** One document, a line for a connection. */
async function printJson(connections: Iterable<Connection>, limit: number): Promise<void> {
  const { formatAddress } = await import("../../model/address.ts");
  const end = ({ address, port }: Connection["client"]) => ({ address: formatAddress(address), port });
  const output = new Output();
  output.add('{"connections":[');
  let listed = 0;
  let more = false;
  for (const one of connections) {
    if (listed === limit) {
      more = true;
      break;
    }
    const { protocol, state, method, active, template, mark, parent, slot, generation, children } = one;
    const text = JSON.stringify({
      protocol,
      state,
      expiresSeconds: Math.round(one.expiresMs / 100) / 10,
      client: end(one.client),
      virtual: end(one.virtual),
      server: end(one.server),
      method,
      active,
      ...(template ? { template, children } : {}),
      ...(mark === undefined ? {} : { mark }),
      ...(parent === undefined ? {} : { parent }),
      slot,
      generation,
    });
    const wait = output.add(listed++ === 0 ? `\n${text}` : `,\n${text}`);
    if (wait) await output.flush();
    if (output.lost) return;
  }
  output.add(`\n],"listed":${listed},"more":${more}}\n`);
  await output.flush();
}

async function printCounts(reader: ConnectionReader, filter: ConnectionFilter, form: Options["output"]): Promise<void> {
  const { formatAddress, formatEndpoint } = await import("../../model/address.ts");
  const { total, active, templates, byState, byServer } = reader.count(filter);
  const servers = [...byServer].map(([number, connections]) => ({ ...reader.server(number), number, connections }));
  if (form === "json") {
    const named = servers.map(({ address, port, connections }) => ({ address: formatAddress(address), port, connections }));
    const states = Object.fromEntries(byState);
    console.log(JSON.stringify({ total, active, inactive: total - active - templates, templates, states, servers: named }, null, 2));
    return;
  }
  const { renderTable } = await import("../table.ts");
  console.log(TEXT.total(total, active, templates));
  if (total === 0) return;
  const number = { title: TEXT.number, align: "right" } as const;
  const most = <T>(pairs: readonly (readonly [T, number])[]) => pairs.toSorted(([, one], [, other]) => other - one);
  const cells = (pairs: readonly (readonly [string, number])[]) => most(pairs).map(([name, count]) => [name, `${count}`]);
  console.log(renderTable([{ title: TEXT.byState }, number], cells([...byState])));
  const names = servers.map(({ address, port, connections }) => [formatEndpoint(address, port), connections] as const);
  console.log(renderTable([{ title: TEXT.byServer }, number], cells(names)));
}
