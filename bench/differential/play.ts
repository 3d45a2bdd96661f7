/**
 * One script on both directors, step by step side by side, so that what expires does so on both at nearly the same time. Where they
 * differ they are given a little time before it counts: IPVS's timers and our ticks are not the same.
 */

import { setTimeout } from "node:timers/promises";
import { type Director, Evenkeel, Ipvs } from "./directors.ts";
import { Network } from "./network.ts";
import type { Script, Step } from "./script.ts";
import { Sockets } from "./sockets.ts";

export interface Difference {
  readonly step: number;
  readonly what: string;
  readonly ipvs: string;
  readonly evenkeel: string;
}

export interface Played {
  /** Lines of both that were compared. */
  readonly looks: number;
  /** Those of one step: the script ends there, for one difference is the cause of others. */
  readonly differences: readonly Difference[];
}

/** Between looks at the whole table. */
const CONNECTIONS_EVERY = 50;
/** For packets that the kernel put off. */
const SETTLE_MS = 2;
/** Until a difference counts. */
const PATIENCE_MS = 3000;
const SECONDS_TOLERATED = 2;

export async function play(script: Script): Promise<Played> {
  const sides = [new Side("ipvs", (network) => new Ipvs(network)), new Side("evenkeel", (network) => new Evenkeel(network))] as const;
  let looks = 0;
  try {
    for (const [number, step] of script.steps.entries()) {
      const [one, other] = [sides[0].perform(step), sides[1].perform(step)];
      await setTimeout(SETTLE_MS);
      const whole = number % CONNECTIONS_EVERY === CONNECTIONS_EVERY - 1 || number === script.steps.length - 1;
      let found = look(sides, whole);
      if (one !== other) found.push(["said", one, other]);
      for (const untilMs = performance.now() + PATIENCE_MS; one === other && found.length > 0 && performance.now() < untilMs; ) {
        await setTimeout(50);
        found = look(sides, whole);
      }
      if (found.length > 0) {
        return { looks, differences: found.map(([what, ipvs, evenkeel]) => ({ step: number, what, ipvs, evenkeel })) };
      }
      for (const side of sides) looks += side.note(step);
    }
    return { looks, differences: [] };
  } finally {
    for (const side of sides) side.close();
  }
}

function look([ipvs, evenkeel]: readonly [Side, Side], whole: boolean): Unlike[] {
  const one = ipvs.look(whole);
  const other = evenkeel.look(whole);
  return [...unlike(one.servers, other.servers), ...unlikeConnections(one.connections, other.connections)];
}

class Side {
  readonly #director: Director;
  readonly #network: Network;
  readonly #sockets: Sockets;
  /** The server of each connection, by name: DR and TUN show it to neither end. */
  readonly #servers = new Map<number, string>();
  #rows: readonly string[] = [];
  #looked: { readonly servers: readonly string[]; readonly connections: readonly string[] } = { servers: [], connections: [] };

  constructor(name: string, open: (network: Network) => Director) {
    this.#network = new Network(name);
    this.#director = open(this.#network);
    this.#sockets = new Sockets(this.#network);
  }

  perform(step: Step): string {
    switch (step.kind) {
      case "order":
        return this.#director.order(step.words);
      case "open":
        return this.#sockets.open(step.id, step.client, step.clientPort, step.port);
      case "close":
        return this.#sockets.close(step.id, step.how, this.#isStalled(step.id));
      case "datagram":
        return this.#sockets.datagram(step.client, step.clientPort, step.port);
    }
  }

  look(whole: boolean): { readonly servers: readonly string[]; readonly connections: readonly string[] } {
    this.#looked = { servers: this.#director.servers(), connections: whole ? this.#director.connections() : [] };
    return this.#looked;
  }

  /** After a step on which both agreed; how many lines were looked at. */
  note(step: Step): number {
    const { servers, connections } = this.#looked;
    if (step.kind === "open") this.#servers.set(step.id, grownBetween(this.#rows, servers));
    this.#rows = servers;
    return servers.length + connections.length;
  }

  close(): void {
    this.#sockets.closeAll();
    this.#director.close();
    this.#network.close();
  }

  /** Has its server been deleted? Then its packets are dropped. */
  #isStalled(id: number): boolean {
    const name = this.#servers.get(id);
    return name !== undefined && name !== "" && !this.#rows.some((row) => nameOf(row) === name);
  }
}

/** The name of a row: "tcp 207.1.1.1:80 -> 192.168.1.1:80". */
function nameOf(row: string): string {
  return row.split(" ").slice(0, 4).join(" ");
}

/** Whose connections have become more. */
function grownBetween(before: readonly string[], after: readonly string[]): string {
  const totals = new Map(before.map((row) => [nameOf(row), totalOf(row)]));
  const grown = after.find((row) => totalOf(row) > (totals.get(nameOf(row)) ?? 0));
  return grown === undefined ? "" : nameOf(grown);
}

function totalOf(row: string): number {
  const words = row.split(" ");
  return Number(words[8]) + Number(words[10]);
}

type Unlike = readonly [what: string, ipvs: string, evenkeel: string];

/** Lines that one list has and the other has not. */
function unlike(ipvs: readonly string[], evenkeel: readonly string[]): Unlike[] {
  const one = ipvs.filter((line) => !evenkeel.includes(line));
  const other = evenkeel.filter((line) => !ipvs.includes(line));
  return Array.from({ length: Math.max(one.length, other.length) }, (_, i) => ["server", one[i] ?? "none", other[i] ?? "none"] as const);
}

function unlikeConnections(ipvs: readonly string[], evenkeel: readonly string[]): Unlike[] {
  const one = tableOf(ipvs);
  const other = tableOf(evenkeel);
  return [...new Set([...one.keys(), ...other.keys()])].flatMap((line) => {
    const [left, right] = [one.get(line), other.get(line)];
    if (left !== undefined && right !== undefined && Math.abs(left - right) <= SECONDS_TOLERATED) return [];
    return [["connection", `${line} ${left ?? "is not there"}`, `${line} ${right ?? "is not there"}`] as const];
  });
}

/** Everything but the time left, to the time left. */
function tableOf(lines: readonly string[]): Map<string, number> {
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]));
}
