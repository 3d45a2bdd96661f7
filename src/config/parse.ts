/** Text -> Configuration, or every complaint about it at once. Reading the file is the caller's affair. */

import { EvenkeelError } from "../model/error.ts";
import type { WantedAttachment } from "../model/plane.ts";
import type { CheckKinds } from "./check-kinds.ts";
import { type Complaint, formatComplaint, type Path } from "./complaint.ts";
import type { Configuration } from "./configuration.ts";
import { DEFAULTS } from "./defaults.ts";
import { readList } from "./list.ts";
import { type Complain, readMapping } from "./mapping.ts";
import { readApi, readDirector, readJournal, readNotify } from "./read-director.ts";
import { readInstances } from "./read-instances.ts";
import { readMarks } from "./read-marks.ts";
import { completeService, readService, type ServiceReader } from "./read-service.ts";
import { readSettings } from "./read-settings.ts";
import { checkMark, checkService, checkServicesTwice, checkTwice } from "./rules.ts";
import { checkHealth } from "./rules-health.ts";
import { FILE_KEYS, interfaceShape } from "./schema.ts";
import { readSource, type Source } from "./source.ts";

/** `source` tells later complaints (of what only the running system knows) the place of a path. */
export type ParseResult =
  | { readonly configuration: Configuration; readonly source: Source }
  | { readonly complaints: readonly Complaint[] };

/** A message of more lines than this helps nobody; `complaints` has them all. */
const LINES_MAX = 200;

/** Its message is all complaints, one a line. */
export class ConfigurationError extends EvenkeelError {
  readonly complaints: readonly Complaint[];

  constructor(complaints: readonly Complaint[]) {
    const fileName = complaints[0]?.fileName ?? "";
    const lines = complaints.slice(0, LINES_MAX).map(formatComplaint);
    if (complaints.length > LINES_MAX) lines.push(`${fileName}: and ${complaints.length - LINES_MAX} more complaints`);
    super("BAD_CONFIGURATION", lines.join("\n"), {
      cure: `correct ${fileName}; nothing of it was applied`,
      facts: { fileName, count: complaints.length },
    });
    this.complaints = complaints;
  }
}

/** Never throws for what stands in the file. Without `kinds` any word may be a kind of check, and its options are not looked at. */
export function parseConfiguration(file: string | Uint8Array, fileName: string, kinds?: CheckKinds): ParseResult {
  const source = readSource(file, fileName);
  const complaints: Complaint[] = [...source.complaints];
  const complain: Complain = (complaint) => complaints.push(complaint);
  const configuration = source.value === undefined ? undefined : readFile({ source, kinds, complain });
  if (complaints.length === 0 && configuration !== undefined) return { configuration, source };
  if (complaints.length === 0) complaints.push(source.complaint([], "the file is empty; it needs at least: services: []"));
  return { complaints: inOrder(complaints) };
}

/** The same, for callers that can do nothing but tell: throws ConfigurationError. */
export function requireConfiguration(
  file: string | Uint8Array,
  fileName: string,
  kinds?: CheckKinds,
): { configuration: Configuration; source: Source } {
  const result = parseConfiguration(file, fileName, kinds);
  if ("complaints" in result) throw new ConfigurationError(result.complaints);
  return result;
}

/** Of the file. */
export function inOrder(complaints: readonly Complaint[]): readonly Complaint[] {
  return complaints.toSorted((one, other) => one.line - other.line || one.column - other.column);
}

function readFile(reader: ServiceReader): Configuration | undefined {
  const { source, complain } = reader;
  const file = readMapping(source, source.value, [], { what: "a configuration", shape: {}, others: FILE_KEYS }, complain);
  if (file === undefined) return undefined;
  const read = <Value>(key: (typeof FILE_KEYS)[number], readSection: (value: unknown) => Value): Value | undefined =>
    file.other(key) === undefined ? undefined : readSection(file.other(key));
  const { settings, marksFromOutside } = read("settings", (value) => readSettings(source, value, complain)) ?? DEFAULTS;
  const marks = read("marks", (value) => readMarks(source, value, complain)) ?? DEFAULTS.marks;

  const list = readList(source, file.other("services"), ["services"], complain);
  const readings = list.map((value, i) => readService(reader, value, ["services", i])).filter((service) => service !== undefined);
  for (const service of readings) {
    checkService(source, service, complain);
    checkHealth(source, service, complain);
    if (!marksFromOutside) checkMark(source, service, marks, complain);
  }
  checkServicesTwice(source, readings, complain);
  const services = readings.map(completeService);
  const named = readings.map(({ fields }) => ({ name: fields.name }));
  const sections = {
    interfaces: read("interfaces", (value) => readInterfaces(source, value, complain)),
    director: read("director", (value) => readDirector(source, value, complain)) ?? DEFAULTS.director,
    api: read("api", (value) => readApi(source, value, complain)) ?? DEFAULTS.api,
    notify: read("notify", (value) => readNotify(source, value, complain)) ?? DEFAULTS.notify,
    journal: read("journal", (value) => readJournal(source, value, complain)) ?? DEFAULTS.journal,
    instances: read("instances", (value) => readInstances(source, value, named, complain)) ?? DEFAULTS.instances,
  };
  read("listeners", (value) => {
    if (readList(source, value, ["listeners"], complain).length > 0)
      complain(source.complaint(["listeners"], "there are no listeners yet: layer 7 is to come; leave the key out", "key"));
  });
  // Whatever is not complete was complained of.
  if (!services.every((service) => service !== undefined)) return undefined;
  return { settings, marksFromOutside, marks, services, ...sections };
}

function readInterfaces(source: Source, value: unknown, complain: Complain): WantedAttachment[] {
  const path: Path = ["interfaces"];
  const list = readList(source, value, path, complain);
  if (Array.isArray(value) && list.length === 0)
    complain(source.complaint(path, "an empty list would listen nowhere; leave the key out to have the interfaces found"));
  const read = list.flatMap((each, i) => {
    const reading = readMapping(source, each, [...path, i], { what: "an interface", shape: interfaceShape }, complain);
    return reading === undefined ? [] : [{ path: [...path, i], ...reading.fields }];
  });
  checkTwice(source, read, complain, ({ name }) => (name === undefined ? undefined : `the interface ${name}`));
  return read.flatMap(({ name, hook }) => (name === undefined || hook === undefined ? [] : [{ interfaceName: name, hook }]));
}
