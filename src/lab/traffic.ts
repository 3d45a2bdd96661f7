/** Traffic from the lab's client: what can be asked for, and how the answer looks. Each job is bounded in count and in time. */

import { fileURLToPath } from "node:url";
import { EvenkeelError } from "../model/error.ts";
import { spawnInside } from "./commands.ts";
import { finished } from "./finished.ts";
import { reserveSourcePorts } from "./source-ports.ts";
import { ADDRESSES, type LabOptions, namespaceOf, PORTS } from "./topology.ts";

export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface HttpJob {
  readonly kind: "http";
  readonly target: Target;
  readonly requests: number;
  readonly concurrency: number;
  /** Of the first request; see source-ports.ts. */
  readonly firstPort: number;
  /** The client's address; without it the first one. */
  readonly from?: string;
  /** Else a connection for each request, so that each is scheduled. */
  readonly keepAlive: boolean;
  /** For one request, and for all of them. */
  readonly patienceMs: number;
  readonly timeoutMs: number;
}

export type UdpJob = Omit<HttpJob, "kind" | "keepAlive"> & {
  readonly kind: "udp";
  /** Of what is sent, and comes back with the server's words before it. */
  readonly bytes: number;
};

export interface BulkJob {
  readonly kind: "bulk";
  readonly target: Target;
  readonly direction: "down" | "up";
  readonly bytes: number;
  readonly timeoutMs: number;
}

export type Job = HttpJob | UdpJob | BulkJob;

export interface SpreadResult {
  readonly requests: number;
  readonly failed: number;
  /** How often each answered. */
  readonly servers: Readonly<Record<string, number>>;
  /** The client addresses the servers saw, and how often. */
  readonly clients: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Who answered one after the other; empty when requests were concurrent. */
  readonly order: readonly string[];
}

export interface BulkResult {
  readonly direction: "down" | "up";
  readonly bytes: number;
  readonly server: string;
  /** Each byte arrived, in its place. */
  readonly intact: boolean;
  readonly seconds: number;
  readonly megabytesPerSecond: number;
  readonly error?: string;
}

export const REQUESTS_MAX = 1_000_000;
export const CONCURRENCY_MAX = 512;

const PROGRAM = fileURLToPath(new URL("client.ts", import.meta.url));

type LabName = Pick<LabOptions, "name" | "family">;
type SpreadWishes = Partial<Pick<HttpJob, "target" | "requests" | "concurrency" | "from" | "keepAlive" | "patienceMs" | "timeoutMs">>;

/** The lab's VIP in its own family. */
export function vipTarget({ family }: Pick<LabOptions, "family">, port: number = PORTS.http): Target {
  return { host: ADDRESSES.vip[family], port };
}

export async function sendHttp(lab: LabName, wishes: SpreadWishes = {}): Promise<SpreadResult> {
  const job: HttpJob = { target: vipTarget(lab), keepAlive: false, ...(await spreadJob(lab, wishes)), ...wishes, kind: "http" };
  return (await send(lab.name, job)) as SpreadResult;
}

export async function sendUdp(lab: LabName, wishes: Omit<SpreadWishes, "keepAlive"> & { bytes?: number } = {}): Promise<SpreadResult> {
  const job: UdpJob = { target: vipTarget(lab, PORTS.udp), bytes: 5, ...(await spreadJob(lab, wishes)), ...wishes, kind: "udp" };
  return (await send(lab.name, job)) as SpreadResult;
}

export function sendBulk(lab: LabName, wishes: Pick<BulkJob, "direction"> & Partial<BulkJob>): Promise<BulkResult> {
  const job: BulkJob = { target: vipTarget(lab), bytes: 100e6, timeoutMs: 30_000, ...wishes, kind: "bulk" };
  return send(lab.name, job) as Promise<BulkResult>;
}

async function spreadJob(lab: LabName, { requests = 3, concurrency = 1 }: SpreadWishes) {
  checkBounds(requests, concurrency);
  const firstPort = await reserveSourcePorts(lab.name, requests);
  return { requests, concurrency, firstPort, patienceMs: 3_000, timeoutMs: 20_000 + requests * 2 };
}

async function send(lab: string, job: Job): Promise<SpreadResult | BulkResult> {
  const command = [process.execPath, "--disable-warning=ExperimentalWarning", PROGRAM, JSON.stringify(job)];
  const child = spawnInside(lab, namespaceOf(lab, "client"), command, {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: job.timeoutMs + 5_000,
  });
  return JSON.parse(await finished(child, "the lab's client")) as SpreadResult | BulkResult;
}

function checkBounds(requests: number, concurrency: number): void {
  if (!Number.isInteger(requests) || requests < 1 || requests > REQUESTS_MAX)
    throw new EvenkeelError("BAD_ARGUMENT", `requests are 1 to ${REQUESTS_MAX}, not ${requests}`);
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > CONCURRENCY_MAX)
    throw new EvenkeelError("BAD_ARGUMENT", `concurrent requests are 1 to ${CONCURRENCY_MAX}, not ${concurrency}`);
}
