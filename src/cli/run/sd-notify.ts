/**
 * What the service manager is told (sd_notify(3), Type=notify): that the director is ready, reloads, stops, and lives. Without one nothing is told.
 * A manager that cannot be told stops nothing: its own deadlines are its remedy.
 */

import { nowNs } from "../../kernel/clock.ts";
import { notify } from "../../kernel/notify-socket.ts";

export interface ServiceManager {
  ready(status: string): void;
  reloading(): void;
  stopping(status: string): void;
  /** One line for `systemctl status`; said again only when it is another. */
  status(text: string): void;
  /** Says at half of the manager's interval that the process lives, as long as `isAlive` says so. */
  watch(isAlive: () => boolean, signal: AbortSignal): void;
}

const TEXT = {
  cannotTell: (why: string) => `the service manager could not be told: ${why}`,
};

/** Takes its variables out of the environment: they are not for our children. */
export function serviceManager(environment: NodeJS.ProcessEnv, complain: (text: string) => void): ServiceManager {
  const address = taken(environment, "NOTIFY_SOCKET");
  const interval = taken(environment, "WATCHDOG_USEC");
  const watched = taken(environment, "WATCHDOG_PID");
  let complained = false;
  let said = "";

  const tell = (...lines: readonly string[]): void => {
    if (address === undefined) return;
    try {
      notify(address, lines.join("\n"));
    } catch (error) {
      // Once: a manager that is gone would else fill the log.
      if (!complained) complain(TEXT.cannotTell(error instanceof Error ? error.message : String(error)));
      complained = true;
    }
  };
  const statusLine = (text: string): string => {
    said = text;
    return `STATUS=${text.replaceAll("\n", " ")}`;
  };

  return {
    ready: (text) => tell("READY=1", `MAINPID=${process.pid}`, statusLine(text)),
    // Type=notify-reload wants the time as well, to know its own SIGHUP from an earlier one.
    reloading: () => tell("RELOADING=1", `MONOTONIC_USEC=${nowNs() / 1000n}`),
    stopping: (text) => tell("STOPPING=1", statusLine(text)),
    status: (text) => {
      if (text !== said) tell(statusLine(text));
    },
    watch: (isAlive, signal) => {
      const microseconds = Number(interval);
      if (address === undefined || !(microseconds > 0) || (watched !== undefined && Number(watched) !== process.pid)) return;
      const beat = (): void => {
        if (isAlive()) tell("WATCHDOG=1");
      };
      beat();
      const timer = setInterval(beat, microseconds / 2000);
      timer.unref();
      signal.addEventListener("abort", () => clearInterval(timer), { once: true });
    },
  };
}

function taken(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = environment[name];
  delete environment[name];
  return value === "" ? undefined : value;
}
