/**
 * The door that is always there: a unix socket that root and one group may open. It has its mode from the moment that it exists. What a dead director left is
 * replaced; a living one is not disturbed.
 */

import { chownSync, lstatSync, mkdirSync, readFileSync, statSync, unlinkSync } from "node:fs";
import { createServer } from "node:http";
import { createConnection, createServer as createSocketServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { peerCredentials } from "../../kernel/peer-credentials.ts";
import { EvenkeelError } from "../../model/error.ts";
import { newApp } from "../app.ts";
import type { ApiApp, ApiContext } from "../operation.ts";
import { CONNECTIONS_MAX, closeServer, limited, listening, SERVER_LIMITS } from "./limits.ts";

export interface UnixDoor {
  readonly socket: string;
  close(): Promise<void>;
}

const TEXT = {
  alive: (socket: string) => `something answers at ${socket} already: a director of this network namespace runs`,
  aliveCure: "evenkeel status shows it; another one needs another --socket",
  notASocket: (socket: string) => `${socket} is there and is no socket`,
  notASocketCure: "give another path, or move that file away",
  loose: (directory: string) =>
    `the directory ${directory} can be written by others: they could put a socket of their own in the place of the API's`,
  looseCure: (directory: string) => `chmod go-w ${directory}, or give another path`,
  noGroup: (group: string) => `there is no group ${group}`,
  noGroupCure: "groupadd makes one; or correct api.group",
  cannotGive: (socket: string, group: string, why: string) => `${socket} cannot be given to the group ${group}: ${why}`,
  cannotListen: (socket: string, why: string) => `the API cannot listen at ${socket}: ${why}`,
};

/** 0660. */
const UMASK = 0o117;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
const PROBE_MS = 2_000;
/** How soon a file that was taken away is there again. */
const LOOK_MS = 2_000;

export async function openUnixDoor(
  context: ApiContext,
  { socket, group }: { socket: string; group?: string | undefined },
): Promise<UnixDoor> {
  const gid = group === undefined ? undefined : groupNumber(group);
  makeDirectory(dirname(socket));
  await clearTheWay(socket);
  const server = limited(createServer(SERVER_LIMITS));
  const app = await newApp(context, {
    withToken: false,
    newServer: (handler) => server.on("request", handler),
    identify: ({ raw }) => {
      const peer = peerCredentials(raw.socket);
      return peer === undefined ? "socket" : `uid ${peer.uid}`;
    },
  });
  const open = async (door: Server): Promise<void> => {
    await listening(door, () => asGroup(gid, () => door.listen(socket)));
    if (gid !== undefined && statSync(socket).gid !== gid) giveTo(socket, { gid, group: group ?? "" });
  };
  try {
    await open(server);
  } catch (error) {
    await close(app, server);
    if (error instanceof EvenkeelError || !(error instanceof Error)) throw error;
    throw new EvenkeelError("SYSTEM_CALL", TEXT.cannotListen(socket, error.message), { cause: error });
  }
  const again = openAgain(socket, { open, letIn: (connection) => server.emit("connection", connection), onBug: context.onBug });
  return {
    socket,
    close: async () => {
      again.stop();
      await close(app, server);
    },
  };
}

interface Reopening {
  readonly open: (door: Server) => Promise<void>;
  readonly letIn: (connection: Socket) => void;
  readonly onBug: (error: unknown) => void;
}

/** Whoever empties /run takes the file away, and the director would be out of reach until its end: a file that is gone is made anew. */
function openAgain(socket: string, { open, letIn, onBug }: Reopening): { stop(): void } {
  let door: Server | undefined;
  let opening = false;
  const look = async (): Promise<void> => {
    if (opening || lstatSync(socket, { throwIfNoEntry: false }) !== undefined) return;
    opening = true;
    try {
      makeDirectory(dirname(socket));
      // One whose file is gone lets nobody in; those who are inside stay.
      door?.close();
      door = createSocketServer(letIn);
      door.maxConnections = CONNECTIONS_MAX;
      await open(door);
    } catch (error) {
      onBug(error);
    } finally {
      opening = false;
    }
  };
  const timer = setInterval(() => void look(), LOOK_MS);
  timer.unref();
  return {
    stop: () => {
      clearInterval(timer);
      door?.close();
    },
  };
}

async function close(app: ApiApp, server: Parameters<typeof closeServer>[0]): Promise<void> {
  if (server.listening) await closeServer(server);
  await app.close();
}

function makeDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const { mode } = statSync(directory);
  if ((mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0)
    throw new EvenkeelError("NOT_PERMITTED", TEXT.loose(directory), { cure: TEXT.looseCure(directory) });
}

/** Removes a socket behind which nobody is. */
async function clearTheWay(socket: string): Promise<void> {
  const there = lstatSync(socket, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isSocket()) throw new EvenkeelError("CONFLICT", TEXT.notASocket(socket), { cure: TEXT.notASocketCure });
  if (await answers(socket)) throw new EvenkeelError("CONFLICT", TEXT.alive(socket), { cure: TEXT.aliveCure });
  unlinkSync(socket);
}

/** One that is too busy to accept is alive as well. */
function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    const end = (alive: boolean) => {
      connection.destroy();
      resolve(alive);
    };
    connection.setTimeout(PROBE_MS, () => end(true));
    connection.once("connect", () => end(true));
    connection.once("error", (error: NodeJS.ErrnoException) => end(error.code !== "ECONNREFUSED" && error.code !== "ENOENT"));
  });
}

/**
 * bind(2) happens inside of listen(), before it returns, so the file has its mode and its group from the beginning. A director that gave up CAP_CHOWN has
 * CAP_SETGID all the same, for its scripts: what it makes as a member of the group is the group's.
 */
function asGroup(gid: number | undefined, work: () => void): void {
  const before = { mask: process.umask(UMASK), gid: process.getegid?.() ?? 0 };
  let isOther = false;
  try {
    isOther = gid !== undefined && becomeGroup(gid);
    work();
  } finally {
    if (isOther) process.setegid?.(before.gid);
    process.umask(before.mask);
  }
}

/** Whether it could: who is not root may try chown(2) with a group of his own. */
function becomeGroup(gid: number): boolean {
  try {
    process.setegid?.(gid);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EPERM") return false;
    throw error;
  }
}

function giveTo(socket: string, { gid, group }: { gid: number; group: string }): void {
  try {
    asMemberOf(gid, () => chownSync(socket, -1, gid));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new EvenkeelError("NOT_PERMITTED", TEXT.cannotGive(socket, group, error.message), { cause: error });
  }
}

/** Who owns a file may give it to a group that he is in: that takes CAP_SETGID, which a director has, and not CAP_CHOWN, which it gave up. */
function asMemberOf(gid: number, work: () => void): void {
  const groups = process.getgroups?.() ?? [];
  if (process.geteuid?.() === 0) process.setgroups?.([...groups, gid]);
  try {
    work();
  } finally {
    if (process.geteuid?.() === 0) process.setgroups?.(groups);
  }
}

/** By /etc/group, or a number. */
function groupNumber(group: string): number {
  if (/^\d{1,10}$/.test(group)) return Number(group);
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((one) => one.startsWith(`${group}:`));
  const gid = line?.split(":")[2];
  if (gid === undefined) throw new EvenkeelError("NOT_FOUND", TEXT.noGroup(group), { cure: TEXT.noGroupCure });
  return Number(gid);
}
