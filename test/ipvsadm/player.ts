/**
 * A process that lives in a director's namespace and does what it is told there: ipvsadm's command lines, one after the other without
 * a start of Node for each, and what traffic would have brought about.
 */

import { listDaemons } from "../../src/cli/ipvsadm/list-daemons.ts";
import { listServices } from "../../src/cli/ipvsadm/list-services.ts";
import { listTimeouts } from "../../src/cli/ipvsadm/list-timeouts.ts";
import { systemNames } from "../../src/cli/ipvsadm/names.ts";
import { procServices } from "../../src/cli/ipvsadm/proc-files.ts";
import { runIpvsadm } from "../../src/cli/ipvsadm/run.ts";
import { save } from "../../src/cli/ipvsadm/save.ts";
import { listedServices } from "../../src/cli/ipvsadm/view.ts";
import { inspect } from "../../src/director/apply.ts";
import { PacketPath } from "../../src/director/packet-path.ts";
import { jiffiesPerSecond } from "../../src/kernel/clock.ts";
import { type Counters, DEFAULT_SETTINGS } from "../../src/model/plane.ts";
import { addTraffic, estimate, writeRates } from "./counters.ts";
import { formatOf } from "./recorded-states.ts";
import { playBulkEnds, playTraffic } from "./traffic.ts";

export type Order =
  | { readonly kind: "ipvsadm"; readonly args: readonly string[]; readonly input: string; readonly walkSalt: number }
  /** /proc/net/ip_vs, as `evenkeel proc ip_vs` prints it with a salt of its own. */
  | { readonly kind: "proc-services"; readonly walkSalt: number }
  /** What the lists of asked.ts show one after the other (STATE_LISTS), read at once. */
  | { readonly kind: "state"; readonly walkSalt: number }
  /** The traffic of the recordings, and four estimates of its rates later. */
  | { readonly kind: "traffic" }
  /** Then 130 MiB by one connection, and rates as in this list. */
  | { readonly kind: "bulk"; readonly rates: string };

export interface Printed {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Answer = Printed | { readonly failed: string };

const NO_COUNTERS: Counters = { services: [], servers: [], marks: [], outcomes: {} };
const NOTHING: Printed = { status: 0, stdout: "", stderr: "" };

process.on("message", (order: Order) => {
  obey(order).then(answer, (error: unknown) => answer({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }));
});

function answer(given: Answer): void {
  process.send?.(given);
}

async function obey(order: Order): Promise<Answer> {
  switch (order.kind) {
    case "ipvsadm":
      return await ipvsadm(order);
    case "proc-services": {
      const services = listedServices((await inspect((plane) => plane.counters())) ?? NO_COUNTERS);
      return { ...NOTHING, stdout: procServices(services, { jiffiesPerSecond: jiffiesPerSecond(), salt: order.walkSalt }) };
    }
    case "state":
      return { ...NOTHING, stdout: await state(order.walkSalt) };
    case "traffic":
      return withPacketPath((path) => {
        playTraffic(path);
        // Its clock stops: what the rates are is decided here, and stays.
        path.pins.unpin("maps", "timer");
        estimate(path, 4);
      });
    case "bulk":
      return withPacketPath((path) => {
        playBulkEnds(path);
        // What lies between, packets of up to 64 KiB as a kernel hands them on: no test run takes one larger than a page.
        const between = { packetsIn: 2142n, bytesIn: 130_128_792n, packetsOut: 1684n, bytesOut: 87_568n };
        addTraffic(path, { service: "TCP 207.1.1.1:80", server: "192.168.1.1:80" }, between);
        writeRates(path, order.rates);
      });
  }
}

async function state(salt: number): Promise<string> {
  const found = await inspect((plane) => ({ ...plane.read(), counters: plane.counters() }));
  const { services = [], settings = DEFAULT_SETTINGS, syncDaemons = [], counters = NO_COUNTERS } = found ?? {};
  const thresholds = { format: formatOf("ipvsadm -Ln --thresholds"), names: systemNames(), one: false, salt };
  return [
    save(services, { salt }),
    listServices(listedServices(counters), thresholds),
    listTimeouts(settings.timeouts),
    listDaemons(syncDaemons),
  ].join("");
}

async function ipvsadm({ args, input, walkSalt }: Extract<Order, { kind: "ipvsadm" }>): Promise<Printed> {
  let [stdout, stderr] = ["", ""];
  const status = await runIpvsadm(args, {
    stdin: () => Buffer.from(input),
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    walkSalt,
  });
  return { status, stdout, stderr };
}

function withPacketPath(work: (path: PacketPath) => void): Printed {
  const path = PacketPath.open();
  if (path === undefined) throw new Error("there is no packet path in this namespace");
  try {
    work(path);
    return NOTHING;
  } finally {
    path.close();
  }
}
