/** An API that answers at a socket of its own, and is gone with its test. */

import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { DirectorClient } from "../../src/api/client.ts";
import { type ApiServer, serveApi } from "../../src/api/server.ts";
import type { ApiRule } from "../../src/config/configuration.ts";
import type { Director } from "../../src/director/director.ts";

export interface Served {
  readonly server: ApiServer;
  readonly client: DirectorClient;
  readonly directory: string;
  readonly bugs: unknown[];
  readonly ask: (asked: Asked) => Promise<Answered>;
}

export interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export const RULE: ApiRule = { nodeExporterNames: false };

export async function serve(t: TestContext, director: Director, rule: ApiRule = RULE): Promise<Served> {
  const directory = temporaryDirectory(t);
  const bugs: unknown[] = [];
  const server = await serveApi(director, rule, { socket: join(directory, "api.sock"), onBug: (error) => bugs.push(error) });
  t.after(() => server.close());
  const client = new DirectorClient({ socket: server.socket });
  return { server, client, directory, bugs, ask: (asked) => ask({ socketPath: server.socket }, asked) };
}

export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-api-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function ask(
  where: { readonly socketPath: string } | { readonly port: number },
  { method = "GET", path, headers, body }: Asked,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": `${Buffer.byteLength(body)}` };
    const asked = request({ ...where, host: "127.0.0.1", method, path, headers: { ...length, ...headers }, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(pieces).toString() }),
      );
    });
    asked.on("error", reject);
    asked.end(body);
  });
}
