/**
 * Work on a lab that may be cut short. A signal ends the lab's processes first, so that whoever waits for one of them wakes and cleans
 * up; when this process itself is told to leave at once (nobody reads its output any more), another one removes the lab.
 */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { EvenkeelError } from "../../../model/error.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const EVENKEEL = fileURLToPath(new URL("../../../../bin/evenkeel", import.meta.url));
const REMOVAL_WAITS_S = 30;

export async function interruptible<Result>(lab: string, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const { endProcesses } = await import("../../../lab/lab.ts");
  const controller = new AbortController();
  const interrupt = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) return;
    controller.abort(new EvenkeelError("COMMAND_FAILED", `interrupted by ${name}; what was built is removed`));
    // Should that fail, the work itself meets the same trouble and reports it.
    endProcesses(lab).catch(() => undefined);
  };
  const leave = () => spawn(EVENKEEL, ["lab", "down", "--name", lab, "--wait", `${REMOVAL_WAITS_S}`], { detached: true, stdio: "ignore" });
  for (const name of SIGNALS) process.on(name, interrupt);
  process.on("exit", leave);
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt);
    process.off("exit", leave);
  }
}
