/** The checkers alone, without a director around them: what checks cost by themselves. `node checkers.ts SERVERS`; ends by SIGTERM. */

import { directDial } from "../../src/checker/dial.ts";
import { prepareCheck } from "../../src/checker/index.ts";
import { watchChecks } from "../../src/checker/watch.ts";
import { spreadPhase } from "../../src/health/timetable.ts";
import { parseAddress } from "../../src/model/address.ts";
import { PATH, PORT, serverAddress } from "./stage.ts";

const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());

const check = prepareCheck("http", { path: PATH });
const checks = Array.from({ length: Number(process.argv[2]) }, (_, i) => ({
  target: { host: parseAddress(serverAddress(i)), port: PORT },
  check,
  times: { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: 5000, phase: spreadPhase(i), jitter: 0, seed: i },
}));
await watchChecks(checks, { dial: directDial, signal: stop.signal, heard: () => false });
