/** `evenkeel import keepalived FILE`, `evenkeel import ipvsadm FILE`: what another program's file says, as evenkeel.yaml, and what became of each line. */

import { type Command, Option } from "commander";
import type { Complaint } from "../../config/complaint.ts";
import type { Imported } from "../../config/import-report.ts";

const TEXT = {
  verb: "write what keepalived or ipvsadm was told as evenkeel.yaml, with an account of every line",
  keepalived: "of keepalived.conf, with the files that it includes",
  ipvsadm: "of the lines that ipvsadm -S prints",
  file: (what: string) => `${what}; - is the standard input`,
  output: "form of the answer; json has the account in it",
  report: "write the account to this file instead of the standard error; - is the standard output, in the configuration's place",
  strict: "exit code 1 unless everything was carried",
  configId: "which lines that begin with @ are meant, as keepalived -i; the host's name up to its first dot when left out",
  examples: `
Examples:
  evenkeel import keepalived /etc/keepalived/keepalived.conf > evenkeel.yaml
  evenkeel import keepalived keepalived.conf --report - | less
  ipvsadm -Sn | evenkeel import ipvsadm - > evenkeel.yaml
  evenkeel check evenkeel.yaml && evenkeel plan evenkeel.yaml

docs/import.md says what is carried and how.
Exit codes: 0 done, 1 with --strict: something was not carried, 2 usage, 3 the file is wrong: nothing was written`,
  head: (from: string) => [`From ${from}, by evenkeel import. The account of it says what could not be carried.`],
  remark: (complaint: string) => `remark: ${complaint}`,
  edit: (complaint: string) => `to be edited: ${complaint}`,
  cannotRead: (file: string, why: string) => `cannot read ${file}: ${why}`,
  cure: (file: string) => `correct ${file}; nothing was written`,
  readable: "give the path of a readable file, or - for the standard input",
};

const LINES_MAX = 200;

interface Flags {
  readonly output: "yaml" | "json";
  readonly report?: string;
  readonly strict?: boolean;
  readonly configId?: string;
}

export function register(program: Command): void {
  const verb = program.command("import").description(TEXT.verb).addHelpText("after", TEXT.examples);
  const add = (name: string, description: string) =>
    verb
      .command(name)
      .description(description)
      .argument("<file>", TEXT.file(name === "keepalived" ? "the file" : "the lines"))
      .addOption(new Option("-o, --output <form>", TEXT.output).choices(["yaml", "json"]).default("yaml"))
      .option("--report <file>", TEXT.report)
      .option("--strict", TEXT.strict)
      .addHelpText("after", TEXT.examples);
  add("keepalived", TEXT.keepalived)
    .option("--config-id <id>", TEXT.configId)
    .action(async (file: string, flags: Flags) => {
      const [{ importKeepalived }, { includeFiles }, { hostname }] = await Promise.all([
        import("../../config/keepalived/import.ts"),
        import("../import/keepalived-files.ts"),
        import("node:os"),
      ]);
      const configId = flags.configId ?? hostname().split(".")[0] ?? "";
      await run(file, flags, (text, fileName) => importKeepalived({ fileName, text }, { configId, include: includeFiles }));
    });
  add("ipvsadm", TEXT.ipvsadm).action(async (file: string, flags: Flags) => {
    const [{ importIpvsadm }, { systemNames }] = await Promise.all([import("../import/ipvsadm-rules.ts"), import("../ipvsadm/names.ts")]);
    await run(file, flags, (text, fileName) => importIpvsadm(text, fileName, systemNames()));
  });
}

async function run(file: string, flags: Flags, importText: (text: string, fileName: string) => Imported): Promise<void> {
  const [{ formatReport }, { writeYaml }, { parseConfiguration }, { checkKindsElsewhere }, { formatComplaint }] = await Promise.all([
    import("../../config/import-report.ts"),
    import("../../config/write-yaml.ts"),
    import("../../config/parse.ts"),
    import("../../checker/check-kinds.ts"),
    import("../../config/complaint.ts"),
  ]);
  const fileName = file === "-" ? "standard input" : file;
  const imported = importText(await readInput(file, fileName), fileName);
  const { value, origins, entries, remarks, mistakes } = imported;
  if (value === undefined) throw await wrongFile(mistakes, fileName);
  const yaml = writeYaml(value, { head: TEXT.head(fileName), comments: origins });
  const read = parseConfiguration(yaml, "evenkeel.yaml", checkKindsElsewhere);
  const edits = "complaints" in read ? read.complaints : [];
  const report = formatReport(fileName, imported);
  const told = [
    ...remarks.map((complaint) => TEXT.remark(formatComplaint(complaint))),
    ...edits.map((complaint) => TEXT.edit(formatComplaint(complaint))),
  ];
  if (flags.output === "json") console.log(JSON.stringify({ configuration: value, entries, remarks, edits }, null, 2));
  else if (flags.report !== "-") process.stdout.write(yaml);
  if (flags.report === "-" && flags.output === "yaml") process.stdout.write(report);
  else if (flags.report !== undefined && flags.report !== "-") await writeReport(flags.report, report);
  else if (flags.output === "yaml") process.stderr.write(report);
  for (const line of told) console.error(line);
  if (flags.strict && (told.length > 0 || entries.some(({ fate }) => fate === "dropped"))) process.exitCode = 1;
}

async function wrongFile(mistakes: readonly Complaint[], fileName: string): Promise<Error> {
  const [{ EvenkeelError }, { formatComplaint }] = await Promise.all([import("../../model/error.ts"), import("../../config/complaint.ts")]);
  const lines = mistakes.slice(0, LINES_MAX).map(formatComplaint);
  return new EvenkeelError("BAD_CONFIGURATION", lines.join("\n"), {
    cure: TEXT.cure(fileName),
    facts: { fileName, count: mistakes.length },
  });
}

async function readInput(file: string, fileName: string): Promise<string> {
  const [{ readBounded }, { createReadStream }] = await Promise.all([import("../configuration-text.ts"), import("node:fs")]);
  try {
    return (await readBounded(file === "-" ? process.stdin : createReadStream(file))).toString();
  } catch (error) {
    const { EvenkeelError } = await import("../../model/error.ts");
    const why = error instanceof Error ? error.message : String(error);
    throw new EvenkeelError("BAD_CONFIGURATION", TEXT.cannotRead(fileName, why), { cure: TEXT.readable, cause: error });
  }
}

async function writeReport(file: string, report: string): Promise<void> {
  (await import("node:fs")).writeFileSync(file, report);
}
