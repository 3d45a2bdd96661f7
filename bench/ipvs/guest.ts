/**
 * The part of bench/ipvs.ts that runs inside the emulated machine: for each row the stand, the forwarder on it, and packets through it.
 * Prints a line of JSON for each sample. Nothing here takes time that is counted: the sender counts its own.
 *
 *   node bench/ipvs/guest.ts COUNT ROW...
 */

import { rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { baseOf, type Forwarder, type Input, ROWS, type Row, rowName, type Way } from "./rows.ts";
import {
  attachTc,
  attachXdp,
  CLIENT,
  command,
  inNode,
  macOf,
  type Port,
  received,
  receiveFrames,
  SERVERS,
  standDown,
  standUp,
  VIRTUAL,
} from "./stand.ts";
import { ENDS, SENDER } from "./tools.ts";

const EVENKEEL = fileURLToPath(new URL("../../bin/evenkeel", import.meta.url));
const CONFIGURATION = "/run/evenkeel.yaml";

const SERVICE_PORTS = { dr: 80, nat: 81, tun: 82, reply: 83 } as const satisfies Record<Way, number>;
/**
 * Of a way's hot flow, and the first of its new ones. Each way has clients of its own: our table looks for a flow by its client's side first,
 * and one client on all services is not what is measured.
 */
const HOT_PORTS = { dr: 20_000, nat: 20_001, tun: 20_002, reply: 20_003 } as const satisfies Record<Way, number>;
const FRESH_PORTS = { dr: 24_000, nat: 37_000, tun: 50_000, reply: 63_000 } as const satisfies Record<Way, number>;
/** Sent before what is counted: caches of the kernel's own (routes, neighbours) are filled, the flow is known. */
const WARM_UP = 64;
const SAMPLES = 3;

export interface Sample {
  readonly row: string;
  readonly instructions: number;
}

/** Services of one stand: the reply's has one server, so that it is known who answers. */
interface Service {
  readonly way: Way;
  readonly method: "dr" | "nat" | "tun";
  readonly servers: readonly string[];
}

const SERVICES: readonly Service[] = (["dr", "nat", "tun", "reply"] as const).map((way) => ({
  way,
  method: way === "reply" ? "nat" : way,
  servers: way === "reply" ? SERVERS.slice(0, 1) : SERVERS,
}));

const IPVS_METHODS = { dr: "-g", nat: "-m", tun: "-i" } as const;

function main(count: number, names: readonly string[]): void {
  command("sysctl", ["-qw", "net.core.netdev_max_backlog=100000"]);
  const wanted = ROWS.filter((row) => names.length === 0 || names.includes(rowName(row)));
  for (const [input, forwarder] of new Set(wanted.map(({ input, forwarder }) => `${input} ${forwarder}`)).values().map(standOf)) {
    const rows = wanted.filter((row) => row.input === input && row.forwarder === forwarder);
    // IPVS keeps one table for the whole machine; it is emptied with the namespace, so that each way's newcomers find it empty.
    const ways = forwarder === "ipvs" ? [...new Set(rows.map(({ way }) => way))] : [undefined];
    for (const way of ways) measureStand(input, forwarder, count, way === undefined ? rows : rows.filter((row) => row.way === way));
  }
}

function standOf(name: string): [Input, Forwarder] {
  const row = ROWS.find(({ input, forwarder }) => `${input} ${forwarder}` === name);
  if (row === undefined) throw new Error(`no stand ${name}`);
  return [row.input, row.forwarder];
}

function measureStand(input: Input, forwarder: Forwarder, count: number, rows: readonly Row[]): void {
  standUp();
  try {
    if (input === "frames") for (const port of ["front", "back"] as const) receiveFrames(port);
    for (const port of endsOf(forwarder)) {
      if (input === "frames" && rows.some((row) => baseOf(row) === "none_xdp")) attachXdp(port, "sink");
      else attachTc(port, "sink");
    }
    prepare(input, forwarder);
    // Hot flows while the table is all but empty: none is in another's place.
    for (const row of rows.toSorted((one, other) => Number(one.fresh) - Number(other.fresh))) measure(row, count);
  } finally {
    rmSync("/sys/fs/bpf/evenkeel", { recursive: true, force: true });
    standDown();
  }
}

function endsOf(forwarder: Forwarder): readonly Port[] {
  return forwarder === "none" || forwarder === "none_xdp" ? ["front"] : ["client0", "server0"];
}

function prepare(input: Input, forwarder: Forwarder): void {
  if (forwarder === "redirect" && input === "frames") attachXdp("front", "redirect");
  else if (forwarder === "redirect" || forwarder === "redirect_neigh") attachTc("front", forwarder);
  else if (forwarder === "ipvs") prepareIpvs();
  else if (forwarder === "evenkeel") prepareEvenkeel(input);
}

function prepareIpvs(): void {
  const lines = SERVICES.flatMap(({ way, method, servers }) => {
    const service = `${VIRTUAL}:${SERVICE_PORTS[way]}`;
    return [`-A -u ${service} -s rr`, ...servers.map((server) => `-a -u ${service} -r ${server} ${IPVS_METHODS[method]} -w 1`)];
  });
  for (const line of lines) inNode("director", ["ipvsadm", ...line.split(" ")]);
}

/** The very command that an operator types, in the director's namespace. */
function prepareEvenkeel(input: Input): void {
  const hook = input === "packets" ? "tc" : "xdp";
  const configuration = {
    interfaces: ["front", "back"].map((name) => ({ name, hook })),
    services: SERVICES.map(({ way, method, servers }) => ({
      address: VIRTUAL,
      port: SERVICE_PORTS[way],
      protocol: "udp",
      scheduler: "rr",
      method,
      servers: servers.map((address) => ({ address })),
    })),
  };
  // JSON is YAML.
  writeFileSync(CONFIGURATION, JSON.stringify(configuration));
  inNode("director", [EVENKEEL, "apply", CONFIGURATION]);
}

function measure(row: Row, count: number): void {
  const { forwarder, way, fresh } = row;
  const destination = forwarder === "router" ? SERVERS[0] : VIRTUAL;
  const end: Port = endsOf(forwarder).at(-1) ?? "server0";
  const forth = { row, from: "client0", mac: macOf("front"), source: CLIENT, destination, port: SERVICE_PORTS[way], end } as const;
  if (fresh) {
    for (let i = 0; i < SAMPLES; i++) report(row, send({ ...forth, sourcePort: FRESH_PORTS[way] + i * count, flows: count, count }));
    return;
  }
  send({ ...forth, sourcePort: HOT_PORTS[way], flows: 1, count: WARM_UP });
  for (let i = 0; i < SAMPLES; i++) {
    const stream =
      way === "reply"
        ? ({
            row,
            from: "server0",
            mac: macOf("back"),
            source: SERVERS[0],
            sourcePort: SERVICE_PORTS[way],
            destination: CLIENT,
            port: HOT_PORTS[way],
            end: "client0",
            flows: 1,
            count,
          } as const)
        : { ...forth, sourcePort: HOT_PORTS[way], flows: 1, count };
    report(row, send(stream));
  }
}

interface Stream {
  readonly row: Row;
  readonly from: "client0" | "server0";
  readonly mac: string;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly port: number;
  readonly flows: number;
  readonly count: number;
  /** Where each packet must come out. */
  readonly end: Port;
}

/** Instructions a packet. */
function send(stream: Stream): number {
  const { row, from, mac, source, sourcePort, destination, port, flows, count, end } = stream;
  const words = [from, mac, source, sourcePort, destination, port, flows, count, ...(row.input === "frames" ? [ENDS] : [])].map(String);
  const before = received(end);
  const instructions = Number(inNode(from === "client0" ? "client" : "server", [SENDER, ...words]));
  const arrived = received(end) - before;
  if (arrived !== count) throw new Error(`${rowName(row)}: ${count} packets were sent, ${arrived} arrived at ${end}`);
  return instructions;
}

function report(row: Row, instructions: number): void {
  const sample: Sample = { row: rowName(row), instructions };
  process.stdout.write(`${JSON.stringify(sample)}\n`);
}

if (import.meta.main) {
  const [count = "4000", ...names] = process.argv.slice(2);
  main(Number(count), names);
}
