/** real_server blocks -> servers of a service, with their checks. */

import { type Address, type Family, formatAddress } from "../../model/address.ts";
import type { Account } from "./account.ts";
import { CHECKERS, type CheckDefaults, Checks } from "./checks.ts";
import { type Method, methodDifference, readMethod } from "./methods.ts";
import type { ServiceName } from "./service-names.ts";
import type { Statement } from "./tree.ts";
import { all, last, Values } from "./values.ts";

type Yaml = Record<string, unknown>;

const WEIGHT_MAX = 65_535;
const COUNT_MAX = 2_147_483_647;

const TEXT = {
  weightMax: `${WEIGHT_MAX}, the greatest weight`,
  family: (text: string) => `${text} is not of the virtual server's family; keepalived passes over the server`,
  twice: "stands here twice; keepalived removes the second one",
  lowerAbove: "above uthreshold, which the kernel refuses",
  loopback: (vip: string) => `${vip}: this host, by the address that its packets have`,
  loopbackMark: "this host has no address in a service by mark; say one that is not of the loopback",
  loopbackPort: "the director maps no ports for itself; let it listen on the service's own",
};

/** keepalived resets it: only NAT can map to another one. */
export const PORT_TEXT = (port: number): string => `port ${port}, the service's, as keepalived resets it: only NAT can map to another one`;

/** What is said at the virtual server, for all the services that it stands for. */
export interface Common {
  readonly scheduler: string;
  readonly flags: readonly string[];
  readonly method: Method;
  readonly protocol: string;
  readonly protocolStatement: Statement | undefined;
  readonly place: Statement["place"];
  readonly weight: number;
  readonly inhibit: boolean;
  readonly timeout: number | undefined;
  readonly granularity: Statement | undefined;
}

export interface ServiceFacts {
  readonly name: ServiceName;
  readonly common: Common;
  readonly family: Family;
  readonly port: number;
}

export class RealServers {
  readonly #account: Account;
  readonly #values: Values;
  readonly #checks: Checks;
  readonly #secure: Yaml;

  constructor(account: Account, secure: Yaml) {
    this.#account = account;
    this.#values = new Values(account);
    this.#checks = new Checks(account);
    this.#secure = secure;
  }

  read(block: readonly Statement[], service: ServiceFacts): Yaml[] {
    const seen = new Set<string>();
    return all(block, "real_server").flatMap((statement) => {
      const server = this.#server(statement, block, service);
      if (server === undefined) return [];
      const key = `${server["address"] as string} ${(server["port"] as number | undefined) ?? ""}`;
      if (seen.has(key)) {
        this.#account.remark(statement.place, `${key.trim()} ${TEXT.twice}`);
        this.#account.drop(statement, TEXT.twice);
        return [];
      }
      seen.add(key);
      return [server];
    });
  }

  #server(statement: Statement, above: readonly Statement[], { name, common, family, port }: ServiceFacts): Yaml | undefined {
    const { block = [] } = statement;
    const host = this.#values.word(statement);
    const said = host === undefined ? undefined : this.#values.address(host);
    const portWord = statement.words[1];
    const ownPort = portWord === undefined ? 0 : this.#values.numberOf(portWord, { least: 0, greatest: 65_535 });
    if (said === undefined || ownPort === undefined || host === undefined) return undefined;
    const method = readMethod(last(block, "lvs_method"), this.#account) ?? common.method;
    const address = this.reachable(said, statement, name, method.method !== "nat" || ownPort === port);
    if (address === undefined) return undefined;
    if (address.family !== family && method.method !== "tun") {
      this.#account.mistake(host.place, TEXT.family(host.text));
      return undefined;
    }
    const mapped = this.#mappedPort(statement, { name, method, port, ownPort });
    const weight = this.weight(last(block, "weight")) ?? common.weight;
    const inhibit = this.#values.toggle(last(block, "inhibit_on_failure"));
    const facts: CheckDefaults = {
      blocks: [block, above],
      secure: this.#secure,
      needsPort: (mapped ?? port) === 0,
      ...(address === said ? {} : { host: formatAddress(said) }),
    };
    const checks = all(block, ...CHECKERS).flatMap((checker) => this.#checks.read(checker, facts));
    return {
      address: formatAddress(address),
      ...(mapped === undefined ? {} : { port: mapped }),
      ...(weight === 1 ? {} : { weight }),
      ...methodDifference(method, common.method.method),
      ...this.#thresholds(block),
      ...(inhibit === undefined || inhibit === common.inhibit ? {} : { inhibit_on_failure: inhibit }),
      ...(checks.length === 0 ? {} : { checks }),
    };
  }

  /** keepalived has this host by 127.0.0.1; here it is known by the address that packets come to, which they keep. */
  reachable(address: Address, statement: Statement, name: ServiceName, samePort: boolean): Address | undefined {
    if (!isLoopback(address)) return address;
    const why = name.kind === "mark" ? TEXT.loopbackMark : samePort ? undefined : TEXT.loopbackPort;
    if (name.kind === "address" && why === undefined) {
      this.#account.judge(statement, "approximated", TEXT.loopback(formatAddress(name.address)));
      return name.address;
    }
    this.#account.remark(statement.place, why ?? "");
    this.#account.drop(statement, why ?? "");
    return undefined;
  }

  /** undefined: the service's own. A packet of a mark's service keeps its port, unless NAT maps it. */
  #mappedPort(
    statement: Statement,
    {
      name,
      method,
      port,
      ownPort,
    }: { readonly name: ServiceName; readonly method: Method; readonly port: number; readonly ownPort: number },
  ): number | undefined {
    if (method.method === "nat") return ownPort === port || (port === 0 && name.kind === "address") ? undefined : ownPort;
    if (ownPort !== port && ownPort !== 0) this.#account.judge(statement, "approximated", PORT_TEXT(port));
    return undefined;
  }

  weight(statement: Statement | undefined): number | undefined {
    const weight = this.#values.number(statement, { least: 0, greatest: COUNT_MAX });
    if (statement === undefined || weight === undefined || weight <= WEIGHT_MAX) return weight;
    this.#account.judge(statement, "approximated", TEXT.weightMax);
    return WEIGHT_MAX;
  }

  #thresholds(block: readonly Statement[]): Yaml {
    const upper = this.#values.number(last(block, "uthreshold"), { least: 0, greatest: COUNT_MAX }) ?? 0;
    const lowerStatement = last(block, "lthreshold");
    const lower = this.#values.number(lowerStatement, { least: 0, greatest: COUNT_MAX }) ?? 0;
    if (lowerStatement !== undefined && lower > upper) this.#account.mistake(lowerStatement.place, TEXT.lowerAbove);
    return { ...(upper === 0 ? {} : { upper_threshold: upper }), ...(lower === 0 ? {} : { lower_threshold: lower }) };
  }
}

function isLoopback({ family, bytes }: Address): boolean {
  return family === "ipv4" ? bytes[0] === 127 : bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
}
