/**
 * Active, inactive and persistent connections of every server, after whatever happens, against the model of IPVS: the same random course
 * for both, and every packet's end compared. STEPS and SEED choose another course (make counters: 200,000 steps).
 */

import { randomInt } from "node:crypto";
import { test } from "node:test";
import { KernelCaseEngine } from "../src/director/replay/kernel-case-engine.ts";
import { ReplayStage } from "../src/director/replay/replay-stage.ts";
import { ModelEngine } from "../src/scheduler/recording/case-engine.ts";
import { need } from "./need.ts";
import { randomFrom } from "./random.ts";
import { COURSE_SCHEDULERS } from "./random-course/cast.ts";
import { RandomCourse } from "./random-course/random-course.ts";

const STEPS = Number(process.env["STEPS"] ?? 20_000);
const SEED = Number(process.env["SEED"] ?? randomInt(2 ** 31));
const STEPS_BETWEEN = 100;

test(`${STEPS} random steps count what the model counts, and nothing is left in the end`, (t) => {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
  t.diagnostic(`seed ${SEED}`);
  const stage = new ReplayStage("random", { connectionsMax: 20_000 });
  try {
    stage.inside(() => {
      const course = new RandomCourse({
        reference: new ModelEngine(() => 0),
        director: new KernelCaseEngine(stage),
        random: randomFrom(SEED),
        schedulers: COURSE_SCHEDULERS,
      });
      course.begin();
      for (let step = 1; step <= STEPS; step++) {
        course.step();
        if (step % STEPS_BETWEEN === 0) course.compare();
      }
      course.end();
      t.diagnostic(Array.from(course.counted, ([deed, times]) => `${times} ${deed}`).join(", "));
    });
  } catch (error) {
    throw new Error(`the course of seed ${SEED} differs: STEPS=${STEPS} SEED=${SEED} repeats it`, { cause: error });
  } finally {
    stage.close();
  }
});
