/** Programs, files and accounts that a configuration names and that are not on this host. */

import { spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { programMistake } from "../checker/script.ts";
import { type Complaint, type Path, quote } from "../config/complaint.ts";
import type { Command, Configuration } from "../config/configuration.ts";
import type { Places } from "./preflight-complaints.ts";

/** getent(1): "One or more supplied key could not be found in the database." */
const NOT_FOUND = 2;

/** To read or to write. */
const OTHERS = 0o006;

export function complaintsOfFiles({ services, notify, api }: Configuration, places: Places): Complaint[] {
  const complaints: Complaint[] = [];
  const check = (path: Path, mistake: string | undefined): void => {
    if (mistake !== undefined) complaints.push(places.complaint(path, mistake));
  };
  for (const [i, { onQuorumUp, onQuorumDown }] of services.entries()) {
    check(["services", i, "quorum", "up"], commandMistake(onQuorumUp));
    check(["services", i, "quorum", "down"], commandMistake(onQuorumDown));
  }
  for (const [i, { command, user }] of notify.entries()) {
    check(["notify", i, "command"], commandMistake(command));
    check(["notify", i, "user"], accountMistake("passwd", user));
  }
  check(["api", "group"], accountMistake("group", api.group));
  check(["api", "tcp", "token_file"], fileMistake(api.tcp?.tokenFile) ?? secretMistake(api.tcp?.tokenFile));
  for (const [key, file] of [
    ["certificate", api.tcp?.certificate],
    ["key", api.tcp?.key],
  ] as const)
    check(["api", "tcp", key], fileMistake(file));
  return complaints;
}

function commandMistake(command: Command | undefined): string | undefined {
  const program = command?.[0];
  return program === undefined ? undefined : programMistake(program);
}

function fileMistake(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    accessSync(file, constants.R_OK);
    return undefined;
  } catch (error) {
    return `${quote(file)} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The API's TCP door does not open with a token that is no secret. */
function secretMistake(file: string | undefined): string | undefined {
  if (file === undefined || (statSync(file).mode & OTHERS) === 0) return undefined;
  return `others can read or write ${quote(file)}: chmod o= ${file}, and write a new token into it`;
}

function accountMistake(database: "passwd" | "group", name: string | undefined): string | undefined {
  if (name === undefined || /^\d+$/.test(name)) return undefined;
  // Accounts are not only in files. Where getent is missing, nothing can be said.
  const { status } = spawnSync("getent", [database, name], { stdio: "ignore", timeout: 5000 });
  return status === NOT_FOUND ? `there is no ${database === "group" ? "group" : "user"} ${quote(name)} on this host` : undefined;
}
