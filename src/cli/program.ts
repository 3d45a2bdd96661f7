/** The verbs of `evenkeel` and their options. Only the verb that was asked for is imported, and verbs import what is heavy when they run. */

import { Command, CommanderError } from "commander";
import { EXIT_CODE } from "./report.ts";
import { findVerb, GROUPS, VERBS } from "./verbs/index.ts";
import { version } from "./version.ts";

const TEXT = {
  description: "A load-balancing, high-availability cluster: director, real server and lab in one program.",
  examples: `
Examples:
  evenkeel demo                                  a whole cluster on this machine, every forwarding method, with the account of each
  evenkeel lab up --method dr --servers 3        the same cluster, standing, to try things in
  evenkeel apply cluster.yaml                    make this machine forward as the file says; again: only what differs
  evenkeel run cluster.yaml                      the same, and keep it so: health checks, drain, journal, API
  evenkeel status                                services, real servers, connections and traffic
  evenkeel realserver up --method dr --vip 192.0.2.10

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 wrong configuration, 4 no director, 5 not permitted, 10 plan: something differs.`,
  footer: "\nevenkeel VERB --help tells more of a verb.",
};

/** The exit code; throws what a verb throws. */
export async function runProgram(args: readonly string[]): Promise<number> {
  const program = newProgram();
  try {
    const verb = findVerb(args[0]);
    const wanted = verb === undefined ? VERBS : [verb];
    for (const { load, group } of wanted) {
      program.commandsGroup(GROUPS[group]);
      (await load()).register(program);
    }
    if (args.length === 0) program.help({ error: true });
    await program.parseAsync(args, { from: "user" });
    // A verb that failed without an error to report has set the code itself.
    return typeof process.exitCode === "number" ? process.exitCode : EXIT_CODE.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODE.ok : EXIT_CODE.usage;
    throw error;
  }
}

function newProgram(): Command {
  return new Command("evenkeel")
    .description(TEXT.description)
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this")
    .addHelpText("after", `${TEXT.examples}\n${TEXT.footer}`)
    .showSuggestionAfterError(true)
    .showHelpAfterError("(--help tells more)")
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "evenkeel: ")) })
    .enablePositionalOptions()
    .exitOverride();
}
