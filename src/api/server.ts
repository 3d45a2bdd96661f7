/** The API of a director: behind a unix socket always, over TCP where the configuration says so. */

import { collectDefaultMetrics, Registry } from "prom-client";
import type { ApiRule } from "../config/configuration.ts";
import type { Director } from "../director/director.ts";
import { openTcpDoor, type TcpDoor } from "./doors/tcp.ts";
import { openUnixDoor } from "./doors/unix-socket.ts";
import { SseReaders } from "./event-readers.ts";
import type { ApiContext } from "./operation.ts";

export interface ServeOptions {
  /** Where it listens, unless the rule says otherwise. */
  readonly socket: string;
  /** Closes it. */
  readonly signal?: AbortSignal;
  /** Told of what should not have happened while a request was answered. */
  readonly onBug?: (error: unknown) => void;
}

export interface ApiServer {
  readonly socket: string;
  /** Where it listens over TCP, if it does. */
  readonly tcp: { readonly address: string; readonly port: number } | undefined;
  /** Another configuration was applied: the TCP door as that says. The socket stays where it is. */
  renew(rule: ApiRule): Promise<void>;
  /** Lets nobody in any more, ends the streams of events, and waits a little for answers that are under way. */
  close(): Promise<void>;
}

/** More than people and programs that look at one director. */
const EVENT_READERS_MAX = 64;

/** Throws when it cannot listen as it should; then it does not listen at all. */
export async function serveApi(director: Director, rule: ApiRule, options: ServeOptions): Promise<ApiServer> {
  const closing = new AbortController();
  const processMetrics = new Registry();
  collectDefaultMetrics({ register: processMetrics });
  let present = rule;
  const context: ApiContext = {
    director,
    readers: new SseReaders(EVENT_READERS_MAX),
    nodeExporterNames: () => present.nodeExporterNames,
    closing: closing.signal,
    processMetrics,
    onBug: options.onBug ?? ((error) => process.emitWarning(error instanceof Error ? error : String(error))),
  };
  const unix = await openUnixDoor(context, { socket: rule.socket ?? options.socket, group: rule.group });
  const network = new NetworkDoor(context);
  try {
    await network.follow(rule.tcp);
  } catch (error) {
    await unix.close();
    throw error;
  }
  let closed: Promise<void> | undefined;
  const server: ApiServer = {
    socket: unix.socket,
    get tcp() {
      return network.open && { address: network.open.address, port: network.open.port };
    },
    renew: (next) => {
      present = next;
      return closed ?? network.follow(next.tcp);
    },
    close: () => {
      closing.abort();
      closed ??= Promise.all([unix.close(), network.follow(undefined)]).then(() => processMetrics.clear());
      return closed;
    },
  };
  const end = () => void server.close();
  options.signal?.addEventListener("abort", end, { once: true });
  if (options.signal?.aborted) await server.close();
  return server;
}

/** The TCP door as one configuration after the other wants it. */
class NetworkDoor {
  open: TcpDoor | undefined;
  readonly #context: ApiContext;
  #rule: string | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(context: ApiContext) {
    this.#context = context;
  }

  /** One change at a time. Where it cannot be opened it is closed, and the next one tries anew. */
  follow(rule: ApiRule["tcp"]): Promise<void> {
    const turn = this.#turn.then(() => this.#change(rule));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #change(rule: ApiRule["tcp"]): Promise<void> {
    const wanted = rule === undefined ? undefined : JSON.stringify(rule);
    if (wanted === this.#rule) return;
    const before = this.open;
    this.open = undefined;
    this.#rule = undefined;
    await before?.close();
    if (rule === undefined) return;
    this.open = await openTcpDoor(this.#context, rule);
    this.#rule = wanted;
  }
}
