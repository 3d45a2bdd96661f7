/** Lines as `ipvsadm -S` prints them -> what evenkeel.yaml says in their place, with an account of each line. */

import type { Complaint } from "../../config/complaint.ts";
import type { Fate, Imported, ReportEntry } from "../../config/import-report.ts";
import { serviceValue, timeoutsValue, unsaidOfServer, unsaidOfService } from "../../config/service-value.ts";
import type { Edit } from "../../model/edit.ts";
import { serviceName, type Timeouts } from "../../model/service.ts";
import { judgeEdits } from "../../reconcile/edits.ts";
import { CommandError, type Names } from "../ipvsadm/command.ts";
import { parseCommand } from "../ipvsadm/parse.ts";
import { type RestoreLine, restoreLines } from "../ipvsadm/restore-lines.ts";

/** No interface is looked at. */
const MTU = 1500;

const TEXT = {
  daemon: "comes with high availability",
  counters: "a configuration holds no counters",
  noChange: "only changes can be imported",
};

interface ReadLine extends RestoreLine {
  readonly edit: Edit;
}

export function importIpvsadm(text: string, fileName: string, names: Names): Imported {
  const mistakes: Complaint[] = [];
  const mistake = (line: number, why: string) => mistakes.push({ fileName, line, column: 1, path: "", text: why });
  const lines: ReadLine[] = [];
  for (const line of restoreLines(text, { comments: true })) {
    try {
      const command = parseCommand(line.words, names, true);
      if (command.kind === "edit") lines.push({ ...line, edit: command.edit });
      else mistake(line.number, TEXT.noChange);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      mistake(line.number, error.message);
    }
  }
  const { refused, services } = judgeEdits(
    lines.map(({ edit }) => edit),
    { services: [], attachments: [] },
    { keepGoing: true, interfaceMtu: () => MTU },
  );
  for (const { index, error } of refused) mistake(lines[index]?.number ?? 0, error.message);

  const origins = new Map<object, string>();
  const addedAt = new Map(lines.flatMap(({ edit, number }) => (edit.kind === "add-service" ? [[serviceName(edit.service), number]] : [])));
  const values = services.map((service) => {
    const value = serviceValue(service);
    const line = addedAt.get(serviceName(service));
    if (line !== undefined) origins.set(value, `${fileName}:${line}`);
    return value;
  });
  const timeouts = timeoutsOf(lines);
  const settings = {
    ...(timeouts === undefined ? {} : { timeouts: timeoutsValue(timeouts) }),
    // ipvsadm leaves it to others to give marks.
    ...(services.some(({ mark = 0 }) => mark !== 0) ? { marks_from_outside: true } : {}),
  };
  const entries = lines.map((line): ReportEntry => {
    const { fate, note } = fateOf(line.edit);
    return { fileName, line: line.number, fate, statement: line.words.join(" "), note };
  });
  const value = { ...(Object.keys(settings).length === 0 ? {} : { settings }), services: values };
  return { value: mistakes.length === 0 ? value : undefined, origins, entries, mistakes, remarks: [] };
}

function fateOf(edit: Edit): { readonly fate: Fate; readonly note: string } {
  switch (edit.kind) {
    case "add-service":
    case "edit-service":
      return fateWithout(unsaidOfService({ ...edit.service, servers: [] }));
    case "add-server":
    case "edit-server":
      return fateWithout(unsaidOfServer(edit.server));
    case "start-daemon":
    case "stop-daemon":
      return { fate: "dropped", note: TEXT.daemon };
    case "reset-counters":
      return { fate: "dropped", note: TEXT.counters };
    case "clear":
    case "delete-service":
    case "delete-server":
    case "set-timeouts":
      return { fate: "exact", note: "" };
  }
}

function fateWithout(unsaid: readonly string[]): { readonly fate: Fate; readonly note: string } {
  return { fate: unsaid.length === 0 ? "exact" : "approximated", note: unsaid.join("; ") };
}

function timeoutsOf(lines: readonly ReadLine[]): Timeouts | undefined {
  const sets = lines.flatMap(({ edit }) => (edit.kind === "set-timeouts" ? [edit.timeouts] : []));
  return sets.length === 0 ? undefined : Object.assign({}, ...sets);
}
