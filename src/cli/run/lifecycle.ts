/**
 * The life of a director as a process: start, reload at SIGHUP, end at SIGTERM or SIGINT. It ends in bounded time; a second signal ends it at once. The
 * packet path goes on forwarding in each case, and when the process dies of a bug.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { EvenkeelError } from "../../model/error.ts";
import type { ServiceManager } from "./sd-notify.ts";

/** A director with its doors open. */
export interface Served {
  /** Reads the file anew. Throws what is wrong with it; then nothing was changed. */
  reload(): Promise<void>;
  /** Whether its loop goes on. */
  isAlive(): boolean;
  /** How it is, in one line. */
  summary(): string;
  stop(reason: string): Promise<void>;
}

/** What reaches a process from outside. */
export interface Signals {
  on(signal: "SIGHUP" | "SIGTERM" | "SIGINT", listener: () => void): unknown;
  off(signal: "SIGHUP" | "SIGTERM" | "SIGINT", listener: () => void): unknown;
}

export interface LifecycleOptions {
  /** Until the director stands; the signal says that it is no longer wanted. */
  readonly start: (signal: AbortSignal) => Promise<Served>;
  readonly manager: ServiceManager;
  readonly signals: Signals;
  /** At the second signal. */
  readonly endAtOnce: (exitCode: number) => void;
  readonly complain: (error: unknown) => void;
  /** How long the end may take. */
  readonly stopMs?: number;
}

const STOP_MS = 10_000;
const STATUS_EVERY_MS = 5_000;
/** As the shell says that a signal ended a process. */
const EXIT_OF = { SIGINT: 130, SIGTERM: 143 } as const;

const TEXT = {
  starting: "starting",
  stopping: (signal: string) => `stopping: ${signal}`,
  reloadFailed: (why: string) => `the reload failed, the configuration before it stays: ${why}`,
  slow: (ms: number) => `the director did not end within ${ms / 1000} s`,
  slowCure: "the packet path forwards on; evenkeel status shows it",
};

/** Returns when a signal ended it; throws what kept it from starting or from ending. */
export async function live(options: LifecycleOptions): Promise<void> {
  const { manager, signals, complain, stopMs = STOP_MS } = options;
  const end = new AbortController();
  const asked = Promise.withResolvers<keyof typeof EXIT_OF>();
  let reloadWanted = false;
  let wake = (): void => undefined;

  const onEnd = (signal: keyof typeof EXIT_OF) => (): void => {
    if (end.signal.aborted) options.endAtOnce(EXIT_OF[signal]);
    end.abort();
    asked.resolve(signal);
    wake();
  };
  const listeners = {
    SIGTERM: onEnd("SIGTERM"),
    SIGINT: onEnd("SIGINT"),
    SIGHUP: () => {
      reloadWanted = true;
      wake();
    },
  };
  const names = Object.keys(listeners) as (keyof typeof listeners)[];
  for (const name of names) signals.on(name, listeners[name]);

  /** Since a reload that failed, until one that did not. */
  let trouble = "";
  const reload = async (served: Served): Promise<void> => {
    manager.reloading();
    try {
      await served.reload();
      trouble = "";
    } catch (error) {
      complain(error);
      trouble = TEXT.reloadFailed(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
    }
    manager.ready(trouble === "" ? served.summary() : trouble);
  };

  try {
    manager.status(TEXT.starting);
    const served = await Promise.race([startUnlessEnded(options.start, end.signal), asked.promise.then(() => lateAfter(stopMs))]);
    if (served === undefined) return;
    manager.ready(served.summary());
    manager.watch(() => served.isAlive(), end.signal);
    const telling = setInterval(() => manager.status(trouble === "" ? served.summary() : trouble), STATUS_EVERY_MS);
    while (!end.signal.aborted) {
      if (!reloadWanted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      reloadWanted = false;
      // A reload that hangs holds up no end.
      await Promise.race([reload(served), asked.promise]);
    }
    clearInterval(telling);
    const reason = await asked.promise;
    manager.stopping(TEXT.stopping(reason));
    await withinMs(served.stop(reason), stopMs);
  } finally {
    for (const name of names) signals.off(name, listeners[name]);
  }
}

/** undefined: a signal came before it stood. */
async function startUnlessEnded(start: LifecycleOptions["start"], signal: AbortSignal): Promise<Served | undefined> {
  try {
    return await start(signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

async function withinMs(work: Promise<void>, ms: number): Promise<void> {
  const over = new AbortController();
  try {
    await Promise.race([work, lateAfter(ms, over.signal)]);
  } finally {
    over.abort();
  }
}

async function lateAfter(ms: number, signal?: AbortSignal): Promise<undefined> {
  await sleep(ms, undefined, { ref: false, ...(signal && { signal }) }).catch(() => undefined);
  if (signal?.aborted) return undefined;
  throw new EvenkeelError("TIMEOUT", TEXT.slow(ms), { cure: TEXT.slowCure });
}
