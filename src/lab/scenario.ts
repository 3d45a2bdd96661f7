/**
 * What a lab must show, each as a function that sends real traffic, looks, and returns a finding: whether it holds and the evidence
 * in words. The demo prints them, tests assert them.
 */

import { type Watch, watching } from "./capture.ts";
import { ipJson } from "./ip.ts";
import { ADDRESSES, FRONT, LAN, type LabOptions, PORTS, serverNames, sides } from "./topology.ts";
import { type BulkJob, type SpreadResult, sendBulk, sendHttp, sendUdp, vipTarget } from "./traffic.ts";

export interface Finding {
  readonly what: string;
  readonly holds: boolean;
  /** The evidence, in one line. */
  readonly evidence: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

interface SpreadWishes {
  readonly requests: number;
  readonly concurrency?: number;
  readonly port?: number;
  /** How often each server has to answer; without it as the weights say. */
  readonly expect?: Readonly<Record<string, number>>;
}

/** HTTP, a connection for each request: every answer from the server whose turn it was. */
export async function spread(lab: LabOptions, wishes: SpreadWishes): Promise<Finding> {
  const target = vipTarget(lab, wishes.port ?? PORTS.http);
  const result = await sendHttp(lab, { target, requests: wishes.requests, concurrency: wishes.concurrency ?? 8 });
  return spreadFinding(wishes.port === PORTS.alternate ? "port map" : "spread", result, wishes.expect ?? fairShare(lab, wishes.requests));
}

/** UDP, a socket for each datagram. */
export async function udp(lab: LabOptions, wishes: Omit<SpreadWishes, "port">): Promise<Finding> {
  const result = await sendUdp(lab, { requests: wishes.requests, concurrency: wishes.concurrency ?? 8 });
  return spreadFinding("udp", result, wishes.expect ?? fairShare(lab, wishes.requests));
}

/** The servers see the client's own address: nobody stands between as a second client. */
export async function seesClientAddress(lab: LabOptions, requests = 6): Promise<Finding> {
  const { clients, failed } = await sendHttp(lab, { requests });
  const seen = Object.keys(clients);
  const own = ADDRESSES.client[lab.family];
  return {
    what: "client address",
    holds: failed === 0 && seen.length === 1 && seen[0] === own,
    evidence: `the servers saw ${seen.join(", ") || "nobody"}; the client is ${own}`,
    facts: { clients, failed },
  };
}

/** Every byte of the payload, in its place; and how fast. */
export async function bulk(lab: LabOptions, wishes: Pick<BulkJob, "direction"> & Partial<BulkJob>): Promise<Finding> {
  const result = await sendBulk(lab, wishes);
  const megabytes = result.bytes / 1e6;
  return {
    what: `bulk ${result.direction}`,
    holds: result.intact,
    evidence:
      result.error === undefined
        ? `${megabytes} MB ${result.intact ? "intact" : "DAMAGED"} by way of ${result.server}, ${result.megabytesPerSecond} MB/s`
        : `failed after ${result.seconds} s: ${result.error}`,
    facts: { ...result },
  };
}

/**
 * Which way replies go. Two witnesses: the router, who sees from whose network card each reply comes, and the director's own byte
 * counters around a download: with NAT the payload passes through it, with DR and TUN only the client's acknowledgements do.
 */
export async function replyWay(lab: LabOptions, { requests = 6, bytes = 10e6 } = {}): Promise<Finding> {
  const through = lab.method === "nat";
  const cards = cardsOf(lab);
  const device = sides(lab.method).routerPort;
  const filter = `src host ${ADDRESSES.vip[lab.family]} and tcp`;
  const senders = await watching(lab.name, [{ node: "router", device, filter }], async ([watch]) => {
    await sendHttp(lab, { requests });
    const greeting = /Flags \[S\.\]/;
    const lines = (await watch?.until((seen) => seen.filter((line) => greeting.test(line)).length >= requests)) ?? [];
    return lines.map((line) => cards.get(/^([0-9a-f:]{17}) >/.exec(line)?.[1] ?? "") ?? "a stranger");
  });
  const before = directorBytes(lab);
  const { intact } = await sendBulk(lab, { direction: "down", bytes });
  const carried = directorBytes(lab) - before;
  const fromDirector = senders.filter((sender) => sender === "director").length;
  const asExpected = through
    ? fromDirector === senders.length && carried >= bytes
    : fromDirector === 0 && !senders.includes("a stranger") && carried < bytes / 5;
  const megabytes = (count: number) => (count / 1e6).toFixed(2);
  return {
    what: "reply way",
    holds: intact && senders.length >= requests && asExpected,
    evidence:
      `${fromDirector} of ${senders.length} reply packets came through the director; ` +
      `of a ${megabytes(bytes)} MB download ${megabytes(carried)} MB reached it`,
    facts: { senders, carried, bytes, intact },
  };
}

/** One TCP connection from end to end: both ends number it alike, so nobody in between has ended it and begun another. */
export async function sameSequenceNumbers(lab: LabOptions): Promise<Finding> {
  const servers = serverNames(lab.servers);
  // Tunnelled packets hide their ports from a simple filter, so everything is looked at.
  const places = ["client", ...servers].map((node) => ({ node, device: "eth0", filter: "ip or ip6" }));
  const { numbers, server } = await watching(lab.name, places, async ([client, ...watches]) => {
    const result = await sendHttp(lab, { requests: 1 });
    const answering = Object.keys(result.servers)[0] ?? "nobody";
    const atServer = watches[servers.indexOf(answering)];
    const numbersSeen = async (watch: Watch | undefined) =>
      watch === undefined ? undefined : handshake(await watch.until((lines) => handshake(lines) !== undefined));
    return { server: answering, numbers: await Promise.all([client, atServer].map(numbersSeen)) };
  });
  const [atClient, atServer] = numbers;
  return {
    what: "one connection",
    holds: atClient !== undefined && atClient === atServer,
    evidence:
      atClient === atServer
        ? `SYN and SYN-ACK carry ${atClient ?? "nothing"} on the client and on ${server}`
        : `SYN and SYN-ACK carry ${atClient} on the client, but ${atServer} on ${server}`,
    facts: { server, atClient, atServer },
  };
}

/** "123/456": the numbers of the SYN and of the SYN-ACK; tcpdump prints a tunnelled packet's inner header in the same words. */
function handshake(lines: readonly string[]): string | undefined {
  const number = (flags: RegExp) => lines.map((line) => flags.exec(line)?.[1]).find((found) => found !== undefined);
  const syn = number(/Flags \[S[EW]*\], .*?\bseq (\d+)/);
  const synAck = number(/Flags \[S[EW]*\.[EW]*\], .*?\bseq (\d+)/);
  return syn === undefined || synAck === undefined ? undefined : `${syn}/${synAck}`;
}

/** In whole rounds the schedulers leave no remainder; anything else is not a fair question. */
export function fairShare(lab: Pick<LabOptions, "servers" | "scheduler" | "weights">, requests: number): Record<string, number> {
  const names = serverNames(lab.servers);
  const weights = lab.scheduler === "wrr" ? lab.weights : lab.weights.map((weight) => Math.min(weight, 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const shares = names.map((name, i) => [name, (requests * (weights[i] ?? 0)) / total] as const);
  return Object.fromEntries(shares.filter(([, share]) => share > 0));
}

function spreadFinding(what: string, result: SpreadResult, expected: Readonly<Record<string, number>>): Finding {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(result.servers)])];
  const exact = names.every((name) => result.servers[name] === expected[name]);
  const counts = names.map((name) => `${name} ${result.servers[name] ?? 0}`).join("  ");
  const errors = Object.entries(result.errors).map(([error, times]) => `${error} ×${times}`);
  const rate = Math.round(result.requests / Math.max(result.seconds, 0.001));
  return {
    what,
    holds: result.failed === 0 && exact,
    evidence: [
      counts,
      exact ? `(${rate}/s)` : `expected ${names.map((name) => `${name} ${expected[name] ?? 0}`).join("  ")}`,
      ...(result.failed === 0 ? [] : [`${result.failed} failed: ${errors.join(", ")}`]),
    ].join("  "),
    facts: { ...result, expected },
  };
}

interface Link {
  readonly ifname: string;
  readonly address: string;
  readonly stats64?: { readonly rx: { readonly bytes: number } };
}

/** Whose network card it is: MAC address -> node. */
function cardsOf(lab: LabOptions): Map<string, string> {
  const cards = ["director", ...serverNames(lab.servers)].flatMap((node) =>
    (ipJson(lab.name, node, ["link", "show"]) as Link[])
      .filter(({ ifname }) => ifname.startsWith("eth"))
      .map(({ address }) => [address, node] as const),
  );
  return new Map(cards);
}

/** What has reached the director on both arms. */
function directorBytes(lab: LabOptions): number {
  const links = ipJson(lab.name, "director", ["-s", "link", "show"]) as Link[];
  return links.filter(({ ifname }) => ifname === FRONT || ifname === LAN).reduce((sum, { stats64 }) => sum + (stats64?.rx.bytes ?? 0), 0);
}
