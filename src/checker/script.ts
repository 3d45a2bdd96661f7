/**
 * Script: a program of the operator's looks at the server. It runs as nobody, without capabilities and without a way to get any, in a clean
 * environment and a process group of its own, which is killed at the end, and at the deadline, with all that it started. Exit code 0: well; 1: not. Others
 * are "not" too, or, with `weight_from_exit_code`, well with a weight of two less (keepalived's misc_dynamic).
 */

import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import type { Readable } from "node:stream";
import * as z from "zod";
import { printable, quote } from "../config/complaint.ts";
import { toggle } from "../config/fields.ts";
import type { Shape } from "../config/mapping.ts";
import { killGroup, withoutPrivileges } from "../kernel/unprivileged.ts";
import { formatAddress } from "../model/address.ts";
import { checkerOf, wayTo } from "./checker.ts";
import { type Course, type Finding, PASSED } from "./course.ts";
import { Failure, Unable } from "./fault.ts";
import { readWay, wayShape } from "./way-options.ts";

const OUTPUT_BYTES_MAX = 4096;
/** Of what it said, in the reason. */
const SAID_MAX = 200;
/** For what the script wrote just before its end. */
const LAST_WORDS_MS = 50;

const { address, port } = wayShape;

const scriptShape = {
  address,
  port,
  /** The program and its arguments; no shell is between. */
  command: z
    .union([z.string(), z.array(z.string())], {
      error: ({ input }) => `${quote(input)} is not a command; write ["/path/of/program", "argument"]`,
    })
    .transform((value) => (Array.isArray(value) ? value : [value]))
    .transform((command, context): readonly string[] => {
      const [program] = command;
      const mistake =
        program === undefined || !program.startsWith("/")
          ? `${quote(program)} is not the path of a program; it begins with a slash`
          : command.some((part) => part.includes("\0"))
            ? "an argument has a zero byte"
            : undefined;
      if (mistake !== undefined) context.issues.push({ code: "custom", message: mistake, input: command });
      return command;
    })
    .describe("The program and its arguments; no shell is between. It runs as nobody."),
  environment: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.union([z.string(), z.number()]), {
      error: ({ input }) => `${quote(input)} is not a mapping of names to values`,
    })
    .default({})
    .describe("Variables of its environment, beside EVENKEEL_ADDRESS and EVENKEEL_PORT."),
  weight_from_exit_code: toggle.default(false).describe("Exit codes from 2 on name a weight of two less."),
} satisfies Shape;

interface ScriptOptions {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly namesWeight: boolean;
}

export const script = checkerOf({
  name: "script",
  usualPort: 0,
  shape: scriptShape,
  complete(fields, complain) {
    const { command = [], environment = {}, weight_from_exit_code: namesWeight = false } = fields;
    const mistake = command[0] === undefined ? undefined : programMistake(command[0]);
    if (mistake !== undefined) complain("command", mistake, "host");
    return {
      ...readWay(fields, () => undefined),
      command,
      environment: Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, String(value)])),
      namesWeight,
    };
  },
  async examine(course, target, { command, environment, namesWeight, ...options }, dial) {
    const way = await wayTo(course, target, options, dial);
    course.enter("request");
    const { code, signal, output } = await run(course, {
      command,
      environment: { ...environment, EVENKEEL_ADDRESS: formatAddress(way.to), EVENKEEL_PORT: String(way.port) },
      namesWeight,
    });
    course.enter("match");
    return judge(code, signal, output, namesWeight);
  },
});

function judge(code: number | null, signal: string | null, output: string, namesWeight: boolean): Finding {
  const [said = ""] = output.trim().split("\n");
  const words = said === "" ? "" : `: ${printable(said.slice(0, SAID_MAX))}`;
  if (code === null) throw new Failure(`the script was ended by ${signal}${words}`);
  // It was the wrapper that failed, and the script never ran.
  if ((code === 126 || code === 127) && said.startsWith("setpriv:")) throw new Unable(`the script could not be started${words}`);
  if (code === 0) return PASSED;
  if (namesWeight && code > 1) return { advice: { weight: { kind: "absolute", weight: code - 2 } } };
  throw new Failure(`the script ended with code ${code}${words}`);
}

interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

function run(course: Course, { command, environment }: ScriptOptions): Promise<Ending> {
  return new Promise((done, fail) => {
    const child = spawn("setpriv", [...withoutPrivileges(), "--", ...command], {
      cwd: "/",
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C.UTF-8", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    // Without a descriptor left there are none, whatever the types say.
    const streams = [child.stdout, child.stderr].filter((stream: Readable | undefined) => stream !== undefined);
    let output = "";
    for (const stream of streams) {
      // What is too much is read and forgotten: a full pipe would stop the script.
      stream.on("data", (piece: Buffer) => {
        if (output.length < OUTPUT_BYTES_MAX) output += piece.toString("utf8", 0, OUTPUT_BYTES_MAX);
      });
    }
    course.own({
      destroy() {
        killGroup(child.pid);
        for (const stream of streams) stream.destroy();
      },
    });
    child.once("spawn", () => course.enter("response"));
    child.once("error", fail);
    child.once("exit", (code, signal) => {
      // Those it left behind could hold its output open.
      killGroup(child.pid);
      const finish = (): void => done({ code, signal, output });
      const timer = setTimeout(finish, LAST_WORDS_MS);
      child.once("close", () => {
        clearTimeout(timer);
        finish();
      });
    });
  });
}

/** Why the program cannot run here, as far as that is seen from outside. */
export function programMistake(program: string): string | undefined {
  try {
    accessSync(program, constants.X_OK);
    return statSync(program).isFile() ? undefined : `${quote(program)} is not a program`;
  } catch (error) {
    return `${quote(program)} cannot be executed: ${error instanceof Error ? error.message : String(error)}`;
  }
}
