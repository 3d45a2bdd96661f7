/** Programs of the operator's, run without what this process may do: by setpriv(1), in a process group of their own that can be ended as a whole. */

import { execFile } from "node:child_process";

/** Whom a program runs as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const NOBODY: Account = { uid: 65_534, gid: 65_534 };
const LOOK_UP_MS = 5000;

/**
 * setpriv's arguments: after them not even a setuid program helps, and the end of this process ends the program. Only root can become somebody else:
 * with CAP_SETUID, CAP_SETGID and CAP_SETPCAP; and CAP_KILL ends what runs as somebody else.
 */
export function withoutPrivileges(account: Account = NOBODY): readonly string[] {
  const everybody = ["--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all", "--pdeathsig=KILL"];
  if (process.geteuid?.() !== 0) return everybody;
  // The groups of an account that was named are its own; nobody has none.
  const groups = account === NOBODY ? "--clear-groups" : "--init-groups";
  return [`--reuid=${account.uid}`, `--regid=${account.gid}`, groups, "--bounding-set=-all", ...everybody];
}

/** By name or number, wherever this host keeps its accounts. undefined: there is none. */
export function findAccount(user: string): Promise<Account | undefined> {
  return new Promise((found) => {
    execFile("getent", ["passwd", "--", user], { timeout: LOOK_UP_MS, encoding: "utf8" }, (error, line) => {
      const [, , uid, gid] = line.trim().split(":").map(Number);
      found(error !== null || !Number.isInteger(uid) || !Number.isInteger(gid) ? undefined : { uid: uid ?? 0, gid: gid ?? 0 });
    });
  });
}

/** The process and all that it started and that did not leave its group. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // The usual case: nobody of the group is left.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
