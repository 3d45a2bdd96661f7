/**
 * `ipvsadm ARGUMENTS`, as its callers know it: what it prints and the exit code. Stateless: every call reads the kernel's state and changes it
 * there. Each command's work is in a file of its own, imported when it is asked for.
 */

import { EvenkeelError } from "../../model/error.ts";
import { cannotStart } from "./answers.ts";
import { type Command, CommandError } from "./command.ts";
import { HELP, VERSION } from "./help.ts";
import { RefusedEdit } from "./messages.ts";
import { systemNames } from "./names.ts";
import { parseCommand } from "./parse.ts";

export interface Surroundings {
  /** All of the standard input. */
  readonly stdin: () => Buffer | Promise<Buffer>;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Another order of --nosort than ours: view.ts, WALK_SALT. */
  readonly walkSalt?: number;
}

/** The exit code. Throws nothing that a caller of ipvsadm could do something about. */
export async function runIpvsadm(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr } = surroundings;
  try {
    // These work everywhere, also where no packet path can be; the real one's do not.
    const [first, ...more] = args;
    if (more.length === 0 && (first === "--help" || first === "-h")) {
      stdout(HELP);
      return 0;
    }
    if (more.length === 0 && first === "--version") {
      stdout(VERSION);
      return 0;
    }
    await requirePacketPath();
    return await perform(parseCommand(args, systemNames()), surroundings);
  } catch (error) {
    if (error instanceof RefusedEdit) return await (await import("./run-edit.ts")).runRefusedEdit(error, surroundings);
    if (!(error instanceof CommandError)) throw error;
    stderr(`${error.message}\n`);
    return error.exitCode;
  }
}

/** The real one asks the kernel before it looks at its arguments. */
async function requirePacketPath(): Promise<void> {
  const { requireBpf } = await import("../../kernel/capability.ts");
  try {
    requireBpf("reach the packet path");
  } catch (error) {
    if (error instanceof EvenkeelError) throw cannotStart(error);
    throw error;
  }
}

async function perform(command: Command, surroundings: Surroundings): Promise<number> {
  const { stdout } = surroundings;
  switch (command.kind) {
    case "help":
      stdout(HELP);
      return 0;
    case "version":
      stdout(VERSION);
      return 0;
    case "edit":
      return await (await import("./run-edit.ts")).runEdit(command.edit, surroundings);
    case "restore":
      return await (await import("./run-restore.ts")).runRestore(command, surroundings);
    case "list-services":
    case "list-connections":
    case "list-timeouts":
    case "list-daemons":
    case "save":
      return await (await import("./run-list.ts")).runList(command, surroundings);
  }
}
