/** What `evenkeel ipvsadm` takes beyond the real one: lists as JSON, connections by client, server, service or state, and two more kinds of restore. */

import type { ConnectionFilter } from "../../director/connection-filter.ts";
import { parseClient, parseEndpoint } from "../../model/endpoint.ts";
import { EvenkeelError } from "../../model/error.ts";
import { SCTP_STATES } from "../../model/sctp-states.ts";
import { TCP_STATES } from "../../model/tcp-states.ts";
import { CommandError } from "./command.ts";
import type { ExtensionName } from "./options.ts";

export interface Extensions {
  json: boolean;
  keepGoing: boolean;
  replace: boolean;
  filter: ConnectionFilter;
}

/** As listed; of templates NONE and ASSURED. */
const STATES: ReadonlySet<string> = new Set([...TCP_STATES, ...SCTP_STATES, "UDP", "ASSURED"]);

export function noExtensions(): Extensions {
  return { json: false, keepGoing: false, replace: false, filter: {} };
}

export function hearExtension(extensions: Extensions, name: ExtensionName, text: string): void {
  try {
    HEARERS[name](extensions, text);
  } catch (error) {
    if (error instanceof EvenkeelError) throw new CommandError(error.message, 2);
    throw error;
  }
}

/** Filters are of connections; a list of anything else would pass over them unsaid. */
export function checkExtensions({ filter }: Extensions, listsConnections: boolean): void {
  const [first] = Object.keys(filter);
  if (first !== undefined && !listsConnections) throw new CommandError(`The option '${first}' is for the list of connections: add -c`, 2);
}

const HEARERS: Readonly<Record<ExtensionName, (extensions: Extensions, text: string) => void>> = {
  output: (extensions, text) => {
    if (text !== "json") throw new CommandError(`a list cannot be had as ${text}, only as json`, 2);
    extensions.json = true;
  },
  "keep-going": (extensions) => {
    extensions.keepGoing = true;
  },
  replace: (extensions) => {
    extensions.replace = true;
  },
  client: (extensions, text) => {
    extensions.filter = { ...extensions.filter, client: parseClient(text) };
  },
  server: (extensions, text) => {
    extensions.filter = { ...extensions.filter, server: parseEndpoint(text) };
  },
  service: (extensions, text) => {
    const mark = /^mark:(\d+)$/.exec(text)?.[1];
    extensions.filter = { ...extensions.filter, service: mark === undefined ? parseEndpoint(text) : { mark: Number(mark) } };
  },
  state: (extensions, text) => {
    const state = text.toUpperCase();
    if (!STATES.has(state)) throw new CommandError(`there is no state ${text}; give one of ${[...STATES].join(", ")}`, 2);
    extensions.filter = { ...extensions.filter, state };
  },
};
