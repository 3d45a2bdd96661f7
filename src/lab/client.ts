/**
 * The program that runs on the lab's client: sends what a job asks for and prints one line of JSON about what came back.
 * Usage: client.ts JOB_AS_JSON; see Job in traffic.ts.
 */

import { createSocket } from "node:dgram";
import { Agent, type IncomingMessage, type RequestOptions, request } from "node:http";
import { pipeline, Readable } from "node:stream";
import { payload, Sum } from "./payload.ts";
import { sourcePort } from "./source-ports.ts";
import type { BulkJob, BulkResult, HttpJob, Job, SpreadResult, Target, UdpJob } from "./traffic.ts";

/** What one request found out; `error` when it found nothing. */
type Outcome = { readonly server: string; readonly client: string } | { readonly error: string };

const job = JSON.parse(process.argv[2] ?? "") as Job;
const result = job.kind === "bulk" ? await bulk(job) : await spread(job);
process.stdout.write(`${JSON.stringify(result)}\n`);

async function spread(work: HttpJob | UdpJob): Promise<SpreadResult> {
  const agent = work.kind === "http" && work.keepAlive ? new Agent({ keepAlive: true, maxSockets: work.concurrency }) : false;
  const outcomes = Array<Outcome>(work.requests);
  const startMs = performance.now();
  const deadlineMs = startMs + work.timeoutMs;
  let next = 0;
  const askOnce = (port: number, leftMs: number) =>
    work.kind === "udp"
      ? askUdp(work, port, leftMs)
      : askHttp(work.target, { agent, ...sourceOf(work), ...(agent === false ? { localPort: port } : {}) }, leftMs);
  const worker = async () => {
    while (next < work.requests) {
      const i = next++;
      const leftMs = Math.min(work.patienceMs, deadlineMs - performance.now());
      if (leftMs <= 0) outcomes[i] = { error: "not sent: out of time" };
      else outcomes[i] = await askOnce(sourcePort(work.firstPort, i), leftMs);
    }
  };
  await Promise.all(Array.from({ length: Math.min(work.concurrency, work.requests) }, worker));
  const seconds = (performance.now() - startMs) / 1000;
  if (agent !== false) agent.destroy();
  return summary(outcomes, seconds, work.concurrency === 1);
}

function summary(outcomes: readonly Outcome[], seconds: number, inOrder: boolean): SpreadResult {
  const answered = outcomes.filter((outcome) => "server" in outcome);
  const failed = outcomes.filter((outcome) => "error" in outcome);
  return {
    requests: outcomes.length,
    failed: failed.length,
    servers: tally(answered.map(({ server }) => server)),
    clients: tally(answered.map(({ client }) => client)),
    errors: tally(failed.map(({ error }) => error)),
    seconds: Number(seconds.toFixed(3)),
    order: inOrder ? answered.map(({ server }) => server) : [],
  };
}

function tally(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([one], [other]) => one.localeCompare(other, "en", { numeric: true })));
}

function sourceOf({ from }: Pick<HttpJob, "from">): { localAddress?: string } {
  return from === undefined ? {} : { localAddress: from };
}

async function askHttp(target: Target, way: RequestOptions, patienceMs: number): Promise<Outcome> {
  try {
    const response = await ask(target, { ...way, path: "/" }, patienceMs);
    const text = (await response.toArray()).map(String).join("");
    if (response.statusCode !== 200) return { error: `HTTP ${response.statusCode}` };
    const { server, client } = JSON.parse(text) as { server: string; client: string };
    return { server, client };
  } catch (error) {
    return { error: reason(error) };
  }
}

/** A socket and a port of its own for each, so a new connection for the director. Connected, so only the VIP may answer. */
function askUdp({ target, from, bytes }: UdpJob, port: number, patienceMs: number): Promise<Outcome> {
  const sent = Buffer.alloc(bytes, "hello ");
  return new Promise((resolve) => {
    const socket = createSocket(target.host.includes(":") ? "udp6" : "udp4");
    const timer = setTimeout(() => finish({ error: "no answer in time" }), patienceMs);
    const finish = (outcome: Outcome) => {
      clearTimeout(timer);
      socket.close();
      resolve(outcome);
    };
    socket.once("error", (error) => finish({ error: reason(error) }));
    socket.once("message", (message) => {
      const [server = "", endpoint = ""] = message.toString("utf8", 0, 100).split(" ");
      const echo = message.subarray(Buffer.byteLength(`${server} ${endpoint} `));
      if (!echo.equals(sent)) finish({ error: `${echo.length} of ${bytes} bytes came back, or others` });
      else finish({ server, client: endpoint.slice(0, endpoint.lastIndexOf(":")) });
    });
    const address = from === undefined ? {} : { address: from };
    socket.bind({ port, ...address }, () => socket.connect(target.port, target.host, () => socket.send(sent)));
  });
}

async function bulk(work: BulkJob): Promise<BulkResult> {
  const startMs = performance.now();
  try {
    const { server, intact } = await (work.direction === "down" ? download(work) : upload(work));
    const seconds = (performance.now() - startMs) / 1000;
    const megabytesPerSecond = Number((work.bytes / 1e6 / seconds).toFixed(1));
    return { direction: work.direction, bytes: work.bytes, server, intact, seconds: Number(seconds.toFixed(3)), megabytesPerSecond };
  } catch (error) {
    const seconds = Number(((performance.now() - startMs) / 1000).toFixed(3));
    return { direction: work.direction, bytes: 0, server: "", intact: false, seconds, megabytesPerSecond: 0, error: reason(error) };
  }
}

async function download({ target, bytes, timeoutMs }: BulkJob): Promise<{ server: string; intact: boolean }> {
  const response = await ask(target, { path: `/bytes?n=${bytes}`, agent: false }, timeoutMs);
  const sum = new Sum();
  for await (const piece of response) sum.add(piece as Buffer);
  return { server: String(response.headers["x-server"] ?? ""), intact: sum.is(bytes) };
}

async function upload({ target, bytes, timeoutMs }: BulkJob): Promise<{ server: string; intact: boolean }> {
  const options = { path: "/upload", method: "PUT", agent: false, headers: { "content-length": bytes } } as const;
  const response = await ask(target, options, timeoutMs, Readable.from(payload(bytes), { highWaterMark: 4 }));
  const said = JSON.parse((await response.toArray()).map(String).join("")) as { server: string; bytes: number; intact: boolean };
  return { server: said.server, intact: said.intact && said.bytes === bytes };
}

/** The whole exchange, the body included, has `patienceMs`. */
function ask(target: Target, options: RequestOptions, patienceMs: number, body?: Readable): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, host: target.host, port: target.port, signal: AbortSignal.timeout(Math.ceil(patienceMs)) }, resolve);
    sent.once("error", reject);
    if (body === undefined) sent.end();
    else pipeline(body, sent, (error) => (error ? reject(error) : undefined));
  });
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "AbortError" || error.name === "TimeoutError") return "no answer in time";
  return (error as NodeJS.ErrnoException).code ?? error.message;
}
