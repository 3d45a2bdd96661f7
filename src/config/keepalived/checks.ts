/** The checkers of a real server -> checks of Evenkeel's, with their times: a server that fails `retry` times more after its first failure is out. */

import { formatAddress } from "../../model/address.ts";
import { quote } from "../complaint.ts";
import type { Account } from "./account.ts";
import type { Statement } from "./tree.ts";
import { all, durationText, last, Values } from "./values.ts";
import { commandWords, type Word } from "./words.ts";

type Yaml = Record<string, unknown>;

/** What is said above a checker: at its real server, or at the virtual server. */
export interface CheckDefaults {
  /** The innermost first. */
  readonly blocks: readonly (readonly Statement[] | undefined)[];
  /** SSL { } of the file. */
  readonly secure: Yaml;
  /** A check has to name a port where the server has none. */
  readonly needsPort: boolean;
  /** Where it looks, when that is not the server's address. */
  readonly host?: string;
}

const HOUR_MS = 3_600_000;
const DAY_S = 86_400;
const LEAST_MS = 10;
/** For the answer to say that it is late, after the silence that was waited for. */
const AFTER_SILENCE_MS = 1000;

const KINDS: Readonly<Record<string, { readonly retries: number; readonly againMs?: number }>> = {
  TCP_CHECK: { retries: 1, againMs: 1000 },
  SMTP_CHECK: { retries: 1, againMs: 1000 },
  HTTP_GET: { retries: 1, againMs: 3000 },
  SSL_GET: { retries: 1, againMs: 3000 },
  // The delay loop.
  DNS_CHECK: { retries: 3 },
  MISC_CHECK: { retries: 0, againMs: 1000 },
  UDP_CHECK: { retries: 1, againMs: 1000 },
  PING_CHECK: { retries: 1, againMs: 1000 },
};

export const CHECKERS = Object.keys(KINDS);

const DNS_TYPES = ["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA"];

const TEXT = {
  noPort: "the server has no port, so that this check would have none; keepalived's fails. Say connect_port",
  noScript: "misc_path is missing",
  noUrl: "no url { } with a path; keepalived passes over the check",
  path: (text: string) => `${quote(text)} is not a path; it begins with a slash`,
  program: (text: string) => `${quote(text)} is not the path of a program; it begins with a slash`,
  noRetries: "there are no retries",
  shorter: (ms: number) => `no longer than the interval: ${durationText(ms)}`,
  bounded: (ms: number) => `${durationText(ms)}, the bound`,
  perStep: "timeout of the whole check; keepalived's is of each step",
  ofShare: "said by a checker itself",
  dnsType: (text: string) => `${quote(text)} is not a type of record; allowed: ${DNS_TYPES.join(", ")}`,
  digest: (text: string) => `${quote(text)} is not an MD5 digest: 32 hexadecimal digits`,
  status: (text: string) => `${quote(text)} is not a status, nor a range such as 200-299`,
  host: (text: string) => `${quote(text)} is not a host`,
  hex: (text: string) => `${quote(text)} is not hexadecimal`,
  anyReply: "require_reply; what the answer holds is not compared",
  noSni: "there is no virtualhost that could be asked for",
  pattern: "not carried: the pattern is not one that JavaScript matches in linear time",
  silence: "silence_ms: so long nobody says that the port is closed",
};

export class Checks {
  readonly #account: Account;
  readonly #values: Values;

  constructor(account: Account) {
    this.#account = account;
    this.#values = new Values(account);
  }

  /** Several, where one checker has several urls. */
  read(checker: Statement, defaults: CheckDefaults): Yaml[] {
    const { block = [], keyword } = checker;
    const said = keyword === "PING_CHECK" || keyword === "MISC_CHECK" ? this.#wayWithoutPort(block) : this.#way(block);
    const way: Yaml = { ...(defaults.host === undefined ? {} : { address: defaults.host }), ...said };
    const isLocal = keyword === "MISC_CHECK" || keyword === "PING_CHECK";
    if (!isLocal && defaults.needsPort && way["port"] === undefined) {
      this.#account.remark(checker.place, TEXT.noPort);
      this.#account.drop(checker, TEXT.noPort);
      return [];
    }
    const times = this.#times(checker, defaults);
    const options = this.#options(checker, way, defaults, times);
    return options.map(([kind, own]) => ({ [kind]: own, ...(kind === "udp" ? this.#udpTimes(times, own) : times) }));
  }

  #options(checker: Statement, way: Yaml, defaults: CheckDefaults, times: Yaml): [kind: string, options: Yaml][] {
    switch (checker.keyword) {
      case "TCP_CHECK":
        return [["tcp", way]];
      case "PING_CHECK":
        return [["ping", way]];
      case "SMTP_CHECK":
        return [["smtp", this.#smtp(checker, way)]];
      case "DNS_CHECK":
        return [["dns", this.#dns(checker, way)]];
      case "UDP_CHECK":
        return [["udp", this.#udp(checker, way)]];
      case "MISC_CHECK":
        return this.#script(checker, way, times);
      default:
        return this.#http(checker, way, defaults).map((options) => [checker.keyword === "HTTP_GET" ? "http" : "https", options]);
    }
  }

  #way(block: readonly Statement[]): Yaml {
    const port = this.#values.number(last(block, "connect_port"), { least: 1, greatest: 65_535 });
    return { ...this.#wayWithoutPort(block), ...(port === undefined ? {} : { port }) };
  }

  #wayWithoutPort(block: readonly Statement[]): Yaml {
    const address = this.#address(last(block, "connect_ip"));
    const bind = this.#address(last(block, "bindto"));
    return { ...(address === undefined ? {} : { address }), ...(bind === undefined ? {} : { bind }) };
  }

  #address(statement: Statement | undefined): string | undefined {
    const word = statement === undefined ? undefined : this.#values.word(statement);
    const address = word === undefined ? undefined : this.#values.address(word);
    return address === undefined ? undefined : formatAddress(address);
  }

  #times(checker: Statement, { blocks }: CheckDefaults): Yaml {
    const kind = KINDS[checker.keyword] ?? { retries: 1 };
    const said = (...keywords: readonly string[]): Statement | undefined => {
      for (const block of [checker.block, ...blocks]) {
        const found = last(block, ...keywords);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    const intervalMs = Math.max(LEAST_MS, this.#values.milliseconds(said("delay_loop"), { least: 0, greatest: DAY_S }) ?? 60_000);
    const retries = this.#values.number(said("retry", "nb_get_retry"), { least: 0, greatest: 999 }) ?? kind.retries;
    const again = said("delay_before_retry");
    const againMs = Math.max(LEAST_MS, this.#values.milliseconds(again, { least: 0, greatest: DAY_S }) ?? kind.againMs ?? intervalMs);
    const isScript = checker.keyword === "MISC_CHECK";
    const limit = isScript ? last(checker.block, "misc_timeout") : said("connect_timeout");
    const limitMs = this.#values.milliseconds(limit, { least: 0, greatest: DAY_S });
    const timeoutMs = Math.max(LEAST_MS, Math.min(HOUR_MS, limitMs ?? (isScript ? intervalMs : 5000)));
    if (limit !== undefined && checker.block?.includes(limit) && ["HTTP_GET", "SSL_GET", "SMTP_CHECK"].includes(checker.keyword))
      this.#account.judge(limit, "approximated", TEXT.perStep);
    if (again !== undefined && againMs > intervalMs && retries > 0) this.#account.judge(again, "approximated", TEXT.shorter(intervalMs));
    return {
      interval: durationText(intervalMs),
      timeout: durationText(timeoutMs),
      ...(retries > 0 && againMs < intervalMs ? { fast_interval: durationText(againMs) } : {}),
      rise: 1,
      fall: retries + 1,
    };
  }

  #smtp({ block = [] }: Statement, way: Yaml): Yaml {
    const hello = last(block, "helo_name")?.words[0]?.text;
    const host = last(block, "host")?.block;
    return { ...way, ...(host === undefined ? {} : this.#way(host)), ...(hello === undefined ? {} : { hello }) };
  }

  #dns({ block = [] }: Statement, way: Yaml): Yaml {
    const type = last(block, "type");
    const typeWord = type === undefined ? undefined : this.#values.word(type);
    const typeName = typeWord?.text.toUpperCase() ?? "SOA";
    if (typeWord !== undefined && !DNS_TYPES.includes(typeName)) this.#account.mistake(typeWord.place, TEXT.dnsType(typeWord.text));
    const name = last(block, "name")?.words[0]?.text ?? ".";
    return { ...way, name, type: typeName };
  }

  #udp({ block = [] }: Statement, way: Yaml): Yaml {
    const payload = last(block, "payload");
    const hex = payload?.words.map((word) => this.#hex(word)).join("");
    const reply = last(block, "require_reply");
    if (reply !== undefined && reply.words.length > 0) this.#account.judge(reply, "approximated", TEXT.anyReply);
    return {
      ...way,
      ...(hex === undefined ? {} : { payload_hex: hex }),
      ...(reply === undefined ? {} : { require_reply: true }),
    };
  }

  /** Two digits a byte; the last of an odd number is one by itself. */
  #hex({ text, place }: Word): string {
    if (/^[0-9a-fA-F]+$/.test(text)) return text.length % 2 === 0 ? text : `${text.slice(0, -1)}0${text.slice(-1)}`;
    this.#account.mistake(place, TEXT.hex(text));
    return "";
  }

  /** Where no answer is asked for, keepalived listens as long as it would wait for a connection. */
  #udpTimes(times: Yaml, options: Yaml): Yaml {
    if (options["require_reply"] === true) return times;
    const timeout = String(times["timeout"]);
    const ms = timeout.endsWith("ms") ? Number.parseInt(timeout, 10) : Number.parseFloat(timeout) * 1000;
    const silenceMs = Math.min(60_000, ms);
    options["silence_ms"] = silenceMs;
    return { ...times, timeout: durationText(silenceMs + AFTER_SILENCE_MS) };
  }

  #script(checker: Statement, way: Yaml, times: Yaml): [string, Yaml][] {
    const path = last(checker.block, "misc_path");
    const word = path === undefined ? undefined : this.#values.word(path);
    const command = word === undefined ? [] : word.quoted ? commandWords(word.text) : [word.text];
    const [program] = command;
    if (program === undefined || word === undefined) {
      this.#account.remark(checker.place, TEXT.noScript);
      this.#account.drop(checker, TEXT.noScript);
      return [];
    }
    if (!program.startsWith("/")) this.#account.mistake(word.place, TEXT.program(program));
    const dynamic = this.#values.toggle(last(checker.block, "misc_dynamic"));
    if (times["fall"] === 1) {
      const again = last(checker.block, "delay_before_retry");
      if (again !== undefined) this.#account.judge(again, "exact", TEXT.noRetries);
    }
    return [["script", { ...way, command, ...(dynamic ? { weight_from_exit_code: true } : {}) }]];
  }

  #http(checker: Statement, way: Yaml, { blocks, secure }: CheckDefaults): Yaml[] {
    const urls = all(checker.block, "url");
    const options = urls.flatMap((url) => {
      const path = last(url.block, "path");
      if (path === undefined) {
        this.#account.remark(url.place, TEXT.noUrl);
        this.#account.drop(url, TEXT.noUrl);
        return [];
      }
      const word = this.#values.word(path);
      if (word !== undefined && !/^\/[\x21-\x7e]*$/.test(word.text)) this.#account.mistake(word.place, TEXT.path(word.text));
      const host = this.#host([url.block, checker.block, ...blocks]);
      return [
        {
          ...way,
          path: word?.text ?? "/",
          ...(host === undefined ? {} : { host }),
          ...this.#answer(url),
          ...(checker.keyword === "SSL_GET" ? { ...this.#serverName(checker, host), ...secure } : {}),
        },
      ];
    });
    if (options.length === 0 && urls.length === 0) {
      this.#account.remark(checker.place, TEXT.noUrl);
      this.#account.drop(checker, TEXT.noUrl);
    }
    const http = last(checker.block, "http_protocol");
    if (http?.words[0]?.text === "1.1") {
      this.#account.judge(http, "exact");
      this.#account.judge(checker, "exact", checker.keyword === "SSL_GET" ? "check https" : "check http");
    }
    return options;
  }

  #host(blocks: readonly (readonly Statement[] | undefined)[]): string | undefined {
    const statement = blocks.map((block) => last(block, "virtualhost")).find((found) => found !== undefined);
    const word = statement === undefined ? undefined : this.#values.word(statement);
    if (word === undefined) return undefined;
    if (!/^[\x21-\x7e]+$/.test(word.text)) this.#account.mistake(word.place, TEXT.host(word.text));
    return word.text;
  }

  #serverName(checker: Statement, host: string | undefined): Yaml {
    const sni = last(checker.block, "enable_sni");
    if (sni === undefined || this.#values.toggle(sni) === false) return {};
    if (host !== undefined && /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(host)) return { server_name: host };
    this.#account.judge(sni, "dropped", TEXT.noSni);
    return {};
  }

  /** What is asked of the answer. */
  #answer({ block = [] }: Statement): Yaml {
    const digest = last(block, "digest");
    const digestWord = digest === undefined ? undefined : this.#values.word(digest);
    if (digestWord !== undefined && !/^[0-9a-fA-F]{32}$/.test(digestWord.text))
      this.#account.mistake(digestWord.place, TEXT.digest(digestWord.text));
    const codes = last(block, "status_code")?.words ?? [];
    for (const { text, place } of codes) if (!/^[1-9]\d\d(-[1-9]\d\d)?$/.test(text)) this.#account.mistake(place, TEXT.status(text));
    const status = codes.map(({ text }) => (text.includes("-") ? text : Number(text)));
    const pattern = this.#pattern(block);
    return {
      ...(status.length === 0 ? {} : { status: status.length === 1 ? status[0] : status }),
      ...(digestWord === undefined ? {} : { digest: `md5:${digestWord.text.toLowerCase()}` }),
      ...(pattern === undefined ? {} : { matches: pattern }),
    };
  }

  #pattern(block: readonly Statement[]): string | undefined {
    const regex = last(block, "regex");
    const word = regex === undefined ? undefined : this.#values.word(regex);
    if (regex === undefined || word === undefined) return undefined;
    if (last(block, "regex_no_match") !== undefined) {
      this.#account.judge(regex, "dropped", "");
      return undefined;
    }
    if (isLinear(word.text)) return word.text;
    this.#account.judge(regex, "dropped", TEXT.pattern);
    this.#account.remark(word.place, TEXT.pattern);
    return undefined;
  }
}

/** As checker/linear-pattern.ts will have it, as far as that can be told from the text. */
function isLinear(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp && !/\(\?(=|!|<=|<!)|\\[1-9k]|\{\d{3,}|,\d{3,}\}/.test(text);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
