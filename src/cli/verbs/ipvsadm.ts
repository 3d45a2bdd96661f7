/** `evenkeel ipvsadm`: its arguments are ipvsadm's own and never seen by our option parser (main.ts hands them over before). */

import type { Command } from "commander";

const TEXT = {
  verb: "ipvsadm(8), as LVS's tools and tutorials call it; also by the name ipvsadm (bin/ipvsadm)",
  arguments: "what ipvsadm takes",
};

/** For the list of verbs only. */
export function register(program: Command): void {
  program.command("ipvsadm").description(TEXT.verb).helpOption(false).argument("[arguments...]", TEXT.arguments);
}
