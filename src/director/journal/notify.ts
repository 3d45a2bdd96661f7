/**
 * Notify scripts: a reader of the journal that runs the operator's commands. Those of one rule run one at a time and in order, each with a deadline; a queue that is
 * full loses its oldest. What became of a run is told to the journal, and runs no script.
 */

import type { Configuration } from "../../config/configuration.ts";
import type { JournalEntry } from "../../model/journal.ts";
import type { RunningJournal } from "./journal.ts";
import { type Job, type Lane, lanesOf, scriptEnvironment } from "./notify-rules.ts";
import { runScript } from "./run-script.ts";

export interface NotifyScripts {
  /** Rules that stay the same keep what they have queued. */
  configure(configuration: Pick<Configuration, "notify" | "services">): void;
  /** At the director's end: takes nothing more, runs what is queued for at most that long, then kills what runs and skips what is left. */
  finish(waitMs: number): Promise<void>;
}

export interface NotifyOptions {
  /** Kills what runs. */
  readonly signal: AbortSignal;
  readonly queueMax?: number;
}

/** Of one rule. */
const QUEUE_MAX = 100;
/** When many services lose their quorum at once. */
const PROCESSES_MAX = 16;
const NAME_MAX = 200;

const TEXT = {
  full: (dropped: number) => `${dropped} older ${dropped === 1 ? "event was" : "events were"} dropped: more came than it could be told of`,
  ends: (left: number) => `the director ends; it was not told of ${left} ${left === 1 ? "event" : "events"}`,
} as const;

interface Work {
  readonly entry: JournalEntry;
  readonly job: Job;
}

interface Queue {
  lane: Lane;
  work: Work[];
  running: boolean;
  /** Since the last run. */
  dropped: number;
}

export function startNotify(journal: RunningJournal, { signal, queueMax = QUEUE_MAX }: NotifyOptions): NotifyScripts {
  /** A queue of a rule that is gone finishes what it runs, and nothing else. */
  let queues: Queue[] = [];
  /** What was told before there were rules: a director tells that it starts before its configuration is in force. */
  let early: JournalEntry[] | undefined = [];
  let processes = 0;
  let accepting = true;
  let idle = (): void => undefined;
  const ending = new AbortController();
  const killed = AbortSignal.any([signal, ending.signal]);

  const tellOutcome = (
    job: Job,
    because: number,
    ended: { outcome: "done" | "failed" | "cut" | "skipped"; reason?: string; durationMs: number },
  ) => journal.tell({ event: "script", script: job.command.join(" ").slice(0, NAME_MAX), ...ended }, { kind: "host" }, because);

  const take = (entry: JournalEntry): void => {
    if (!accepting) return;
    if (early !== undefined) {
      if (early.length < queueMax) early.push(entry);
      return;
    }
    let taken = false;
    for (const queue of queues) {
      const job = queue.lane.jobOf(entry);
      if (job === undefined) continue;
      taken = true;
      queue.work.push({ entry, job });
      if (queue.work.length > queueMax) {
        queue.work.shift();
        queue.dropped++;
      }
    }
    if (taken) pump();
  };

  const pump = (): void => {
    for (const queue of queues) {
      if (processes >= PROCESSES_MAX || killed.aborted) break;
      if (queue.running) continue;
      const work = queue.work.shift();
      if (work !== undefined) void perform(queue, work);
    }
    if (processes === 0 && queues.every(({ work }) => work.length === 0)) idle();
  };

  const perform = async (queue: Queue, { entry, job }: Work): Promise<void> => {
    processes++;
    queue.running = true;
    if (queue.dropped > 0) {
      tellOutcome(job, entry.seq, { outcome: "skipped", reason: TEXT.full(queue.dropped), durationMs: 0 });
      queue.dropped = 0;
    }
    const ended = await runScript({ ...job, environment: scriptEnvironment(entry), input: `${JSON.stringify(entry)}\n`, signal: killed });
    processes--;
    queue.running = false;
    tellOutcome(job, entry.seq, ended);
    pump();
  };

  const leave = journal.listen(take);
  signal.addEventListener(
    "abort",
    () => {
      accepting = false;
      leave();
    },
    { once: true },
  );

  return {
    configure(configuration) {
      const before = new Map(queues.map((queue) => [queue.lane.key, queue]));
      queues = lanesOf(configuration).map((lane) => {
        const queue = before.get(lane.key);
        if (queue === undefined) return { lane, work: [], running: false, dropped: 0 };
        queue.lane = lane;
        return queue;
      });
      const missed = early ?? [];
      early = undefined;
      missed.forEach(take);
      pump();
    },
    async finish(waitMs) {
      accepting = false;
      leave();
      if (processes > 0 || queues.some(({ work }) => work.length > 0)) {
        await new Promise<void>((done) => {
          const timer = setTimeout(done, waitMs);
          idle = () => {
            clearTimeout(timer);
            done();
          };
          pump();
        });
      }
      idle = () => undefined;
      for (const queue of queues) {
        const [first] = queue.work;
        if (first !== undefined)
          tellOutcome(first.job, first.entry.seq, { outcome: "skipped", reason: TEXT.ends(queue.work.length), durationMs: 0 });
        queue.work = [];
      }
      if (processes > 0) {
        await new Promise<void>((done) => {
          idle = done;
          ending.abort();
        });
      }
    },
  };
}
