/** What people type for a check: `--set path=/health`, `--options '{path: /health}'`, HOST:PORT. */

import { parse, YAMLParseError } from "yaml";
import type { PreparedCheck, Target } from "../../checker/checker.ts";
import { CheckOptionsError } from "../../checker/checker.ts";
import { type CheckKind, prepareCheck } from "../../checker/index.ts";
import { parseAddress } from "../../model/address.ts";
import { EvenkeelError } from "../../model/error.ts";

/** The check with these options. What is set counts more than what stands in `options`. */
export function readCheck(
  kind: CheckKind,
  pairs: readonly string[],
  options: string | undefined,
): { readonly check: PreparedCheck; readonly port: number | undefined } {
  const base = options === undefined ? {} : readMapping(options);
  try {
    const values = withPairs(base, pairs, readScalar);
    const mistaken = new Set(mistakesOf(kind, values));
    // "contains=200" may be meant as text: where the value does not fit, its text is tried.
    const plain = pairs.filter((pair) => mistaken.has(splitPair(pair).path[0] ?? ""));
    const check = prepareCheck(kind, plain.length === 0 ? values : withPairs(values, plain, (text) => text));
    return { check, port: typeof values["port"] === "number" ? values["port"] : undefined };
  } catch (error) {
    if (!(error instanceof CheckOptionsError)) throw error;
    throw new EvenkeelError("BAD_ARGUMENT", error.message, { cure: "evenkeel probe --help lists the options of each kind" });
  }
}

/** "192.0.2.1:80", "[2001:db8::1]:80", "2001:db8::1", "www.example.org:443". */
export function readTarget(text: string, usualPort: number | undefined): Target {
  const bracketed = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(text);
  const [, host = text, portText] = bracketed ?? /^([^:]*):(\d{1,5})$/.exec(text) ?? [];
  const port = portText === undefined ? usualPort : Number(portText);
  if (port === undefined || port > 65535)
    throw new EvenkeelError("BAD_ARGUMENT", `${text}: which port?`, {
      cure: "give HOST:PORT with a port up to 65535, or --set port=NUMBER",
    });
  if (bracketed === null && isName(host)) return { host, port };
  return { host: parseAddress(host), port };
}

function isName(host: string): boolean {
  return /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?$/.test(host) && !/^[\d.]+$/.test(host);
}

function mistakesOf(kind: CheckKind, values: unknown): string[] {
  try {
    prepareCheck(kind, values);
    return [];
  } catch (error) {
    if (!(error instanceof CheckOptionsError)) throw error;
    return error.mistakes.map(({ path }) => String(path[0] ?? ""));
  }
}

function readMapping(text: string): Record<string, unknown> {
  try {
    const value: unknown = parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
  }
  throw new EvenkeelError("BAD_ARGUMENT", `--options ${text} is not a mapping`, {
    cure: "write it as YAML or JSON: --options '{path: /health}'",
  });
}

function readScalar(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof YAMLParseError) return text;
    throw error;
  }
}

/** "headers.Accept=text/html" sets a key of a mapping. */
function withPairs(base: Record<string, unknown>, pairs: readonly string[], read: (text: string) => unknown): Record<string, unknown> {
  const values = structuredClone(base);
  for (const pair of pairs) {
    const { path, text } = splitPair(pair);
    const [key = "", ...inner] = path;
    if (inner.length === 0) values[key] = read(text);
    else values[key] = { ...(isMapping(values[key]) ? values[key] : {}), [inner.join(".")]: read(text) };
  }
  return values;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function splitPair(pair: string): { readonly path: readonly string[]; readonly text: string } {
  const [, name, text] = /^([^=]+)=([\s\S]*)$/.exec(pair) ?? [];
  if (name === undefined || text === undefined)
    throw new EvenkeelError("BAD_ARGUMENT", `--set ${pair} sets nothing`, {
      cure: "write it as --set KEY=VALUE, such as --set path=/health",
    });
  return { path: name.split("."), text };
}
