/** What a virtual_server stands for: an address, a mark, or all that a virtual_server_group lists, ranges included. */

import { type Address, addressFromBytes, type Family, formatAddress, formatEndpoint } from "../../model/address.ts";
import { quote } from "../complaint.ts";
import type { Account } from "./account.ts";
import type { Statement } from "./tree.ts";
import { all, tryAddress, Values } from "./values.ts";
import type { Word } from "./words.ts";

export type ServiceName =
  | { readonly kind: "address"; readonly address: Address; readonly port: number; readonly statement: Statement }
  | { readonly kind: "mark"; readonly mark: number; readonly family?: Family; readonly statement: Statement };

/** Of one file; each is a service. */
const SERVICES_MAX = 20_000;
const MARK_MAX = 4_294_967_295;

const TEXT = {
  what: "virtual_server is followed by an address and a port, by fwmark and a number, or by group and a name",
  noGroup: (name: string) => `there is no virtual_server_group ${quote(name)}; keepalived passes over the virtual server`,
  range: (text: string) => `${quote(text)} is not a range of addresses; write 192.0.2.1-20, 192.0.2.1-192.0.2.20 or 192.0.2.0/28`,
  many: `the file stands for more than ${SERVICES_MAX} services`,
};

export function describeName(name: ServiceName): string {
  return name.kind === "mark" ? `mark ${name.mark}` : formatEndpoint(name.address, name.port);
}

export class ServiceNames {
  readonly #account: Account;
  readonly #values: Values;
  readonly #groups: ReadonlyMap<string, Statement>;
  #count = 0;

  constructor(account: Account, file: readonly Statement[]) {
    this.#account = account;
    this.#values = new Values(account);
    this.#groups = new Map(all(file, "virtual_server_group").map((group) => [group.words[0]?.text ?? "", group]));
  }

  /** None when it is wrong, which was complained of. */
  of(server: Statement): readonly ServiceName[] {
    const [first, second] = server.words;
    if (first === undefined) {
      this.#account.mistake(server.place, TEXT.what);
      return [];
    }
    const names =
      first.text === "group"
        ? this.#ofGroup(second, server)
        : first.text === "fwmark"
          ? this.#mark(second, server)
          : this.#addresses([first, second], server);
    this.#count += names.length;
    if (this.#count <= SERVICES_MAX) return names;
    if (this.#count - names.length <= SERVICES_MAX) this.#account.mistake(server.place, TEXT.many);
    return [];
  }

  #ofGroup(word: Word | undefined, server: Statement): readonly ServiceName[] {
    const group = word === undefined ? undefined : this.#groups.get(word.text);
    if (group === undefined) {
      this.#account.mistake(word?.place ?? server.place, word === undefined ? TEXT.what : TEXT.noGroup(word.text));
      return [];
    }
    return (group.block ?? []).flatMap((item) => {
      if (item.keyword === "fwmark") return this.#mark(item.words[0], item, item.words[1]);
      return this.#addresses([{ text: item.keyword, place: item.place, quoted: false }, item.words[0]], item);
    });
  }

  #mark(word: Word | undefined, statement: Statement, family?: Word): readonly ServiceName[] {
    if (word === undefined) {
      this.#account.mistake(statement.place, TEXT.what);
      return [];
    }
    const mark = this.#values.numberOf(word, { least: 1, greatest: MARK_MAX });
    if (mark === undefined) return [];
    return [{ kind: "mark", mark, statement, ...(family === undefined ? {} : { family: family.text === "inet6" ? "ipv6" : "ipv4" }) }];
  }

  #addresses([host, portWord]: readonly [Word, Word | undefined], statement: Statement): readonly ServiceName[] {
    const port = portWord === undefined ? 0 : this.#values.numberOf(portWord, { least: 0, greatest: 65_535 });
    const isRange = /[-/]/.test(host.text);
    const single = isRange ? undefined : this.#values.address(host);
    const addresses = isRange ? rangeOf(host.text) : single === undefined ? [] : [single];
    if (addresses === undefined) this.#account.mistake(host.place, TEXT.range(host.text));
    if (port === undefined) return [];
    return (addresses ?? []).map((address) => ({ kind: "address", address, port, statement }));
  }
}

/** undefined: it is none, or one of too many. */
function rangeOf(text: string): readonly Address[] | undefined {
  const [, start = "", sign, end = ""] = /^([^-/]+)([-/])([^-/]+)$/.exec(text) ?? [];
  const first = tryAddress(start);
  if (first === undefined) return undefined;
  const bits = first.family === "ipv4" ? 32 : 128;
  const from = numberOf(first);
  if (sign === "/") {
    const length = /^\d{1,3}$/.test(end) ? Number(end) : Number.NaN;
    if (!(length <= bits) || bits - length > 15) return undefined;
    const size = 1n << BigInt(bits - length);
    return addressesFrom((from / size) * size, size, first.family);
  }
  // "192.0.2.1-20" and "2001:db8::1-20" name the last part alone.
  const separator = first.family === "ipv4" ? "." : ":";
  const whole = end.includes(".") || end.includes(":") ? end : `${start.slice(0, start.lastIndexOf(separator) + 1)}${end}`;
  const last = tryAddress(whole);
  if (last === undefined || last.family !== first.family) return undefined;
  const size = numberOf(last) - from + 1n;
  return size < 1n || size > BigInt(SERVICES_MAX) ? undefined : addressesFrom(from, size, first.family);
}

function addressesFrom(from: bigint, size: bigint, family: Family): Address[] {
  return Array.from({ length: Number(size) }, (_, i) => addressOf(from + BigInt(i), family));
}

function numberOf({ family, bytes }: Address): bigint {
  return bytes.subarray(0, family === "ipv4" ? 4 : 16).reduce((number, byte) => number * 256n + BigInt(byte), 0n);
}

function addressOf(number: bigint, family: Family): Address {
  const length = family === "ipv4" ? 4 : 16;
  return addressFromBytes(Uint8Array.from({ length }, (_, i) => Number((number >> BigInt(8 * (length - 1 - i))) & 255n)));
}

export function nameKey(name: ServiceName, protocol: string, family: Family): string {
  return name.kind === "mark" ? `mark ${name.mark} ${family}` : `${protocol} ${formatAddress(name.address)} ${name.port}`;
}
