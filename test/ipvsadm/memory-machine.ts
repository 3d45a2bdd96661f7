/** A machine that has only a memory: ipvsadm's words, IPVS's judgement and its lists put together without a kernel. */

import { refusalOf } from "../../src/cli/ipvsadm/answers.ts";
import { type Command, CommandError, type Names } from "../../src/cli/ipvsadm/command.ts";
import { HELP, VERSION } from "../../src/cli/ipvsadm/help.ts";
import { listConnections } from "../../src/cli/ipvsadm/list-connections.ts";
import { listDaemons } from "../../src/cli/ipvsadm/list-daemons.ts";
import { listServices } from "../../src/cli/ipvsadm/list-services.ts";
import { listTimeouts } from "../../src/cli/ipvsadm/list-timeouts.ts";
import { EXIT_NO_LIST, messageFor, RefusedEdit } from "../../src/cli/ipvsadm/messages.ts";
import { parseCommand } from "../../src/cli/ipvsadm/parse.ts";
import { restoreLines } from "../../src/cli/ipvsadm/restore-lines.ts";
import { save } from "../../src/cli/ipvsadm/save.ts";
import type { Edit, StandingSyncDaemon } from "../../src/model/edit.ts";
import { EvenkeelError } from "../../src/model/error.ts";
import { type ActualState, DEFAULT_SETTINGS, type DirectorSettings } from "../../src/model/plane.ts";
import { serviceName } from "../../src/model/service.ts";
import { judgeEdits } from "../../src/reconcile/edits.ts";
import { listed } from "./recorded-states.ts";

export interface Answer {
  readonly rc: number;
  readonly out: string;
  readonly err: string;
}

export class MemoryMachine {
  #state: ActualState = { services: [], attachments: [] };
  readonly #names: Names;
  readonly #salt: number;

  constructor(names: Names, salt: number) {
    this.#names = names;
    this.#salt = salt;
  }

  /** `stdin` for -R, of which this one does what the real one does. */
  ipvsadm(args: readonly string[], stdin = ""): Answer {
    try {
      const command = parseCommand(args, this.#names);
      return command.kind === "restore" ? this.#restore(stdin) : this.#perform(command);
    } catch (error) {
      if (error instanceof RefusedEdit) return this.#refused(error);
      if (error instanceof CommandError) return answerOf(error);
      throw error;
    }
  }

  #perform(command: Exclude<Command, { kind: "restore" }>): Answer {
    const { services, settings = DEFAULT_SETTINGS, syncDaemons = [] } = this.#state;
    const salt = this.#salt;
    switch (command.kind) {
      case "help":
        return printed(HELP);
      case "version":
        return printed(VERSION);
      case "list-connections":
        // Nothing goes through this machine.
        return printed([...listConnections([], { format: command.format, names: this.#names })].join(""));
      case "list-timeouts":
        return printed(listTimeouts(settings.timeouts));
      case "list-daemons":
        return printed(listDaemons(syncDaemons));
      case "save":
        return printed(save(services, { salt, ...(command.format.numeric ? {} : { names: this.#names }) }));
      case "list-services": {
        const { service, format } = command;
        const wanted = service === undefined ? services : services.filter((each) => serviceName(each) === serviceName(service));
        if (service !== undefined && wanted.length === 0) throw new CommandError(messageFor("list", "ESRCH"), EXIT_NO_LIST);
        return printed(listServices(listed(wanted), { format, names: this.#names, one: service !== undefined, salt }));
      }
      case "edit":
        this.#state = this.#judged(command.edit);
        return printed("");
    }
  }

  #judged(edit: Edit): ActualState {
    const { refused, services, changes } = judgeEdits([edit], this.#state, { interfaceMtu });
    const [first] = refused;
    if (first !== undefined) throw refusalOf(edit.kind, first.error);
    let { settings, syncDaemons }: { settings?: DirectorSettings; syncDaemons?: readonly StandingSyncDaemon[] } = this.#state;
    for (const change of changes) {
      if (change.kind === "edit-settings") settings = change.after;
      if (change.kind === "edit-sync-daemons") syncDaemons = change.after;
    }
    return {
      services,
      attachments: [],
      ...(settings === undefined ? {} : { settings }),
      ...(syncDaemons === undefined ? {} : { syncDaemons }),
    };
  }

  /** The exit code is the last line's. */
  #restore(input: string): Answer {
    let answer = printed("");
    for (const { words } of restoreLines(input)) {
      const next = this.#line(words);
      answer = { rc: next.rc, out: answer.out + next.out, err: answer.err + next.err };
      if (next.ends) break;
    }
    return answer;
  }

  #line(words: readonly string[]): Answer & { readonly ends: boolean } {
    try {
      const command = parseCommand(words, this.#names, true);
      if (command.kind === "restore") throw new Error("no restore within a restore");
      const ends = command.kind === "help" || command.kind === "version";
      try {
        return { ...this.#perform(command), ends };
      } catch (error) {
        // IPVS refuses an edit, and the next line is read; a list that cannot be had is the end.
        if (error instanceof CommandError) return { ...answerOf(error), ends: command.kind !== "edit" };
        throw error;
      }
    } catch (error) {
      if (error instanceof RefusedEdit) return { ...this.#refused(error), ends: false };
      if (error instanceof CommandError) return { ...answerOf(error), ends: error.endsRestore };
      throw error;
    }
  }

  /** What else is wrong with it comes first. */
  #refused(refused: RefusedEdit): Answer {
    try {
      this.#judged(refused.edit);
    } catch (error) {
      if (error instanceof CommandError) return answerOf(error);
      throw error;
    }
    return answerOf(refused);
  }
}

function printed(out: string): Answer {
  return { rc: 0, out, err: "" };
}

function answerOf({ exitCode, message }: CommandError): Answer {
  return { rc: exitCode, out: "", err: `${message}\n` };
}

/** There is lo and nothing else. */
function interfaceMtu(interfaceName: string): number {
  if (interfaceName === "lo") return 65_536;
  throw new EvenkeelError("INTERFACE_MISSING", `there is no interface ${interfaceName}`);
}
