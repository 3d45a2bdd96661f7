/** `evenkeel probe`: makes one kind of health check by hand, as the director makes it, and says how far it came and why. */

import { type Command, InvalidArgumentError, Option } from "commander";
import { isForPrograms, type OutputFlags, outputOption, printAs } from "../output.ts";
import { EXIT_CODE } from "../report.ts";

const TEXT = {
  verb: "make a health check by hand: verdict, phase, duration and reason",
  kind: "what kind of check",
  targets: "HOST:PORT, an address or a name; several are one service",
  set: "an option of the check; repeat for more",
  options: "options of the check as YAML or JSON",
  timeout: "a check that takes longer has failed: 500ms, 2s",
  count: "how many checks of each target",
  interval: "from one check of a target to its next",
  rise: "so many passes in a row bring a server up",
  fall: "so many failures in a row take it down",
  weight: "configured weight of each target",
  quorum: "weight that the service needs",
  noKind: (kind: string) => `there is no kind of check "${kind}"`,
  noKindCure: (kinds: readonly string[]) => `one of: ${kinds.join(", ")}`,
  badDuration: "a duration is 500ms, 2s or 1m, up to a day",
  badNumber: "it is not a whole number above 0",
  examples: `
Kinds and their options (each over the network also has address, port and bind: another address or port to check, one to come from):
  tcp      the connection is taken
  http     method, path, host, headers.NAME, body, status, version (1.1, 2), contains, matches, digest
  https    those of http, and those of tls
  tls      server_name, verify, ca, certificate, key (PEM files), days_left
  udp      payload, payload_hex, require_reply, silence_ms, contains, matches, digest
  dns      name, type, rcode, answer, transport (udp, tcp)
  smtp     hello, starttls, and those of tls
  ping     bytes
  grpc     service, tls, and those of tls
  script   command, environment.NAME, weight_from_exit_code; runs as nobody, without capabilities
  agent    send

Examples:
  evenkeel probe tcp 10.0.0.11:80
  evenkeel probe http 10.0.0.11:8080 --set path=/health --set status=200-299 --set contains=ok
  evenkeel probe https 10.0.0.11 --set server_name=www.example.org --set verify=true --set days_left=14
  evenkeel probe dns 10.0.0.53 --set name=www.example.org --set type=A --set answer=192.0.2.1
  evenkeel probe grpc 10.0.0.11:50051 --options '{service: shop.Cart}' -o json
  evenkeel probe http 10.0.0.11 10.0.0.12 --count 10 --interval 500ms --rise 2 --fall 3 --quorum 2
  evenkeel probe script 10.0.0.11 --options '{command: [/usr/local/bin/check-db, --quick]}'
  ip netns exec director evenkeel probe ping 2001:db8::11

With several rounds it says what the director would think after each, and in the end who would serve. "none" is a check that could not be
made for a reason on this host; it says nothing about the target.
Exit codes: 0 every target ends up well (with one round: passed), 1 not, 2 wrong usage`,
};

interface Flags extends OutputFlags {
  readonly set?: readonly string[];
  readonly options?: string;
  readonly timeout: number;
  readonly count: number;
  readonly interval: number;
  readonly rise: number;
  readonly fall: number;
  readonly weight: number;
  readonly quorum: number;
}

export function register(program: Command): void {
  const number = (flags: string, text: string, fallback: number) => new Option(flags, text).argParser(wholeNumber).default(fallback);
  const duration = (flags: string, text: string, shown: string, ms: number) =>
    new Option(flags, text).argParser(durationMs).default(ms, shown);
  program
    .command("probe")
    .description(TEXT.verb)
    .argument("<kind>", TEXT.kind)
    .argument("<target...>", TEXT.targets)
    .addOption(new Option("-s, --set <key=value>", TEXT.set).argParser((value, former?: readonly string[]) => [...(former ?? []), value]))
    .option("--options <mapping>", TEXT.options)
    .addOption(duration("-t, --timeout <duration>", TEXT.timeout, "5s", 5000))
    .addOption(number("-c, --count <number>", TEXT.count, 1))
    .addOption(duration("-i, --interval <duration>", TEXT.interval, "1s", 1000))
    .addOption(number("--rise <number>", TEXT.rise, 1))
    .addOption(number("--fall <number>", TEXT.fall, 1))
    .addOption(number("--weight <number>", TEXT.weight, 1))
    .addOption(number("--quorum <number>", TEXT.quorum, 1))
    .addOption(outputOption())
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(kind: string, targetTexts: readonly string[], flags: Flags): Promise<void> {
  const [{ checkers, isCheckKind, CHECK_KINDS }, { EvenkeelError }, { readCheck, readTarget }, { probeRounds }, text] = await Promise.all([
    import("../../checker/index.ts"),
    import("../../model/error.ts"),
    import("../probe/options.ts"),
    import("../probe/rounds.ts"),
    import("../probe/text.ts"),
  ]);
  if (!isCheckKind(kind)) throw new EvenkeelError("BAD_ARGUMENT", TEXT.noKind(kind), { cure: TEXT.noKindCure(CHECK_KINDS) });
  const { check, port } = readCheck(kind, flags.set ?? [], flags.options);
  const usualPort = port ?? checkers[kind].usualPort;
  const targets = targetTexts.map((each) => readTarget(each, usualPort));
  const names = targets.map(text.formatTarget);
  const width = Math.max(...names.map(({ length }) => length));

  const heard: unknown[] = [];
  const atOnce = isForPrograms(flags.output);
  const severalRounds = flags.count > 1;
  const health = await probeRounds(
    {
      targets,
      check,
      rounds: flags.count,
      intervalMs: flags.interval,
      timeoutMs: flags.timeout,
      rise: flags.rise,
      fall: flags.fall,
      weight: flags.weight,
      quorum: flags.quorum,
    },
    (index, verdict, actions) => {
      if (atOnce) heard.push({ target: names[index], ...verdict });
      else {
        console.log(text.verdictLine((names[index] ?? "").padEnd(width), verdict));
        if (severalRounds) for (const line of text.actionLines(names, actions)) console.log(line);
      }
    },
  );
  const summary = severalRounds || targets.length > 1 ? text.summaryLines(names, health) : [];
  await printAs(flags.output, { kind, verdicts: heard, ...text.summaryJson(names, health) }, () => summary.join("\n"));
  if (!health.servers.every(({ condition }) => condition === "up")) process.exitCode = EXIT_CODE.failed;
}

function wholeNumber(value: string): number {
  const number = Number(value);
  if (!/^\d{1,9}$/.test(value) || number < 1) throw new InvalidArgumentError(TEXT.badNumber);
  return number;
}

function durationMs(value: string): number {
  const [, number, unit = "s"] = /^(\d{1,6}(?:\.\d{1,6})?)(ms|s|m)?$/.exec(value) ?? [];
  const ms = Number(number) * (unit === "ms" ? 1 : unit === "s" ? 1000 : 60_000);
  if (!(ms >= 1 && ms <= 86_400_000)) throw new InvalidArgumentError(TEXT.badDuration);
  return ms;
}
