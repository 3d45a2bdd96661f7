/** What is measured: each column takes one sample of a row, in the client's namespace, and refuses one that had errors. */

import { spawnInside } from "../../src/lab/commands.ts";
import { finished } from "../../src/lab/finished.ts";
import { namespaceOf } from "../../src/lab/topology.ts";
import { EvenkeelError } from "../../src/model/error.ts";
import { BULK_PORT, HTTP_PORT, pinned, targetOf, UDP_PORT } from "./ports.ts";
import type { Row } from "./rows.ts";
import type { Stand } from "./stand.ts";
import { UDP_PROGRAM } from "./tools.ts";

export interface Column {
  readonly id: string;
  readonly title: string;
  /** Digits behind the point of a value. */
  readonly digits: number;
  can(row: Row): boolean;
  sample(stand: Stand, seconds: number, signal: AbortSignal): Promise<number>;
}

const CONNECTIONS = 32;
const UDP_FLOWS = 16;
const UDP_WINDOW = 8;
/** Of a sample's requests or datagrams; a few may fall when a server closes just as the next request is under way. */
const FAILURES_MAX = 0.001;

export const COLUMNS: readonly Column[] = [
  { id: "keepalive", title: "keep-alive req/s", digits: 0, can: () => true, sample: (...of) => wrk([], ...of) },
  { id: "close", title: "close conn/s", digits: 0, can: () => true, sample: (...of) => wrk(["-H", "Connection: close"], ...of) },
  // HAProxy balances no UDP.
  { id: "udp", title: "UDP echoes/s", digits: 0, can: ({ job }) => !(job.kind === "peer" && job.peer === "haproxy"), sample: udp },
  { id: "up", title: "bulk up MB/s", digits: 0, can: () => true, sample: (...of) => iperf([], ...of) },
  { id: "down", title: "bulk down MB/s", digits: 0, can: () => true, sample: (...of) => iperf(["--reverse"], ...of) },
];

async function wrk(more: readonly string[], stand: Stand, seconds: number, signal: AbortSignal): Promise<number> {
  const command = ["wrk", "-t", "1", "-c", `${CONNECTIONS}`, "-d", `${seconds}s`, ...more, `http://${targetOf(stand.row)}:${HTTP_PORT}/`];
  const story = await onClient(stand, command, signal);
  const rate = Number(/^Requests\/sec:\s+([\d.]+)/m.exec(story)?.[1]);
  const requests = Number(/^\s*(\d+) requests in/m.exec(story)?.[1]);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(story)?.slice(1) ?? [];
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(story)?.[1] ?? 0);
  const failures = errors.reduce((sum, count) => sum + Number(count), refused);
  return checked(stand, "wrk", rate, failures / requests, story);
}

async function udp(stand: Stand, seconds: number, signal: AbortSignal): Promise<number> {
  const flows = [`${seconds * 1000}`, `${UDP_FLOWS}`, `${UDP_WINDOW}`];
  const story = await onClient(stand, [UDP_PROGRAM, "ask", targetOf(stand.row), `${UDP_PORT}`, ...flows], signal);
  const [rate = Number.NaN, lost = Number.NaN] = story.trim().split(" ").map(Number);
  return checked(stand, "udp", rate, lost / (rate * seconds), story);
}

/** What arrived at the receiver, in millions of bytes a second. */
async function iperf(more: readonly string[], stand: Stand, seconds: number, signal: AbortSignal): Promise<number> {
  const command = ["iperf3", "--client", targetOf(stand.row), "--port", `${BULK_PORT}`, "--time", `${seconds}`, "--json", ...more];
  const story = await onClient(stand, [...command, "--connect-timeout", "2000"], signal);
  const report = JSON.parse(story) as { error?: string; end?: { sum_received?: { bits_per_second?: number } } };
  return checked(
    stand,
    "iperf3",
    (report.end?.sum_received?.bits_per_second ?? Number.NaN) / 8e6,
    report.error === undefined ? 0 : 1,
    story,
  );
}

function onClient({ lab, row }: Stand, command: readonly string[], signal: AbortSignal): Promise<string> {
  const child = spawnInside(lab, namespaceOf(lab, "client"), pinned("client", command), {
    stdio: ["ignore", "pipe", "pipe"],
    signal,
    timeout: 60_000,
  });
  return finished(child, `${command[0]} for ${row.title}`);
}

function checked({ row }: Stand, program: string, rate: number, failed: number, story: string): number {
  if (rate > 0 && failed <= FAILURES_MAX) return rate;
  const share = Number.isFinite(failed) ? `${(failed * 100).toFixed(1)} % of what was sent failed` : "nothing came back";
  throw new EvenkeelError("EXPECTATION_FAILED", `${program} for ${row.title}: ${share}`, { facts: { story: `${story.slice(0, 2000)}\n` } });
}
