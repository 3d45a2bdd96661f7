/**
 * The `evenkeel` command: hands the arguments over, and turns whatever is thrown into a message and an exit code. What is not needed is not
 * imported: `ipvsadm` is called by the hundred.
 */

import { EvenkeelError } from "../model/error.ts";
import { reportError } from "./report.ts";

const TEXT = {
  cannotWrite: (why: string) => `the output could not be written: ${why}`,
};

// Meant by the launcher for this process, not for those it starts.
delete process.env["NODE_COMPILE_CACHE"];

// What falls out of a callback is reported like everything else.
process.on("uncaughtException", (error) => process.exit(reportError(error)));
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  surviveLostReaders(process.stdout);
  // Where complaints go that cannot be written: nobody could be told, and to try would end in another one.
  process.stderr.on("error", () => {});
  try {
    const [verb, ...more] = args;
    if (verb === "ipvsadm") return await (await import("./ipvsadm/process.ts")).ipvsadmProcess(more);
    return await (await import("./program.ts")).runProgram(args);
  } catch (error) {
    return reportError(error);
  }
}

/** `evenkeel status | head`: a reader that has seen enough is no failure, and stops no work that was begun. A full disk is one. */
function surviveLostReaders(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return;
    process.exitCode = reportError(new EvenkeelError("COMMAND_FAILED", TEXT.cannotWrite(error.message)));
  });
}
