/**
 * Explains what a client would get now. The way is the packet path's own: its program `look` goes as far as the scheduler, its scheduler is tried
 * (trial.ts), and src/scheduler gives the account of the numbers. Nothing changes by being asked.
 */

import { requireBpf } from "../kernel/capability.ts";
import { findLink, getLink } from "../kernel/links.ts";
import { withPacketPathLock } from "../kernel/packet-path-lock.ts";
import { addressFromBytes } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { type Account, allows } from "../scheduler/account/account.ts";
import { accountants } from "../scheduler/account/index.ts";
import { type Look, LookFlag, Outcome, outcomeName, ServerFlag, type ServerLoad, SettingsFlag } from "../wire/abi.ts";
import { type Connection, ConnectionReader } from "./connection-reader.ts";
import type { Choice, Elsewhere, End, Explanation, MetConnection, MetService, MetTemplate, Question, Standing } from "./explanation.ts";
import type { OutcomeName } from "./outcomes.ts";
import { type ChooseFlow, PacketPath } from "./packet-path.ts";
import { PathSettings } from "./path-settings.ts";
import { PlanTable } from "./plan-table.ts";
import { ServerTable } from "./server-table.ts";
import { familyNumber } from "./server-value.ts";
import { recoverService, type ServiceEntry } from "./service-entry.ts";
import { keyOf, PROTOCOL_NUMBERS } from "./service-value.ts";
import { situationOf } from "./situation.ts";
import { tryPlan } from "./trial.ts";

const TEXT = {
  attempted: "ask the packet path",
  whereTo: (scheduler: string) => `${scheduler} chooses by the address that a packet goes to, which a mark does not say`,
  whereToCure: "say it with --to ADDRESS:PORT",
};

const UNSPECIFIED = { ipv4: addressFromBytes(new Uint8Array(4)), ipv6: addressFromBytes(new Uint8Array(16)) } as const;

/** Of the packet path of this network namespace; undefined when there is none. */
export async function explain(question: Question): Promise<Explanation | undefined> {
  requireBpf(TEXT.attempted);
  return await withPacketPathLock(() => {
    const path = PacketPath.open();
    if (path === undefined) return undefined;
    try {
      return explainOn(path, question);
    } finally {
      path.close();
    }
  });
}

/** Under the packet path lock. */
export function explainOn(path: PacketPath, question: Question): Explanation {
  return new Explainer(path, question).explain();
}

class Explainer {
  readonly #path: PacketPath;
  readonly #question: Question;
  readonly #servers: ServerTable;
  readonly #settings: PathSettings;

  constructor(path: PacketPath, question: Question) {
    this.#path = path;
    this.#question = question;
    this.#servers = new ServerTable(path);
    this.#settings = new PathSettings(path);
  }

  explain(): Explanation {
    const question = this.#question;
    const look = this.#look(question.interfaceName === undefined ? 0 : getLink(question.interfaceName).index);
    const connection = this.#connection(look);
    const met = { question, elsewhere: this.#elsewhere(look), ...(connection === undefined ? {} : { connection }) };
    if (connection !== undefined && connection.givesWay === undefined) return { ...met, end: connectionEnd(connection) };
    if (look.outcome === Outcome.PASS_NO_SERVICE) return { ...met, end: noneBy(look.outcome) };

    const entry = this.#entry(look);
    const template = this.#template(look);
    const served = { ...met, service: this.#service(entry, look), ...(template === undefined ? {} : { template }) };
    if (template !== undefined && template.invalid === undefined) {
      return { ...served, end: { kind: "server", by: "template", to: template.to, port: this.#portOf(template.to, entry, look) } };
    }
    if (look.outcome !== Outcome.NONE) return { ...served, end: noneBy(look.outcome) };
    const choice = this.#choice(entry);
    return { ...served, choice, end: this.#endOf(choice, entry, look) };
  }

  #look(ifindex: number): Look {
    const { mark } = this.#question;
    return this.#path.look({ ...this.#flow(), flags: mark === undefined ? 0 : LookFlag.MARK_GIVEN, ifindex, mark: mark ?? 0 });
  }

  #flow(): ChooseFlow {
    const { protocol, client, clientPort = 0, destination } = this.#question;
    return {
      source: client.bytes,
      sourcePort: clientPort,
      destination: (destination?.address ?? UNSPECIFIED[client.family]).bytes,
      destinationPort: destination?.port ?? 0,
      protocol: PROTOCOL_NUMBERS[protocol],
      family: familyNumber(client),
    };
  }

  #connection({ connection: number, flags }: Look): MetConnection | undefined {
    const connection = this.#slot(number);
    if (connection === undefined) return undefined;
    const to = this.#standing(connection.serverNumber);
    const { method, server, virtual } = connection;
    const port = method === "nat" || method === "full-nat" ? server.port : virtual.port;
    if ((flags & LookFlag.BEGINS_ANEW) === 0) return { connection, to, port };
    const expireNodest = (this.#path.settings().flags & SettingsFlag.EXPIRE_NODEST) !== 0;
    const quiesced = expireNodest && to.server.weight === 0;
    return { connection, to, port, givesWay: to.deleted ? "deleted" : quiesced ? "quiesced" : "over" };
  }

  /** What stands in a slot, by its number as `look` says it. */
  #slot(number: number): Connection | undefined {
    if (number === 0) return undefined;
    const reader = new ConnectionReader(this.#path);
    try {
      return reader.at(number - 1);
    } finally {
      reader.close();
    }
  }

  #entry({ flags, mark, port }: Look): ServiceEntry {
    const { protocol, client, destination } = this.#question;
    const byMark = (flags & LookFlag.BY_MARK) !== 0;
    const address = byMark ? UNSPECIFIED[client.family] : (destination?.address ?? UNSPECIFIED[client.family]);
    const key = keyOf(byMark ? { address, port: 0, protocol: "tcp", mark } : { address, port, protocol });
    const value = this.#path.maps.services.lookup(key);
    if (value === undefined) throw new EvenkeelError("BPF_UNAVAILABLE", "the service that the packet path found is not in its table");
    const plans = new PlanTable(this.#path, [value.plan]);
    return recoverService({ key, value }, { servers: this.#servers, plans, settings: this.#settings });
  }

  #service({ head }: ServiceEntry, { flags, port, rule }: Look): MetService {
    if ((flags & LookFlag.BY_MARK) === 0) {
      return { head, by: port === this.#question.destination?.port ? "address and port" : port === 0 ? "every port" : "ftp data" };
    }
    // The bank of rules that is in force begins there.
    const first = this.#path.settings().markRules >>> 16;
    const found = rule === 0 ? undefined : this.#settings.marks()[rule - 1 - first];
    return { head, by: "mark", ...(found === undefined ? {} : { rule: found.rule }) };
  }

  #template({ template: number, flags }: Look): MetTemplate | undefined {
    const connection = this.#slot(number);
    if (connection === undefined) return undefined;
    const to = this.#standing(connection.serverNumber);
    return { connection, to, ...((flags & LookFlag.TEMPLATE_LEADS) !== 0 ? {} : { invalid: to.deleted ? "deleted" : "quiesced" }) };
  }

  #choice({ head, plan, members }: ServiceEntry): Choice {
    const { scheduler, schedulerFlags: flags = [] } = head;
    if (this.#question.destination === undefined && (scheduler === "dh" || scheduler === "lblc" || scheduler === "lblcr")) {
      throw new EvenkeelError("BAD_ARGUMENT", TEXT.whereTo(scheduler), { cure: TEXT.whereToCure });
    }
    const { sight, server, steady } = tryPlan(this.#path, plan, this.#flow());
    const account = accountants[scheduler](situationOf(this.#path, members, sight, this.#question));
    const position = members.findIndex(({ number }) => number === server);
    // The numbers that the choice was made by.
    const servers = members.map(({ number, weight }): Standing => {
      const { server: known, ...facts } = this.#standing(number, sight.loads.get(number));
      return { ...facts, server: { ...known, weight } };
    });
    const asked = { scheduler, flags, servers, account, steady };
    if (isOpen(account)) return { ...asked, agrees: allows(account, server === undefined ? undefined : position) };
    return {
      ...asked,
      agrees: allows(account, server === undefined ? undefined : position),
      ...(server === undefined ? {} : { chosen: servers[position] ?? this.#standing(server) }),
    };
  }

  #endOf({ account, chosen, servers }: Choice, entry: ServiceEntry, look: Look): End {
    if (chosen !== undefined) return { kind: "server", by: "scheduler", to: chosen, port: this.#portOf(chosen, entry, look) };
    const anyone = servers.some((_, i) => account.passedOver[i] === undefined);
    if (anyone && isOpen(account)) return { kind: "open", by: account.kind === "lots" ? "lot" : "client port" };
    return noneBy(look.outcomeWithoutServer);
  }

  /** connect_enter() of bpf/connect.h; without NAT a packet keeps its own. */
  #portOf({ server, load }: Standing, { head }: ServiceEntry, look: Look): number {
    const asked = this.#question.destination?.port ?? 0;
    if (server.method !== "nat" || load.local) return asked;
    const mapped = server.port !== 0 && (head.persistence === undefined || look.port === asked);
    return mapped ? server.port : asked;
  }

  #elsewhere({ mark: here }: Look): Elsewhere[] {
    const { mark, interfaceName } = this.#question;
    if (mark !== undefined || interfaceName !== undefined) return [];
    const names = new Set(this.#settings.marks().flatMap(({ rule }) => rule.interfaceName ?? []));
    return [...names].flatMap((name): Elsewhere[] => {
      const link = findLink(name);
      const there = link === undefined ? here : this.#look(link.index).mark;
      return there === here ? [] : [{ interfaceName: name, mark: there }];
    });
  }

  #standing(number: number, load?: ServerLoad): Standing {
    const deleted = (this.#path.servers.read(number).flags & ServerFlag.AVAILABLE) === 0;
    return { server: this.#servers.read(number), deleted, load: this.#servers.load(number, load) };
  }
}

/** Nobody can say whom it gives: it draws lots, or it looks at a port that was not given. */
function isOpen(account: Account): boolean {
  if (account.kind === "lots") return account.odds.filter((odds) => odds > 0).length > 1;
  return account.kind === "hash" && account.bucket === undefined;
}

/** Without expire_nodest_conn a deleted server keeps its connections, but gets nothing of them. */
function connectionEnd({ to, port }: MetConnection): End {
  return to.deleted ? noneBy(Outcome.DROP_SERVER_GONE) : { kind: "server", by: "connection", to, port };
}

/** tc answers what no server can take (request_ends() of bpf/request.h). */
function noneBy(outcome: number): End {
  const name = outcome === Outcome.DROP_NO_SERVER ? "ICMP_UNREACHABLE" : outcomeName[outcome];
  return { kind: "none", outcome: name as OutcomeName };
}
