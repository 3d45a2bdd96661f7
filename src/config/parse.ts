/** Text -> Configuration, or every complaint about it at once. Reading the file is the caller's affair. */

import { EvenkeelError } from "../model/error.ts";
import { DEFAULT_SETTINGS, type WantedAttachment } from "../model/plane.ts";
import { type Complaint, formatComplaint, type Path } from "./complaint.ts";
import type { Configuration } from "./configuration.ts";
import { readList } from "./list.ts";
import { type Complain, readMapping } from "./mapping.ts";
import { readMarks } from "./read-marks.ts";
import { completeService, readService } from "./read-service.ts";
import { readSettings } from "./read-settings.ts";
import { checkService, checkServicesTwice, checkTwice } from "./rules.ts";
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

/** Never throws for what stands in the file. */
export function parseConfiguration(file: string | Uint8Array, fileName: string): ParseResult {
  const source = readSource(file, fileName);
  const complaints: Complaint[] = [...source.complaints];
  const configuration = source.value === undefined ? undefined : readFile(source, (complaint) => complaints.push(complaint));
  if (complaints.length === 0 && configuration !== undefined) return { configuration, source };
  if (complaints.length === 0) complaints.push(source.complaint([], "the file is empty; it needs at least: services: []"));
  return { complaints: complaints.sort((one, other) => one.line - other.line || one.column - other.column) };
}

/** The same, for callers that can do nothing but tell: throws ConfigurationError. */
export function requireConfiguration(file: string | Uint8Array, fileName: string): { configuration: Configuration; source: Source } {
  const result = parseConfiguration(file, fileName);
  if ("complaints" in result) throw new ConfigurationError(result.complaints);
  return result;
}

function readFile(source: Source, complain: Complain): Configuration | undefined {
  const file = readMapping(source, source.value, [], { what: "a configuration", shape: {}, others: FILE_KEYS }, complain);
  if (file === undefined) return undefined;
  const listed = file.other("interfaces");
  const interfaces = listed === undefined ? undefined : readInterfaces(source, listed, complain);
  const settings = file.other("settings");
  const marks = file.other("marks");
  const director = {
    settings: settings === undefined ? DEFAULT_SETTINGS : readSettings(source, settings, complain),
    marks: marks === undefined ? [] : readMarks(source, marks, complain),
  };
  const services = readList(source, file.other("services"), ["services"], complain).map((value, i) =>
    readService(source, value, ["services", i], complain),
  );
  const read = services.filter((service) => service !== undefined);
  for (const service of read) checkService(source, service, complain);
  checkServicesTwice(source, read, complain);
  const complete = read.map(completeService);
  // Whatever is not complete was complained of.
  return complete.every((service) => service !== undefined) ? { interfaces, ...director, services: complete, ...USUAL } : undefined;
}

/** What a file that does not speak of it gets. */
const USUAL = {
  director: { byHand: "adopt", compareMs: 60_000 },
  api: { nodeExporterNames: false },
  notify: [],
  journal: { entriesMax: 100_000, daysMax: 30 },
} as const satisfies Partial<Configuration>;

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
