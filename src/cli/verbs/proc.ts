/** `evenkeel proc`: the files that the kernel's IPVS has in /proc/net, from the packet path. */

import { Argument, type Command } from "commander";
import type { Connection } from "../../director/connection-reader.ts";

const FILES = ["ip_vs", "ip_vs_stats", "ip_vs_stats_percpu", "ip_vs_conn", "ip_vs_conn_sync"] as const;
type File = (typeof FILES)[number];

const TEXT = {
  verb: "a file of /proc/net as the kernel's IPVS would show it",
  file: "which one",
  none: "no packet path in this network namespace",
  cure: "evenkeel apply FILE makes one, ipvsadm -A too",
  examples: `
Examples:
  evenkeel proc ip_vs
  evenkeel proc ip_vs_stats
  ip netns exec director evenkeel proc ip_vs_conn
  for f in ip_vs ip_vs_stats; do evenkeel proc $f > /run/evenkeel/procfs/net/$f; done

Monitoring that was made for IPVS reads these files: services and servers, what all services have carried (hexadecimal, as in the
kernel) and carry a second, the same by CPU, and the connections. The kernel's own files know nothing of this packet path.
prometheus-node-exporter takes another directory in place of /proc: --path.procfs.
ip_vs_stats sums up the services that are there now. In ip_vs_stats_percpu the lines of the CPUs go on counting when counters are reset.
Exit codes: 0 there is a packet path, 1 there is none, 2 wrong usage, 5 not permitted`,
};

export function register(program: Command): void {
  program
    .command("proc")
    .description(TEXT.verb)
    .addArgument(new Argument("<file>", TEXT.file).choices(FILES))
    .addHelpText("after", TEXT.examples)
    .action(run);
}

async function run(file: File): Promise<void> {
  if (file === "ip_vs_conn" || file === "ip_vs_conn_sync") await printConnections(file);
  else process.stdout.write(await counted(file));
}

async function counted(file: Exclude<File, `ip_vs_conn${string}`>): Promise<string> {
  const [{ inspect }, { listedServices }, { procServices, procStats, procStatsPerCpu }, { jiffiesPerSecond }] = await Promise.all([
    import("../../director/apply.ts"),
    import("../ipvsadm/view.ts"),
    import("../ipvsadm/proc-files.ts"),
    import("../../kernel/clock.ts"),
  ]);
  const found = await inspect((plane) => ({ counters: plane.counters(), cpus: plane.trafficByCpu(), totals: plane.totals() }));
  if (found === undefined) throw await noPacketPath();
  const { counters, cpus, totals } = found;
  switch (file) {
    case "ip_vs":
      return procServices(listedServices(counters), { jiffiesPerSecond: jiffiesPerSecond() });
    case "ip_vs_stats":
      return procStats(totals);
    case "ip_vs_stats_percpu":
      return procStatsPerCpu(cpus, totals);
  }
}

async function printConnections(file: "ip_vs_conn" | "ip_vs_conn_sync"): Promise<void> {
  const [{ requireBpf }, { readConnections }, { procConnections, procConnectionsSync }, { writeChunks }] = await Promise.all([
    import("../../kernel/capability.ts"),
    import("../../director/read-connections.ts"),
    import("../ipvsadm/proc-files.ts"),
    import("../chunks.ts"),
  ]);
  requireBpf("read the connection table");
  const print: (connections: Iterable<Connection>) => Iterable<string> = file === "ip_vs_conn" ? procConnections : procConnectionsSync;
  await readConnections(async (reader) => {
    if (reader === undefined) throw await noPacketPath();
    await writeChunks(print(reader.connections()), process.stdout);
  });
}

async function noPacketPath(): Promise<Error> {
  const { EvenkeelError } = await import("../../model/error.ts");
  return new EvenkeelError("NOT_RUNNING", TEXT.none, { cure: TEXT.cure });
}
