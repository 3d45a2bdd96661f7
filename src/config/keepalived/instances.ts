/** vrrp_instance blocks -> instances. What runs them comes later; until then all that they say is at most nearly carried. */

import { type Address, formatAddress } from "../../model/address.ts";
import { quote } from "../complaint.ts";
import type { Account } from "./account.ts";
import type { Statement } from "./tree.ts";
import { durationText, last, Values } from "./values.ts";

type Yaml = Record<string, unknown>;

const PASSWORD_BYTES = 8;

const TEXT = {
  noInterface: "an instance needs an interface",
  noId: "an instance needs a virtual_router_id",
  wholeSeconds: (ms: number) => `${durationText(ms)}: VRRP 2 counts whole seconds`,
  hundredths: (ms: number) => `${durationText(ms)}: VRRP 3 counts hundredths of a second`,
  cut: `of the password the first ${PASSWORD_BYTES} bytes, which are all that count`,
  noAuthentication: "VRRP 3 has no authentication",
  type: (text: string) => `${quote(text)} is not a type of authentication; allowed: PASS, AH`,
  rest: "the address alone",
  family: "an instance has addresses of one family; the others need one of their own",
  peerFamily: "not of the family of the addresses",
  weight: "only a weight from -254 to -1 is carried, or none",
};

export class Instances {
  readonly #account: Account;
  readonly #values: Values;
  readonly #usualVersion: number;
  readonly #origins: Map<object, string>;

  constructor(account: Account, usualVersion: number, origins: Map<object, string>) {
    this.#account = account;
    this.#values = new Values(account);
    this.#usualVersion = usualVersion;
    this.#origins = origins;
  }

  read(instance: Statement): Yaml[] {
    const { block = [] } = instance;
    const name = this.#values.word(instance)?.text;
    const interfaceName = last(block, "interface")?.words[0]?.text;
    const vrid = this.#values.number(last(block, "virtual_router_id"), { least: 1, greatest: 255 });
    if (interfaceName === undefined || vrid === undefined || name === undefined) {
      const why = interfaceName === undefined ? TEXT.noInterface : TEXT.noId;
      if (name !== undefined) this.#account.remark(instance.place, why);
      this.#account.drop(instance, why);
      return [];
    }
    const addresses = this.#addresses(block);
    const isIpv6 = addresses[0]?.family === "ipv6";
    const version = isIpv6 ? 3 : (this.#values.number(last(block, "version"), { least: 2, greatest: 3 }) ?? this.#usualVersion);
    const priority = this.#values.number(last(block, "priority"), { least: 1, greatest: 255 });
    const delay = last(block, "preempt_delay");
    const delayMs = this.#values.milliseconds(delay, { least: 0, greatest: 1000 });
    const interval = this.#interval(last(block, "advert_int"), version);
    const authentication = this.#authentication(last(block, "authentication"), version);
    const peers = this.#peers(last(block, "unicast_peer"), addresses);
    const track = this.#track(last(block, "track_interface"));
    const value: Yaml = {
      name,
      interface: interfaceName,
      vrid,
      ...(priority === undefined ? {} : { priority }),
      version,
      ...(interval === undefined ? {} : { advert_interval: interval }),
      ...(last(block, "nopreempt") === undefined ? {} : { preempt: false }),
      ...(delayMs === undefined || delayMs === 0 ? {} : { preempt_delay: durationText(delayMs) }),
      ...(authentication === undefined ? {} : { authentication }),
      addresses: addresses.map(({ text }) => text),
      ...(peers.length === 0 ? {} : { peers }),
      ...(track.length === 0 ? {} : { track }),
    };
    this.#origins.set(value, `${instance.place.fileName}:${instance.place.line}`);
    return [value];
  }

  #interval(statement: Statement | undefined, version: number): string | undefined {
    const ms = this.#values.milliseconds(statement, { least: 0.01, greatest: 255 });
    if (statement === undefined || ms === undefined) return undefined;
    const unit = version === 2 ? 1000 : 10;
    const rounded = Math.max(unit, Math.ceil(ms / unit) * unit);
    const counted = version === 3 ? Math.min(rounded, 40_950) : rounded;
    if (counted !== ms)
      this.#account.judge(statement, "approximated", version === 2 ? TEXT.wholeSeconds(counted) : TEXT.hundredths(counted));
    return durationText(counted);
  }

  #authentication(statement: Statement | undefined, version: number): Yaml | undefined {
    if (statement === undefined) return undefined;
    if (version === 3) {
      this.#account.drop(statement, TEXT.noAuthentication);
      return undefined;
    }
    const type = last(statement.block, "auth_type");
    const typeWord = type === undefined ? undefined : this.#values.word(type);
    const pass = last(statement.block, "auth_pass");
    const passWord = pass === undefined ? undefined : this.#values.word(pass);
    if (pass === undefined || passWord === undefined) return undefined;
    const name = typeWord?.text.toLowerCase() ?? "pass";
    if (typeWord !== undefined && name !== "pass" && name !== "ah") this.#account.mistake(typeWord.place, TEXT.type(typeWord.text));
    const bytes = new TextEncoder().encode(passWord.text);
    if (bytes.length <= PASSWORD_BYTES) return { type: name, password: passWord.text };
    this.#account.judge(pass, "approximated", TEXT.cut);
    return { type: name, password: new TextDecoder().decode(bytes.subarray(0, PASSWORD_BYTES)).replace(/\ufffd+$/, "") };
  }

  #addresses(block: readonly Statement[]): { readonly text: string; readonly family: Address["family"] }[] {
    const items = ["virtual_ipaddress", "virtual_ipaddress_excluded"].flatMap((keyword) => last(block, keyword)?.block ?? []);
    const seen = new Set<string>();
    let family: Address["family"] | undefined;
    return items.flatMap((item) => {
      const [host = "", length] = item.keyword.split("/");
      const address = this.#values.address({ text: host, place: item.place, quoted: false });
      if (address === undefined) return [];
      family ??= address.family;
      if (address.family !== family) {
        this.#account.judge(item, "dropped", TEXT.family);
        return [];
      }
      const text = length === undefined ? formatAddress(address) : `${formatAddress(address)}/${length}`;
      const longest = family === "ipv4" ? 32 : 128;
      if (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= longest)) {
        this.#account.mistake(item.place, `${quote(item.keyword)}: the prefix length is a number up to ${longest}`);
        return [];
      }
      if (item.words.length > 0) this.#account.judge(item, "approximated", TEXT.rest);
      if (seen.has(formatAddress(address))) return [];
      seen.add(formatAddress(address));
      return [{ text, family: address.family }];
    });
  }

  #peers(statement: Statement | undefined, addresses: readonly { readonly family: Address["family"] }[]): string[] {
    return (statement?.block ?? []).flatMap((item) => {
      const address = this.#values.address({ text: item.keyword, place: item.place, quoted: false });
      if (address === undefined) return [];
      if (item.words.length > 0) this.#account.judge(item, "approximated", TEXT.rest);
      if (addresses[0] === undefined || addresses[0].family === address.family) return [formatAddress(address)];
      this.#account.judge(item, "dropped", TEXT.peerFamily);
      return [];
    });
  }

  #track(statement: Statement | undefined): Yaml[] {
    return (statement?.block ?? []).flatMap((item) => {
      const [word, number] = item.words;
      if (word === undefined) return [{ interface: item.keyword }];
      const weight = word.text === "weight" && /^-?\d{1,3}$/.test(number?.text ?? "") ? Number(number?.text) : Number.NaN;
      if (weight === 0 && item.words.length === 2) return [{ interface: item.keyword }];
      if (weight <= -1 && weight >= -254 && item.words.length === 2) return [{ interface: item.keyword, weight }];
      this.#account.judge(item, "dropped", TEXT.weight);
      return [];
    });
  }
}
