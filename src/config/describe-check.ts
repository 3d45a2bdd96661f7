/** A check in words, as events, tables and plans name it. */

import { printable } from "./complaint.ts";
import type { ConfiguredCheck } from "./configuration.ts";
import { formatDuration } from "./fields.ts";

/** "http :8080/healthz", "tcp", "dns www.example.org A", "script /usr/local/bin/check-db --quick". */
export function checkName({ kind, options }: Pick<ConfiguredCheck, "kind" | "options">): string {
  const said = (key: string): string => {
    const value = options[key];
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
  };
  const host = said("address").includes(":") ? `[${said("address")}]` : said("address");
  const place = said("port") === "" ? host : `${host}:${said("port")}`;
  const [subject, separator = " "] = subjectOf(kind, options, said);
  const whole = subject === "" ? place : place === "" ? subject : `${place}${separator}${subject}`;
  const text = whole === "" ? kind : `${kind} ${whole}`;
  return printable(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

/** With how often it is made: "tcp every 2s". */
export function describeCheck(check: ConfiguredCheck): string {
  return `${checkName(check)} every ${formatDuration(check.intervalMs)}${check.clientsWay ? " on the clients' way" : ""}`;
}

/** What it asks for, and what stands between that and where it asks. */
function subjectOf(kind: string, options: ConfiguredCheck["options"], said: (key: string) => string): [string, string?] {
  switch (kind) {
    case "http":
    case "https":
      return [said("path") === "" ? "/" : said("path"), ""];
    case "dns":
      return [[said("name"), said("type")].filter((word) => word !== "").join(" ")];
    case "grpc":
      return [said("service")];
    case "tls":
      return [said("server_name")];
    case "script": {
      const { command } = options;
      return [Array.isArray(command) ? command.join(" ") : said("command")];
    }
    default:
      return [""];
  }
}
