/**
 * The connections, found from either side by the client's address and port as in the kernel's one hash table, the newest
 * first; and their expiry.
 */

import { type Address, formatAddress, sameAddress } from "../../model/address.ts";
import { type Connection, type ConnectionKey, uncount } from "./connection.ts";
import { DeadlineQueue } from "./deadline-queue.ts";

/** An entry that controls others, or whose time has come while it is needed, is asked again after this. */
const AGAIN_SECONDS = 60;
/** Less than whatever time is told in. */
const A_LITTLE_MS = 1e-3;

type Client = Pick<ConnectionKey, "protocol" | "client" | "clientPort">;

export class ConnectionTable {
  readonly #byClient = new Map<string, Connection[]>();
  readonly #deadlines = new DeadlineQueue<Connection>();

  /** Every entry that can be found, templates included. */
  all(): readonly Connection[] {
    return [...this.#byClient.values()].flat();
  }

  add(connection: Connection): void {
    const name = nameOf(connection.key);
    this.#byClient.set(name, [connection, ...(this.#byClient.get(name) ?? [])]);
  }

  /** Gives it another key: the place in the order is that of a new one. */
  rename(connection: Connection, key: ConnectionKey): void {
    this.#unlink(connection);
    connection.key = key;
    this.add(connection);
  }

  /** By the client's packets; templates have keys of their own, since no client has port 0. */
  find(key: ConnectionKey): Connection | undefined {
    return this.#byClient
      .get(nameOf(key))
      ?.find(({ key: other }) => other.virtualPort === key.virtualPort && sameVirtual(other.virtualAddress, key.virtualAddress));
  }

  /** By the server's packets, as they come from where the client's went to. */
  findReply(client: Client, from: { readonly address: Address; readonly port: number }): Connection | undefined {
    return this.#byClient
      .get(nameOf(client))
      ?.find(
        ({ server, state }) => state.protocol !== "template" && server.port === from.port && sameAddress(server.address, from.address),
      );
  }

  /**
   * Starts its time anew. A template's timer is set before that of the connection it leads, and of timers for one moment the
   * kernel runs the one first that was set last.
   */
  rearm(connection: Connection, nowMs: number): void {
    this.#expireAt(connection, nowMs + connection.timeoutSeconds * 1000 + behind(connection));
  }

  /** Lets it expire with the next tick of the clock: whatever is decided before that still finds it counted. */
  expireSoon(connection: Connection, nowMs: number): void {
    if (connection.expiresAtMs > nowMs) this.#expireAt(connection, nowMs);
  }

  /** Lets it expire at once, as if its time had come. */
  expireNow(connection: Connection, nowMs: number): void {
    this.#expire(connection, nowMs);
  }

  /** Removes it at once, by force; a template that nobody else needs goes with it. */
  drop(connection: Connection, nowMs: number): void {
    if (connection.control !== undefined) connection.timeoutSeconds = 0;
    this.#expire(connection, nowMs);
  }

  /** Removes what has expired. */
  advance(nowMs: number): void {
    const untilMs = nowMs + A_LITTLE_MS;
    for (let due = this.#deadlines.pop(untilMs); due !== undefined; due = this.#deadlines.pop(untilMs)) {
      this.#expire(due, due.expiresAtMs - behind(due));
    }
  }

  #expire(connection: Connection, nowMs: number): void {
    if (connection.expiresAtMs === Number.NEGATIVE_INFINITY) return;
    if (connection.controlled > 0) {
      connection.timeoutSeconds = AGAIN_SECONDS;
      // Its place in the queue was used up.
      connection.expiresAtMs = Number.POSITIVE_INFINITY;
      this.rearm(connection, nowMs);
      return;
    }
    this.#unlink(connection);
    connection.expiresAtMs = Number.NEGATIVE_INFINITY;
    uncount(connection);
    const { control } = connection;
    if (control === undefined) return;
    connection.control = undefined;
    control.controlled--;
    const assured = control.state.protocol === "template" && control.state.assured;
    if (connection.timeoutSeconds === 0 && control.controlled === 0 && !assured) this.drop(control, nowMs);
  }

  #expireAt(connection: Connection, atMs: number): void {
    const earlier = atMs < connection.expiresAtMs;
    connection.expiresAtMs = atMs;
    if (earlier) this.#deadlines.push(connection);
  }

  #unlink(connection: Connection): void {
    const name = nameOf(connection.key);
    const others = (this.#byClient.get(name) ?? []).filter((other) => other !== connection);
    if (others.length === 0) this.#byClient.delete(name);
    else this.#byClient.set(name, others);
  }
}

function behind({ state }: Connection): number {
  return state.protocol === "template" ? A_LITTLE_MS : 0;
}

function nameOf({ protocol, client, clientPort }: Client): string {
  return `${protocol} ${formatAddress(client)} ${clientPort}`;
}

function sameVirtual(one: Address | number, other: Address | number): boolean {
  if (typeof one === "number" || typeof other === "number") return one === other;
  return sameAddress(one, other);
}
