/** What evenkeel.yaml says of the director itself: how it works, who may ask it, whom it tells, what it remembers. */

import { STORY_EVENTS } from "../model/journal.ts";
import { account, command, duration, filePath, listeningAddress, toggle, wholeNumber, word, words } from "./fields.ts";
import type { Shape } from "./mapping.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export const DEFAULT_NOTIFY_TIMEOUT_MS = 10_000;

export const directorShape = {
  by_hand: word("way with changes by hand", ["adopt", "revert"])
    .default("adopt")
    .describe(
      "What becomes of changes that others made (ipvsadm): adopt keeps them until another configuration is applied, revert takes them back.",
    ),
  compare: duration({ noun: "compare", leastMs: 1000, greatestMs: DAY_MS })
    .prefault("60s")
    .describe("How often all that the kernel holds is compared with what it should hold; 60s when left out."),
} satisfies Shape;

/** Beside these `tcp`. */
export const apiShape = {
  socket: filePath("a socket").optional().describe("Path of the unix socket; /run/evenkeel/api.sock when left out."),
  group: account("group").optional().describe("Whose members may open the socket, beside root."),
  node_exporter_names: toggle.default(false).describe("Metrics also by the names of node_exporter's ipvs collector (node_ipvs_*)."),
} satisfies Shape;

export const apiTcpShape = {
  address: listeningAddress.describe("An address of this host; 0.0.0.0 or :: for all."),
  port: wholeNumber({ noun: "port", least: 1, greatest: 65535 }).describe("TCP port of the API."),
  token_file: filePath("a token file").describe("A file whose first line is the token that clients show; readable by root alone."),
  certificate: filePath("a certificate").optional().describe("PEM file. Without it only a loopback address is taken."),
  key: filePath("a key").optional().describe("PEM file."),
} satisfies Shape;

export const notifyShape = {
  command: command.describe("Program and arguments, no shell between; it gets the event as JSON on its standard input."),
  user: account("user").optional().describe("Whom it runs as; nobody when left out."),
  timeout: duration({ noun: "timeout", leastMs: 100, greatestMs: 60 * MINUTE_MS })
    .prefault("10s")
    .describe("It is ended after that; 10s when left out."),
  events: words("event", STORY_EVENTS).optional().describe("Which events; all that are at least notices when left out."),
} satisfies Shape;

export const journalShape = {
  entries: wholeNumber({ noun: "number of entries", least: 100, greatest: 10_000_000 })
    .default(100_000)
    .describe("How many entries are kept on disk; 100000 when left out."),
  days: wholeNumber({ noun: "number of days", least: 1, greatest: 3650 })
    .default(30)
    .describe("How long entries are kept on disk; 30 when left out."),
} satisfies Shape;
