/** What the bench says: the ground it stood on and what the baselines are, ratios with pass or fail, values, and who is ahead of whom. */

import { styleText } from "node:util";
import { renderTable } from "../../src/cli/table.ts";
import { machine } from "../measure.ts";
import type { Column } from "./columns.ts";
import type { Measured } from "./rounds.ts";
import { PEERS, type Row } from "./rows.ts";
import { type Figure, figureOf, GOAL, leads, reaches } from "./verdict.ts";

interface Plan {
  readonly rounds: number;
  readonly seconds: number;
}

export function printHeader({ rounds, seconds }: Plan): void {
  const { kernel, cpu, cpus, node } = machine();
  print(`Linux ${kernel}, ${cpus} × ${cpu}, Node ${node}; ${rounds} rounds of samples of ${seconds} s, all rows in turn; medians.
Client, router, director, switch and one real server in network namespaces on veth, IPv4, offloads as the kernel sets them
(native XDP needs checksums from the sender: off on the director's two neighbours). Each end keeps a processor: wrk (32 connections),
iperf3 and a UDP echo of 64 bytes against one process of nginx (4 bytes), iperf3 and the echo.

Ratios are to plain kernel forwarding on the same way, measured in the same round; the director is then a router (ip_forward) and the
client asks for the server's own address. Two ways, two baselines:
  NAT, nftables, HAProxy, nginx   client – router – director – server, and back by the director
  DR, TUN                         client – router – director – server, and back past the director
"Once more" is the first baseline a second time: how far it is from 1 is what this machine's noise makes of nothing.
`);
}

export function printTables(measured: Measured, columns: readonly Column[], rows: readonly Row[]): void {
  const titles = [{ title: "" }, ...columns.map(({ title }) => ({ title, align: "right" as const }))];
  const table = (cell: (figure: Figure, column: Column, row: Row) => string, of = rows) =>
    renderTable(
      titles,
      of.map((row) => [
        row.title + (row.job.kind === "evenkeel" && !row.judged ? " (extra)" : ""),
        ...columns.map((column) => {
          const figure = figureOf(measured, column, row);
          return figure === undefined ? "–" : cell(figure, column, row);
        }),
      ]),
    );
  print(`Ratio to kernel forwarding ± half of the rounds; ✓ at least ${GOAL}, ✗ below\n`);
  print(`${table((figure, _, row) => ratioCell(figure, row))}\n`);
  print("Medians\n");
  print(`${table((figure, column) => figure.value.toFixed(column.digits))}\n`);
  const judged = rows.filter((row) => row.judged);
  if (judged.length === 0 || !rows.some(({ job }) => job.kind === "peer")) return;
  print(`Ratio over that of the best of ${PEERS.join(", ")}; ✓ ahead, ✗ not\n`);
  print(`${table(aheadCell, judged)}\n`);
}

export function toJson(measured: Measured, columns: readonly Column[], rows: readonly Row[], plan: Plan): unknown {
  return {
    machine: machine(),
    ...plan,
    goal: GOAL,
    rows: rows.map((row) => ({
      id: row.id,
      baseline: row.baseline,
      judged: row.judged,
      columns: Object.fromEntries(
        columns.flatMap((column) => {
          const figure = figureOf(measured, column, row);
          return figure === undefined ? [] : [[column.id, { ...figure, samples: measured.get(column.id)?.get(row.id) }]];
        }),
      ),
    })),
  };
}

function ratioCell(figure: Figure, row: Row): string {
  if (row.baseline === row.id) return "1  ";
  const text = `${figure.ratio.toFixed(2)} ±${figure.spread.toFixed(2)}`;
  return row.judged ? `${text} ${mark(reaches(figure))}` : `${text}  `;
}

function aheadCell(figure: Figure): string {
  if (figure.ahead === undefined) return "–";
  return `${figure.ahead.ratio.toFixed(2)} (${figure.ahead.of}) ${mark(leads(figure))}`;
}

function mark(good: boolean): string {
  return good ? styleText("green", "✓", { stream: process.stdout }) : styleText("red", "✗", { stream: process.stdout });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
