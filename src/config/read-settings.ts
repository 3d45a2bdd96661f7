/** The director's settings and the timeouts of a service, as the file says them. */

import { DEFAULT_SETTINGS, type DirectorSettings } from "../model/plane.ts";
import type { Timeouts } from "../model/service.ts";
import type { Path } from "./complaint.ts";
import { type Complain, readMapping } from "./mapping.ts";
import { settingsShape, timeoutsShape } from "./schema.ts";
import type { Source } from "./source.ts";

export interface SettingsReading {
  readonly settings: DirectorSettings;
  readonly marksFromOutside: boolean;
}

export function readSettings(source: Source, value: unknown, complain: Complain): SettingsReading {
  const path: Path = ["settings"];
  const reading = readMapping(source, value, path, { what: "settings", shape: settingsShape, others: ["timeouts"] }, complain);
  const { expire_nodest_conn = false, expire_quiescent_template = false, conn_reuse_mode = 1, marks_from_outside } = reading?.fields ?? {};
  const timeouts = reading?.other("timeouts");
  const settings = {
    timeouts: {
      ...DEFAULT_SETTINGS.timeouts,
      ...(timeouts === undefined ? {} : readTimeouts(source, timeouts, [...path, "timeouts"], complain)),
    },
    expireNodest: expire_nodest_conn,
    expireQuiescentTemplate: expire_quiescent_template,
    // Bit 2 includes bit 1.
    connectionReuse: (conn_reuse_mode & 2) === 0 ? conn_reuse_mode : 3,
  };
  return { settings, marksFromOutside: marks_from_outside ?? false };
}

/** undefined: nothing of it was said. */
export function readTimeouts(source: Source, value: unknown, path: Path, complain: Complain): Timeouts | undefined {
  const { tcp, tcp_fin, udp } =
    readMapping(source, value, path, { what: "a choice of timeouts", shape: timeoutsShape }, complain)?.fields ?? {};
  const timeouts = {
    ...(tcp === undefined ? {} : { tcp }),
    ...(tcp_fin === undefined ? {} : { tcpFin: tcp_fin }),
    ...(udp === undefined ? {} : { udp }),
  };
  return Object.keys(timeouts).length === 0 ? undefined : timeouts;
}
