/** virtual_server blocks -> services. Where keepalived puts a value right by itself (a port, a quorum), so does this, and the report says it. */

import { type Address, type Family, formatAddress } from "../../model/address.ts";
import { SCHEDULERS } from "../../model/service.ts";
import { quote } from "../complaint.ts";
import { lengthOfMask } from "../fields.ts";
import { didYouMean } from "../suggest.ts";
import type { Account } from "./account.ts";
import { CHECKERS } from "./checks.ts";
import { methodDifference, readMethod } from "./methods.ts";
import { type Common, PORT_TEXT, RealServers } from "./real-servers.ts";
import { describeName, nameKey, type ServiceName, type ServiceNames } from "./service-names.ts";
import type { Statement } from "./tree.ts";
import { all, last, tryAddress, Values } from "./values.ts";
import { commandWords } from "./words.ts";

type Yaml = Record<string, unknown>;

const DEFAULT_PERSISTENCE_S = 360;
const PERSISTENCE_MAX_S = 2_678_400;
const COUNT_MAX = 2_147_483_647;

const FLAGS = {
  "flag-1": "fallback",
  "sh-fallback": "fallback",
  "mh-fallback": "fallback",
  "flag-2": "port",
  "sh-port": "port",
  "mh-port": "port",
} as const;

const TEXT = {
  scheduler: (text: string) => `${quote(text)} is not a scheduler; allowed: ${SCHEDULERS.join(", ")}${didYouMean(text, SCHEDULERS)}`,
  protocol: (text: string) => `${quote(text)} is not a protocol; allowed: TCP, UDP, SCTP`,
  noProtocol: "no protocol is said, which is UDP to keepalived; protocol TCP was meant perhaps",
  flag: (flag: string, scheduler: string) => `${scheduler} has no ${flag}`,
  third: "no scheduler has a use for it",
  onePacket: "only UDP is scheduled packet by packet",
  markProtocol: "a mark is of all protocols",
  persistent: "persistent, 360 seconds",
  noPersistence: "no persistence: keepalived passes over it",
  mask: (text: string) => `${quote(text)} is not a netmask, nor a prefix length`,
  quorum: (weight: number) => `${weight}, what all servers weigh together, as keepalived reduces it`,
  hysteresis: (weight: number) => `${weight}: with more a lost quorum could not be gained again`,
  noWeight: "the servers have no weight, and so no quorum",
  program: (text: string) => `${quote(text)} is not the path of a program; it begins with a slash`,
  noServer: "the virtual server has no real servers; keepalived passes over it",
  twiceService: "keepalived has this virtual server twice",
  noChecks: "no check could say that the servers are well",
  addresses: (count: number) => `${count} services`,
  hasMark: "a service by mark; settings.marks_from_outside lets other programs give the mark",
};

export class Services {
  readonly #account: Account;
  readonly #values: Values;
  readonly #names: ServiceNames;
  readonly #servers: RealServers;
  readonly #origins: Map<object, string>;
  readonly #seen = new Map<string, Statement>();

  constructor(account: Account, names: ServiceNames, secure: Yaml, origins: Map<object, string>) {
    this.#account = account;
    this.#values = new Values(account);
    this.#names = names;
    this.#servers = new RealServers(account, secure);
    this.#origins = origins;
  }

  /** One for each address of a group. */
  read(server: Statement): Yaml[] {
    const { block = [] } = server;
    const names = this.#names.of(server);
    if (names.length === 0) return [];
    if (all(block, "real_server").length === 0) {
      this.#account.remark(server.place, TEXT.noServer);
      this.#account.drop(server, TEXT.noServer);
      return [];
    }
    this.#account.judge(server, "exact", names.length > 1 ? TEXT.addresses(names.length) : names[0]?.kind === "mark" ? TEXT.hasMark : "");
    const common = this.#common(server);
    return names.flatMap((name) => {
      const service = this.#service(server, name, common, names.length > 1);
      if (service !== undefined) this.#origins.set(service, originOf(server, name));
      return service === undefined ? [] : [service];
    });
  }

  /** What all services of a group have in common. */
  #common({ block = [], place }: Statement): Common {
    const scheduler = this.#scheduler(block);
    const method = readMethod(last(block, "lb_kind", "lvs_method"), this.#account) ?? { method: "nat" };
    const protocolStatement = last(block, "protocol");
    const protocolWord = protocolStatement === undefined ? undefined : this.#values.word(protocolStatement);
    const protocol = protocolWord?.text.toLowerCase() ?? "udp";
    if (protocolWord !== undefined && !["tcp", "udp", "sctp"].includes(protocol))
      this.#account.mistake(protocolWord.place, TEXT.protocol(protocolWord.text));
    return {
      scheduler,
      flags: this.#flags(block, scheduler),
      method,
      protocol,
      protocolStatement,
      place,
      weight: this.#servers.weight(last(block, "weight")) ?? 1,
      inhibit: this.#values.toggle(last(block, "inhibit_on_failure")) ?? false,
      timeout: this.#persistence(block),
      granularity: last(block, "persistence_granularity"),
    };
  }

  #service(server: Statement, name: ServiceName, common: Common, isOfMany: boolean): Yaml | undefined {
    const { block = [] } = server;
    const family = this.#family(block, name);
    const key = nameKey(name, common.protocol, family);
    const first = this.#seen.get(key);
    if (first !== undefined) {
      this.#account.mistake(name.statement.place, `${describeName(name)}: ${TEXT.twiceService}, first on line ${first.place.line}`);
      return undefined;
    }
    this.#seen.set(key, name.statement);
    const port = name.kind === "mark" ? 0 : name.port;
    const isMark = name.kind === "mark";
    if (isMark && common.protocolStatement !== undefined && !isOfMany)
      this.#account.judge(common.protocolStatement, "dropped", TEXT.markProtocol);
    if (!isMark && common.protocolStatement === undefined) this.#account.remark(common.place, TEXT.noProtocol);
    const ops = last(block, "ops");
    const onePacket = ops !== undefined && (isMark || common.protocol === "udp");
    if (ops !== undefined && !onePacket) this.#account.judge(ops, "dropped", TEXT.onePacket);
    const persistent = this.#persistent(common, { port, isMark, family });
    const servers = this.#servers.read(block, { name, common, family, port });
    const hoisted = hoistChecks(servers);
    const quorum = this.#quorum(block, servers);
    return {
      ...(isOfMany ? { name: nameOf(server, name, common.protocol) } : {}),
      ...(isMark
        ? { mark: name.mark, ...(family === "ipv6" ? { family } : {}) }
        : { address: formatAddress(name.address), port, ...(common.protocol === "tcp" ? {} : { protocol: common.protocol }) }),
      scheduler: common.scheduler,
      ...(common.flags.length === 0 ? {} : { scheduler_flags: common.flags }),
      method: common.method.method,
      ...(persistent === undefined ? {} : { persistent }),
      ...(onePacket ? { one_packet: true } : {}),
      ...this.#beginning(block, servers, hoisted),
      ...(common.inhibit ? { inhibit_on_failure: true } : {}),
      ...(quorum === undefined ? {} : { quorum }),
      ...this.#sorryServer(block, common, name, port),
      ...(hoisted === undefined ? {} : { checks: hoisted }),
      servers,
    };
  }

  #scheduler(block: readonly Statement[]): string {
    const statement = last(block, "lb_algo", "lvs_sched");
    const word = statement === undefined ? undefined : this.#values.word(statement);
    if (word === undefined) return "wlc";
    if (!(SCHEDULERS as readonly string[]).includes(word.text)) this.#account.mistake(word.place, TEXT.scheduler(word.text));
    return word.text;
  }

  #flags(block: readonly Statement[], scheduler: string): string[] {
    const flags = new Set<string>();
    for (const statement of all(block, ...Object.keys(FLAGS), "flag-3")) {
      const { keyword } = statement;
      const isFor = keyword.startsWith("flag-") ? ["sh", "mh"].includes(scheduler) : keyword.startsWith(`${scheduler}-`);
      if (keyword === "flag-3") this.#account.judge(statement, "dropped", TEXT.third);
      else if (isFor) flags.add(FLAGS[keyword as keyof typeof FLAGS]);
      else this.#account.judge(statement, "dropped", TEXT.flag(keyword, scheduler));
    }
    return ["fallback", "port"].filter((flag) => flags.has(flag));
  }

  #persistence(block: readonly Statement[]): number | undefined {
    const statement = last(block, "persistence_timeout");
    if (statement === undefined) return undefined;
    if (statement.words[0]?.text === "0") {
      // Older versions took it, and many files have it.
      this.#account.judge(statement, "exact", TEXT.noPersistence);
      return undefined;
    }
    if (statement.words.length > 0) return this.#values.number(statement, { least: 1, greatest: PERSISTENCE_MAX_S });
    this.#account.judge(statement, "exact", TEXT.persistent);
    return DEFAULT_PERSISTENCE_S;
  }

  /** keepalived makes a service persistent that has a granularity, or all ports. */
  #persistent(
    { timeout, granularity }: Common,
    { port, isMark, family }: { readonly port: number; readonly isMark: boolean; readonly family: Family },
  ): unknown {
    const word = granularity === undefined ? undefined : this.#values.word(granularity);
    const mask = word === undefined ? undefined : maskOf(word.text, family);
    if (word !== undefined && mask === undefined) this.#account.mistake(word.place, TEXT.mask(word.text));
    const isWanted = timeout !== undefined || mask !== undefined || (port === 0 && !isMark);
    if (!isWanted) return undefined;
    const seconds = timeout ?? DEFAULT_PERSISTENCE_S;
    return mask === undefined || Object.keys(mask).length === 0 ? seconds : { timeout: seconds, ...mask };
  }

  /** A mark has the family that its servers or its granularity say. */
  #family(block: readonly Statement[], name: ServiceName): Family {
    if (name.kind === "address") return name.address.family;
    if (name.family !== undefined) return name.family;
    const said = last(block, "ip_family")?.words[0]?.text;
    if (said !== undefined) return said === "inet6" ? "ipv6" : "ipv4";
    const masks = tryAddress(last(block, "persistence_granularity")?.words[0]?.text ?? "");
    const families = all(block, "real_server").map(({ words }) => tryAddress(words[0]?.text ?? "")?.family);
    return masks?.family ?? (families.length > 0 && families.every((family) => family === "ipv6") ? "ipv6" : "ipv4");
  }

  #beginning(block: readonly Statement[], servers: readonly Yaml[], hoisted: unknown): Yaml {
    const alpha = last(block, "alpha");
    const isChecked = hoisted !== undefined || servers.some((server) => server["checks"] !== undefined);
    const inner = all(block, "real_server").flatMap((server) => [
      server.block,
      ...all(server.block, ...CHECKERS).map((each) => each.block),
    ]);
    const isAlpha = [alpha, ...inner.map((each) => last(each, "alpha"))].some((each) => this.#values.toggle(each) === true);
    if (isAlpha && !isChecked && alpha !== undefined) this.#account.judge(alpha, "dropped", TEXT.noChecks);
    return { ...(isAlpha && isChecked ? { alpha: true } : {}), ...(last(block, "omega") === undefined ? {} : { omega: true }) };
  }

  #quorum(block: readonly Statement[], servers: readonly Yaml[]): unknown {
    const statement = last(block, "quorum");
    const total = servers.reduce((sum, server) => sum + Number(server["weight"] ?? 1), 0);
    let weight = this.#values.number(statement, { least: 1, greatest: COUNT_MAX }) ?? 1;
    if (statement !== undefined && weight > total) {
      this.#account.judge(statement, total === 0 ? "dropped" : "approximated", total === 0 ? TEXT.noWeight : TEXT.quorum(total));
      weight = Math.max(1, total);
    }
    const hysteresisStatement = last(block, "hysteresis");
    let hysteresis = this.#values.number(hysteresisStatement, { least: 0, greatest: COUNT_MAX }) ?? 0;
    const most = Math.max(0, Math.min(weight - 1, total - weight));
    if (hysteresisStatement !== undefined && hysteresis > most) {
      this.#account.judge(hysteresisStatement, "approximated", TEXT.hysteresis(most));
      hysteresis = most;
    }
    const up = this.#command(last(block, "quorum_up"));
    const down = this.#command(last(block, "quorum_down"));
    if (weight === 1 && up === undefined && down === undefined) return undefined;
    if (hysteresis === 0 && up === undefined && down === undefined) return weight;
    return {
      weight,
      ...(hysteresis === 0 ? {} : { hysteresis }),
      ...(up === undefined ? {} : { up }),
      ...(down === undefined ? {} : { down }),
    };
  }

  #command(statement: Statement | undefined): readonly string[] | undefined {
    const word = statement === undefined ? undefined : this.#values.word(statement);
    if (statement === undefined || word === undefined) return undefined;
    const command = word.quoted ? commandWords(word.text) : [word.text];
    const [program = ""] = command;
    if (!program.startsWith("/")) {
      this.#account.mistake(word.place, TEXT.program(program));
      return undefined;
    }
    this.#account.judge(
      statement,
      statement.words.length > 1 ? "approximated" : "exact",
      `${statement.keyword.replace("_", ".")}, run as nobody`,
    );
    return command;
  }

  #sorryServer(block: readonly Statement[], common: Common, name: ServiceName, port: number): Yaml {
    const isMark = name.kind === "mark";
    const statement = last(block, "sorry_server");
    const host = statement === undefined ? undefined : this.#values.word(statement);
    const said = host === undefined ? undefined : this.#values.address(host);
    if (statement === undefined || said === undefined) return {};
    const portWord = statement.words[1];
    const ownPort = portWord === undefined ? 0 : this.#values.numberOf(portWord, { least: 0, greatest: 65_535 });
    const method = readMethod(last(block, "sorry_server_lvs_method"), this.#account) ?? common.method;
    const address = this.#servers.reachable(said, statement, name, method.method !== "nat" || ownPort === port || ownPort === 0);
    if (address === undefined) return {};
    const isMapped = method.method === "nat" && ownPort !== undefined && ownPort !== port && (port !== 0 || isMark) && ownPort !== 0;
    if (method.method !== "nat" && ownPort !== undefined && ownPort !== port && ownPort !== 0)
      this.#account.judge(statement, "approximated", PORT_TEXT(port));
    return {
      sorry_server: {
        address: formatAddress(address),
        ...(isMapped ? { port: ownPort } : {}),
        ...methodDifference(method, common.method.method),
      },
    };
  }
}

/** Checks that all servers have are said once, at the service. */
function hoistChecks(servers: Yaml[]): unknown {
  const [first] = servers;
  const text = JSON.stringify(first?.["checks"]);
  if (text === undefined || !servers.every((server) => JSON.stringify(server["checks"]) === text)) return undefined;
  const checks = first?.["checks"];
  for (const server of servers) delete server["checks"];
  return checks;
}

function maskOf(text: string, family: Family): Yaml | undefined {
  const longest = family === "ipv4" ? 32 : 128;
  if (/^\d{1,3}$/.test(text)) {
    const length = Number(text);
    return length < 1 || length > longest ? undefined : length === longest ? {} : { prefix_length: length };
  }
  const mask: Address | undefined = tryAddress(text);
  if (mask === undefined || mask.family !== family) return undefined;
  const length = lengthOfMask(mask);
  if (length === undefined) return undefined;
  return length === longest ? {} : { netmask: formatAddress(mask) };
}

/** Of one of a group's. */
function nameOf({ words }: Statement, name: ServiceName, protocol: string): string {
  const which = name.kind === "mark" || protocol === "tcp" ? describeName(name) : `${describeName(name)} ${protocol}`;
  const group = (words[1]?.text ?? "").replace(/[^\x21-\x7e]+/g, "-").slice(0, 63 - which.length);
  return `${group} ${which}`.trim();
}

function originOf(server: Statement, { statement }: ServiceName): string {
  const place = (each: Statement) => `${each.place.fileName}:${each.place.line}`;
  return statement === server ? place(server) : `${place(server)}, ${place(statement)}`;
}
