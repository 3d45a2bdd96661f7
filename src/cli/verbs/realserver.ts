/** `evenkeel realserver up|down|status`: makes this host a real server of a forwarding method, and puts it back. */

import { styleText } from "node:util";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Address } from "../../model/address.ts";
import { FORWARDING_METHODS, type ForwardingMethod, TUNNEL_TYPES, type Tunnel } from "../../model/service.ts";
import type { Changes, RealServerOptions, RealServerStatus } from "../../realserver/realserver.ts";
import { type OutputFlags, outputOption, printAs } from "../output.ts";
import { EXIT_CODE } from "../report.ts";

const TEXT = {
  verb: "this host as a real server: hidden VIP, ARP, decapsulation, gateway",
  up: "make this host a real server; again: only what differs",
  down: "put back what up found",
  status: "whether everything holds, a line each; exit code 1 if something does not",
  method: "how the director forwards to this server",
  vip: "address of the virtual service; repeat for more",
  gateway: "way back to the clients: the director (nat), the router (dr, tun); one a family",
  interface: "where the director's packets come in; default: every Ethernet interface with an address; repeat for more",
  tunnel: "what the director puts around the packets (tun)",
  tunnelPort: "the UDP port of --tunnel gue (6080)",
  decap: "who unwraps tunnel packets (tun): the kernel's devices, our eBPF program, or what fits",
  upToDate: (method: string) => `this host is a real server for ${method} already; nothing was changed`,
  isUp: (method: string) => `this host is a real server for ${method}`,
  isDown: "this host is as it was before",
  nothingToUndo: "this host was not made a real server by evenkeel realserver up; nothing was changed",
  left: (line: string) => `note: ${line}`,
  holds: "ok  ",
  fails: "FAIL",
  examples: `
Examples:
  evenkeel realserver up --method dr --vip 192.0.2.10 --vip 2001:db8::10
  evenkeel realserver up --method tun --vip 192.0.2.10 --gateway 10.0.0.1
  evenkeel realserver up --method tun --tunnel gre --vip 192.0.2.10 --gateway 10.0.0.1
  evenkeel realserver up --method nat --vip 192.0.2.10 --gateway 10.0.0.254     (the director)
  evenkeel realserver status -o json
  evenkeel realserver down`,
};

interface Flags extends OutputFlags {
  readonly method?: ForwardingMethod;
  readonly vip?: readonly string[];
  readonly gateway?: readonly string[];
  readonly interface?: readonly string[];
  readonly decap?: RealServerOptions["decapsulation"];
  readonly tunnel?: Tunnel["type"];
  readonly tunnelPort?: number;
}

export function register(program: Command): void {
  const verb = program.command("realserver").description(TEXT.verb).addHelpText("after", TEXT.examples);
  withOptions(verb.command("up").description(TEXT.up), true).action(runUp);
  verb.command("down").description(TEXT.down).addOption(outputOption()).action(runDown);
  withOptions(verb.command("status").description(TEXT.status), false).action(runStatus);
}

function withOptions(command: Command, needed: boolean): Command {
  const method = new Option("-m, --method <method>", TEXT.method).choices(FORWARDING_METHODS);
  const vip = new Option("--vip <address>", TEXT.vip).argParser(collect);
  return command
    .addOption(needed ? method.makeOptionMandatory() : method)
    .addOption(needed ? vip.makeOptionMandatory() : vip)
    .addOption(new Option("--gateway <address>", TEXT.gateway).argParser(collect))
    .addOption(new Option("--interface <name>", TEXT.interface).argParser(collect))
    .addOption(new Option("--decap <how>", TEXT.decap).choices(["auto", "device", "bpf"]).default("auto"))
    .addOption(new Option("--tunnel <type>", TEXT.tunnel).choices(TUNNEL_TYPES))
    .addOption(new Option("--tunnel-port <port>", TEXT.tunnelPort).argParser(portNumber))
    .addOption(outputOption());
}

function portNumber(value: string): number {
  const port = Number(value);
  if (!/^\d+$/.test(value) || port < 1 || port > 65535) throw new InvalidArgumentError("a port is 1 to 65535");
  return port;
}

function collect(value: string, former: readonly string[] | undefined): readonly string[] {
  if (value === "") throw new InvalidArgumentError("it is empty");
  return [...(former ?? []), value];
}

async function runUp(flags: Flags): Promise<void> {
  const { up } = await import("../../realserver/realserver.ts");
  const options = await toOptions(flags);
  const changes = up(options);
  const verdict = changes.changed.length === 0 ? TEXT.upToDate(options.method) : TEXT.isUp(options.method);
  await printAs(flags.output, { method: options.method, ...changes }, () => changesText(changes, verdict));
}

async function runDown({ output }: OutputFlags): Promise<void> {
  const { down } = await import("../../realserver/realserver.ts");
  const changes = down();
  await printAs(output, changes ?? { changed: [], left: [] }, () =>
    changes === undefined ? TEXT.nothingToUndo : changesText(changes, TEXT.isDown),
  );
}

async function runStatus(flags: Flags): Promise<void> {
  const { status } = await import("../../realserver/realserver.ts");
  const found = status(flags.method === undefined && flags.vip === undefined ? undefined : await toOptions(flags));
  await printAs(flags.output, toJson(found), () => statusLines(found).join("\n"));
  if (!found.holds) process.exitCode = EXIT_CODE.failed;
}

async function toOptions(flags: Flags): Promise<RealServerOptions> {
  const { parseAddress } = await import("../../model/address.ts");
  const { EvenkeelError } = await import("../../model/error.ts");
  const parseAll = (texts: readonly string[] | undefined): readonly Address[] => (texts ?? []).map(parseAddress);
  if (flags.method === undefined || flags.vip === undefined) {
    throw new EvenkeelError("BAD_ARGUMENT", "--method and --vip go together", {
      cure: "give both, or neither to look at what the last up made",
    });
  }
  return {
    method: flags.method,
    vips: parseAll(flags.vip),
    gateways: parseAll(flags.gateway),
    interfaces: flags.interface ?? [],
    decapsulation: flags.decap ?? "auto",
    ...tunnelOf(flags),
  };
}

function tunnelOf({ tunnel, tunnelPort }: Flags): Pick<RealServerOptions, "tunnel"> {
  if (tunnel === undefined && tunnelPort === undefined) return {};
  return { tunnel: { type: tunnel ?? "gue", ...(tunnelPort === undefined ? {} : { port: tunnelPort }) } };
}

function changesText({ changed, left }: Changes, verdict: string): string {
  return [...changed, ...left.map(TEXT.left), verdict].join("\n");
}

function statusLines({ requirements }: RealServerStatus): readonly string[] {
  const width = Math.max(0, ...requirements.map(({ name }) => name.length));
  return requirements.map(({ name, holds, evidence }) => {
    const mark = holds
      ? styleText("green", TEXT.holds, { stream: process.stdout })
      : styleText("red", TEXT.fails, { stream: process.stdout });
    return `${mark} ${name.padEnd(width)}  ${evidence}`;
  });
}

function toJson({ decapsulated, ...rest }: RealServerStatus): object {
  if (decapsulated === undefined) return rest;
  return { ...rest, decapsulated: Object.fromEntries(Object.entries(decapsulated).map(([name, count]) => [name, Number(count)])) };
}
