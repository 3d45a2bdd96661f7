/**
 * The director's API for programs in TypeScript: an operation of the `Director` each, with the same errors as if the director stood in this process. `evenkeel`'s
 * own verbs use nothing else. It needs node:http and no package, and loads in a few milliseconds.
 */

import type {
  Applied,
  ApplyRequest,
  ConfigurationVersion,
  DirectorStatus,
  EventQuery,
  Measures,
  Plan,
  ServerReference,
} from "../director/director.ts";
import { formatAddress } from "../model/address.ts";
import type { Edit } from "../model/edit.ts";
import type { Edited, EditOptions } from "../model/edit-refused.ts";
import { EvenkeelError } from "../model/error.ts";
import type { JournalEntry } from "../model/journal.ts";
import type { OverrideWish } from "../model/override.ts";
import { type Answer, type DirectorPlace, describePlace, type Exchange, exchange, openStream } from "./connection.ts";
import { readEvents } from "./event-stream.ts";
import type { ConfigurationReply, ConnectionsReply, EditedReply, KernelReply, ServerReply, ServiceReply } from "./types.ts";

const TEXT = {
  noJson: (where: string) => `what answers at ${where} is no director: its answer is no JSON`,
  ended: "the director ended the stream of events",
};

export interface ClientOptions {
  /** For an answer to a question; 10 s when left out. */
  readonly timeoutMs?: number;
  /** For a change to be made, which may wait for others; 5 min when left out. */
  readonly changeTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface ServerQuery {
  readonly service?: string;
  readonly server?: string;
  readonly condition?: ServerReply["condition"];
  readonly overridden?: boolean;
  /** With what each check said before. */
  readonly history?: boolean;
}

/** As `evenkeel connections` takes them: "192.0.2.10:80", "mark:7", "198.51.100.0/24". */
export interface ConnectionQuery {
  readonly service?: string;
  readonly server?: string;
  readonly client?: string;
  readonly state?: string;
  readonly protocol?: "tcp" | "udp" | "sctp";
  readonly limit?: number;
  /** From the page before. */
  readonly cursor?: string;
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

interface Asked {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as YAML. */
  readonly yaml?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class DirectorClient {
  readonly #place: DirectorPlace;
  readonly #options: ClientOptions;

  constructor(place: DirectorPlace, options: ClientOptions = {}) {
    this.#place = place;
    this.#options = options;
  }

  async status(): Promise<DirectorStatus> {
    return await this.#get("/v1/status");
  }

  /** All, or those that a reference means. */
  async services(reference?: string, query: { readonly history?: boolean } = {}): Promise<readonly ServiceReply[]> {
    const path = reference === undefined ? "/v1/services" : `/v1/services/${encodeURIComponent(reference)}`;
    return (await this.#get<{ services: readonly ServiceReply[] }>(path, { ...query })).services;
  }

  async servers(query: ServerQuery = {}): Promise<readonly ServerReply[]> {
    return (await this.#get<{ servers: readonly ServerReply[] }>("/v1/servers", { ...query })).servers;
  }

  /** One page. */
  async connections(query: ConnectionQuery = {}): Promise<ConnectionsReply> {
    return await this.#get("/v1/connections", { ...query });
  }

  async kernel(): Promise<KernelReply> {
    return await this.#get("/v1/kernel");
  }

  async measures(): Promise<Measures> {
    return await this.#get("/v1/measures");
  }

  /** The text that was applied: the present one, or one of the history. */
  async configuration(id?: number): Promise<ConfigurationReply> {
    return await this.#get(id === undefined ? "/v1/configuration" : `/v1/configuration/history/${id}`);
  }

  /** Newest first. */
  async history(): Promise<readonly ConfigurationVersion[]> {
    return (await this.#get<{ versions: readonly ConfigurationVersion[] }>("/v1/configuration/history")).versions;
  }

  async plan(text: string, file: string): Promise<Plan> {
    return await this.#change("POST", "/v1/configuration/plan", { query: { file }, yaml: text });
  }

  async apply({ text, file, dryRun, confirmWithinMs, ifDigest }: ApplyRequest, reason?: string): Promise<Applied> {
    return await this.#change("PUT", "/v1/configuration", {
      query: {
        file,
        "dry-run": dryRun,
        "confirm-within": confirmWithinMs === undefined ? undefined : `${confirmWithinMs}ms`,
        reason,
      },
      yaml: text,
      ...(ifDigest === undefined ? {} : { headers: { "if-match": `"${ifDigest}"` } }),
    });
  }

  async reload(reason?: string): Promise<Applied> {
    return await this.#change("POST", "/v1/configuration/reload", { query: { reason } });
  }

  async confirm(reason?: string): Promise<ConfigurationVersion> {
    return await this.#change("POST", "/v1/configuration/confirm", { query: { reason } });
  }

  /** Back to the version before the present one, or to a given one. */
  async undo(id?: number, reason?: string): Promise<Applied> {
    return await this.#change("POST", "/v1/configuration/undo", { query: { id, reason } });
  }

  /** Those that are meant, as they are now. */
  async override(reference: ServerReference, wish: OverrideWish, reason?: string): Promise<readonly ServerReply[]> {
    const answer = await this.#change<{ servers: readonly ServerReply[] }>("POST", "/v1/overrides", {
      json: { ...reference, ...wish, reason },
    });
    return answer.servers;
  }

  /** `only`: leaves an override of another kind as it is. */
  async clearOverride(reference: ServerReference, only?: OverrideWish["kind"], reason?: string): Promise<readonly ServerReply[]> {
    const query = { ...reference, kind: only, reason };
    return (await this.#change<{ servers: readonly ServerReply[] }>("DELETE", "/v1/overrides", { query })).servers;
  }

  /** Throws EditRefused as editPacketPath() does. */
  async edit(edits: readonly Edit[], options: EditOptions = {}, reason?: string): Promise<Edited> {
    const { refused, warnings } = await this.#change<EditedReply>("POST", "/v1/edits", { json: { edits, options, reason } });
    return {
      refused: refused.map(({ index, code, detail, cure, facts }) => ({
        index,
        error: new EvenkeelError(code, detail, { ...(cure && { cure }), ...(facts && { facts }) }),
      })),
      warnings,
    };
  }

  /** What was adopted and is forgotten now, a line each. */
  async forgetAdopted(reason?: string): Promise<readonly string[]> {
    return (await this.#change<{ forgotten: readonly string[] }>("DELETE", "/v1/adopted", { query: { reason } })).forgotten;
  }

  async events(query: EventQuery = {}): Promise<readonly JournalEntry[]> {
    return (await this.#get<{ events: readonly JournalEntry[] }>("/v1/events", eventQuery(query))).events;
  }

  /**
   * Those after `query.after`, or those that come, until the signal; then it ends. Throws DIRECTOR_AWAY when the director goes; begun again with the last
   * number as `after`, nothing is told twice and nothing is missed.
   */
  async *follow(query: EventQuery, signal: AbortSignal): AsyncGenerator<JournalEntry> {
    const path = withQuery("/v1/events/stream", eventQuery(query));
    const headers = { accept: "text/event-stream" };
    try {
      const stream = await openStream(this.#place, { method: "GET", path, headers, timeoutMs: this.#timeoutMs, signal });
      yield* readEvents(stream);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof EvenkeelError) throw error;
      throw new EvenkeelError("DIRECTOR_AWAY", TEXT.ended, { cause: error });
    }
    if (!signal.aborted) throw new EvenkeelError("DIRECTOR_AWAY", TEXT.ended);
  }

  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? 10_000;
  }

  async #get<Reply>(path: string, query: Query = {}): Promise<Reply> {
    return this.#read(await this.#exchange({ method: "GET", path: withQuery(path, query), timeoutMs: this.#timeoutMs, headers: ACCEPT }));
  }

  async #change<Reply>(method: Exchange["method"], path: string, { query = {}, json, yaml, headers }: Asked): Promise<Reply> {
    const body = yaml ?? (json === undefined ? undefined : JSON.stringify(json, addressesAsText));
    const type: Record<string, string> =
      body === undefined ? {} : { "content-type": yaml === undefined ? "application/json" : "application/yaml" };
    // A change may take its time; a director that is frozen should not cost as much, nor do the change when it thaws.
    await this.#exchange({ method: "GET", path: "/healthz", timeoutMs: this.#timeoutMs, headers: ACCEPT });
    return this.#read(
      await this.#exchange({
        method,
        path: withQuery(path, query),
        timeoutMs: this.#options.changeTimeoutMs ?? 300_000,
        headers: { ...ACCEPT, ...type, ...headers },
        ...(body === undefined ? {} : { body }),
      }),
    );
  }

  #read<Reply>({ text }: Answer): Reply {
    try {
      return JSON.parse(text) as Reply;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new EvenkeelError("DIRECTOR_AWAY", TEXT.noJson(describePlace(this.#place)), { cause: error });
    }
  }

  #exchange(asked: Exchange): Promise<Answer> {
    return exchange(this.#place, { ...asked, signal: this.#options.signal });
  }
}

const ACCEPT = { accept: "application/json" };

function eventQuery({ after, sinceMs, severity, events, service, server, limit }: EventQuery): Query {
  return { after, since: sinceMs, severity, event: events?.join(","), service, server, limit };
}

/** What is undefined is left out. */
function withQuery(path: string, query: Query): string {
  const said = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, `${value}`]]));
  return said.length === 0 ? path : `${path}?${new URLSearchParams(said).toString()}`;
}

/** An address is sixteen bytes here, and text on the way. */
function addressesAsText(_key: string, value: unknown): unknown {
  const isAddress = typeof value === "object" && value !== null && "bytes" in value && value.bytes instanceof Uint8Array;
  return isAddress ? formatAddress(value as Parameters<typeof formatAddress>[0]) : value;
}
