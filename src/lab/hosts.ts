/** Starts the HTTP and UDP servers of the real servers, all at once, and gives them orders over their sockets. */

import { once } from "node:events";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EvenkeelError } from "../model/error.ts";
import { cannotRun, spawnInside } from "./commands.ts";
import { labDirectory } from "./state.ts";
import { namespaceOf, PORTS } from "./topology.ts";

const PROGRAM = fileURLToPath(new URL("host-server.ts", import.meta.url));
const READY_WITHIN_MS = 20_000;
const ORDER_WITHIN_MS = 5_000;

/** Resolves when every one of them serves. They outlive us. All come to their end first, also when one fails: each reads its log, which goes with the lab. */
export async function startHosts(lab: string, servers: readonly string[]): Promise<void> {
  const started = await Promise.allSettled(servers.map((server) => startHost(lab, server)));
  for (const host of started) if (host.status === "rejected") throw host.reason;
}

/** The server answers UDP on the addresses it has now. */
export async function noticeAddresses(lab: string, servers: readonly string[]): Promise<void> {
  await Promise.all(servers.map((server) => order(lab, server, "/addresses")));
}

/** The server sends one datagram from `from`, so that `to` hears of that address. */
export async function announce(lab: string, server: string, way: { from: string; to: string }): Promise<void> {
  await order(lab, server, `/announce?${new URLSearchParams(way).toString()}`);
}

function startHost(lab: string, server: string): Promise<void> {
  const logFile = join(labDirectory(lab), `${server}.log`);
  const log = openSync(logFile, "a");
  // One that was killed left its socket.
  rmSync(socketOf(lab, server), { force: true });
  const ports = [PORTS.http, PORTS.alternate, PORTS.mapped].join(",");
  const command = [
    process.execPath,
    "--disable-warning=ExperimentalWarning",
    PROGRAM,
    server,
    socketOf(lab, server),
    ports,
    `${PORTS.udp}`,
  ];
  const child = spawnInside(lab, namespaceOf(lab, server), command, { detached: true, stdio: ["ignore", "pipe", log] });
  closeSync(log);
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      const story = readFileSync(logFile, "utf8").trim();
      reject(new EvenkeelError("COMMAND_FAILED", `the server on ${server} did not start: ${reason}`, { facts: { log: `${story}\n` } }));
    };
    const timer = setTimeout(() => fail(`not ready within ${READY_WITHIN_MS / 1000} s`), READY_WITHIN_MS);
    child.once("error", (error) => reject(cannotRun("nsenter", error)));
    child.once("exit", (status, signal) => fail(`ended with ${status ?? signal}`));
    child.stdout?.once("data", () => {
      child.removeAllListeners("exit");
      child.stdout?.destroy();
      child.unref();
      resolve();
    });
    child.once("close", () => clearTimeout(timer));
    child.stdout?.once("close", () => clearTimeout(timer));
  });
}

async function order(lab: string, server: string, path: string): Promise<void> {
  const socketPath = socketOf(lab, server);
  const sent = request({ socketPath, path, method: "POST", agent: false, timeout: ORDER_WITHIN_MS });
  sent.once("timeout", () => sent.destroy(new Error(`no answer within ${ORDER_WITHIN_MS / 1000} s`)));
  sent.end();
  try {
    const [response] = (await once(sent, "response")) as [NodeJS.ReadableStream & { statusCode: number }];
    response.resume();
    if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode}`);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EvenkeelError("NOT_RUNNING", `the server on ${server} does not take orders: ${reason}`, {
      cure: `evenkeel lab down --name ${lab}, then up again`,
      cause,
    });
  }
}

function socketOf(lab: string, server: string): string {
  return join(labDirectory(lab), `${server}.sock`);
}
