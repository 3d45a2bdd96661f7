/** `evenkeel export ipvsadm [FILE]`: services and servers as lines that `ipvsadm -R` reads, of this network namespace or of a configuration file. */

import type { Command } from "commander";

const TEXT = {
  verb: "write services and servers for another program",
  ipvsadm: "as lines that ipvsadm -R reads, of the packet path of this network namespace, or of a configuration",
  file: "a configuration (YAML); - is the standard input; without it what the kernel holds",
  notSaid: (service: string, what: string) => `${service}: ipvsadm has no word for ${what}`,
  marks: "ipvsadm has no word for marks: nft or iptables has to give them",
  checks: "checks, quorums and sorry servers are not ipvsadm's",
  none: "there is no packet path in this network namespace, and so no service",
  examples: `
Examples:
  evenkeel export ipvsadm > rules
  evenkeel export ipvsadm evenkeel.yaml | ssh other-director ipvsadm -R`,
};

export function register(program: Command): void {
  const verb = program.command("export").description(TEXT.verb).addHelpText("after", TEXT.examples);
  verb.command("ipvsadm").description(TEXT.ipvsadm).argument("[file]", TEXT.file).addHelpText("after", TEXT.examples).action(exportIpvsadm);
}

async function exportIpvsadm(file: string | undefined): Promise<void> {
  const [{ save }, { serviceName }, { DEFAULT_SETTINGS }] = await Promise.all([
    import("../ipvsadm/save.ts"),
    import("../../model/service.ts"),
    import("../../model/plane.ts"),
  ]);
  const { services, timeouts, hasMarks, hasChecks } = await (file === undefined ? ofKernel() : ofFile(file));
  const { tcp, tcpFin, udp } = timeouts;
  const usual = DEFAULT_SETTINGS.timeouts;
  if (tcp !== usual.tcp || tcpFin !== usual.tcpFin || udp !== usual.udp) console.log(`--set ${tcp} ${tcpFin} ${udp}`);
  process.stdout.write(save(services, { thresholds: true }));
  for (const service of services) {
    const unsaid = [
      ...(service.fullNat === undefined ? [] : ["full_nat"]),
      ...(service.sloppy ? ["sloppy"] : []),
      ...(service.timeouts === undefined ? [] : ["timeouts of one service"]),
    ];
    if (unsaid.length > 0) console.error(TEXT.notSaid(serviceName(service), unsaid.join(", ")));
  }
  if (hasMarks) console.error(TEXT.marks);
  if (hasChecks) console.error(TEXT.checks);
}

async function ofKernel() {
  const [{ inspect }, { DEFAULT_SETTINGS }] = await Promise.all([import("../../director/apply.ts"), import("../../model/plane.ts")]);
  const state = await inspect((plane) => plane.read());
  if (state === undefined) console.error(TEXT.none);
  return {
    services: state?.services ?? [],
    timeouts: (state?.settings ?? DEFAULT_SETTINGS).timeouts,
    hasMarks: (state?.marks ?? []).length > 0,
    hasChecks: false,
  };
}

async function ofFile(file: string) {
  const [{ readConfigurationFile }, { checkKindsElsewhere }, { plainService }] = await Promise.all([
    import("../configuration-file.ts"),
    import("../../checker/check-kinds.ts"),
    import("../../config/to-desired.ts"),
  ]);
  const { configuration } = await readConfigurationFile(file, checkKindsElsewhere);
  const { services, settings, marks } = configuration;
  const hasChecks = services.some(
    ({ servers, sorryServer }) => sorryServer !== undefined || servers.some(({ checks }) => checks.length > 0),
  );
  return { services: services.map(plainService), timeouts: settings.timeouts, hasMarks: marks.length > 0, hasChecks };
}
