/** How a verb comes to the director of this network namespace: by its socket. Some verbs do without one, on the kernel itself. */

import { statSync } from "node:fs";
import { DirectorClient } from "../api/client.ts";
import { directorSocket } from "../director/places.ts";
import { EvenkeelError } from "../model/error.ts";

/** For verbs that need one: what they ask throws DIRECTOR_AWAY when there is none. */
export function director(): DirectorClient {
  return new DirectorClient({ socket: directorSocket() });
}

/**
 * Asks the director if one runs. undefined: none does, because there is no socket, or because nobody listens at it any more (it was killed). Who named a
 * socket (EVENKEEL_SOCKET) wants that one, and no other way.
 */
export async function askDirector<T>(ask: (director: DirectorClient) => Promise<T>, isNamed = socketIsNamed()): Promise<T | undefined> {
  const socket = directorSocket();
  if (!isNamed && statSync(socket, { throwIfNoEntry: false }) === undefined) return undefined;
  try {
    return await ask(new DirectorClient({ socket }));
  } catch (error) {
    if (!isNamed && error instanceof EvenkeelError && error.code === "DIRECTOR_AWAY" && isNotBegun(error)) return undefined;
    throw error;
  }
}

function socketIsNamed(): boolean {
  return (process.env["EVENKEEL_SOCKET"] ?? "") !== "";
}

/** Nobody answered; not: somebody did and broke off, who may have done what was asked. */
function isNotBegun({ cause }: EvenkeelError): boolean {
  return cause instanceof Error && "code" in cause && (cause.code === "ECONNREFUSED" || cause.code === "ENOENT");
}
