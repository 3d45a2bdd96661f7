/**
 * The packet path beside the kernel's own IPVS, in processor instructions: for each packet forwarded and for each new connection.
 *
 *   node bench/ipvs.ts [--quick] [-o json] [--only TEXT]
 *
 * Here the kernel has no IPVS, and on a shared machine times are noise; so both run in Debian's kernel inside an emulated machine that
 * counts instructions (tools/vm-run --icount), on the same network in one run, and a run repeats to about half a percent. Of three
 * samples the least counts: what disturbs one only adds to it. What is
 * counted is everything between a packet's way in and its end behind the director: what the same packet costs that ends where it would come
 * in (`none`) is taken off. So the figures hold the kernel's work too, the way out of the one veth and into the other. What they do not
 * see is caches and branches: bench/packet.ts measures those.
 *
 * Where a goal is not reached: TUN at tc, 0.51 of IPVS instead of 0.5. Of its 2,960 instructions 1,400 are the kernel's way out by
 * bpf_redirect_neigh (the row redirect_neigh), some 750 the copy of a packet that has no room in front of it (IPVS makes one too), 300
 * bpf_skb_adjust_room itself, and the rest is ours. Tried: the outer header as the words that are summed (70 fewer), the next hop's and
 * the server's addresses in as few words as they have (20 fewer), the packet's own identification instead of a random one (50 fewer).
 * Not tried: bpf_skb_change_head, which does less, but leaves the network header where it was, and tells cards neither of GSO inside a
 * tunnel nor of another family's protocol.
 */

import { renderTable } from "../src/cli/table.ts";
import { requireRoot, runEmulated } from "./emulated.ts";
import { type Figure, figuresOf, type Judged, judge } from "./ipvs/figures.ts";
import type { Sample } from "./ipvs/guest.ts";
import { ROWS, rowName } from "./ipvs/rows.ts";
import { prepareTools } from "./ipvs/tools.ts";
import { type BenchOptions, runBench } from "./measure.ts";

const USAGE = `usage: node bench/ipvs.ts [--quick] [-o json] [--only TEXT]
  --quick      1,000 packets a sample instead of 4,000
  -o json      the figures as JSON
  --only TEXT  only rows whose name holds the text, and what is taken off; the names are those of the JSON's rows
As root (the emulated machine reads this one's file system). Exit code 0: every goal is met; 1: not, or it could not be measured.`;

const COUNTS = { quick: 1000, full: 4000 };

/**
 * String instructions count one for each byte moved, so the kernel is kept from those that move many (rep_good, erms, fsrm): it copies by
 * loops, as it does in the emulator for both sides alike.
 */
const KERNEL_ARGUMENTS = "clearcpuid=112,297,580";
const MODULES = "act_bpf cls_bpf sch_ingress";
const MACHINE = { timeoutSeconds: 900, options: ["--icount", "--append", ` ${KERNEL_ARGUMENTS}`, "--modules", MODULES] };

await runBench({ usage: USAGE, own: ["only"], run });

function run(options: BenchOptions): boolean {
  requireRoot();
  prepareTools();
  const only = options.own["only"];
  const rows = ROWS.filter((row) => only === undefined || row.forwarder.startsWith("none") || rowName(row).includes(only));
  const count = options.quick ? COUNTS.quick : COUNTS.full;
  const figures = figuresOf(runEmulated<Sample>(MACHINE, "bench/ipvs/guest.ts", [String(count), ...rows.map(rowName)]));
  const judged = judge(figures);
  if (options.json) process.stdout.write(`${JSON.stringify({ bench: "ipvs", count, figures, judged }, undefined, 2)}\n`);
  else process.stdout.write(`${report(figures, judged, count)}\n`);
  return judged.every(({ met }) => met);
}

function report(figures: readonly Figure[], judged: readonly Judged[], count: number): string {
  const right = (title: string) => ({ title, align: "right" as const });
  const all = figures.map(({ name, total, net, spread }) => [name, whole(total), whole(net), `+${(spread * 100).toFixed(2)} %`]);
  const goals = judged.map(({ goal, ipvs, evenkeel, ratio, met }) => [
    `${goal.input === "packets" ? "tc" : "XDP"} ${goal.way}${goal.fresh ? ", new connection" : ""}`,
    whole(ipvs),
    whole(evenkeel),
    ratio.toFixed(2),
    `<= ${goal.most}`,
    met ? "met" : "MISSED",
  ]);
  const missed = judged.filter(({ met }) => !met).length;
  return [
    `Instructions a packet in Debian's kernel, emulated; UDP, 64 bytes, IPv4, ${count} packets a sample.`,
    "",
    renderTable([{ title: "row" }, right("whole"), right("net"), right("next sample")], all),
    "",
    "net: less the row `none` of the same input (`none_xdp` where packets end at XDP). packets: socket buffers (tc); frames: XDP frames. new: each packet of another client port.",
    "reply: NAT's way back. redirect, redirect_neigh: a program that only sends on, as tc and XDP can do it at the least.",
    "",
    renderTable([{ title: "goal" }, right("IPVS"), right("Evenkeel"), right("ratio"), right("goal"), { title: "" }], goals),
    "",
    missed === 0 ? "Every goal is met." : `${missed} of ${judged.length} goals are missed.`,
    "To repeat: make bench-ipvs",
  ].join("\n");
}

function whole(instructions: number): string {
  return Math.round(instructions).toLocaleString("en");
}
