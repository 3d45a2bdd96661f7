/** A director with all that belongs to it, put together: journal and log, state, the clients' way, the network's watch, scripts, the API. */

import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type ApiServer, serveApi } from "../../api/server.ts";
import { directDial } from "../../checker/dial.ts";
import type { Configuration } from "../../config/configuration.ts";
import { ConfigurationError } from "../../config/parse.ts";
import { ClientsWay, type WayWanted } from "../../director/clients-way/clients-way.ts";
import { type RunningDirector, startDirector } from "../../director/daemon/start.ts";
import { openJournal, type RunningJournal } from "../../director/journal/journal.ts";
import { openLineSink } from "../../director/journal/line-sink.ts";
import { logLines, usualLogFormat } from "../../director/journal/log-lines.ts";
import { startNotify } from "../../director/journal/notify.ts";
import { makeNetworkFollower, type NetworkFollower } from "../../director/network/network-follower.ts";
import { type RuntimePlaces, runtimePlaces, stateDirectory } from "../../director/places.ts";
import { openStore } from "../../director/store/store.ts";
import { heldCapabilities } from "../../kernel/capability.ts";
import { reportError } from "../report.ts";
import type { RunFlags } from "../verbs/run.ts";
import { version } from "../version.ts";
import type { Start } from "./capabilities.ts";
import { type Claim, claimNamespace } from "./claim.ts";
import { live, type Served } from "./lifecycle.ts";
import { serviceManager } from "./sd-notify.ts";

/** What is queued for scripts when the director ends has so long. */
const SCRIPTS_MS = 3000;
const STATE_MODE = 0o700;

const TEXT = {
  summary: (services: number, up: number, all: number) => `${services} services, ${up} of ${all} servers up`,
  trouble: (text: string) => `; ${text}`,
  door: (why: string) => `the API could not be opened as the configuration says: ${why}`,
  followed: (why: string) => `a part of the configuration could not be followed: ${why}`,
};

/** Until a signal ends it. */
export async function runDirector(file: string, flags: RunFlags, begun: Start): Promise<void> {
  const manager = serviceManager(process.env, (text) => process.stderr.write(`${text}\n`));
  const places = runtimePlaces(begun.outermost);
  const claim = await claimNamespace(places);
  try {
    await live({
      start: () => serve(resolve(file), flags, { ...begun, claim, places }),
      manager,
      signals: process,
      endAtOnce: (exitCode) => process.exit(exitCode),
      complain: (error) => {
        // What is wrong with a file stands in the journal already.
        if (!(error instanceof ConfigurationError)) reportError(error);
      },
    });
  } finally {
    claim.release();
  }
}

interface Begun extends Start {
  readonly claim: Claim;
  readonly places: RuntimePlaces;
}

async function serve(file: string, flags: RunFlags, { claim, places, outermost, told }: Begun): Promise<Served> {
  const state = flags.state ?? stateDirectory(outermost);
  mkdirSync(state, { recursive: true, mode: STATE_MODE });
  const end = new AbortController();
  const log = logTo(flags);
  // First, because only one process at a time has it: nobody else writes the journal then. What it says is told as soon as there is one.
  const early: string[] = [];
  let report = (text: string): void => void early.push(text);
  const store = openStore(state, { report: (text) => report(text) });
  const journal = openJournal({ database: join(state, "journal.db"), ...(log && { log: log.line }) });
  report = (text) => void journal.tell({ event: "journal", text }, { kind: "host" });
  early.forEach(report);
  const closing: (() => unknown)[] = [() => store.close(), () => journal.close(), () => log?.close()];
  const warn = (text: string): void => void journal.tell({ event: "warning", text }, { kind: "host" });
  try {
    // Not ended with the others: scripts are told of the end, too.
    const scriptsEnd = new AbortController();
    const scripts = startNotify(journal, { signal: scriptsEnd.signal });
    closing.unshift(
      () => scripts.finish(SCRIPTS_MS),
      () => scriptsEnd.abort(),
    );
    const clientsWay = ClientsWay.open();
    closing.unshift(() => clientsWay.close());
    let api: ApiServer | undefined;
    const network = makeNetworkFollower({ signal: end.signal, warn, changed: () => followers.lookAgain() });
    const followers = new Followers({ journal, clientsWay, network, warn });
    const director = await startDirector({
      file,
      store,
      journal,
      version: version(),
      capabilities: heldCapabilities,
      dialOf: (service, server, check) => (check.clientsWay ? clientsWay.dialTo(service, server) : directDial),
      ...(flags.connections === undefined ? {} : { packetPath: { connectionsMax: flags.connections } }),
      inForce: (configuration, effective) => {
        try {
          scripts.configure(configuration);
          followers.follow(configuration, effective);
        } catch (error) {
          warn(TEXT.followed(messageOf(error)));
        }
        api?.renew(configuration.api).catch((error: unknown) => warn(TEXT.door(messageOf(error))));
      },
    });
    const stopDirector = (reason: string): Promise<void> => director.stop({ teardown: flags.teardown ?? false, reason });
    try {
      for (const text of told) warn(text);
      const rule = followers.configuration.api;
      const socket = flags.socket ?? rule.socket ?? places.socket;
      api = await serveApi(director, { ...rule, socket }, { socket, onBug: (error) => warn(messageOf(error)) });
      claim.show(socket);
      network.begin(director);
    } catch (error) {
      await stopDirector("it could not be served");
      throw error;
    }
    const served = api;
    return {
      reload: async () => void (await director.reload({ by: "SIGHUP" })),
      isAlive: () => director.ready,
      summary: () => summaryOf(director),
      stop: async (reason) => {
        await served.close();
        end.abort();
        await stopDirector(reason);
        for (const close of closing) await close();
      },
    };
  } catch (error) {
    end.abort();
    for (const close of closing) await close();
    throw error;
  }
}

interface FollowerParts {
  readonly journal: RunningJournal;
  readonly clientsWay: ClientsWay;
  readonly network: NetworkFollower;
  readonly warn: (text: string) => void;
}

/** Those who have to know the configuration in force, and the servers' ways. */
class Followers {
  readonly #parts: FollowerParts;
  #effective: Configuration | undefined;
  #configuration: Configuration | undefined;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  get configuration(): Configuration {
    if (this.#configuration === undefined) throw new RangeError("no configuration is in force");
    return this.#configuration;
  }

  follow(configuration: Configuration, effective: Configuration): void {
    this.#configuration = configuration;
    this.#effective = effective;
    this.#parts.journal.setBounds(configuration.journal);
    this.#parts.network.follow(effective);
    this.lookAgain();
  }

  /** Ways to servers may be others. */
  lookAgain(): void {
    const { clientsWay, warn } = this.#parts;
    if (this.#effective !== undefined) for (const text of clientsWay.sync(wantedWays(this.#effective))) warn(text);
  }
}

function wantedWays({ services }: Configuration): readonly WayWanted[] {
  return services.flatMap((service) =>
    service.servers.filter(({ checks }) => checks.some(({ clientsWay }) => clientsWay)).map((server) => ({ service, server })),
  );
}

function logTo({ logFormat = usualLogFormat() }: RunFlags): { readonly line: ReturnType<typeof logLines>; close(): void } | undefined {
  if (logFormat === "none") return undefined;
  const sink = openLineSink();
  return {
    line: logLines({ format: logFormat, priorities: process.env["JOURNAL_STREAM"] !== undefined, sink }),
    close: () => sink.close(),
  };
}

function summaryOf(director: RunningDirector): string {
  const { services, servers, troubles } = director.status();
  const [trouble] = troubles;
  return `${TEXT.summary(services, servers.up, servers.all)}${trouble === undefined ? "" : TEXT.trouble(trouble)}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
