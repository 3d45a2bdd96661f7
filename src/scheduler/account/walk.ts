/** The account of a choice by walking on: rr, wrr. */

import { rr } from "../rr.ts";
import { wrr } from "../wrr.ts";
import { choose, passedOverAnyway, type Situation, type WalkAccount } from "./account.ts";

export function rrAccount(situation: Situation): WalkAccount {
  const memory = rr.resume(situation.servers, situation.cursor);
  const before = rr.cursor(memory);
  const chosen = choose(rr, memory, situation);
  return { ...common(situation), before, chosen, after: rr.cursor(memory) };
}

export function wrrAccount(situation: Situation): WalkAccount {
  const memory = wrr.resume(situation.servers, situation.cursor);
  const { weightMax: greatest, weightDivisor: step } = memory;
  const before = wrr.cursor(memory);
  const chosen = choose(wrr, memory, situation);
  return { ...common(situation), before, chosen, after: wrr.cursor(memory), weights: { greatest, step } };
}

function common({ servers, cursor }: Situation): Pick<WalkAccount, "kind" | "passedOver" | "turns"> {
  const count = servers.length;
  return {
    kind: "walk",
    passedOver: servers.map(passedOverAnyway),
    turns: servers.map((_, i) => ((i - (cursor.position % count) + count) % count) + 1),
  };
}
