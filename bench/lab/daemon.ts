/** Programs inside a lab that stay until the lab is removed; what they say goes to files beside the lab. */

import { appendFileSync, closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cannotRun, spawnInside } from "../../src/lab/commands.ts";
import { labDirectory } from "../../src/lab/state.ts";

/** Does not wait: whoever needs it asks until it answers, and reads logsOf() when it does not. */
export function startDaemon(
  lab: string,
  namespace: string,
  daemon: { readonly name: string; readonly command: readonly string[]; readonly environment?: NodeJS.ProcessEnv },
): void {
  const { name, command, environment = {} } = daemon;
  const file = join(labDirectory(lab), `${name}.log`);
  const log = openSync(file, "a");
  const child = spawnInside(lab, namespace, command, { stdio: ["ignore", log, log], env: environment });
  closeSync(log);
  child.once("error", (error) => appendFileSync(file, `${cannotRun("nsenter", error).message}\n`));
  child.unref();
}

/** What its daemons said, for whoever wonders why one does not serve. */
export function logsOf(lab: string): string {
  return readdirSync(labDirectory(lab))
    .filter((name) => name.endsWith(".log"))
    .map((name) => ({ name, text: readFileSync(join(labDirectory(lab), name), "utf8").trim() }))
    .filter(({ text }) => text !== "")
    .map(({ name, text }) => `${name}: ${text.slice(-1000)}\n`)
    .join("");
}
