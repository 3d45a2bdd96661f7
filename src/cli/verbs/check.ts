/** `evenkeel check FILE`: every mistake of a configuration file, and everything on this host that it does not fit. Nothing is changed. */

import type { Command } from "commander";
import type { Configuration } from "../../config/configuration.ts";
import type { Places } from "../../director/preflight-complaints.ts";
import { isForPrograms, type OutputFlags, outputOption, printAs } from "../output.ts";
import { EXIT_CODE } from "../report.ts";

const TEXT = {
  verb: "say everything that is wrong with a configuration file; change nothing",
  file: "the configuration (YAML); - is the standard input",
  offline: "look at the file alone, not at this host: for a file that will be used on another one",
  good: (services: string, servers: string, checks: string) => `ok: ${services}, ${servers}, ${checks}`,
  warning: (text: string) => `warning: ${text}`,
  unseen: (why: string) => `this host could not be looked at: ${why}`,
  examples: `
Examples:
  evenkeel check /etc/evenkeel/evenkeel.yaml
  evenkeel check --offline evenkeel.yaml         on another machine than the director: interfaces, addresses, routes, scripts are not looked for
  generate-it | evenkeel check -o json -

Every mistake is told with file:line:column, the path of the key, what is allowed and what may have been meant.
Exit codes: 0 the file can be applied, 2 wrong usage, 3 the file is wrong, or does not fit this host`,
};

interface Flags extends OutputFlags {
  readonly offline?: boolean;
}

export function register(program: Command): void {
  program
    .command("check")
    .description(TEXT.verb)
    .argument("<file>", TEXT.file)
    .option("--offline", TEXT.offline)
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(file: string, { offline = false, output }: Flags): Promise<void> {
  const [{ checkKinds, checkKindsElsewhere }, { ConfigurationError }, { readConfigurationFile }] = await Promise.all([
    import("../../checker/check-kinds.ts"),
    import("../../config/parse.ts"),
    import("../configuration-file.ts"),
  ]);
  try {
    const { configuration, source } = await readConfigurationFile(file, offline ? checkKindsElsewhere : checkKinds);
    const warnings = offline ? [] : await lookAtHost(configuration, source);
    if (!isForPrograms(output)) for (const warning of warnings) console.error(TEXT.warning(warning));
    const answer = { ok: true, complaints: [], warnings, ...sizeOf(configuration) };
    await printAs(output, answer, () => goodText(configuration));
  } catch (error) {
    if (!isForPrograms(output) || !(error instanceof ConfigurationError)) throw error;
    const complaints = error.complaints.map(({ fileName, ...rest }) => ({ file: fileName, ...rest }));
    await printAs(output, { ok: false, complaints, warnings: [] }, () => "");
    process.exitCode = EXIT_CODE.configuration;
  }
}

/** The warnings; throws ConfigurationError. What may not be looked at without privileges is said, and counts as nothing. */
async function lookAtHost(configuration: Configuration, places: Places): Promise<readonly string[]> {
  const [{ preflight }, { rememberedWays }, { EvenkeelError }] = await Promise.all([
    import("../../director/preflight.ts"),
    import("../../director/server-way.ts"),
    import("../../model/error.ts"),
  ]);
  try {
    return preflight(configuration, places, rememberedWays()).warnings;
  } catch (error) {
    if (!(error instanceof EvenkeelError) || error.code === "BAD_CONFIGURATION") throw error;
    return [TEXT.unseen(error.message)];
  }
}

function sizeOf({ services }: Configuration): { readonly services: number; readonly servers: number; readonly checks: number } {
  const servers = services.flatMap((service) => service.servers);
  return { services: services.length, servers: servers.length, checks: servers.reduce((sum, { checks }) => sum + checks.length, 0) };
}

function goodText(configuration: Configuration): string {
  const { services, servers, checks } = sizeOf(configuration);
  const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  return TEXT.good(count(services, "service"), count(servers, "server"), count(checks, "check"));
}
