/** What one door lets happen at once, and how long a request may take to come. */

import type { Server } from "node:http";
import type { Server as AnyServer } from "node:net";

/** For http.createServer and https.createServer. */
export const SERVER_LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 15_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16 * 1024,
} as const;

export const CONNECTIONS_MAX = 256;
const REQUESTS_OF_A_CONNECTION_MAX = 10_000;
/** Answers that are under way may end. */
const CLOSING_MS = 2_000;

export function limited<Kind extends Server>(server: Kind): Kind {
  server.maxConnections = CONNECTIONS_MAX;
  server.maxRequestsPerSocket = REQUESTS_OF_A_CONNECTION_MAX;
  return server;
}

/** Lets nobody in any more, and waits a little for those who are inside. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), CLOSING_MS);
  await closed;
  clearTimeout(timer);
}

/** Resolves once it listens; throws what keeps it from that. */
export function listening(server: AnyServer, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.removeListener("error", reject);
      resolve();
    });
    listen();
  });
}
