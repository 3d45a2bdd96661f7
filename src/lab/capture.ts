/** What passes an interface of a node, seen by tcpdump: into a file for people, or line by line for a scenario. Always bounded. */

import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { EvenkeelError } from "../model/error.ts";
import { cannotRun, spawnInside } from "./commands.ts";
import { namespaceOf } from "./topology.ts";

export interface CaptureWishes {
  readonly file: string;
  readonly device: string;
  readonly filter: readonly string[];
  /** Ends at the first of the two. */
  readonly packets: number;
  readonly seconds: number;
  readonly signal?: AbortSignal;
  /** Called when it listens. */
  readonly ready?: () => void;
}

export interface Watch {
  /** Resolves with all lines once `enough` holds for them, or with what there is at the end of the wait. */
  until(enough: (lines: readonly string[]) => boolean, withinMs?: number): Promise<readonly string[]>;
}

const READY_WITHIN_MS = 5_000;

/** Writes a pcap file and returns how many packets stand in it. */
export async function capture(lab: string, node: string, wishes: CaptureWishes): Promise<number> {
  const args = ["-n", "-U", "-i", wishes.device, "-c", `${wishes.packets}`, "-w", wishes.file, "-Z", "root", ...wishes.filter];
  const { child, ended } = await startTcpdump(lab, node, args);
  wishes.ready?.();
  const stop = () => child.kill("SIGINT");
  const timer = setTimeout(stop, wishes.seconds * 1000);
  wishes.signal?.addEventListener("abort", stop, { once: true });
  const story = await ended;
  clearTimeout(timer);
  wishes.signal?.removeEventListener("abort", stop);
  return Number(/^(\d+) packets? captured/m.exec(story)?.[1] ?? 0);
}

/** Watches while `work` runs. Lines are tcpdump's: Ethernet header first, sequence numbers absolute. */
export async function watching<Result>(
  lab: string,
  places: readonly { readonly node: string; readonly device: string; readonly filter: string }[],
  work: (watches: readonly Watch[]) => Promise<Result>,
): Promise<Result> {
  const running = await Promise.all(
    places.map(({ node, device, filter }) =>
      startTcpdump(lab, node, ["-n", "-e", "-S", "-t", "-l", "--immediate-mode", "-i", device, filter]),
    ),
  );
  try {
    return await work(running.map(({ child }) => watchOf(child)));
  } finally {
    for (const { child } of running) child.kill("SIGINT");
    await Promise.all(running.map(({ ended }) => ended));
  }
}

function watchOf(child: ChildProcess): Watch {
  const lines: string[] = [];
  let arrived: () => void = () => undefined;
  if (child.stdout === null) throw new TypeError("tcpdump was started without a pipe");
  createInterface(child.stdout).on("line", (line) => {
    lines.push(line);
    arrived();
  });
  return {
    until: (enough, withinMs = 3_000) =>
      new Promise((resolve) => {
        const finish = () => {
          clearTimeout(timer);
          arrived = () => undefined;
          resolve(lines);
        };
        const timer = setTimeout(finish, withinMs);
        arrived = () => (enough(lines) ? finish() : undefined);
        arrived();
      }),
  };
}

/** Resolves once it listens; `ended` resolves with what it said, or rejects when it failed. */
function startTcpdump(lab: string, node: string, args: readonly string[]): Promise<{ child: ChildProcess; ended: Promise<string> }> {
  const child = spawnInside(lab, namespaceOf(lab, node), ["tcpdump", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let story = "";
  const failed = () => {
    const missing = /failed to execute tcpdump: No such file/.test(story);
    if (missing) return cannotRun("tcpdump", Object.assign(new Error(story.trim()), { code: "ENOENT" }));
    return new EvenkeelError("COMMAND_FAILED", `tcpdump on ${node}: ${story.replaceAll(/^tcpdump: (data link type .*\n)?/gm, "").trim()}`);
  };
  const ended = new Promise<string>((resolve, reject) => {
    child.once("error", (error) => reject(cannotRun("nsenter", error)));
    child.once("close", (status) => (status === 0 ? resolve(story) : reject(failed())));
  });
  // Whoever waits for the start hears of it there; whoever waits for the end, here.
  ended.catch(() => undefined);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new EvenkeelError("TIMEOUT", `tcpdump on ${node} does not listen after ${READY_WITHIN_MS / 1000} s`));
    }, READY_WITHIN_MS);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      story += text;
      if (!/listening on/.test(story)) return;
      clearTimeout(timer);
      resolve({ child, ended });
    });
    ended.then(
      () => clearTimeout(timer),
      (error: EvenkeelError) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
