/** The firewall marks that a recording set up with iptables, ip6tables or nft: which packets carry which mark. */

import { type Address, parseAddress } from "../../model/address.ts";
import { BadRecording } from "./recorded.ts";

export interface Marked {
  readonly protocol: string;
  readonly client: Address;
  readonly address: Address;
  readonly port: number;
}

export interface MarkRule {
  readonly mark: number;
  readonly matches: (packet: Marked) => boolean;
}

/** As the kernel does: each rule that matches sets its mark, so the last one counts. */
export function markOf(rules: readonly MarkRule[], packet: Marked): number {
  return rules.reduce((mark, rule) => (rule.matches(packet) ? rule.mark : mark), 0);
}

/** The rules that a command makes; none for a command that only prepares (a table, a chain, a route). */
export function parseMarkRules(command: readonly string[]): MarkRule[] {
  const [program = "", ...args] = command;
  if (program === "iptables" || program === "ip6tables") return [ofIptables(args)];
  if (program === "nft") return args.join(" ").split(";").flatMap(ofNft);
  throw new BadRecording(`the set-up "${command.join(" ")}" cannot be replayed`);
}

type Match = (packet: Marked) => boolean;

function ofIptables(args: readonly string[]): MarkRule {
  const matches: Match[] = [];
  let mark: number | undefined;
  for (let i = 0; i < args.length; i += 2) {
    const option = args[i] ?? "";
    const value = args[i + 1] ?? "";
    if (option === "-d") matches.push(within(value, (packet) => packet.address));
    else if (option === "-s") matches.push(within(value, (packet) => packet.client));
    else if (option === "-p") matches.push(({ protocol }) => protocol === value);
    else if (option === "--dport") matches.push(portIn(value, ":"));
    else if (option === "--set-mark" || option === "--set-xmark") mark = Number(value.split("/")[0]);
    else if (!["-t", "-A", "-I", "-j", "-m"].includes(option)) throw notReplayed(`iptables ${args.join(" ")}`);
  }
  if (mark === undefined) throw notReplayed(`iptables ${args.join(" ")}`);
  return { mark, matches: (packet) => matches.every((match) => match(packet)) };
}

/** "add rule ip m pre ip daddr 198.18.0.0/15 tcp dport 80 meta mark set 7" */
function ofNft(statement: string): MarkRule[] {
  const text = statement.trim();
  const [, body] = /^add rule \S+ \S+ \S+ (.*)$/.exec(text) ?? [];
  if (body === undefined) return [];
  const words = body.split(/\s+/);
  const matches: Match[] = [];
  for (let i = 0; i < words.length; ) {
    const [first = "", second = "", third = "", fourth = ""] = words.slice(i, i + 4);
    if ((first === "ip" || first === "ip6") && second === "daddr") matches.push(within(third, (packet) => packet.address));
    else if ((first === "ip" || first === "ip6") && second === "saddr") matches.push(within(third, (packet) => packet.client));
    else if (["tcp", "udp", "sctp"].includes(first) && second === "dport") {
      matches.push(({ protocol }) => protocol === first, portIn(third, "-"));
    } else if (first === "meta" && second === "mark" && third === "set") {
      return [{ mark: Number(fourth), matches: (packet) => matches.every((match) => match(packet)) }];
    } else throw notReplayed(`nft ${text}`);
    i += 3;
  }
  throw notReplayed(`nft ${text}`);
}

function within(prefix: string, pick: (packet: Marked) => Address): Match {
  const [text = "", bits] = prefix.split("/");
  const network = parseAddress(text);
  const length = bits === undefined ? (network.family === "ipv4" ? 32 : 128) : Number(bits);
  return (packet) => {
    const { family, bytes } = pick(packet);
    return family === network.family && bytes.every((byte, i) => ((byte ^ (network.bytes[i] ?? 0)) & maskByte(length, i)) === 0);
  };
}

function maskByte(length: number, index: number): number {
  return (0xff00 >> Math.min(Math.max(length - 8 * index, 0), 8)) & 0xff;
}

function portIn(range: string, separator: string): Match {
  const [from = "", to = from] = range.split(separator);
  return ({ port }) => port >= Number(from) && port <= Number(to);
}

function notReplayed(what: string): BadRecording {
  return new BadRecording(`the set-up "${what}" cannot be replayed`);
}
