/** The director's own sections: how it works, its API, whom it tells, its journal. */

import { formatAddress } from "../model/address.ts";
import type { Path } from "./complaint.ts";
import type { ApiRule, Configuration, DirectorRule, NotifyRule } from "./configuration.ts";
import { DEFAULTS } from "./defaults.ts";
import { readList } from "./list.ts";
import { type Complain, readMapping } from "./mapping.ts";
import { apiShape, apiTcpShape, DEFAULT_NOTIFY_TIMEOUT_MS, directorShape, journalShape, notifyShape } from "./schema-director.ts";
import type { Source } from "./source.ts";

export function readDirector(source: Source, value: unknown, complain: Complain): DirectorRule {
  const reading = readMapping(source, value, ["director"], { what: "a director", shape: directorShape }, complain);
  const { by_hand: byHand = DEFAULTS.director.byHand, compare: compareMs = DEFAULTS.director.compareMs } = reading?.fields ?? {};
  return { byHand, compareMs };
}

export function readApi(source: Source, value: unknown, complain: Complain): ApiRule {
  const reading = readMapping(source, value, ["api"], { what: "an api", shape: apiShape, others: ["tcp"] }, complain);
  if (reading === undefined) return DEFAULTS.api;
  const { socket, group, node_exporter_names: nodeExporterNames = false } = reading.fields;
  const listed = reading.other("tcp");
  const tcp = listed === undefined ? undefined : readTcp(source, listed, ["api", "tcp"], complain);
  return {
    ...(socket === undefined ? {} : { socket }),
    ...(group === undefined ? {} : { group }),
    ...(tcp === undefined ? {} : { tcp }),
    nodeExporterNames,
  };
}

function readTcp(source: Source, value: unknown, path: Path, complain: Complain): ApiRule["tcp"] {
  const reading = readMapping(source, value, path, { what: "a TCP socket", shape: apiTcpShape }, complain);
  if (reading === undefined) return undefined;
  const { address, port, token_file: tokenFile, certificate, key } = reading.fields;
  const given = (name: string) => reading.other(name) !== undefined;
  if (given("certificate") && !given("key")) complain(source.complaint([...path, "certificate"], "it needs its key too"));
  if (given("key") && !given("certificate")) complain(source.complaint([...path, "key"], "it needs its certificate too"));
  const isLoopback = address?.family === "ipv4" ? address.bytes[0] === 127 : address?.bytes.every((byte, i) => byte === (i < 15 ? 0 : 1));
  if (isLoopback === false && !given("certificate") && !given("key")) {
    const text = "the token would go over the network in clear text; certificate and key are needed, or a loopback address";
    complain(source.complaint(path, text));
  }
  if (address === undefined || port === undefined || tokenFile === undefined) return undefined;
  return {
    address: formatAddress(address),
    port,
    tokenFile,
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
  };
}

export function readNotify(source: Source, value: unknown, complain: Complain): NotifyRule[] {
  return readList(source, value, ["notify"], complain).flatMap((each, i): NotifyRule[] => {
    const reading = readMapping(source, each, ["notify", i], { what: "a notify rule", shape: notifyShape }, complain);
    const { command, user, timeout: timeoutMs = DEFAULT_NOTIFY_TIMEOUT_MS, events } = reading?.fields ?? {};
    if (command === undefined) return [];
    return [{ command, timeoutMs, ...(user === undefined ? {} : { user }), ...(events === undefined ? {} : { events }) }];
  });
}

export function readJournal(source: Source, value: unknown, complain: Complain): Configuration["journal"] {
  const reading = readMapping(source, value, ["journal"], { what: "a journal", shape: journalShape }, complain);
  const { entries: entriesMax = DEFAULTS.journal.entriesMax, days: daysMax = DEFAULTS.journal.daysMax } = reading?.fields ?? {};
  return { entriesMax, daysMax };
}
