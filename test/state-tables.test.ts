/** Every cell of the state tables, asked of the program in the kernel by real packets: state, timeout, and what the server counts. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { type Cell, KernelStates } from "../src/director/replay/kernel-states.ts";
import { ReplayStage } from "../src/director/replay/replay-stage.ts";
import { ticks } from "../src/director/timeouts.ts";
import { jiffiesPerSecond } from "../src/kernel/clock.ts";
import { need } from "./need.ts";

interface Recorded {
  readonly timeouts_s: Readonly<Record<string, number>>;
  /** By view, event and state: the next state. */
  readonly cells: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>;
}

const FAMILIES = ["ipv4", "ipv6"] as const;
const VIEWS = ["INPUT", "OUTPUT", "INPUT_ONLY"];
const TCP_ACTIVE = new Set(["ESTABLISHED", "SYN_SENT", "SYN_RECV", "SYNACK"]);

function recorded(name: "tcp" | "sctp"): Recorded {
  const file = JSON.parse(readFileSync(new URL(`golden/ipvs/${name}-states.json`, import.meta.url), "utf8"));
  return { timeouts_s: file.timeouts_s, cells: name === "tcp" ? file.normal : file.states };
}

function onStage(t: TestContext, protocol: "tcp" | "sctp", work: (states: KernelStates) => void): void {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
  const stage = new ReplayStage(`states-${protocol}`, { connectionsMax: 1 });
  try {
    stage.inside(() => work(new KernelStates(stage, [protocol])));
  } finally {
    stage.close();
  }
}

/** Asks every cell; how many there were. */
function askAll(states: KernelStates, protocol: "tcp" | "sctp", active: ReadonlySet<string>): number {
  const { timeouts_s, cells } = recorded(protocol);
  const hz = jiffiesPerSecond();
  assert.deepEqual(Object.keys(cells), VIEWS);
  let asked = 0;
  for (const family of FAMILIES) {
    for (const [view, events] of Object.entries(cells)) {
      for (const [event, row] of Object.entries(events)) {
        for (const [state, next] of Object.entries(row)) {
          const cell = { protocol, family, view, event, state } as Cell;
          const isActive = active.has(next) ? 1 : 0;
          assert.deepEqual(
            states.step(cell),
            {
              state: next,
              timeoutTicks: ticks(timeouts_s[next] ?? 0, hz),
              noOutput: view === "INPUT_ONLY",
              counted: { active: isActive, inactive: 1 - isActive },
            },
            `${family} ${view} ${event} in ${state}`,
          );
          asked++;
        }
      }
    }
  }
  return asked;
}

test("TCP: every event in every state, as the client's side, the server's, and the client's alone", (t) =>
  onStage(t, "tcp", (states) => {
    assert.equal(askAll(states, "tcp", TCP_ACTIVE), 2 * 3 * 4 * 11);
  }));

test("TCP: a segment without SYN, FIN, ACK and RST closes in every state", (t) =>
  onStage(t, "tcp", (states) => {
    for (const family of FAMILIES) {
      for (const view of VIEWS) {
        for (const state of Object.keys(recorded("tcp").timeouts_s)) {
          const { state: next, counted } = states.step({ protocol: "tcp", family, view, event: "none", state } as Cell);
          assert.deepEqual([next, counted], ["CLOSE", { active: 0, inactive: 1 }], `${family} ${view} ${state}`);
        }
      }
    }
  }));

test("TCP: the server's first packet ends for good that only the client's side was seen", (t) =>
  onStage(t, "tcp", (states) => {
    for (const family of FAMILIES) {
      const fin = { protocol: "tcp", family, view: "INPUT", event: "fin", state: "ESTABLISHED" } as const;
      const alone = states.step(fin, { noOutput: true });
      assert.deepEqual([alone.state, alone.noOutput], ["FIN_WAIT", true]);
      const answered = states.step({ ...fin, view: "OUTPUT", event: "ack" }, { noOutput: true });
      assert.deepEqual([answered.state, answered.noOutput], ["ESTABLISHED", false]);
      assert.equal(states.step(fin, { noOutput: false }).state, "CLOSE_WAIT");
    }
  }));

test("SCTP: every chunk that moves a state, in every state, as the client's side, the server's, and the client's alone", (t) =>
  onStage(t, "sctp", (states) => {
    assert.equal(askAll(states, "sctp", new Set(["ESTABLISHED"])), 2 * 3 * 10 * 14);
  }));
