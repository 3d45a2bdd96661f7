/** Waits for a child process: what it printed when it succeeded, an error with its own words when not. */

import type { ChildProcess } from "node:child_process";
import { EvenkeelError } from "../model/error.ts";
import { cannotRun } from "./commands.ts";

export function finished(child: ChildProcess, what: string): Promise<string> {
  let said = "";
  let complained = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complained += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(cannotRun("nsenter", error)));
    child.once("close", (status, signal) => {
      if (status === 0) return resolve(said);
      const story = (complained.trim() || said.trim()).slice(0, 4000);
      const how = signal === null ? `failed (${status})` : `was ended by ${signal}`;
      reject(new EvenkeelError("COMMAND_FAILED", `${what} ${how}`, { facts: { status: status ?? undefined, story: `${story}\n` } }));
    });
  });
}
