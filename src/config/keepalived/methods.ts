/** NAT, DR, TUN with its types: how a keepalived statement says it, and how evenkeel.yaml does. */

import { quote } from "../complaint.ts";
import type { Account } from "./account.ts";
import type { Statement } from "./tree.ts";
import { Values } from "./values.ts";

export interface Method {
  readonly method: "nat" | "dr" | "tun";
  readonly tunnel?: { readonly type: "ipip" | "gre" | "gue"; readonly port?: number; readonly checksum?: boolean };
}

const METHODS: ReadonlyMap<string, Method["method"]> = new Map([
  ["NAT", "nat"],
  ["DR", "dr"],
  ["TUN", "tun"],
]);

const TEXT = {
  method: (text: string) => `${quote(text)} is not a forwarding method, and keepalived would take NAT; allowed: NAT, DR, TUN`,
  type: (text: string) => `${quote(text)} is not a type of tunnel; allowed: ipip, gre, gue`,
  word: (text: string) => `${quote(text)} says nothing of a tunnel; allowed: type, port, nocsum, csum, remcsum`,
  port: "gue needs a port: type gue port 6080",
  remcsum: "method and tunnel; the offer to complete checksums is not made",
};

export function readMethod(statement: Statement | undefined, account: Account): Method | undefined {
  const values = new Values(account);
  const word = statement === undefined ? undefined : values.word(statement);
  if (statement === undefined || word === undefined) return undefined;
  const method = METHODS.get(word.text);
  if (method === undefined) {
    account.mistake(word.place, TEXT.method(word.text));
    return undefined;
  }
  if (method !== "tun") return { method };
  let type: "ipip" | "gre" | "gue" = "ipip";
  let port: number | undefined;
  let checksum = false;
  const rest = statement.words.slice(1);
  for (let i = 0; i < rest.length; i++) {
    const each = rest[i];
    const next = rest[i + 1];
    if (each === undefined) continue;
    if (each.text === "type" && next !== undefined) {
      i++;
      if (next.text === "ipip" || next.text === "gre" || next.text === "gue") type = next.text;
      else account.mistake(next.place, TEXT.type(next.text));
    } else if (each.text === "port" && next !== undefined) {
      i++;
      port = values.numberOf(next, { least: 1, greatest: 65_535 });
    } else if (each.text === "csum") checksum = true;
    else if (each.text === "remcsum") account.judge(statement, "approximated", TEXT.remcsum);
    else if (each.text !== "nocsum") account.mistake(each.place, TEXT.word(each.text));
  }
  if (type === "gue" && port === undefined) account.mistake(word.place, TEXT.port);
  if (type === "ipip") return { method };
  return { method, tunnel: { type, ...(port === undefined || type !== "gue" ? {} : { port }), ...(checksum ? { checksum } : {}) } };
}

/** What a server says that its service does not. */
export function methodDifference(method: Method, usual: Method["method"]): Record<string, unknown> {
  return {
    ...(method.method === usual ? {} : { method: method.method }),
    ...(method.tunnel === undefined ? {} : { tunnel: method.tunnel }),
  };
}
